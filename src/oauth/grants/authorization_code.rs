//! The authorization code grant: RFC 6749 §4.1.3, RFC 7636 §4.5.

use crate::accounts::{Authorizations, Clients, FoundCode};
use crate::domain::{AuditReason, ClientGrant, Secret};
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::GrantError;
use crate::oauth::response::{GrantContext, TokenResponse};
use crate::oauth::session::SessionGrant;
use crate::tokens::{Granted, challenge_of};

/// Seconds in which a client may show a code again by mistake: it is refused, and its tokens stay.
const AGAIN: i64 = 10;

/// A code, to be redeemed for tokens once.
#[derive(Debug)]
pub struct AuthorizationCodeGrant {
    /// What the request shows of the client.
    pub client: ClientCredentials,
    /// The code.
    pub code: Secret,
    /// Where it was sent.
    pub redirect_uri: Option<String>,
    /// Proves that the client asked for it.
    pub verifier: Option<Secret>,
    /// What the tokens are for, if that is said again (RFC 8707 §2.2).
    pub resource: Option<String>,
}

impl AuthorizationCodeGrant {
    /// Checks all, and only then uses the code: who knows the code alone cannot take it from the client.
    pub async fn redeem(
        self,
        context: GrantContext<'_>,
        clients: &Clients,
        authorizations: &Authorizations,
    ) -> Result<TokenResponse, GrantError> {
        let Self { client, code, redirect_uri, verifier, resource } = self;
        let client = client.require(clients, &context.sender).await?;
        if !client.metadata.may_redeem(ClientGrant::AuthorizationCode) {
            return Err(GrantError::UnauthorizedClient);
        }
        let refused = |found: Option<&FoundCode>, reason| {
            authorizations.audit_refused(&client, found, reason, &context.sender);
            GrantError::InvalidCode
        };
        let found = authorizations.find(&code).await.map_err(GrantError::Unavailable)?;
        let Some(found) = found else { return Err(refused(None, AuditReason::UnknownCode)) };
        let granted = &found.granted;
        let is_its = granted.client == client.id && granted.client_epoch == client.epoch;
        let is_verified = verifies(verifier.as_ref(), granted.challenge.as_deref());
        if let Some(seconds) = found.used_before {
            if !is_its || !is_verified || seconds > AGAIN {
                let ended = context.accounts.end_grant(&found).await;
                ended.map_err(GrantError::Unavailable)?;
            }
            return Err(refused(Some(&found), AuditReason::CodeReused));
        }
        if !is_its {
            return Err(refused(Some(&found), AuditReason::OtherClient));
        }
        if !is_verified {
            return Err(refused(Some(&found), AuditReason::WrongVerifier));
        }
        if !is_where_it_went(redirect_uri.as_deref(), granted) {
            return Err(refused(Some(&found), AuditReason::OtherRedirect));
        }
        if resource.is_some() && resource != granted.resource {
            return Err(GrantError::InvalidTarget);
        }
        let is_first = authorizations.redeem(&found).await.map_err(GrantError::Unavailable)?;
        if !is_first {
            return Err(refused(Some(&found), AuditReason::CodeReused));
        }
        let begun = context.accounts.begin_session_family(&found, &client).await;
        let begun = begun.map_err(GrantError::Unavailable)?;
        let ended = || refused(Some(&found), AuditReason::TokenEnded);
        let (user, refresh_token) = begun.ok_or_else(ended)?;
        // Only now: a withdrawal before this is seen here, and a later one ends the family.
        let is_allowed = authorizations.is_allowed(granted, &client).await;
        if !is_allowed.map_err(GrantError::Unavailable)? {
            let done = context.accounts.end_grant(&found).await;
            done.map_err(GrantError::Unavailable)?;
            return Err(ended());
        }
        let grant = SessionGrant::of_code(&found, user).ok_or_else(ended)?;
        let more = [("grant_type", ClientGrant::AuthorizationCode.to_string())];
        grant.issue(&client, refresh_token, &more, &context)
    }
}

/// What was asked for with a `redirect_uri` is redeemed with the same; a verifier proves as much.
fn is_where_it_went(redirect_uri: Option<&str>, granted: &Granted) -> bool {
    match redirect_uri {
        Some(uri) => uri == granted.redirect_uri,
        None => !granted.names_redirect || granted.challenge.is_some(),
    }
}

/// Whether the verifier is the challenge's. One without a challenge is refused as well: somebody has taken
/// the challenge away (RFC 9700 §2.1.1).
fn verifies(verifier: Option<&Secret>, challenge: Option<&str>) -> bool {
    match (verifier, challenge) {
        (None, None) => true,
        (Some(verifier), Some(challenge)) => {
            is_verifier(verifier.expose())
                && Secret::new(challenge_of(verifier.expose())).equals(challenge)
        }
        _ => false,
    }
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_belongs_to_a_challenge_and_to_none_without() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let secret = Secret::new(verifier);
        assert!(verifies(Some(&secret), Some(challenge)) && verifies(None, None));
        assert!(!verifies(Some(&secret), None) && !verifies(None, Some(challenge)));
        assert!(!verifies(Some(&secret), Some(verifier)), "never plain");
        for other in ["", "short", &format!("{verifier}x"), &"é".repeat(43), &"x".repeat(129)] {
            let challenge = challenge_of(other);
            let is_right = verifies(Some(&Secret::new(other)), Some(&challenge));
            assert_eq!(is_right, other.starts_with(verifier), "{other}");
        }
    }
}
