//! Ended tokens and families of refresh tokens on PostgreSQL.

use super::server::shared;
use super::{open, settings};
use crate::domain::{Ended, Revocations as _, Timestamp, TokenId};
use crate::storage::contract::codes::{
    clients_hear_of_ended_sessions, codes_count_once_and_consents_add_up,
};
use crate::storage::contract::refresh_families::families_live_and_end;
use crate::storage::contract::revocations::{
    tokens_end_everywhere, what_would_have_expired_is_forgotten,
};
use crate::storage::contract::sessions::sessions_live_and_end;
use crate::storage::contract::until_within_a_second;
use crate::storage::revocations::DatabaseRevocations;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use std::sync::Arc;
use std::time::Duration;

async fn process(name: &str) -> DatabaseRevocations {
    DatabaseRevocations::watching(open(&settings(&shared().url(name))).await.unwrap())
}

async fn run(by: &mut PgConnection, statements: String) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(by).await.unwrap();
}

fn insert(token: TokenId) -> String {
    format!("INSERT INTO revocations (kind, id, until) VALUES ('token', '{token}', 4000000000)")
}

#[tokio::test]
async fn tokens_end() {
    let name = shared().database();
    let (one, other) = (process(&name).await, process(&name).await);
    let database = Arc::new(open(&settings(&shared().url(&name))).await.unwrap());
    let none = DatabaseRevocations { database, freshness: Arc::default(), held: Arc::default() };
    tokens_end_everywhere((&one, &other), &none).await;
    what_would_have_expired_is_forgotten((&one, &other), &none).await;
}

#[tokio::test]
async fn sessions_of_browsers_live_and_end() {
    sessions_live_and_end(async || {
        let url = shared().url(&shared().database());
        (Arc::new(open(&settings(&url)).await.unwrap()), ())
    })
    .await;
}

#[tokio::test]
async fn families_of_refresh_tokens_live_and_end() {
    families_live_and_end(async || {
        let url = shared().url(&shared().database());
        (Arc::new(open(&settings(&url)).await.unwrap()), ())
    })
    .await;
}

#[tokio::test]
async fn codes_and_consents() {
    codes_count_once_and_consents_add_up(async || {
        let url = shared().url(&shared().database());
        (Arc::new(open(&settings(&url)).await.unwrap()), ())
    })
    .await;
}

#[tokio::test]
async fn ended_sessions() {
    clients_hear_of_ended_sessions(
        async || {
            let url = shared().url(&shared().database());
            (Arc::new(open(&settings(&url)).await.unwrap()), ())
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

/// Reading on from the last number would miss it.
#[tokio::test]
async fn an_earlier_number_that_commits_later_is_heard() {
    let name = shared().database();
    let one = process(&name).await;
    let mut late = PgConnection::connect(&shared().url(&name)).await.unwrap();
    run(&mut late, format!("BEGIN; {}", insert(TokenId(1)))).await;
    one.revoke(TokenId(2), Timestamp(4_000_000_000)).await.unwrap();
    // A process that starts in between reads all that there is, and hears of the rest.
    let other = process(&name).await;
    until_within_a_minute(async || other.holds(Ended::Token(TokenId(2)))).await;
    assert!(!one.holds(Ended::Token(TokenId(1))) && !other.holds(Ended::Token(TokenId(1))));
    run(&mut late, "COMMIT".to_owned()).await;
    until_within_a_second(async || {
        one.holds(Ended::Token(TokenId(1))) && other.holds(Ended::Token(TokenId(1)))
    })
    .await;
    let numbers =
        shared().sql(&name, "SELECT string_agg(right(id, 1), '' ORDER BY seq) FROM revocations");
    assert_eq!(numbers.trim(), "12", "the number of the first is the smaller one");
}

/// What is committed while nobody listens is read once somebody does again.
#[tokio::test]
async fn a_gap_is_filled() {
    let name = shared().database();
    let one = process(&name).await;
    let mut by_hand = PgConnection::connect(&shared().url(&name)).await.unwrap();
    for token in (1..=5).map(TokenId) {
        until_within_a_minute(async || one.freshness.is_fresh()).await;
        // In one transaction: nobody can listen in between.
        run(
            &mut by_hand,
            format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = '{name}' AND pid <> pg_backend_pid(); {}",
                insert(token)
            ),
        )
        .await;
        until_within_a_minute(async || one.holds(Ended::Token(token))).await;
    }
}

async fn until_within_a_minute(condition: impl AsyncFn() -> bool) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), met).await.unwrap();
}
