//! The audit log's events on PostgreSQL.

use super::server::shared;
use super::{open, settings};
use crate::storage::audit_events::DatabaseAuditEvents;
use crate::storage::contract::audit_events::{
    events_are_kept_in_their_order, old_events_are_deleted_bit_by_bit,
};
use std::sync::Arc;

async fn two() -> (DatabaseAuditEvents, DatabaseAuditEvents) {
    let settings = settings(&shared().url(&shared().database()));
    let open = async || DatabaseAuditEvents(Arc::new(open(&settings).await.unwrap()));
    (open().await, open().await)
}

#[tokio::test]
async fn events() {
    let (one, other) = two().await;
    events_are_kept_in_their_order((&one, &other)).await;
}

#[tokio::test]
async fn old_events() {
    let (one, other) = two().await;
    old_events_are_deleted_bit_by_bit((&one, &other)).await;
}
