//! Identities: who a user is at another provider, and logins there that are under way.

use crate::domain::clock::Timestamp;
use crate::domain::key_id::KeyHash;
use crate::domain::repository::{NewUser, RepositoryError};
use crate::domain::scope::Scopes;
use crate::domain::user::{User, UserId, Username};
use async_trait::async_trait;

/// Somebody at another provider. It never changes whom this names; names and addresses may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The provider's name in the settings.
    pub provider: Box<str>,
    /// The provider's own name for the user.
    pub id: Box<str>,
}

impl Subject {
    /// Longest id, in bytes (OpenID Connect Core §2).
    pub const LONGEST: usize = 255;

    /// One that can be kept: printable ASCII, as OpenID Connect wants it.
    #[must_use]
    pub fn new(provider: &str, id: &str) -> Option<Self> {
        let is_plain = id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let fits = (1..=Self::LONGEST).contains(&id.len());
        (is_plain && fits).then(|| Self { provider: provider.into(), id: id.into() })
    }
}

/// An identity of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub subject: Subject,
    /// Whose it is.
    pub user: UserId,
    /// How the user knows it: an address or a name at the provider; may be empty.
    pub label: Box<str>,
    /// When it was linked.
    pub created_at: Timestamp,
}

/// What a provider says at a login.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Who it is.
    pub subject: Subject,
    /// See [`Identity::label`].
    pub label: Box<str>,
    /// The scopes that the rules of the settings give for it.
    pub scopes: Scopes,
}

/// A login that is under way at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// The provider.
    pub provider: Box<str>,
    /// Names the browser that began it, and is no secret.
    pub browser: Box<str>,
    /// What was asked for before, sealed; may be empty.
    pub flow: Box<str>,
    /// Who links an identity; absent: a login.
    pub user: Option<UserId>,
}

/// The identities of users, and the logins under way. Times are the database's.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Keeps a login under way, for ten minutes.
    async fn depart(&self, state: KeyHash, journey: Journey) -> Result<(), RepositoryError>;

    /// The login under way of this state: once, on whichever server; `None` if it is over.
    async fn arrive(&self, state: KeyHash) -> Result<Option<Journey>, RepositoryError>;

    /// The user of an identity, if it is linked; with the scopes that the rules give now, instead of those
    /// that they gave before.
    async fn log_in(&self, shown: &Shown, now: Timestamp) -> Result<Option<User>, RepositoryError>;

    /// The only user with this address; `None` if there is none, or several.
    async fn of_email(&self, email: &str) -> Result<Option<User>, RepositoryError>;

    /// Links an identity to a user; [`RepositoryError::IdentityTaken`] if it is another's.
    async fn link(
        &self,
        shown: &Shown,
        user: UserId,
        now: Timestamp,
    ) -> Result<User, RepositoryError>;

    /// Creates a user with an identity: both, or nothing.
    async fn sign_up(
        &self,
        shown: &Shown,
        new: NewUser,
        now: Timestamp,
    ) -> Result<User, RepositoryError>;

    /// The identities of a user, the oldest first.
    async fn list(&self, user: UserId) -> Result<Vec<Identity>, RepositoryError>;

    /// Unlinks a user's identity; [`RepositoryError::NoSuchIdentity`] if there is none,
    /// [`RepositoryError::LastWayIn`] if a user without a password has no other.
    async fn unlink(
        &self,
        subject: &Subject,
        owner: &Username,
        now: Timestamp,
    ) -> Result<(), RepositoryError>;
}
