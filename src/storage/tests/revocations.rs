//! Ended tokens, families of refresh tokens, and counted tries on SQLite.

use crate::domain::{Ended, Revocations as _, TokenId};
use crate::storage::contract::codes::{
    clients_hear_of_ended_sessions, codes_count_once_and_consents_add_up,
};
use crate::storage::contract::refresh_families::families_live_and_end;
use crate::storage::contract::revocations::{
    tokens_end_everywhere, what_would_have_expired_is_forgotten,
};
use crate::storage::contract::sessions::sessions_live_and_end;
use crate::storage::contract::throttles::tries_are_counted;
use crate::storage::contract::until_within_a_second;
use crate::storage::revocations::DatabaseRevocations;
use crate::storage::tests::{database_at, raw};
use std::path::Path;
use std::sync::Arc;

async fn process(path: &Path) -> DatabaseRevocations {
    DatabaseRevocations::watching(database_at(path).await.unwrap())
}

async fn deaf(path: &Path) -> DatabaseRevocations {
    let database = Arc::new(database_at(path).await.unwrap());
    DatabaseRevocations { database, freshness: Arc::default(), held: Arc::default() }
}

#[tokio::test]
async fn tokens_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let (one, other, none) = (process(&path).await, process(&path).await, deaf(&path).await);
    tokens_end_everywhere((&one, &other), &none).await;
    what_would_have_expired_is_forgotten((&one, &other), &none).await;
}

/// Another file has taken the place of the database, or somebody has set its numbers back.
#[tokio::test]
async fn a_number_that_goes_back_makes_all_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let (one, other) = (process(&path).await, process(&path).await);
    for token in 1..=9 {
        one.revoke(TokenId(token), crate::domain::Timestamp(i64::MAX)).await.unwrap();
    }
    until_within_a_second(async || other.holds(Ended::Token(TokenId(9)))).await;
    let back = format!(
        "BEGIN; DELETE FROM revocations; UPDATE sqlite_sequence SET seq = 0 WHERE name = 'revocations';
         INSERT INTO revocations (kind, id, until) VALUES ('token', '{}', 1); COMMIT",
        TokenId(77)
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(back)).execute(&mut raw(&path).await).await.unwrap();
    until_within_a_second(async || {
        one.holds(Ended::Token(TokenId(77))) && other.holds(Ended::Token(TokenId(77)))
    })
    .await;
}

#[tokio::test]
async fn sessions_of_browsers_live_and_end() {
    sessions_live_and_end(async || {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(database_at(&folder.path().join("test.db")).await.unwrap()), folder)
    })
    .await;
}

#[tokio::test]
async fn families_of_refresh_tokens_live_and_end() {
    families_live_and_end(async || {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(database_at(&folder.path().join("test.db")).await.unwrap()), folder)
    })
    .await;
}

#[tokio::test]
async fn codes_and_consents() {
    codes_count_once_and_consents_add_up(async || {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(database_at(&folder.path().join("test.db")).await.unwrap()), folder)
    })
    .await;
}

#[tokio::test]
async fn ended_sessions() {
    clients_hear_of_ended_sessions(
        async || {
            let folder = tempfile::tempdir().unwrap();
            (Arc::new(database_at(&folder.path().join("test.db")).await.unwrap()), folder)
        },
        async |database, statement| {
            let done = database.write(None, move |mut database| {
                Box::pin(async move { database.query(statement).execute().await })
            });
            done.await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn tries_at_passwords_are_counted() {
    tries_are_counted(async || {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(database_at(&folder.path().join("test.db")).await.unwrap()), folder)
    })
    .await;
}
