//! Keys in a SQLite file.

use super::{database_at, raw};
use crate::storage::contract::keys::servers_share_keys;
use crate::storage::server_keys::DatabaseKeys;
use std::sync::Arc;

#[tokio::test]
async fn keys_are_shared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let keys = async || DatabaseKeys(Arc::new(database_at(&path).await.unwrap()));
    let by_hand = async |statement| {
        sqlx::query(statement).execute(&mut raw(&path).await).await.unwrap();
    };
    servers_share_keys((&keys().await, &keys().await), by_hand).await;
}
