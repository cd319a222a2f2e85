//! Notices changes by other replicas: a connection that listens, and is checked regularly.

use crate::storage::cache::Freshness;
use crate::storage::postgres::address::Address;
use crate::storage::postgres::silence::Connectivity;
use crate::storage::revoked::{Revoked, Row};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgListener, PgNotification, PgPool};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{error::Elapsed, sleep_until, timeout, timeout_at};

/// The channel of the migrations' triggers.
const CHANNEL: &str = "bailiwick_users";
/// The channel of ended tokens: kind, id, and until when each counts.
const REVOKED: &str = "bailiwick_revocations";
/// All of them.
const REVOCATIONS: &str = "SELECT kind, id, until FROM revocations";
/// Sent by a watcher to itself to check that notifications arrive; it reports no change.
const PROBE: &str = "probe";
/// The prefix of the name of a changed user; without a name it may be any user.
const CHANGED: &str = "user ";
/// A check: whether users can be read. It waits for no lock.
const LOOK: &str = "SELECT has_table_privilege('users', 'SELECT')";
/// Pause between two checks: often enough that a healthy cache never loses its trust.
const PAUSE: Duration = Duration::from_millis(400);
/// Longest wait for a check: the loss is known before the cache's trust ends.
const ANSWER: Duration = Duration::from_millis(550);
/// Longest time to reconnect, and pause while all that has ended is read.
const CONNECT: Duration = Duration::from_secs(2);
/// Pause after a failed attempt to connect, while operations wait for it.
const FAILED: Duration = Duration::from_millis(50);
/// The same while an attempt is still running.
const PENDING: Duration = Duration::from_millis(250);
/// Most attempts at a time.
const MOST: usize = 8;

/// Listens forever; after each gap, everything cached is forgotten.
pub(super) async fn watch(
    address: Address,
    (freshness, revoked): (Arc<Freshness>, Arc<Revoked>),
    connectivity: Connectivity,
    pools: [PgPool; 2],
) {
    loop {
        let listener = reach(&address, (&freshness, &revoked), &pools[0]).await;
        for pool in &pools {
            pool.set_connect_options(address.servers.chosen());
        }
        connectivity.restore();
        // Earlier changes were missed.
        freshness.invalidate();
        listen(&address, listener, (&freshness, &revoked)).await;
        connectivity.lose();
    }
}

/// Connects, however long it takes. An attempt that hangs blocks no other: the network may let a
/// new one through although the old one never completes.
async fn reach(
    address: &Address,
    (freshness, revoked): (&Freshness, &Revoked),
    readers: &PgPool,
) -> PgListener {
    let mut attempts = FuturesUnordered::new();
    loop {
        let begun = Instant::now();
        attempts.push(async {
            let check = freshness.begin_check();
            let connected = connect(address, revoked).await;
            if connected.is_err() && serves(readers).await {
                freshness.doubt();
            }
            connected.map_err(|cause| freshness.lose(check, &cause))
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

/// Whether an existing connection works: others may hold all that the server allows.
async fn serves(readers: &PgPool) -> bool {
    let Some(mut connection) = readers.try_acquire() else { return false };
    let answers = matches!(timeout(ANSWER, connection.ping()).await, Ok(Ok(())));
    if !answers {
        connection.close_on_drop();
    }
    answers
}

/// Checks and listens until there is no response.
async fn listen(
    address: &Address,
    mut listener: PgListener,
    (freshness, revoked): (&Freshness, &Revoked),
) {
    let check = freshness.begin_check();
    if let Err(cause) = load(&mut listener, revoked).await {
        return freshness.lose(check, &cause);
    }
    loop {
        let check = freshness.begin_check();
        if let Err(cause) = listen_once(address, &mut listener, (freshness, revoked)).await {
            return freshness.lose(check, &cause);
        }
    }
}

/// Reads all tokens that have ended, however many there are. What is committed after the listening
/// began is notified: to read on from the last number instead would miss a transaction that began
/// earlier and commits later.
async fn load(listener: &mut PgListener, revoked: &Revoked) -> Result<(), sqlx::Error> {
    let mut ended = sqlx::query_as::<_, Row>(REVOCATIONS).fetch(&mut *listener);
    while let Some(row) = timeout(CONNECT, ended.try_next()).await.map_err(late)?? {
        revoked.add_rows([row]);
    }
    Ok(())
}

async fn listen_once(
    address: &Address,
    listener: &mut PgListener,
    (freshness, revoked): (&Freshness, &Revoked),
) -> Result<(), sqlx::Error> {
    // The server delivers pending notifications before it responds.
    let asked = Instant::now();
    let look = sqlx::query_scalar(LOOK).fetch_one(&mut *listener);
    let may_read: bool = timeout(ANSWER, look).await.map_err(late)??;
    if !may_read {
        return Err(sqlx::Error::Configuration("permission denied to read users".into()));
    }
    timeout(ANSWER, address.servers.check(&mut *listener)).await.map_err(late)??;
    while let Some(notification) = listener.next_buffered() {
        heard(&notification, freshness, revoked);
    }
    freshness.confirm(asked);
    while let Ok(received) = timeout_at((asked + PAUSE).into(), listener.try_recv()).await {
        heard(&received?.ok_or_else(lost)?, freshness, revoked);
    }
    Ok(())
}

/// Connects, and makes sure that notifications arrive: a pooler in between may swallow them.
async fn connect(address: &Address, revoked: &Revoked) -> Result<PgListener, sqlx::Error> {
    // A pool would wait for a server that refuses.
    let reached = address.servers.connect(CONNECT).await?;
    timeout(CONNECT, hear(address, reached, revoked)).await.map_err(late)?
}

/// A listening session on the server that was reached.
async fn hear(
    address: &Address,
    reached: PgConnection,
    revoked: &Revoked,
) -> Result<PgListener, sqlx::Error> {
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
    listener.listen_all([CHANNEL, REVOKED]).await?;
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(PROBE)
        .execute(&mut listener)
        .await?;
    loop {
        let notification = listener.try_recv().await?.ok_or_else(lost)?;
        if notification.payload() == PROBE {
            break;
        }
        if notification.channel() == REVOKED {
            revoked.add_rows(ended_by(notification.payload()));
        }
    }
    Ok(listener)
}

fn heard(notification: &PgNotification, freshness: &Freshness, revoked: &Revoked) {
    let payload = notification.payload();
    if notification.channel() == REVOKED {
        revoked.add_rows(ended_by(payload));
    } else if let Some(username) = payload.strip_prefix(CHANGED) {
        freshness.forget(username);
    } else if payload != PROBE {
        freshness.invalidate();
    }
}

/// The row that a notification tells of.
fn ended_by(payload: &str) -> Option<Row> {
    let mut words = payload.split(' ');
    let (kind, id, until) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    Some((kind.to_owned(), id.to_owned(), until))
}

fn late(_: Elapsed) -> sqlx::Error {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn lost() -> sqlx::Error {
    io::Error::from(io::ErrorKind::ConnectionReset).into()
}
