//! The events of the audit log.

use crate::domain::{
    AuditEvent, AuditEvents, AuditFields, AuditKey, AuditQuery, RepositoryError, Username,
};
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use serde_json::json;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use std::sync::Arc;

/// Events deleted by one statement.
const BATCH: usize = 1_000;

/// Where the events are kept.
pub(super) struct DatabaseAuditEvents(pub(super) Arc<Database>);

#[async_trait]
impl AuditEvents for DatabaseAuditEvents {
    async fn keep(&self, events: &[AuditEvent]) -> Result<(), RepositoryError> {
        let rows = rows(events);
        let keep = self.0.write_and_close(move |mut database| {
            Box::pin(async move { keep(&mut database, rows).await })
        });
        keep.await
    }

    async fn page(&self, query: &AuditQuery) -> Result<Vec<AuditEvent>, RepositoryError> {
        let query = query.clone();
        let page =
            self.0.read(|mut database| Box::pin(async move { page(&mut database, &query).await }));
        page.await
    }

    async fn forget(&self, before: i64) -> Result<bool, RepositoryError> {
        let forget = self.0.write_and_close(move |mut database| {
            Box::pin(async move { forget(&mut database, before).await })
        });
        forget.await
    }
}

/// A row with the columns of the key and `fields`.
impl<'r, R: Row> FromRow<'r, R> for AuditEvent
where
    &'static str: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let key = AuditKey { at: row.try_get("at")?, process: row.try_get("process")? };
        let fields = serde_json::from_str::<AuditFields>(row.try_get("fields")?);
        let fields = fields.map_err(|error| sqlx::Error::ColumnDecode {
            index: format!("fields (of {}, {})", key.at, key.process),
            source: Box::new(error),
        })?;
        Ok(Self { key, fields })
    }
}

/// Events as one JSON text.
pub(super) fn rows(events: &[AuditEvent]) -> String {
    let rows = events.iter().map(|AuditEvent { key, fields }| {
        json!([key.at, key.process, fields.get("who"), fields.get("whom"), json_of(fields)])
    });
    json!(rows.collect::<Vec<_>>()).to_string()
}

fn json_of(fields: &AuditFields) -> String {
    // Texts can always be written.
    serde_json::to_string(fields).unwrap_or_default()
}

/// Inserts [`rows`].
pub(super) async fn keep(database: &mut Connection<'_>, rows: String) -> Result<(), sqlx::Error> {
    let keep = sql!(
        "INSERT INTO audit_events (at, process, who, whom, fields)
         SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint), value ->> 2, value ->> 3,
             value ->> 4
         FROM " [records "$1"] " WHERE true
         ON CONFLICT DO NOTHING"
    );
    database.query(keep).bind(rows).execute().await
}

/// A page of events. Those of a user are looked up by who did it and by whom it was done to, each by
/// its index, so that a page costs the same however many others there are.
pub(super) async fn page(
    database: &mut Connection<'_>,
    AuditQuery { after, user, limit }: &AuditQuery,
) -> Result<Vec<AuditEvent>, sqlx::Error> {
    let all = "SELECT at, process, fields FROM audit_events WHERE (at, process) > ($1, $2)
         ORDER BY at, process LIMIT $3";
    let of_user = "SELECT at, process, fields FROM (
             SELECT at, process, fields FROM audit_events
             WHERE who = $4 AND (at, process) > ($1, $2) ORDER BY at, process LIMIT $3
         ) AS by_user
         UNION
         SELECT at, process, fields FROM (
             SELECT at, process, fields FROM audit_events
             WHERE whom = $4 AND (at, process) > ($1, $2) ORDER BY at, process LIMIT $3
         ) AS about_user
         ORDER BY at, process LIMIT $3";
    let query = database.query(if user.is_some() { of_user } else { all });
    let query = query.bind(after.at).bind(after.process).bind(i64::from(*limit));
    match user.as_ref().map(Username::as_str) {
        Some(user) => query.bind(user).all().await,
        None => query.all().await,
    }
}

async fn forget(database: &mut Connection<'_>, before: i64) -> Result<bool, sqlx::Error> {
    if !database.try_lock("bailiwick audit").await? {
        return Ok(false);
    }
    let forget = "DELETE FROM audit_events WHERE (at, process) IN (
             SELECT at, process FROM audit_events WHERE at < $1 ORDER BY at, process LIMIT 1000
         )
         RETURNING at";
    let forgotten = database.query(forget).bind(before).scalars::<i64>().await?;
    Ok(forgotten.len() >= BATCH)
}
