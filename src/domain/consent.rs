//! What users have allowed clients.

use crate::domain::client_id::ClientId;
use crate::domain::clock::Timestamp;
use crate::domain::refresh_family::FamilyClient;
use crate::domain::repository::RepositoryError;
use crate::domain::scope::Scopes;
use crate::domain::user::UserId;
use async_trait::async_trait;

/// What a user has allowed one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The client, as it was then.
    pub client: FamilyClient,
    /// What it may do.
    pub scopes: Scopes,
    /// When the user was asked last.
    pub given_at: Timestamp,
}

/// Where consents are kept.
#[async_trait]
pub trait Consents: Send + Sync {
    /// What the user has allowed the client, in any order.
    async fn given(&self, user: UserId, client: &FamilyClient) -> Result<Scopes, RepositoryError>;

    /// Allows the client these scopes as well; nothing for a user who is gone.
    async fn give(
        &self,
        user: UserId,
        client: &FamilyClient,
        scopes: &Scopes,
    ) -> Result<(), RepositoryError>;

    /// What the user has allowed all clients, in the order of their ids.
    async fn list(&self, user: UserId) -> Result<Vec<Consent>, RepositoryError>;

    /// Takes back what the user has allowed a client, and ends the tokens that the client has in the
    /// user's name; returns whether there was anything.
    async fn withdraw(&self, user: UserId, client: &ClientId) -> Result<bool, RepositoryError>;
}
