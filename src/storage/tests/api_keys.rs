//! API keys on SQLite, with and without the cache.

use super::*;
use crate::domain::{ApiKeyRepository as _, KeyId};
use crate::settings::UserSettings;
use crate::storage::api_keys::ApiKeys;
use crate::storage::cache::CachedApiKeys;
use crate::storage::contract::api_keys::{
    a_change_of_a_key_is_seen, a_use_of_a_key_is_no_change, id, key, keys_contract,
};
use crate::storage::{Opened, open_unique};

async fn plain_keys() -> (ApiKeys, Users, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = Arc::new(database_at(&folder.path().join("test.db")).await.unwrap());
    (ApiKeys::of(Arc::clone(&database)), Users::of(database), folder)
}

/// The cache is always trusted: nothing else writes.
async fn cached_keys(size: usize) -> (CachedApiKeys<ApiKeys>, Users, TempDir) {
    let (keys, users, folder) = plain_keys().await;
    let freshness = Arc::new(Freshness::default());
    freshness.confirm(Instant::now() + std::time::Duration::from_hours(1));
    (CachedApiKeys::new(keys, &cache_settings(size), freshness), users, folder)
}

keys_contract!(keys, plain_keys());
keys_contract!(cached_keys_, cached_keys(100));

async fn open(folder: &Path) -> Opened {
    let unique = UserSettings::default();
    open_unique(folder, &settings(""), &cache_settings(100), Missing::Create, unique).await.unwrap()
}

#[tokio::test]
async fn another_process_sees_a_change_of_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    let by_hand = async |statement| {
        let mut connection = raw(&folder.path().join("bailiwick.db")).await;
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    };
    a_change_of_a_key_is_seen(&*one.api_keys, (&*other.api_keys, &*other.users), by_hand).await;
}

#[tokio::test]
async fn a_use_evicts_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    a_use_of_a_key_is_no_change(&*one.api_keys, (&*other.api_keys, &*other.users)).await;
}

/// However many wrong keys are tried, the right one stays in memory, and a wrong one is looked up
/// once.
#[tokio::test]
async fn wrong_keys_evict_no_right_one() {
    let (keys, users, _folder) = cached_keys(1).await;
    users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    keys.add(key('a', "alice", "me"), None, Timestamp(1)).await.unwrap();
    keys.find(id('a')).await.unwrap().unwrap();
    for number in 0..5_000 {
        let wrong: KeyId = format!("{number:022}").parse().unwrap();
        assert!(keys.find(wrong).await.unwrap().is_none());
    }
    assert!(keys.find_in_memory(&id('a')).is_some());
    let wrong = (0..5_000).map(|number| format!("{number:022}").parse().unwrap());
    let known = wrong.filter(|id: &KeyId| keys.is_known_to_be_nobodys(id)).count();
    assert!((1..=1_200).contains(&known), "{known}");
}
