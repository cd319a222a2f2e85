//! Notices what other replicas change: a connection that listens, and is asked whether it lives.

use crate::storage::cache::Freshness;
use crate::storage::postgres::address::Address;
use crate::storage::postgres::silence::Line;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgListener, PgNotification, PgPool};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{error::Elapsed, sleep_until, timeout, timeout_at};

/// The channel of the migrations' triggers.
const CHANNEL: &str = "bailiwick_users";
/// What a watcher sends to see whether notifications arrive at all; it tells of no change.
const PROBE: &str = "probe";
/// What stands before the name of a user who has changed; without a name it may be anybody.
const CHANGED: &str = "user ";
/// What a look asks: whether users can be read. It waits for nobody's lock.
const LOOK: &str = "SELECT has_table_privilege('users', 'SELECT')";
/// Between two looks: often enough that a cache is never without trust while all is well.
const PAUSE: Duration = Duration::from_millis(400);
/// For the answer to a look: known to be lost before the cache's trust ends.
const ANSWER: Duration = Duration::from_millis(550);
/// For connecting anew.
const CONNECT: Duration = Duration::from_secs(2);
/// From an attempt to connect that has failed to the next, while somebody waits for it.
const FAILED: Duration = Duration::from_millis(50);
/// The same after an attempt that has no end yet.
const PENDING: Duration = Duration::from_millis(250);
/// Most attempts at a time.
const MOST: usize = 8;

/// Listens for ever; after each gap everything that is cached is forgotten.
pub(super) async fn watch(
    address: Address,
    freshness: Arc<Freshness>,
    line: Line,
    pools: [PgPool; 2],
) {
    loop {
        let listener = reach(&address, &freshness, &pools[0]).await;
        for pool in &pools {
            pool.set_connect_options(address.servers.chosen());
        }
        line.restore();
        // Whatever came before was not heard.
        freshness.invalidate();
        listen(&address, listener, &freshness).await;
        line.lose();
    }
}

/// Connects, however long it takes. An attempt that hangs stops no other: what it waits for may never
/// come, when the network would long let another one through.
async fn reach(address: &Address, freshness: &Freshness, readers: &PgPool) -> PgListener {
    let mut attempts = FuturesUnordered::new();
    loop {
        let begun = Instant::now();
        attempts.push(async {
            let look = freshness.begin_look();
            let connected = connect(address).await;
            if connected.is_err() && serves(readers).await {
                freshness.doubt();
            }
            connected.map_err(|cause| freshness.lose(look, &cause))
        });
        loop {
            let pending = !attempts.is_empty();
            let again = async {
                sleep_until((begun + if pending { PENDING } else { FAILED }).into()).await;
                let _ = timeout_at((begun + PAUSE).into(), freshness.wish()).await;
            };
            tokio::select! {
                Some(attempt) = attempts.next(), if pending => {
                    if let Ok(listener) = attempt {
                        return listener;
                    }
                }
                () = again, if attempts.len() < MOST => break,
            }
        }
    }
}

/// Whether a connection that is there works: others may hold all that the server gives.
async fn serves(readers: &PgPool) -> bool {
    let Some(mut connection) = readers.try_acquire() else { return false };
    let answers = matches!(timeout(ANSWER, connection.ping()).await, Ok(Ok(())));
    if !answers {
        connection.close_on_drop();
    }
    answers
}

/// Looks and listens until there is no answer.
async fn listen(address: &Address, mut listener: PgListener, freshness: &Freshness) {
    loop {
        let look = freshness.begin_look();
        if let Err(cause) = listen_once(address, &mut listener, freshness).await {
            return freshness.lose(look, &cause);
        }
    }
}

async fn listen_once(
    address: &Address,
    listener: &mut PgListener,
    freshness: &Freshness,
) -> Result<(), sqlx::Error> {
    // The server hands out what it has for this connection before it answers.
    let asked = Instant::now();
    let look = sqlx::query_scalar(LOOK).fetch_one(&mut *listener);
    let may_read: bool = timeout(ANSWER, look).await.map_err(late)??;
    if !may_read {
        return Err(sqlx::Error::Configuration("permission denied to read users".into()));
    }
    timeout(ANSWER, address.servers.check(&mut *listener)).await.map_err(late)??;
    while let Some(notification) = listener.next_buffered() {
        heard(&notification, freshness);
    }
    freshness.confirm(asked);
    while let Ok(received) = timeout_at((asked + PAUSE).into(), listener.try_recv()).await {
        heard(&received?.ok_or_else(lost)?, freshness);
    }
    Ok(())
}

/// Connects, and makes sure that notifications arrive: a pooler in between may swallow them.
async fn connect(address: &Address) -> Result<PgListener, sqlx::Error> {
    // A pool would wait for a server that refuses.
    let reached = address.servers.connect(CONNECT).await?;
    timeout(CONNECT, hear(address, reached)).await.map_err(late)?
}

/// A session that listens, at the server that was reached.
async fn hear(address: &Address, reached: PgConnection) -> Result<PgListener, sqlx::Error> {
    reached.close().await?;
    let pool = address
        .pool()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(address.servers.chosen());
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
    let payload = notification.payload();
    if let Some(username) = payload.strip_prefix(CHANGED) {
        freshness.forget(username);
    } else if payload != PROBE {
        freshness.invalidate();
    }
}

fn late(_: Elapsed) -> sqlx::Error {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn lost() -> sqlx::Error {
    io::Error::from(io::ErrorKind::ConnectionReset).into()
}
