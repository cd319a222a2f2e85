//! Notices what other processes change: a thread that looks at the count of changes.

use crate::storage::StorageError;
use crate::storage::cache::Freshness;
use crate::storage::sqlite::options;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks: often enough that a cache is never without trust while all is well.
const PAUSE: Duration = Duration::from_millis(400);

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
    ) -> Result<Self, StorageError> {
        let (stop, stopped) = channel();
        let fail = |error| StorageError::file(path, format_args!("cannot be watched: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(fail)?;
        let options = options(path);
        let mut watcher = Watcher { connection: None, seen: None, freshness };
        let watch = move || {
            loop {
                let look = watcher.freshness.begin_look();
                if let Err(error) = runtime.block_on(watcher.look(&options)) {
                    watcher.connection = None;
                    watcher.freshness.lose(look, &error);
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
    seen: Option<i64>,
    freshness: Arc<Freshness>,
}

impl Watcher {
    /// Looks once; our own changes count as well, which costs no more than reading some users anew.
    async fn look(&mut self, options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
        let asked = Instant::now();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(options.connect().await?),
        };
        let count =
            sqlx::query_scalar("SELECT count FROM user_changes").fetch_one(connection).await?;
        if self.seen.replace(count) != Some(count) {
            self.freshness.invalidate();
        }
        self.freshness.confirm(asked);
        Ok(())
    }
}
