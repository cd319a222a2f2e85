//! Caches clients as users are cached.

use crate::domain::{
    Client, ClientAuthor, ClientEdit, ClientId, ClientRepository, KeyHash, NewClient,
    RepositoryError, Timestamp,
};
use crate::settings::CacheSettings;
use crate::storage::cache::freshness::Freshness;
use crate::storage::cache::known::{Known, Source};
use async_trait::async_trait;
use std::sync::Arc;

/// The clients of a repository, read one by one.
struct Clients<R>(R);

#[async_trait]
impl<R: ClientRepository + 'static> Source for Clients<R> {
    type Id = ClientId;
    type Found = Client;

    async fn read(&self, id: &ClientId) -> Result<Option<Arc<Client>>, RepositoryError> {
        self.0.find(id).await
    }
}

/// A repository with a cache of clients.
pub(in crate::storage) struct CachedClients<R: ClientRepository + 'static>(Known<Clients<R>>);

impl<R: ClientRepository + 'static> CachedClients<R> {
    pub(in crate::storage) fn new(
        inner: R,
        settings: &CacheSettings,
        freshness: Arc<Freshness>,
    ) -> Self {
        Self(Known::new(Clients(inner), settings, freshness))
    }

    fn inner(&self) -> &R {
        &self.0.inner.0
    }

    /// Makes a change; an actor that was refused is forgotten.
    async fn writing<T>(
        &self,
        by: &ClientAuthor,
        write: impl Future<Output = Result<T, RepositoryError>> + Send,
    ) -> Result<T, RepositoryError> {
        let written = self.0.freshness.ask(write).await;
        self.0.freshness.forget_refused(&written, by.actor.as_ref());
        written
    }
}

#[async_trait]
impl<R: ClientRepository + 'static> ClientRepository for CachedClients<R> {
    fn find_in_memory(&self, id: &str) -> Option<Arc<Client>> {
        self.0.find_in_memory(id)
    }

    async fn find(&self, id: &ClientId) -> Result<Option<Arc<Client>>, RepositoryError> {
        self.0.find(id).await
    }

    async fn list(
        &self,
        after: Option<&ClientId>,
        limit: u32,
    ) -> Result<Vec<Client>, RepositoryError> {
        self.0.freshness.ask(self.inner().list(after, limit)).await
    }

    async fn add(
        &self,
        new: NewClient,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<Client, RepositoryError> {
        let id = new.id.clone();
        let added = self.writing(by, self.inner().add(new, by, now)).await;
        self.0.is_no_longer_unknown(&id);
        added
    }

    async fn change(
        &self,
        id: &ClientId,
        edit: ClientEdit,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<[Client; 2], RepositoryError> {
        let _forget = self.0.writing(id);
        self.writing(by, self.inner().change(id, edit, by, now)).await
    }

    async fn rotate_secret(
        &self,
        id: &ClientId,
        secret: KeyHash,
        keep_until: Option<Timestamp>,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<Client, RepositoryError> {
        let _forget = self.0.writing(id);
        self.writing(by, self.inner().rotate_secret(id, secret, keep_until, by, now)).await
    }

    async fn delete(&self, id: &ClientId, by: &ClientAuthor) -> Result<(), RepositoryError> {
        let _forget = self.0.writing(id);
        self.writing(by, self.inner().delete(id, by)).await
    }
}
