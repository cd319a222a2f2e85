//! The servers that may have the database: chooses the first, in order, that responds and has the
//! requested role, as libpq does.
//!
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS>

use crate::settings::TargetSession;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgExecutor};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::time::timeout;

/// The servers of one database.
pub(super) struct Servers {
    /// At least one.
    all: Vec<PgConnectOptions>,
    target: TargetSession,
    chosen: Mutex<Chosen>,
}

struct Chosen {
    at: usize,
    /// When another one was chosen before.
    since: Option<Instant>,
}

/// A server that responds, but lacks the requested role.
#[derive(Debug, Error)]
#[error("{0}")]
struct Unsuited(&'static str);

impl Servers {
    /// At least one server, of which the first counts until another one is found.
    pub(super) fn new(all: Vec<PgConnectOptions>, target: TargetSession) -> Self {
        Self { all, target, chosen: Mutex::new(Chosen { at: 0, since: None }) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// The one that responded last.
    pub(super) fn chosen(&self) -> PgConnectOptions {
        self.all[self.chosen_now().at].clone()
    }

    /// Whether a connection of this age leads to a server chosen earlier.
    pub(super) fn is_former(&self, age: Duration) -> bool {
        self.chosen_now().since.is_some_and(|since| since.elapsed() <= age)
    }

    /// Connects to the first suitable one; each gets this long.
    pub(super) async fn connect(&self, each: Duration) -> Result<PgConnection, sqlx::Error> {
        let mut first = None;
        for (at, options) in self.all.iter().enumerate() {
            let connect = async {
                let mut connection = options.connect().await?;
                self.check(&mut connection).await?;
                Ok(connection)
            };
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            let error = match timeout(each, connect).await.unwrap_or_else(late) {
                Ok(connection) => {
                    self.choose(at);
                    return Ok(connection);
                }
                Err(error) => error,
            };
            // After a wrong password, it is not shown to other servers.
            if !is_passing(&error) && !matches!(error, sqlx::Error::Io(_)) {
                return Err(error);
            }
            // An error from a server that responded says more than one from a server that did not.
            if first.as_ref().is_none_or(|first| matches!(first, sqlx::Error::Io(_))) {
                first = Some(error);
            }
        }
        Err(first.unwrap_or(sqlx::Error::PoolClosed))
    }

    /// Whether the session has the requested role.
    pub(super) async fn check(&self, session: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
        let (question, otherwise) = match self.target {
            TargetSession::Any => return Ok(()),
            TargetSession::ReadWrite => (
                "SELECT current_setting('transaction_read_only') = 'off'",
                "takes no writes, which target_session_attrs=read-write asks for",
            ),
            TargetSession::Primary => (
                "SELECT NOT pg_is_in_recovery()",
                "is a standby, where target_session_attrs=primary asks for the primary",
            ),
        };
        if sqlx::query_scalar(question).fetch_one(session).await? {
            Ok(())
        } else {
            Err(sqlx::Error::Configuration(Box::new(Unsuited(otherwise))))
        }
    }

    fn choose(&self, at: usize) {
        let mut chosen = self.chosen_now();
        if chosen.at != at {
            *chosen = Chosen { at, since: Some(Instant::now()) };
        }
    }

    fn chosen_now(&self) -> MutexGuard<'_, Chosen> {
        // No panic leaves it inconsistent.
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it may pass: the server is starting, full, or about to become the primary.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        // too_many_connections, cannot_connect_now
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("53300" | "57P03")),
        sqlx::Error::Configuration(error) => error.is::<Unsuited>(),
        _ => false,
    }
}
