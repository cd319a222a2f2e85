//! Clients of the authorization server: what is stored of them, and the repository trait.

use crate::domain::actor::Actor;
use crate::domain::client_id::ClientId;
use crate::domain::client_metadata::{ClientFault, ClientMetadata};
use crate::domain::clock::Timestamp;
use crate::domain::key_id::KeyHash;
use crate::domain::openid::is_openid_scope;
use crate::domain::repository::RepositoryError;
use crate::domain::scope::{Scope, ScopeName, Scopes, UsersRead};
use async_trait::async_trait;
use std::sync::Arc;

/// A client as stored: everything but its secrets.
#[derive(Clone, Debug)]
pub struct Client {
    /// Names it.
    pub id: ClientId,
    /// What is registered of it.
    pub metadata: ClientMetadata,
    /// Its secrets, the oldest first; at most two count.
    pub secrets: Vec<ClientSecret>,
    /// Its tokens carry this number, and count only as long as it stays. A client that was deleted and
    /// made anew has another one.
    pub epoch: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Whether it is in the configuration, where alone it can be changed.
    pub is_configured: bool,
}

/// A secret of a client.
#[derive(Clone, Copy, Debug)]
pub struct ClientSecret {
    /// Of the secret.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first second at which it is refused.
    pub expires_at: Option<Timestamp>,
}

impl ClientSecret {
    /// Whether it counts.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl Client {
    /// The most clients of a database.
    pub const MOST: u32 = 10_000;

    /// The secrets that count at a time.
    pub const MOST_SECRETS: usize = 2;

    /// Where it is registered.
    #[must_use]
    pub fn source(&self) -> &'static str {
        if self.is_configured { "configuration" } else { "database" }
    }
}

/// A client to be stored.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// See [`Client::id`].
    pub id: ClientId,
    /// See [`Client::metadata`].
    pub metadata: ClientMetadata,
    /// The hash of its secret, if it has one.
    pub secret: Option<KeyHash>,
}

/// What makes a registration another one, unless that is not valid.
pub type ClientEdit = Box<dyn FnOnce(ClientMetadata) -> Result<ClientMetadata, ClientFault> + Send>;

/// Who changes a client: over HTTP an actor, and the scopes of what it presented. It must hold every scope
/// that the client has or gets, for who can change a client, or register another one of its name, can
/// become it; and [`UsersRead`] if the client may introspect all tokens, which tells of all users.
#[derive(Clone, Debug, Default)]
pub struct ClientAuthor {
    /// The author of a change over HTTP.
    pub actor: Option<Actor>,
    /// What it may do; `None` for a command.
    pub among: Option<Scopes>,
}

impl ClientAuthor {
    /// The first scope that the author lacks for a client that is registered like this.
    #[must_use]
    pub fn lacks(&self, client: &ClientMetadata) -> Option<ScopeName> {
        let among = self.among.as_ref()?;
        let tells_of_users = client.introspect.then_some(UsersRead::NAME);
        let needed = client.scope.iter().chain(tells_of_users);
        let is_lacking = |scope: &&str| !among.contains(scope) && !is_openid_scope(scope);
        needed.into_iter().find(is_lacking)?.parse().ok()
    }
}

/// A repository of clients.
#[async_trait]
pub trait ClientRepository: Send + Sync {
    /// The client with this id, if a result as good as [`ClientRepository::find`]'s is at hand; `None`
    /// means nothing. Neither waits nor allocates.
    fn find_in_memory(&self, id: &str) -> Option<Arc<Client>> {
        let _ = id;
        None
    }

    /// The client with this id.
    async fn find(&self, id: &ClientId) -> Result<Option<Arc<Client>>, RepositoryError>;

    /// A page of clients in the order of their ids, after this one.
    async fn list(
        &self,
        after: Option<&ClientId>,
        limit: u32,
    ) -> Result<Vec<Client>, RepositoryError>;

    /// Stores a client. [`RepositoryError::ClientExists`] if the id is taken,
    /// [`RepositoryError::TooManyClients`] beyond [`Client::MOST`].
    async fn add(
        &self,
        new: NewClient,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<Client, RepositoryError>;

    /// Changes what is registered; returns the client as it was and as it is.
    /// [`RepositoryError::BadClient`] if what comes out is not valid.
    async fn change(
        &self,
        id: &ClientId,
        edit: ClientEdit,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<[Client; 2], RepositoryError>;

    /// Adds a secret. The last one before it counts until `keep_until`, if it counts at all; older ones go.
    /// Without that time, none before it counts any more, and all tokens of the client end.
    async fn rotate_secret(
        &self,
        id: &ClientId,
        secret: KeyHash,
        keep_until: Option<Timestamp>,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<Client, RepositoryError>;

    /// Removes a client with its secrets.
    async fn delete(&self, id: &ClientId, by: &ClientAuthor) -> Result<(), RepositoryError>;
}

/// What may be shown once: on whichever server.
#[async_trait]
pub trait Seen: Send + Sync {
    /// Whether it is seen for the first time; it is remembered until then.
    async fn is_first(&self, what: KeyHash, until: Timestamp) -> Result<bool, RepositoryError>;
}
