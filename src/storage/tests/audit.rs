//! The audit log's events, and last logins, on SQLite.

use crate::storage::audit_events::DatabaseAuditEvents;
use crate::storage::cache::Freshness;
use crate::storage::contract::audit_events::{
    events_are_kept_in_their_order, old_events_are_deleted_bit_by_bit,
};
use crate::storage::contract::last_logins::{
    logins_at_once_do_not_block, the_latest_day_is_kept_as_long_as_the_user,
};
use crate::storage::last_logins::DatabaseLastLogins;
use crate::storage::tests::database_at;
use crate::storage::users::Users;
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

#[tokio::test]
async fn last_logins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let open = async || Arc::new(database_at(&path).await.unwrap());
    let users = Users::of(open().await);
    // Operations fail by themselves here; nothing watches.
    let last_logins =
        async || DatabaseLastLogins::new(open().await, Arc::new(Freshness::default()));
    let (one, other) = (last_logins().await, last_logins().await);
    the_latest_day_is_kept_as_long_as_the_user(&users, (&one, &other)).await;
    logins_at_once_do_not_block(&users, (&one, &other)).await;
}
