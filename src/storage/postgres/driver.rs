//! The connections to PostgreSQL, on their own thread.

use crate::domain::{PoolUse, RepositoryError, Username};
use crate::storage::StorageError;
use crate::storage::cache::Freshness;
use crate::storage::error::{has_code, unavailable, unreached};
use crate::storage::give_back::give_back;
use crate::storage::postgres::address::Address;
use crate::storage::postgres::silence::{Connectivity, OperationTimeout};
use crate::storage::postgres::turns::Turns;
use crate::storage::postgres::watch::watch;
use crate::storage::revoked::Revoked;
use crate::storage::underway::Underway;
use futures_util::future::BoxFuture;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The server's extra time to report a timeout itself.
const GRACE: Duration = Duration::from_secs(1);

/// Lifts the limits of requests for the rest of a transaction. Sessions of a dead machine are still
/// ended by the keepalives.
const UNLIMITED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0";

/// The pools and their runtime. Writes have a pool of their own: those waiting for locks keep no
/// reader waiting.
///
/// A connection belongs to the runtime that opened it. This one outlives the workers, and finishes
/// what was begun even if the client leaves: no connection returns to the pool in the middle of a
/// response.
pub(in crate::storage) struct Driver {
    handle: Handle,
    readers: PgPool,
    writers: PgPool,
    turns: Turns,
    reads: Arc<Underway>,
    writes: Arc<Underway>,
    connectivity: Connectivity,
    acquire_timeout: Duration,
    limit: Duration,
    _stop: oneshot::Sender<()>,
}

impl Driver {
    /// Starts the thread; does not connect yet.
    pub(in crate::storage) fn start(address: &Address) -> Result<Arc<Self>, StorageError> {
        let fail = |error| StorageError::unusable(&address.label, error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(fail)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || drop(runtime.block_on(stopped));
        thread::Builder::new().name("database".to_owned()).spawn(serve).map_err(fail)?;
        let pool = |size| {
            let _entered = handle.enter();
            address
                .pool()
                .max_connections(size)
                .acquire_timeout(address.acquire_timeout)
                .connect_lazy_with(address.servers.chosen())
        };
        Ok(Arc::new(Self {
            readers: pool(address.pool_size),
            writers: pool(address.write_pool_size),
            turns: Turns::default(),
            reads: Arc::default(),
            writes: Arc::default(),
            connectivity: Connectivity::default(),
            acquire_timeout: address.acquire_timeout,
            limit: address.statement_timeout + GRACE,
            handle,
            _stop: stop,
        }))
    }

    /// Runs an operation on the thread to its end, even if its caller has gone.
    async fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let done = self.handle.spawn(work).await;
        done.map_err(|_| RepositoryError::Unavailable("this process ends".into()))
    }

    /// From now on keeps no idle connection.
    pub(in crate::storage) fn give_back(&self) {
        for pool in [&self.readers, &self.writers] {
            self.handle.spawn(give_back(pool.clone()));
        }
    }

    /// Watches the server, for `freshness` and for operations in progress, as long as this exists.
    pub(in crate::storage) fn watch(
        &self,
        address: Address,
        freshness: Arc<Freshness>,
        revoked: Arc<Revoked>,
    ) {
        let (connectivity, pools) =
            (self.connectivity.clone(), [self.readers.clone(), self.writers.clone()]);
        self.handle.spawn(watch(address, (freshness, revoked), connectivity, pools));
    }

    /// How the connections are used.
    pub(in crate::storage) fn condition(&self) -> [PoolUse; 2] {
        [
            self.reads.condition("readers", &self.readers),
            self.writes.condition("writers", &self.writers),
        ]
    }

    /// Runs a read on a connection of the pool, within the allowed time.
    pub(in crate::storage) async fn read<T, E, F>(&self, operation: F) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: Into<RepositoryError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let (pool, reads) = (self.readers.clone(), Arc::clone(&self.reads));
        let limit = self.connectivity.timeout(self.acquire_timeout, self.limit);
        self.spawn(async move {
            let _read = reads.begin();
            let mut connection = pool.acquire().await.map_err(unreached)?;
            within(limit, &mut connection, operation).await
        })
        .await?
    }

    /// Runs a write on a connection of the write pool; for a user, one at a time.
    pub(in crate::storage) async fn write<T, E, F>(
        &self,
        user: Option<&Username>,
        operation: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: Into<RepositoryError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let writes = Arc::clone(&self.writes);
        let (pool, turns, user) = (self.writers.clone(), self.turns.clone(), user.cloned());
        let once = self.acquire_timeout;
        // One wait is for the turn, which comes as long as the server responds.
        let reaching = self.connectivity.timeout(once, 2 * once);
        let limit = self.connectivity.timeout(once, self.limit);
        self.spawn(async move {
            let _write = writes.begin();
            let reach = async {
                let turn = match user {
                    Some(user) => Some(turns.take(user).await),
                    None => None,
                };
                Ok((turn, pool.acquire().await?))
            };
            let reached = reaching.wait(reach).await;
            let (_turn, mut connection) =
                reached.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unreached)?;
            within(limit, &mut connection, operation).await
        })
        .await?
    }
}

/// A connection that was interrupted is not used again.
async fn within<T, E, F>(
    limit: OperationTimeout,
    connection: &mut PoolConnection<Postgres>,
    operation: F,
) -> Result<T, RepositoryError>
where
    E: Into<RepositoryError>,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>>,
{
    if let Some(result) = limit.wait(operation(connection)).await {
        let result = result.map_err(Into::into);
        // A session that began while the database was read-only may stay read-only, and so may one
        // to a primary that has become a standby.
        if result.as_ref().is_err_and(|error| has_code(error, "25006")) {
            connection.close_on_drop();
        }
        return result;
    }
    connection.close_on_drop();
    Err(unavailable(io::Error::from(io::ErrorKind::TimedOut).into()))
}

/// A transaction of an administrator's command, over several calls: a million users take time, so
/// no statement is limited. Dropped without a commit, its connection is closed, and the server
/// rolls it back.
pub(in crate::storage) struct Session {
    driver: Arc<Driver>,
    /// Absent while it is in use, and after a caller left meanwhile.
    connection: Option<PoolConnection<Postgres>>,
}

impl Session {
    /// Begins a writing transaction.
    pub(in crate::storage) async fn begin(driver: &Arc<Driver>) -> Result<Self, RepositoryError> {
        let pool = driver.writers.clone();
        let connection = driver.spawn(async move { pool.acquire().await }).await?;
        let connection = Some(connection.map_err(unreached)?);
        let mut session = Self { driver: Arc::clone(driver), connection };
        session.execute("BEGIN").await?;
        session.execute(UNLIMITED).await?;
        Ok(session)
    }

    /// Begins one that reads a snapshot as of its first read.
    pub(in crate::storage) async fn snapshot(
        driver: &Arc<Driver>,
    ) -> Result<Self, RepositoryError> {
        let mut session = Self::begin(driver).await?;
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        Ok(session)
    }

    /// Runs an operation in the transaction.
    pub(in crate::storage) async fn run<T, E, F>(
        &mut self,
        operation: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: Into<RepositoryError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let Some(mut connection) = self.connection.take() else {
            return Err(RepositoryError::Unavailable("the transaction was aborted".into()));
        };
        connection.close_on_drop();
        let work = async move {
            let result = operation(&mut connection).await;
            (connection, result)
        };
        let (connection, result) = self.driver.spawn(work).await?;
        self.connection = Some(connection);
        result.map_err(Into::into)
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), RepositoryError> {
        self.run(move |connection| {
            Box::pin(async move {
                let done = sqlx::raw_sql(statement).execute(connection).await;
                done.map(drop).map_err(unavailable)
            })
        })
        .await
    }

    /// Makes it durable.
    pub(in crate::storage) async fn commit(mut self) -> Result<(), RepositoryError> {
        self.execute("COMMIT").await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Closing is a separate task, on the connection's runtime.
        let _entered = self.driver.handle.enter();
        drop(self.connection.take());
    }
}
