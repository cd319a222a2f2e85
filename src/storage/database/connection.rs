//! One connection to either database, and a statement on it.

use crate::storage::database::sql::Sql;
use futures_util::future::BoxFuture;
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query as Prepared;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Encode, FromRow, Type};

/// A connection to either database, usually in a transaction that the caller begins and commits.
pub(in crate::storage) enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(&'c mut PgConnection),
}

/// An operation on a connection.
pub(in crate::storage) trait Operation<T, E = sqlx::Error>:
    for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, E>> + Send + 'static
{
}

impl<T, E, F> Operation<T, E> for F where
    F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, E>> + Send + 'static
{
}

impl Connection<'_> {
    /// A statement, to bind values to and run.
    pub(in crate::storage) fn query(&mut self, sql: impl Into<Sql>) -> Query<'_> {
        let sql = sql.into();
        match self {
            Self::Sqlite(connection) => Query::Sqlite(sqlx::query(sql.sqlite), connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => Query::Postgres(sqlx::query(sql.postgres), connection),
        }
    }

    /// Makes a change in a transaction of its own: all of it or, on any error, nothing.
    pub(in crate::storage) async fn atomically<T, E: From<sqlx::Error>>(
        &mut self,
        change: impl Operation<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(connection) => {
                let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                let done = change(Connection::Sqlite(&mut transaction)).await?;
                transaction.commit().await?;
                Ok(done)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => {
                let mut transaction = connection.begin().await?;
                let done = change(Connection::Postgres(&mut transaction)).await?;
                transaction.commit().await?;
                Ok(done)
            }
        }
    }

    /// Takes the lock of this name, waiting for its other holders, until the transaction ends. On
    /// SQLite, a writer has the write lock anyway.
    pub(in crate::storage) async fn lock(&mut self, name: &str) -> Result<(), sqlx::Error> {
        self.on_postgres("SELECT pg_advisory_xact_lock(hashtext($1))", &[name]).await
    }

    /// The same for one of many locks with one name.
    pub(in crate::storage) async fn lock_one(
        &mut self,
        name: &str,
        which: &str,
    ) -> Result<(), sqlx::Error> {
        let lock = "SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))";
        self.on_postgres(lock, &[name, which]).await
    }

    /// Takes the lock of this name until the transaction ends, or returns that another has it. On
    /// SQLite, a writer has the write lock anyway.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite is all"))]
    #[cfg_attr(not(feature = "postgres"), expect(clippy::unused_async, reason = "SQLite is all"))]
    pub(in crate::storage) async fn try_lock(&mut self, name: &str) -> Result<bool, sqlx::Error> {
        match self {
            Self::Sqlite(_) => Ok(true),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {
                let lock = "SELECT pg_try_advisory_xact_lock(hashtext($1))";
                self.query(lock).bind(name).scalar().await
            }
        }
    }

    /// Runs what only PostgreSQL needs, such as `LOCK TABLE` and `ANALYZE`: SQLite has one writer,
    /// and uses the existing indexes however many rows there are.
    pub(in crate::storage) async fn on_postgres(
        &mut self,
        statement: &'static str,
        values: &[&str],
    ) -> Result<(), sqlx::Error> {
        if matches!(self, Self::Sqlite(_)) {
            return Ok(());
        }
        let query = self.query(statement);
        values.iter().fold(query, |query, value| query.bind(*value)).execute().await
    }
}

/// A value that both databases accept.
#[cfg(feature = "postgres")]
pub(in crate::storage) trait Value<'v>:
    Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres>
{
}
#[cfg(feature = "postgres")]
impl<'v, V> Value<'v> for V where
    V: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres>
{
}

/// A value that the database accepts.
#[cfg(not(feature = "postgres"))]
pub(in crate::storage) trait Value<'v>:
    Encode<'v, Sqlite> + Type<Sqlite>
{
}
#[cfg(not(feature = "postgres"))]
impl<'v, V: Encode<'v, Sqlite> + Type<Sqlite>> Value<'v> for V {}

/// A type that a row of either database can be read as: a tuple of its columns, or a type of the
/// domain.
#[cfg(feature = "postgres")]
pub(in crate::storage) trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>
{
}
#[cfg(feature = "postgres")]
impl<R> Record for R where R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

/// A type that a row can be read as: a tuple of its columns, or a type of the domain.
#[cfg(not(feature = "postgres"))]
pub(in crate::storage) trait Record: for<'r> FromRow<'r, SqliteRow> {}
#[cfg(not(feature = "postgres"))]
impl<R: for<'r> FromRow<'r, SqliteRow>> Record for R {}

/// A statement and its values, on the connection that runs it.
#[must_use = "it does nothing until it is run"]
pub(in crate::storage) enum Query<'c> {
    Sqlite(Prepared<'static, Sqlite, SqliteArguments>, &'c mut SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(Prepared<'static, Postgres, PgArguments>, &'c mut PgConnection),
}

/// Does the same on either database.
macro_rules! on_either {
    ($query:expr, |$prepared:ident, $connection:ident| $do:expr) => {
        match $query {
            Self::Sqlite($prepared, $connection) => $do,
            #[cfg(feature = "postgres")]
            Self::Postgres($prepared, $connection) => $do,
        }
    };
}

impl Query<'_> {
    /// Binds the next value, starting with `$1`.
    pub(in crate::storage) fn bind<'v>(self, value: impl Value<'v>) -> Self {
        match self {
            Self::Sqlite(query, connection) => Self::Sqlite(query.bind(value), connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(query, connection) => Self::Postgres(query.bind(value), connection),
        }
    }

    /// Runs it for its effect.
    pub(in crate::storage) async fn execute(self) -> Result<(), sqlx::Error> {
        on_either!(self, |query, connection| query.execute(connection).await.map(drop))
    }

    /// All rows.
    pub(in crate::storage) async fn all<R: Record>(self) -> Result<Vec<R>, sqlx::Error> {
        on_either!(self, |query, connection| {
            query.fetch_all(connection).await?.iter().map(R::from_row).collect()
        })
    }

    /// The row, if there is one.
    pub(in crate::storage) async fn optional<R: Record>(self) -> Result<Option<R>, sqlx::Error> {
        on_either!(self, |query, connection| {
            query.fetch_optional(connection).await?.as_ref().map(R::from_row).transpose()
        })
    }

    /// The row.
    pub(in crate::storage) async fn one<R: Record>(self) -> Result<R, sqlx::Error> {
        on_either!(self, |query, connection| R::from_row(&query.fetch_one(connection).await?))
    }

    /// The only column of all rows.
    pub(in crate::storage) async fn scalars<T>(self) -> Result<Vec<T>, sqlx::Error>
    where
        (T,): Record,
    {
        Ok(self.all::<(T,)>().await?.into_iter().map(|(value,)| value).collect())
    }

    /// The only column of the row.
    pub(in crate::storage) async fn scalar<T>(self) -> Result<T, sqlx::Error>
    where
        (T,): Record,
    {
        Ok(self.one::<(T,)>().await?.0)
    }
}
