//! The audit log's events on SQLite.

use crate::storage::audit_events::DatabaseAuditEvents;
use crate::storage::contract::audit_events::{
    events_are_kept_in_their_order, old_events_are_deleted_bit_by_bit,
};
use crate::storage::tests::database_at;
use std::sync::Arc;
use tempfile::TempDir;

async fn two() -> (DatabaseAuditEvents, DatabaseAuditEvents, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let open = async || DatabaseAuditEvents(Arc::new(database_at(&path).await.unwrap()));
    (open().await, open().await, folder)
}

#[tokio::test]
async fn events() {
    let (one, other, _folder) = two().await;
    events_are_kept_in_their_order((&one, &other)).await;
}

#[tokio::test]
async fn old_events() {
    let (one, other, _folder) = two().await;
    old_events_are_deleted_bit_by_bit((&one, &other)).await;
}
