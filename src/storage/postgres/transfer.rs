//! All users of a database in one transaction.

use crate::domain::{Page, RepositoryError, User, Username};
use crate::storage::error::unavailable;
use crate::storage::postgres::PostgresUsers;
use crate::storage::postgres::driver::Session;
use crate::storage::postgres::import::{add, analyze};
use crate::storage::postgres::users::list;
use crate::storage::statements;
use crate::storage::transfer::{FormerName, Transfer};
use async_trait::async_trait;
use sqlx::postgres::PgConnection;

struct PostgresTransfer(Session);

impl PostgresUsers {
    /// Everything as it is at the first look.
    pub(in crate::storage) async fn reading(&self) -> Result<Box<dyn Transfer>, RepositoryError> {
        let begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(Box::new(PostgresTransfer(Session::begin(&self.driver, begin).await?)))
    }

    /// Nobody else writes meanwhile.
    pub(in crate::storage) async fn writing(&self) -> Result<Box<dyn Transfer>, RepositoryError> {
        let begin = "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE";
        Ok(Box::new(PostgresTransfer(Session::begin(&self.driver, begin).await?)))
    }
}

#[async_trait]
impl Transfer for PostgresTransfer {
    async fn count(&mut self) -> Result<u64, RepositoryError> {
        self.0.run(|connection| Box::pin(count(connection))).await
    }

    async fn list(&mut self, page: Page) -> Result<Vec<User>, RepositoryError> {
        self.0.run(|connection| Box::pin(list(connection, page))).await
    }

    async fn add(&mut self, users: Vec<User>) -> Result<Vec<Username>, RepositoryError> {
        self.0.run(|connection| Box::pin(add(connection, users))).await
    }

    async fn former_names(
        &mut self,
        after: FormerName,
    ) -> Result<Vec<FormerName>, RepositoryError> {
        self.0.run(|connection| Box::pin(former_names(connection, after))).await
    }

    async fn add_former_names(&mut self, names: Vec<FormerName>) -> Result<(), RepositoryError> {
        self.0.run(|connection| Box::pin(add_former_names(connection, names))).await
    }

    async fn analyze(&mut self) -> Result<(), RepositoryError> {
        self.0.run(|connection| Box::pin(analyze(connection))).await
    }

    async fn commit(self: Box<Self>) -> Result<(), RepositoryError> {
        self.0.commit().await
    }
}

async fn count(connection: &mut PgConnection) -> Result<u64, RepositoryError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    Ok(count.unsigned_abs())
}

async fn former_names(
    connection: &mut PgConnection,
    (name, id): FormerName,
) -> Result<Vec<FormerName>, RepositoryError> {
    let page = sqlx::query_as(statements::FORMER_NAMES).bind(name).bind(id);
    page.fetch_all(connection).await.map_err(unavailable)
}

async fn add_former_names(
    connection: &mut PgConnection,
    names: Vec<FormerName>,
) -> Result<(), RepositoryError> {
    let (names, ids): (Vec<String>, Vec<i64>) = names.into_iter().unzip();
    let add = "INSERT INTO former_names SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING";
    let added = sqlx::query(add).bind(names).bind(ids).execute(connection).await;
    added.map(drop).map_err(unavailable)
}
