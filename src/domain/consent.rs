//! What users have allowed clients.

use crate::domain::refresh_family::FamilyClient;
use crate::domain::repository::RepositoryError;
use crate::domain::scope::Scopes;
use crate::domain::user::UserId;
use async_trait::async_trait;

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
}
