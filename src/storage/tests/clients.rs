//! Clients on SQLite, with and without the cache.

use super::*;
use crate::settings::UserSettings;
use crate::storage::cache::CachedClients;
use crate::storage::clients::Clients;
use crate::storage::contract::clients::{
    a_change_of_a_client_is_seen, clients_contract, what_is_over_is_forgotten,
    what_is_seen_counts_once,
};
use crate::storage::{Opened, open_unique};

async fn plain_clients() -> (Clients, Users, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = Arc::new(database_at(&folder.path().join("test.db")).await.unwrap());
    (Clients::of(Arc::clone(&database)), Users::of(database), folder)
}

/// The cache is always trusted: nothing else writes.
async fn cached_clients() -> (CachedClients<Clients>, Users, TempDir) {
    let (clients, users, folder) = plain_clients().await;
    let freshness = Arc::new(Freshness::default());
    freshness.confirm(Instant::now() + std::time::Duration::from_hours(1));
    (CachedClients::new(clients, &cache_settings(100), freshness), users, folder)
}

clients_contract!(clients, plain_clients());
clients_contract!(cached_clients_, cached_clients());

async fn open(folder: &Path) -> Opened {
    let unique = UserSettings::default();
    open_unique(folder, &settings(""), &cache_settings(100), Missing::Create, unique).await.unwrap()
}

#[tokio::test]
async fn another_process_sees_a_change_of_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    let by_hand = async |statement| {
        let mut connection = raw(&folder.path().join("bailiwick.db")).await;
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    };
    a_change_of_a_client_is_seen(&*one.clients, &*other.clients, by_hand).await;
}

#[tokio::test]
async fn an_assertion_counts_once_for_all_processes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    what_is_seen_counts_once(&[&*one.seen, &*other.seen]).await;
}

#[tokio::test]
async fn assertions_that_are_over_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let one = open(folder.path()).await;
    let count = async || {
        let mut connection = raw(&folder.path().join("bailiwick.db")).await;
        sqlx::query_scalar("SELECT count(*) FROM seen").fetch_one(&mut connection).await.unwrap()
    };
    what_is_over_is_forgotten(&*one.seen, count).await;
}
