//! Notices changes by other processes: a thread that reads which users have changed.

use crate::storage::StorageError;
use crate::storage::cache::Freshness;
use crate::storage::revoked::{Revoked, Row};
use crate::storage::sqlite::options;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Between two checks: often enough that a healthy cache never loses its trust.
const PAUSE: Duration = Duration::from_millis(400);

/// The number of the last change. A statement that fails half-way leaves changes whose number
/// SQLite has not recorded yet.
const LAST: &str = "SELECT max(
         coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changed_users'), 0),
         coalesce((SELECT max(seq) FROM changed_users), 0))";

/// Users changed between two numbers, once per change.
const CHANGED: &str = "SELECT username FROM changed_users WHERE seq > ?1 AND seq <= ?2";

/// The number of the last token that has ended, and those after a number.
const LAST_REVOCATION: &str =
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocations'), 0)";
const REVOCATIONS: &str = "SELECT kind, id, until FROM revocations WHERE seq > ?1";

/// From this many changes on, as in an import, they are not read one by one.
const MOST: i64 = 4096;

/// The watching thread; it ends soon after this is dropped.
///
/// A thread of its own, with its own connection: it depends on no runtime, and no queue for a
/// pooled connection can hold it up.
pub(in crate::storage) struct Watch {
    _stop: Sender<()>,
}

impl Watch {
    /// Starts to watch the file for `freshness`.
    pub(in crate::storage) fn start(
        path: &Path,
        freshness: Arc<Freshness>,
        revoked: Arc<Revoked>,
    ) -> Result<Self, StorageError> {
        let (stop, stopped) = channel();
        let fail = |error| StorageError::file(path, format_args!("cannot be watched: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(fail)?;
        let options = options(path);
        let mut watcher =
            Watcher { connection: None, seen: None, freshness, revocation: 0, revoked };
        let watch = move || {
            loop {
                let check = watcher.freshness.begin_check();
                if let Err(error) = runtime.block_on(watcher.check(&options)) {
                    watcher.connection = None;
                    watcher.freshness.lose(check, &error);
                }
                if stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        };
        thread::Builder::new().name("user-watch".to_owned()).spawn(watch).map_err(fail)?;
        Ok(Self { _stop: stop })
    }
}

struct Watcher {
    connection: Option<SqliteConnection>,
    /// The number of the last known change.
    seen: Option<i64>,
    freshness: Arc<Freshness>,
    /// The number of the last token that is known to have ended.
    revocation: i64,
    revoked: Arc<Revoked>,
}

impl Watcher {
    /// Checks once; our own changes count as well, which costs no more than reading some users
    /// again.
    async fn check(&mut self, options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
        let asked = Instant::now();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(options.connect().await?),
        };
        let last: i64 = sqlx::query_scalar(LAST_REVOCATION).fetch_one(&mut *connection).await?;
        if last != self.revocation {
            // A number that went back: another file, whose numbers mean something else.
            let since = if last < self.revocation { 0 } else { self.revocation };
            let rows = sqlx::query_as(REVOCATIONS).bind(since).fetch_all(&mut *connection);
            let rows: Vec<Row> = rows.await?;
            self.revoked.add_rows(rows);
            self.revocation = last;
        }
        let last: i64 = sqlx::query_scalar(LAST).fetch_one(&mut *connection).await?;
        let since = self.seen.map(|seen| (seen, last.saturating_sub(seen)));
        let changed = match since {
            Some((_, 0)) => Some(Vec::new()),
            Some((seen, count @ 1..=MOST)) => {
                let changed = sqlx::query_scalar(CHANGED).bind(seen).bind(last);
                let changed: Vec<String> = changed.fetch_all(connection).await?;
                Some(changed).filter(|changed| i64::try_from(changed.len()) == Ok(count))
            }
            _ => None,
        };
        match changed {
            Some(changed) => changed.iter().for_each(|user| self.freshness.forget(user)),
            // Some changes are unknown.
            None => self.freshness.invalidate(),
        }
        self.seen = Some(last);
        self.freshness.confirm(asked);
        Ok(())
    }
}
