//! Caches API keys as users are cached.

use crate::domain::{
    Actor, ApiKey, ApiKeyRepository, Day, KeyId, NewApiKey, RepositoryError, Timestamp, Username,
};
use crate::settings::CacheSettings;
use crate::storage::cache::freshness::Freshness;
use crate::storage::cache::known::{Known, Source};
use async_trait::async_trait;
use std::sync::Arc;

/// The keys of a repository, read one by one.
struct Keys<R>(R);

#[async_trait]
impl<R: ApiKeyRepository + 'static> Source for Keys<R> {
    type Id = KeyId;
    type Found = ApiKey;

    async fn read(&self, id: &KeyId) -> Result<Option<Arc<ApiKey>>, RepositoryError> {
        self.0.find(*id).await
    }
}

/// A repository with a cache of keys.
pub(in crate::storage) struct CachedApiKeys<R: ApiKeyRepository + 'static>(Known<Keys<R>>);

impl<R: ApiKeyRepository + 'static> CachedApiKeys<R> {
    pub(in crate::storage) fn new(
        inner: R,
        settings: &CacheSettings,
        freshness: Arc<Freshness>,
    ) -> Self {
        Self(Known::new(Keys(inner), settings, freshness))
    }

    /// Whether it was looked up in vain a moment ago.
    #[cfg(test)]
    pub(in crate::storage) fn is_known_to_be_nobodys(&self, id: &KeyId) -> bool {
        self.0.is_known_to_be_nobodys(id)
    }

    fn inner(&self) -> &R {
        &self.0.inner.0
    }

    fn freshness(&self) -> &Freshness {
        &self.0.freshness
    }
}

#[async_trait]
impl<R: ApiKeyRepository + 'static> ApiKeyRepository for CachedApiKeys<R> {
    fn find_in_memory(&self, id: &KeyId) -> Option<Arc<ApiKey>> {
        self.0.find_in_memory(id)
    }

    async fn find(&self, id: KeyId) -> Result<Option<Arc<ApiKey>>, RepositoryError> {
        self.0.find(&id).await
    }

    async fn list(&self, owner: Option<&Username>) -> Result<Vec<ApiKey>, RepositoryError> {
        self.freshness().ask(self.inner().list(owner)).await
    }

    async fn add(
        &self,
        new: NewApiKey,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<ApiKey, RepositoryError> {
        let added = self.freshness().ask(self.inner().add(new, actor, now)).await;
        self.freshness().forget_refused(&added, actor);
        added
    }

    async fn revoke(
        &self,
        id: KeyId,
        owner: Option<&Username>,
        actor: Option<&Actor>,
    ) -> Result<ApiKey, RepositoryError> {
        let _forget = self.0.writing(&id);
        let revoked = self.freshness().ask(self.inner().revoke(id, owner, actor)).await;
        self.freshness().forget_refused(&revoked, actor);
        revoked
    }

    async fn store_uses(&self, uses: Vec<(KeyId, Day)>) -> Result<(), RepositoryError> {
        self.freshness().ask(self.inner().store_uses(uses)).await
    }
}
