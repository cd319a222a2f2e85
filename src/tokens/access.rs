//! Access tokens of asymmetric keys (RFC 9068), and where those keys come from.

use crate::domain::{
    Client, ClientId, KeyAlgorithm, Scopes, StoredKeys, Timestamp, UserId, Username,
};
use crate::tokens::asymmetric::PublicKey;
use crate::tokens::claims::{
    AccessTokenClaims, Audience, NO_CLIENT, NOBODY, Party, PresentedClaims, RESERVED,
};
use crate::tokens::error::TokenError;
use crate::tokens::header::Presented;
use crate::tokens::ids::{family_id, issued_to, token_id};
use crate::tokens::published::{Found, fingerprint};
use crate::tokens::{Claims, IssuedToken, NewToken, Tokens, read_claims};
use std::mem;
use zeroize::Zeroizing;

impl Tokens {
    /// Signs an access token with the active key.
    pub(super) fn create_signed(
        &self,
        issuer: &str,
        token: NewToken<'_>,
    ) -> Result<IssuedToken, TokenError> {
        let NewToken {
            subject,
            id,
            scopes,
            epoch,
            family,
            claims: own,
            lifetime,
            by_password,
            auth_time,
            client,
            issued_to,
            session,
        } = token;
        if let Some(name) = RESERVED.into_iter().find(|name| own.contains_key(*name)) {
            return Err(TokenError::Reserved(name));
        }
        let asked = lifetime.map_or(self.lifetime_seconds, |lifetime| lifetime.as_secs());
        if asked == 0 {
            return Err(TokenError::Lifetime);
        }
        let expires_in = asked.min(self.lifetime_seconds);
        let now = self.clock.now();
        let jti = format!("{:032x}", rand::random::<u128>());
        let written = AccessTokenClaims {
            iss: issuer,
            sub: match (client, id) {
                (Some(client), _) => client.to_string(),
                (None, Some(UserId(id))) => id.to_string(),
                (None, None) => subject.to_string(),
            },
            aud: Audience::of(
                issuer,
                [self.audience.as_deref(), session.and_then(|it| it.resource)],
            ),
            exp: now.seconds().saturating_add_unsigned(expires_in),
            iat: now.seconds(),
            jti: &jti,
            client_id: client.or(issued_to).map_or(NO_CLIENT, ClientId::as_str),
            scope: scopes.to_string(),
            auth_time: by_password.then(|| auth_time.unwrap_or(now).seconds()),
            amr: by_password.then(|| session.map_or("pwd", |it| it.amr).split(' ').collect()),
            username: client.is_none().then_some(subject.as_str()),
            id: (id.is_none() && client.is_none()).then_some(NOBODY),
            epoch,
            family,
            own: &own,
        };
        let access_token = self.published.sign(self.pair(), now, &written)?;
        Ok(IssuedToken { access_token, id: jti, expires_in })
    }

    /// Verifies a token whose key is known by its header; `presented` is that header, unless it is
    /// exactly what the key writes itself.
    pub(super) fn check_signed(
        &self,
        found: Found,
        presented: Option<&Presented>,
        token: &str,
    ) -> Result<Claims, TokenError> {
        let now = self.clock.now();
        let oldest = now.seconds().saturating_sub_unsigned(self.leeway_seconds);
        if found.has_ended(self.published.database_time(now)) {
            return Err(TokenError::RetiredKey);
        }
        let name = fingerprint(token);
        let known = name.and_then(|name| self.published.recall(&name, &found, oldest));
        if let Some(claims) = known {
            return Ok(claims);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (_, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        found.verify(presented, message, signature)?;
        let (claims, exp) = read_claims(payload, |read| {
            read.check_kind()?;
            self.check_validity(read)?;
            self.check_issuer(read)?;
            self.holder(read, token)
        })?;
        if let Some(name) = name {
            self.published.remember(name, found, exp, claims.clone());
        }
        Ok(claims)
    }

    /// Its issuer is this server, and it is for this server (RFC 9068 §4).
    fn check_issuer(&self, read: &PresentedClaims<'_>) -> Result<(), TokenError> {
        let issuer = self.issuer_of_keys.as_deref().ok_or(TokenError::Key)?;
        match &read.iss {
            None => return Err(TokenError::MissingClaim),
            Some(Party::One(theirs)) if theirs.0 == issuer => {}
            Some(_) => return Err(TokenError::Claim("iss")),
        }
        let ours = [Some(issuer), self.audience.as_deref()];
        let audience = read.aud.as_ref().ok_or(TokenError::MissingClaim)?;
        if ours.into_iter().flatten().all(|name| audience.names(name)) {
            Ok(())
        } else {
            Err(TokenError::Claim("aud"))
        }
    }

    /// The user, and when the token expires.
    fn holder(
        &self,
        read: &mut PresentedClaims<'_>,
        token: &str,
    ) -> Result<(Claims, i64), TokenError> {
        let subject = read.sub.as_ref().ok_or(TokenError::MissingClaim)?;
        let client = client_of(read)?;
        let name = match &read.username {
            _ if client.is_some() => &subject.0,
            Some(Party::One(name)) => &name.0,
            Some(_) => return Err(TokenError::Claim("username")),
            None => return Err(TokenError::MissingClaim),
        };
        let name: Username = name.parse().map_err(|_| TokenError::Claim("username"))?;
        let id = if client.is_some() {
            None
        } else if read.is_nobodys {
            if subject.0 != name.as_str() {
                return Err(TokenError::Claim("sub"));
            }
            None
        } else {
            let id =
                subject.0.parse::<i64>().ok().filter(|id| *id > 0 && id.to_string() == subject.0);
            Some(UserId(id.ok_or(TokenError::Claim("sub"))?))
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a date beyond an i64 is never reached"
        )]
        let exp = read.exp.unwrap_or_default().trunc() as i64;
        #[expect(clippy::cast_possible_truncation, reason = "a date fits, and else it saturates")]
        let issued_at = read.iat.map(|at| Timestamp(at.trunc() as i64));
        let claims = Claims {
            subject: name,
            issued_to: issued_to(read).filter(|_| client.is_none()),
            client,
            scopes: mem::take(&mut read.scopes),
            id,
            epoch: read.epoch,
            token: token_id(read.jti.as_ref(), token),
            family: family_id(read.family.as_ref())?,
            ends_at: self.ends_at(read),
            issued_at,
        };
        Ok((claims, exp))
    }

    /// Takes the keys that are stored by now; `open` yields a private key by its `kid` and what
    /// seals it.
    pub(crate) fn take_keys(
        &self,
        stored: &StoredKeys,
        open: impl Fn(&str, &str) -> Option<Zeroizing<Vec<u8>>>,
    ) {
        // Without an issuer, no token of theirs can be checked.
        if self.issuer_of_keys.is_some() {
            self.published.replace(stored, &self.id_token_algorithms(), self.clock.now(), open);
        } else {
            let shared = StoredKeys { keys: Vec::new(), ..stored.clone() };
            self.published.replace(&shared, &[], self.clock.now(), open);
        }
    }

    /// Whether there is a key for new tokens.
    pub(crate) fn can_sign(&self) -> bool {
        self.algorithm.is_none_or(|own| self.published.can_sign(own, self.clock.now()))
    }

    /// Whether there are keys for ID tokens and what comes with them.
    pub(crate) fn can_sign_in(&self) -> bool {
        let can_sign = |algorithm| self.published.can_sign(algorithm, self.clock.now());
        self.id_token_algorithms().into_iter().all(can_sign)
    }

    /// What signs tokens that a key pair must sign.
    fn pair(&self) -> KeyAlgorithm {
        self.algorithm.unwrap_or(KeyAlgorithm::Rs256)
    }

    /// The public keys whose tokens count now or soon.
    pub(crate) fn public_keys(&self) -> Vec<PublicKey> {
        self.published.public(self.clock.now())
    }
}

/// The client whose own token it is: `sub` and `client_id` are the same (RFC 9068 §2.2).
fn client_of(read: &PresentedClaims<'_>) -> Result<Option<ClientId>, TokenError> {
    let (Some(subject), Some(Party::One(client))) = (&read.sub, &read.client_id) else {
        return Ok(None);
    };
    if subject.0 != client.0 || read.is_nobodys {
        return Ok(None);
    }
    subject.0.parse().map(Some).map_err(|_| TokenError::Claim("client_id"))
}

impl Tokens {
    /// Whether clients can have tokens of their own: those of an asymmetric key.
    pub(crate) fn issues_to_clients(&self) -> bool {
        self.algorithm.is_some() && self.issuer_of_keys.is_some()
    }

    /// Issues a client's own token.
    pub(crate) fn issue_to_client(
        &self,
        client: &Client,
        scopes: &Scopes,
    ) -> Result<IssuedToken, TokenError> {
        if !self.issues_to_clients() {
            return Err(TokenError::Signing);
        }
        let name = client.id.as_str().parse().map_err(|_| TokenError::Claim("sub"))?;
        let token = NewToken::to_subject(&name).scopes(scopes);
        let (epoch, client) = (client.epoch, Some(&client.id));
        self.create_access_token(NewToken { epoch, client, ..token })
    }
}

/// Seconds after a token's end until its key is withdrawn: caches of the JWKS live as long.
pub(crate) const AFTERWARDS: i64 = 3600;

impl Tokens {
    /// Seconds from a key's last signature to the end of its last token, with the tolerance for
    /// clocks.
    pub(crate) fn longest_life(&self) -> i64 {
        let seconds = self.lifetime_seconds.saturating_add(self.leeway_seconds);
        i64::try_from(seconds).unwrap_or(i64::MAX / 4)
    }
}
