//! API keys on PostgreSQL, with and without the cache.

use super::*;
use crate::settings::UserSettings;
use crate::storage::api_keys::ApiKeys;
use crate::storage::cache::CachedApiKeys;
use crate::storage::contract::api_keys::{
    a_change_of_a_key_is_seen, a_use_of_a_key_is_no_change, keys_contract,
};
use crate::storage::{Opened, open_unique};

async fn plain_keys() -> (ApiKeys, Users, ()) {
    let database = open(&settings(&shared().url(&shared().database()))).await.unwrap();
    let database = Arc::new(database);
    (ApiKeys::of(Arc::clone(&database)), Users::of(database), ())
}

async fn cached_keys() -> (CachedApiKeys<ApiKeys>, Users, ()) {
    let mut database = open(&settings(&shared().url(&shared().database()))).await.unwrap();
    let freshness = Arc::new(Freshness::default());
    database.watch(Arc::clone(&freshness), Arc::default()).unwrap();
    let database = Arc::new(database);
    let keys = ApiKeys::of(Arc::clone(&database));
    (CachedApiKeys::new(keys, &cache_settings(100), freshness), Users::of(database), ())
}

keys_contract!(keys, plain_keys());
keys_contract!(cached_keys_, cached_keys());

async fn opened_at(database: &str) -> Opened {
    let (settings, unique) = (settings(&shared().url(database)), UserSettings::default());
    let absent = Path::new("/absent");
    open_unique(absent, &settings, &cache_settings(100), Missing::Create, unique).await.unwrap()
}

#[tokio::test]
async fn another_replica_sees_a_change_of_a_key() {
    let database = shared().database();
    let (one, other) = (opened_at(&database).await, opened_at(&database).await);
    let by_hand = async |statement| drop(shared().sql(&database, statement));
    a_change_of_a_key_is_seen(&*one.api_keys, (&*other.api_keys, &*other.users), by_hand).await;
}

#[tokio::test]
async fn a_use_evicts_no_key() {
    let database = shared().database();
    let (one, other) = (opened_at(&database).await, opened_at(&database).await);
    a_use_of_a_key_is_no_change(&*one.api_keys, (&*other.api_keys, &*other.users)).await;
}
