//! Access tokens of the shared secret, and for how long they count.

use crate::domain::ClientId;
use crate::tokens::claims::{IssuedClaims, NOBODY, PresentedClaims};
use crate::tokens::error::TokenError;
use crate::tokens::{IssuedToken, NewToken, Tokens};

impl Tokens {
    /// Signs an access token with the shared secret.
    pub(super) fn create_shared(&self, token: NewToken<'_>) -> Result<IssuedToken, TokenError> {
        let NewToken {
            subject, id, epoch, family, scopes, claims: own, lifetime, issued_to, ..
        } = token;
        let expires_in = lifetime.map_or(self.lifetime_seconds, |lifetime| lifetime.as_secs());
        if expires_in == 0 {
            return Err(TokenError::Lifetime);
        }
        let now = self.clock.now().seconds();
        let jti = format!("{:032x}", rand::random::<u128>());
        let written = IssuedClaims {
            sub: subject.as_str(),
            scopes: &scopes,
            scope: scopes.to_string(),
            exp: now.saturating_add_unsigned(expires_in),
            iat: now,
            jti: &jti,
            id: id.or(self.accept_foreign_until.map(|_| NOBODY)),
            epoch,
            family,
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
            client_id: issued_to.map(ClientId::as_str),
            own: &own,
        };
        let access_token = self.keys.sign(&written)?;
        Ok(IssuedToken { access_token, id: jti, expires_in })
    }

    /// After a switch to asymmetric keys, tokens signed with the shared secret count until the last
    /// of our own has expired, so that who knows the secret cannot make tokens for ever; those of
    /// other applications as long as `tokens.accept_foreign_until` says.
    pub(super) fn check_secret_counts(&self, read: &PresentedClaims<'_>) -> Result<(), TokenError> {
        let Some(end) = self.published.shared_until() else { return Ok(()) };
        let now = self.clock.now();
        let foreign = !read.is_own && self.accept_foreign_until.is_some_and(|end| now < end);
        if foreign || now < end { Ok(()) } else { Err(TokenError::SharedSecret) }
    }
}
