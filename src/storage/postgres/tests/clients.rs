//! Clients on PostgreSQL, with and without the cache.

use super::*;
use crate::settings::UserSettings;
use crate::storage::cache::CachedClients;
use crate::storage::clients::Clients;
use crate::storage::contract::clients::{
    a_change_of_a_client_is_seen, clients_contract, what_is_over_is_forgotten,
    what_is_seen_counts_once,
};
use crate::storage::{Opened, open_unique};

async fn plain_clients() -> (Clients, Users, ()) {
    let database = open(&settings(&shared().url(&shared().database()))).await.unwrap();
    let database = Arc::new(database);
    (Clients::of(Arc::clone(&database)), Users::of(database), ())
}

async fn cached_clients() -> (CachedClients<Clients>, Users, ()) {
    let mut database = open(&settings(&shared().url(&shared().database()))).await.unwrap();
    let freshness = Arc::new(Freshness::default());
    database.watch(Arc::clone(&freshness), Arc::default()).unwrap();
    let database = Arc::new(database);
    let clients = Clients::of(Arc::clone(&database));
    (CachedClients::new(clients, &cache_settings(100), freshness), Users::of(database), ())
}

clients_contract!(clients, plain_clients());
clients_contract!(cached_clients_, cached_clients());

async fn opened_at(database: &str) -> Opened {
    let (settings, unique) = (settings(&shared().url(database)), UserSettings::default());
    let absent = Path::new("/absent");
    open_unique(absent, &settings, &cache_settings(100), Missing::Create, unique).await.unwrap()
}

#[tokio::test]
async fn another_replica_sees_a_change_of_a_client() {
    let database = shared().database();
    let (one, other) = (opened_at(&database).await, opened_at(&database).await);
    let by_hand = async |statement| drop(shared().sql(&database, statement));
    a_change_of_a_client_is_seen(&*one.clients, &*other.clients, by_hand).await;
}

#[tokio::test]
async fn an_assertion_counts_once_for_all_replicas() {
    let database = shared().database();
    let (one, other) = (opened_at(&database).await, opened_at(&database).await);
    what_is_seen_counts_once(&[&*one.seen, &*other.seen]).await;
}

#[tokio::test]
async fn assertions_that_are_over_are_forgotten() {
    let database = shared().database();
    let one = opened_at(&database).await;
    let count =
        async || shared().sql(&database, "SELECT count(*) FROM seen").trim().parse().unwrap();
    what_is_over_is_forgotten(&*one.seen, count).await;
}
