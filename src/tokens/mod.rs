//! Access tokens: JWT (RFC 7519). The only floor that knows jsonwebtoken.

mod access;
mod api_key;
mod assertion;
mod asymmetric;
mod claims;
mod client_secret;
mod code;
mod error;
mod header;
mod id_token;
mod ids;
mod key_file;
mod keys;
mod kind;
mod new_token;
mod provider_id_token;
mod published;
mod refresh_token;
mod secret;
mod session_secret;
mod shared;

pub(crate) use access::AFTERWARDS;
pub use api_key::{PresentedKey, new_api_key};
pub use assertion::ClientKeys;
pub use asymmetric::{KeyPair, PublicKey};
pub use client_secret::{SHORTEST_CLIENT_SECRET, client_secret_hash, new_client_secret};
pub use code::{CodeKey, Granted, challenge_of, code_hash, new_code};
pub use error::{NO_SCOPE, NO_USER, TokenError};
pub use id_token::NewIdToken;
pub use new_token::{NewToken, TokenSession};
pub use provider_id_token::{ProviderLogin, state_hash};
pub use refresh_token::RefreshKey;
pub use secret::{SecretError, check_secret, load_accepted_secrets, load_secret, made_secret};
pub use session_secret::{new_session_secret, session_secret_hash};

use crate::domain::{
    ClientId, Clock, Ended, FamilyId, Fingerprint, KeyAlgorithm, Scopes, Secret, Tally, Timestamp,
    TokenId, User, UserId, Username,
};
use crate::sealing;
use crate::settings::{PublicUrl, TokenSettings};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::{Party, PresentedClaims};
use error::REFUSALS;
use ids::{family_id, issued_to, token_id};
use keys::KeyRing;
use published::Published;
use serde::de::DeserializeOwned;
use std::mem;
use std::sync::Arc;

/// Shortest signing secret in bytes: as many bits as HS256's output (RFC 7518 §3.2).
pub const SHORTEST_SECRET: usize = 32;

/// Largest token in bytes. Larger ones are refused before anything is decoded; a token of this size
/// fits the request headers that servers and proxies accept.
pub const LARGEST_TOKEN: usize = 16 * 1024;

/// Issues and verifies access tokens; share it in an [`Arc`].
pub struct Tokens {
    keys: KeyRing,
    published: Published,
    /// What signs new tokens, unless it is the shared secret.
    algorithm: Option<KeyAlgorithm>,
    /// The issuer of tokens of asymmetric keys.
    issuer_of_keys: Option<String>,
    fingerprint: Fingerprint,
    accepted: Vec<Fingerprint>,
    lifetime_seconds: u64,
    leeway_seconds: u64,
    issuer: Option<String>,
    audience: Option<String>,
    accept_foreign_until: Option<Timestamp>,
    foreign_lifetime: Option<f64>,
    clock: Arc<dyn Clock>,
    refused: Tally<{ REFUSALS.len() }>,
}

/// A new token.
#[derive(Clone)]
pub struct IssuedToken {
    /// The token: its bearer acts as the user.
    pub access_token: String,
    /// Its `jti`: names it, and is no secret.
    pub id: String,
    /// Seconds until it expires.
    pub expires_in: u64,
}

/// The content of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user's name when the token was issued.
    pub subject: Username,
    /// The granted scopes; each counts only while the user still holds it.
    pub scopes: Scopes,
    /// The client whose own token it is, and `subject` its id: no user's.
    pub(crate) client: Option<ClientId>,
    /// The client that got the token, which is a user's, as far as it names one: empty if it names no one
    /// client.
    pub(crate) issued_to: Option<Box<str>>,
    /// The user's id, whatever the name is now; `None` in tokens of other applications.
    pub id: Option<UserId>,
    /// The user's when the token was issued.
    pub(crate) epoch: i64,
    /// Tells this token from all others.
    pub(crate) token: TokenId,
    /// The family of refresh tokens that it was issued with.
    pub(crate) family: Option<FamilyId>,
    /// The first second at which it is refused.
    pub(crate) ends_at: Timestamp,
    /// When a token without an id was issued, if that is known.
    pub(crate) issued_at: Option<Timestamp>,
}

impl Claims {
    /// Whether it is this user's token, and has not been ended: by a new password, or because the
    /// user was signed out. A token without an id may be that of an earlier user of the same name,
    /// and must have been issued after the last such end.
    #[must_use]
    pub fn are_of(&self, user: &User) -> bool {
        match self.id {
            _ if self.client.is_some() => false,
            Some(id) => id == user.id && self.epoch == user.epoch,
            None => {
                !user.has_predecessor && user.signed_out_at.is_none_or(|end| self.is_after(end))
            }
        }
    }

    /// What ends it, once that has ended.
    pub(crate) fn ends_with(&self) -> impl Iterator<Item = Ended> {
        [Ended::Token(self.token)].into_iter().chain(self.family.map(Ended::Family))
    }

    fn is_after(&self, end: Timestamp) -> bool {
        self.issued_at.is_some_and(|at| at > end)
    }
}

impl Tokens {
    /// Takes the signing secret, at least `SHORTEST_SECRET` bytes.
    pub fn new(
        secret: &Secret,
        settings: &TokenSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TokenError> {
        Self::accepting((secret, &[]), settings, None, clock)
    }

    /// The same, and tokens signed with these other secrets are accepted as well; asymmetric keys
    /// need an issuer.
    pub(crate) fn accepting(
        (secret, accepted): (&Secret, &[Secret]),
        settings: &TokenSettings,
        issuer: Option<&PublicUrl>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TokenError> {
        Ok(Self {
            fingerprint: sealing::fingerprint(secret),
            accepted: accepted.iter().map(sealing::fingerprint).collect(),
            keys: KeyRing::of_secrets(secret, accepted)?,
            published: Published::none(),
            algorithm: settings.algorithm.asymmetric(),
            issuer_of_keys: issuer.map(|issuer| issuer.as_str().to_owned()),
            lifetime_seconds: u64::from(settings.access_token_expire_minutes.get()) * 60,
            leeway_seconds: settings.leeway,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            accept_foreign_until: settings.accept_foreign_until.map(Into::into),
            foreign_lifetime: settings.foreign_lifetime.map(|seconds| seconds.get().into()),
            clock,
            refused: Tally::new(REFUSALS),
        })
    }

    /// Shows whether two servers have the same secret.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Those of the other secrets whose tokens are accepted.
    pub(crate) fn accepted_fingerprints(&self) -> &[Fingerprint] {
        &self.accepted
    }

    /// Issues a token to a stored user, valid only for that user; [`TokenError::TooLarge`] for more
    /// scopes than a token can hold.
    pub fn issue_to(&self, user: &User, scopes: &Scopes) -> Result<IssuedToken, TokenError> {
        self.create_access_token(NewToken::to(user).scopes(scopes))
    }

    /// The same for an application's own user: the token belongs to the name.
    pub fn issue(&self, subject: &Username, scopes: &Scopes) -> Result<IssuedToken, TokenError> {
        self.create_access_token(NewToken::to_subject(subject).scopes(scopes))
    }

    /// Issues a token with an application's own claims and lifetime.
    ///
    /// A claim that is always written here is [`TokenError::Reserved`]; one that no access token
    /// may have, such as `"type": "refresh"`, is [`TokenError::Claim`].
    pub fn create_access_token(&self, token: NewToken<'_>) -> Result<IssuedToken, TokenError> {
        let known = |name: &&str| token.claims.contains_key(*name);
        if let Some(name) = claims::KNOWN.into_iter().find(known) {
            return Err(TokenError::Reserved(name));
        }
        let has_own = !token.claims.is_empty();
        let by_pair = self.algorithm.is_some() || token.session.is_some();
        let created = match (by_pair, &self.issuer_of_keys) {
            (true, Some(issuer)) => self.create_signed(issuer, token),
            (true, None) => Err(TokenError::Signing),
            (false, _) => self.create_shared(token),
        }?;
        if created.access_token.len() > LARGEST_TOKEN {
            return Err(TokenError::TooLarge);
        }
        if has_own {
            // Never issues a token that would be refused.
            self.check(&created.access_token)?;
        }
        Ok(created)
    }

    /// Verifies a token and also reads its claims into a type of the application's own;
    /// [`TokenError::Malformed`] if they do not fit.
    pub fn verify_as<T: DeserializeOwned>(&self, token: &str) -> Result<(Claims, T), TokenError> {
        let claims = self.verify(token)?;
        let payload = token.split('.').nth(1).ok_or(TokenError::Malformed)?;
        let json = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Malformed)?;
        let own = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
        Ok((claims, own))
    }

    /// Verifies a user's token: signature, times, and every claim's type (RFC 7519 §4.1, §7.2). A
    /// client's own is [`TokenError::Client`].
    ///
    /// jsonwebtoken verifies the signature. Header and claims are read here, once and without
    /// copying their values: its own `decode` reads them twice into owned values, and accepts
    /// `crit` and duplicate names.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let result = self.check(token).and_then(|claims| match claims.client {
            // Whoever only looks at the subject would take it for a user.
            Some(_) => Err(TokenError::Client),
            None => Ok(claims),
        });
        self.count(&result);
        result
    }

    /// Counts a token that was refused.
    pub(crate) fn count(&self, result: &Result<Claims, TokenError>) {
        if let Some(refusal) = result.as_ref().err().and_then(TokenError::refusal) {
            self.refused.count(refusal);
        }
    }

    /// The refused tokens, by reason.
    pub fn refused(&self) -> &Tally<{ REFUSALS.len() }> {
        &self.refused
    }

    /// The same without counting.
    pub(crate) fn check(&self, token: &str) -> Result<Claims, TokenError> {
        if token.len() > LARGEST_TOKEN {
            return Err(TokenError::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        // The key decides what kind of token it is, never the token itself.
        if !header::is_usual(header)
            && let Some(found) = self.published.by_header(header)
        {
            return self.check_signed(found, None, token);
        }
        let header = header::read(header)?;
        if let Some(found) = header.kid.as_deref().and_then(|kid| self.published.by_kid(kid)) {
            return self.check_signed(found, Some(&header), token);
        }
        if header.is_asymmetric() && self.issuer_of_keys.is_some() {
            return Err(TokenError::Key);
        }
        self.keys.verify(&header, message, signature)?;
        read_claims(payload, |read| {
            read.check_kind()?;
            self.check_secret_counts(read)?;
            self.check_times(read)?;
            self.check_parties(read)?;
            let subject = read.sub.as_ref().ok_or(TokenError::MissingClaim)?;
            Ok(Claims {
                client: None,
                issued_to: issued_to(read),
                subject: subject.0.parse().map_err(|_| TokenError::Claim("sub"))?,
                scopes: mem::take(&mut read.scopes),
                id: read.id,
                epoch: read.epoch,
                token: token_id(read.jti.as_ref(), token),
                family: family_id(read.family.as_ref())?,
                ends_at: self.ends_at(read),
                issued_at: self.issued_at(read),
            })
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "a date fits, and else it saturates")]
    fn ends_at(&self, read: &PresentedClaims<'_>) -> Timestamp {
        let exp = read.exp.unwrap_or_default().trunc() as i64;
        Timestamp(exp.saturating_add_unsigned(self.leeway_seconds))
    }

    /// When it was issued: as it says or, for other applications that do not write that, by its
    /// expiry and `tokens.foreign_lifetime`. What is no date is treated as unknown.
    #[expect(clippy::cast_possible_truncation, reason = "a date fits, and else it saturates")]
    fn issued_at(&self, read: &PresentedClaims<'_>) -> Option<Timestamp> {
        let by_expiry = || Some(read.exp? - self.foreign_lifetime?);
        read.iat.or_else(by_expiry).map(|at| Timestamp(at.trunc() as i64))
    }

    /// Compares issuer and audience if configured; a token with an audience is not for a server
    /// that has none (RFC 7519 §4.1.1, §4.1.3).
    fn check_parties(&self, read: &PresentedClaims<'_>) -> Result<(), TokenError> {
        match (&self.issuer, &read.iss) {
            (Some(_), None) => return Err(TokenError::MissingClaim),
            (Some(ours), Some(Party::One(theirs))) if theirs.0 == *ours => {}
            (Some(_), Some(_)) => return Err(TokenError::Claim("iss")),
            (None, _) => {}
        }
        match (&self.audience, &read.aud) {
            (Some(_), None) => Err(TokenError::MissingClaim),
            (Some(ours), Some(theirs)) if !theirs.names(ours) => Err(TokenError::Claim("aud")),
            (None, Some(_)) => Err(TokenError::Claim("aud")),
            _ => Ok(()),
        }
    }

    /// `exp` is the first second at which the token is refused (RFC 7519 §4.1.4). An `iat` in the
    /// future is accepted: it says nothing about validity (§4.1.6).
    ///
    /// A token of another application must be presented before `tokens.accept_foreign_until`.
    ///
    /// Compares whole seconds and drops fractions, as `PyJWT` and python-jose do. So a token whose
    /// `nbf` is `time.time()` is valid at once.
    fn check_times(&self, read: &PresentedClaims<'_>) -> Result<(), TokenError> {
        let now = self.clock.now();
        if !read.is_own && self.accept_foreign_until.is_some_and(|end| end <= now) {
            return Err(TokenError::Foreign);
        }
        self.check_validity(read)
    }

    /// `exp` and `nbf`.
    #[expect(clippy::cast_precision_loss, reason = "dates of this age fit an f64's 53 bits")]
    fn check_validity(&self, read: &PresentedClaims<'_>) -> Result<(), TokenError> {
        let now = self.clock.now().seconds() as f64;
        let leeway = self.leeway_seconds as f64;
        let exp = read.exp.ok_or(TokenError::MissingClaim)?.trunc();
        if exp <= now - leeway {
            Err(TokenError::Expired)
        } else if read.nbf.is_some_and(|nbf| nbf.trunc() > now + leeway) {
            Err(TokenError::NotYetValid)
        } else {
            Ok(())
        }
    }
}

/// Reads the claims of a token, and judges them.
fn read_claims<T>(
    payload: &str,
    judge: impl FnOnce(&mut PresentedClaims<'_>) -> Result<T, TokenError>,
) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Malformed)?;
    // All of it: the parser does not validate strings that are not read.
    let json = str::from_utf8(&json).map_err(|_| TokenError::Malformed)?;
    let mut read: PresentedClaims<'_> =
        serde_json::from_str(json).map_err(|_| TokenError::Malformed)?;
    if read.duplicate {
        return Err(TokenError::Duplicate);
    }
    judge(&mut read)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
