//! Attempts at passwords, counted in buckets that empty with time.

use crate::domain::RepositoryError;
use crate::domain::user::{UserId, Username};
use async_trait::async_trait;
use std::time::Duration;

/// How many attempts a bucket takes at once, and how often one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Attempts at once.
    pub burst: u32,
    /// After this time there is room for one more.
    pub every: Duration,
}

/// A bucket of attempts: the generic cell rate algorithm, kept as the time at which it is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Tells it from all others.
    pub key: String,
    /// What it takes.
    pub limit: Limit,
}

/// An attempt at a password: for whom, and where it counts.
#[derive(Clone, Debug)]
pub struct Try {
    /// The name, if it can be one.
    pub username: Option<Username>,
    /// The same without its case, where case is overlooked.
    pub folded: Option<String>,
    /// It counts in the first case that applies.
    pub cases: Vec<Case>,
    /// For how long a place stays known after a login.
    pub known_for: Duration,
}

/// Buckets that count together.
#[derive(Clone, Debug)]
pub struct Case {
    /// Applies if the user has logged in from this place lately; without one, always.
    pub place: Option<String>,
    /// In the order of their keys, so that no two attempts wait for each other.
    pub buckets: Vec<Bucket>,
}

/// What became of a [`Try`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It has its room in all of its buckets.
    Taken(Reservation),
    /// There is no room in one of them, so it counts in none.
    Full(Full),
}

/// Room in buckets. Nobody needs to give it back: it decays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The buckets.
    pub buckets: Vec<Bucket>,
    /// Places of the attempt that need not be remembered again after a login: that was done a
    /// moment ago.
    pub fresh_places: Vec<String>,
}

/// A bucket without room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// Which.
    pub key: String,
    /// When it will have room, if none is given back.
    pub retry_after: Duration,
    /// How long ago another process has taken room in it; nothing if none has.
    pub others_took: Option<Duration>,
}

/// A place where a user has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPlace {
    /// Who.
    pub user: UserId,
    /// Where.
    pub place: String,
}

/// Where attempts are counted for all processes. Each method is one step that happens as a whole.
#[async_trait]
pub trait Throttles: Send + Sync {
    /// Takes room in all buckets of an attempt, or in none. Nothing if the database answers, but
    /// takes no writes.
    async fn reserve(&self, attempt: &Try) -> Result<Option<Reserved>, RepositoryError>;

    /// Gives the room back, and remembers the place of a login.
    async fn give_back(
        &self,
        buckets: &[Bucket],
        login: Option<KnownPlace>,
    ) -> Result<(), RepositoryError>;

    /// Empties every bucket whose key begins so and goes on with a colon.
    async fn empty(&self, account: &str) -> Result<(), RepositoryError>;

    /// Forgets buckets that are empty, and places that have not been used for so long.
    async fn clean_up(&self, known_for: Duration) -> Result<(), RepositoryError>;
}
