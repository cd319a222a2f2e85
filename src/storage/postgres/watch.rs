//! Notices what other replicas change: a connection that listens, and is asked whether it lives.

use crate::storage::cache::Freshness;
use crate::storage::postgres::address::Address;
use sqlx::postgres::{PgListener, PgNotification};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{error::Elapsed, sleep, timeout, timeout_at};

/// The channel of the migrations' triggers.
const CHANNEL: &str = "bailiwick_users";
/// What a watcher sends to see whether notifications arrive at all; it tells of no change.
const PROBE: &str = "probe";
/// Between two looks: often enough that a cache is never without trust while all is well.
const PAUSE: Duration = Duration::from_millis(400);
/// For the answer to a look: known to be lost before the cache's trust ends.
const ANSWER: Duration = Duration::from_millis(550);
/// For connecting anew.
const CONNECT: Duration = Duration::from_secs(2);

/// Listens for ever; after each gap everything that is cached is forgotten.
pub(super) async fn watch(address: Address, freshness: Arc<Freshness>) {
    loop {
        let Err(cause) = listen(&address, &freshness).await;
        freshness.lose(&cause);
        sleep(PAUSE).await;
    }
}

async fn listen(address: &Address, freshness: &Freshness) -> Result<Infallible, sqlx::Error> {
    let mut listener = timeout(CONNECT, connect(address)).await.map_err(late)??;
    // Whatever came before was not heard.
    freshness.invalidate();
    loop {
        // The server hands out what it has for this connection before it answers.
        let asked = Instant::now();
        let look = sqlx::query("SELECT 1").execute(&mut listener);
        timeout(ANSWER, look).await.map_err(late)??;
        while let Some(notification) = listener.next_buffered() {
            heard(&notification, freshness);
        }
        freshness.confirm(asked);
        while let Ok(received) = timeout_at((asked + PAUSE).into(), listener.try_recv()).await {
            heard(&received?.ok_or_else(lost)?, freshness);
        }
    }
}

/// Connects, and makes sure that notifications arrive: a pooler in between may swallow them.
async fn connect(address: &Address) -> Result<PgListener, sqlx::Error> {
    let pool = address
        .pool()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(address.options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(PROBE)
        .execute(&mut listener)
        .await?;
    while listener.try_recv().await?.ok_or_else(lost)?.payload() != PROBE {}
    Ok(listener)
}

fn heard(notification: &PgNotification, freshness: &Freshness) {
    if notification.payload() != PROBE {
        freshness.invalidate();
    }
}

fn late(_: Elapsed) -> sqlx::Error {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn lost() -> sqlx::Error {
    io::Error::from(io::ErrorKind::ConnectionReset).into()
}
