//! The content of a new token.

use crate::domain::{Client, ClientId, FamilyId, Scopes, Timestamp, User, UserId, Username};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::time::Duration;

/// The content of a new access token: `data` and `expires_delta` of `create_access_token` in
/// FastAPI's tutorial.
///
/// ```
/// use bailiwick::{NewToken, TokenError, Tokens, User};
/// use std::time::Duration;
///
/// fn issue(tokens: &Tokens, user: &User) -> Result<String, TokenError> {
///     let token = NewToken::to(user)
///         .scopes(&user.scopes)
///         .claim("tenant", "acme")
///         .expires_in(Duration::from_mins(15));
///     Ok(tokens.create_access_token(token)?.access_token)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    pub(super) subject: &'a Username,
    pub(super) id: Option<UserId>,
    pub(super) epoch: i64,
    pub(super) family: Option<FamilyId>,
    pub(super) scopes: Cow<'a, Scopes>,
    pub(super) claims: Map<String, Value>,
    pub(super) lifetime: Option<Duration>,
    pub(super) by_password: bool,
    /// The client whose own token it is; then nothing else says whose it is.
    pub(super) client: Option<&'a ClientId>,
    /// The registered client that gets a user's token.
    pub(super) issued_to: Option<&'a ClientId>,
    pub(super) auth_time: Option<Timestamp>,
    pub(super) session: Option<TokenSession<'a>>,
}

/// The session of a browser that a token comes from.
#[derive(Clone, Copy, Debug)]
pub struct TokenSession<'a> {
    /// How the user logged in, in the words of RFC 8176, separated by spaces.
    pub amr: &'a str,
    /// What the token is for beside this server.
    pub resource: Option<&'a str>,
}

impl<'a> NewToken<'a> {
    /// A token for a stored user, valid only for that user. By default it has no scopes and the
    /// configured lifetime.
    #[must_use]
    pub fn to(user: &'a User) -> Self {
        Self { id: Some(user.id), epoch: user.epoch, ..Self::to_subject(&user.username) }
    }

    /// The same for an application's own user: the token belongs to the name.
    #[must_use]
    pub fn to_subject(subject: &'a Username) -> Self {
        let (scopes, claims) = (Cow::default(), Map::new());
        Self {
            subject,
            id: None,
            epoch: 0,
            family: None,
            scopes,
            claims,
            lifetime: None,
            by_password: false,
            client: None,
            issued_to: None,
            auth_time: None,
            session: None,
        }
    }

    /// Ends with this family of refresh tokens.
    #[must_use]
    pub(crate) fn of_family(mut self, family: FamilyId) -> Self {
        self.family = Some(family);
        self
    }

    /// With these scopes. The caller must check that the user holds them.
    #[must_use]
    pub fn scopes(mut self, scopes: &'a Scopes) -> Self {
        self.scopes = Cow::Borrowed(scopes);
        self
    }

    /// With a claim of the application's own, which
    /// [`Tokens::verify_as`](crate::Tokens::verify_as) reads back.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// By way of this registered client, which may then ask what the token is worth (RFC 7662).
    #[must_use]
    pub(crate) fn issued_to(mut self, client: Option<&'a Client>) -> Self {
        self.issued_to = client.map(|client| &client.id);
        self
    }

    /// For a user who has just shown the password.
    #[must_use]
    pub(crate) fn by_password(mut self) -> Self {
        self.by_password = true;
        self
    }

    /// For a user who showed it then.
    #[must_use]
    pub(crate) fn authenticated_at(mut self, auth_time: Timestamp) -> Self {
        self.auth_time = Some(auth_time);
        self
    }

    /// For a client that the user was sent back to. A key pair signs it whatever `tokens.algorithm` is:
    /// with the shared secret, others could make such tokens.
    #[must_use]
    pub(crate) fn in_session(self, session: TokenSession<'a>, auth_time: Timestamp) -> Self {
        Self { session: Some(session), ..self.by_password().authenticated_at(auth_time) }
    }

    /// With its own lifetime instead of `tokens.access_token_expire_minutes`. Whole seconds count,
    /// at least one. With a `tokens.algorithm` other than HS256 it is at most the configured one:
    /// keys are retired once their last token has ended.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}
