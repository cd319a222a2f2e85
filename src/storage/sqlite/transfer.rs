//! All users of a SQLite file in one transaction, and the file as a whole.

use crate::domain::{Page, RepositoryError, User, Username};
use crate::storage::error::unavailable;
use crate::storage::sqlite::SqliteUsers;
use crate::storage::sqlite::damage::faults;
use crate::storage::sqlite::import::insert;
use crate::storage::sqlite::users::list;
use crate::storage::statements;
use crate::storage::transfer::{FormerName, Transfer};
use async_trait::async_trait;
use serde_json::json;
use sqlx::{Sqlite, Transaction};

struct SqliteTransfer(Transaction<'static, Sqlite>);

impl SqliteUsers {
    /// Everything as it is at the first look.
    pub(in crate::storage) async fn reading(&self) -> Result<Box<dyn Transfer>, RepositoryError> {
        let transaction = self.pools.readers.begin().await.map_err(unavailable)?;
        Ok(Box::new(SqliteTransfer(transaction)))
    }

    /// Nobody else writes meanwhile.
    pub(in crate::storage) async fn writing(&self) -> Result<Box<dyn Transfer>, RepositoryError> {
        Ok(Box::new(SqliteTransfer(self.begin().await?)))
    }

    /// What SQLite finds wrong with the file.
    pub(in crate::storage) async fn faults(&self) -> Result<Vec<String>, RepositoryError> {
        let mut connection = self.pools.readers.acquire().await.map_err(unavailable)?;
        let found = faults(&mut connection, "PRAGMA integrity_check").await;
        let mut faults = found.map_err(unavailable)?;
        if !faults.is_empty() {
            return Ok(faults);
        }
        let orphans = sqlx::query("PRAGMA foreign_key_check")
            .fetch_all(&mut *connection)
            .await
            .map_err(unavailable)?;
        if !orphans.is_empty() {
            faults.push(format!("{} scopes belong to no user", orphans.len()));
        }
        Ok(faults)
    }

    /// Writes a consistent copy into an empty file.
    pub(in crate::storage) async fn write_copy(&self, file: &str) -> Result<(), RepositoryError> {
        let done = sqlx::query("VACUUM INTO ?1").bind(file).execute(&self.pools.readers).await;
        done.map(drop).map_err(unavailable)
    }
}

#[async_trait]
impl Transfer for SqliteTransfer {
    async fn count(&mut self) -> Result<u64, RepositoryError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
            .fetch_one(&mut *self.0)
            .await
            .map_err(unavailable)?;
        Ok(count.unsigned_abs())
    }

    async fn list(&mut self, page: Page) -> Result<Vec<User>, RepositoryError> {
        list(&mut *self.0, &page).await
    }

    async fn add(&mut self, users: Vec<User>) -> Result<Vec<Username>, RepositoryError> {
        insert(&mut self.0, users).await.map_err(unavailable)
    }

    async fn former_names(
        &mut self,
        (name, id): FormerName,
    ) -> Result<Vec<FormerName>, RepositoryError> {
        let page = sqlx::query_as(statements::FORMER_NAMES).bind(name).bind(id);
        page.fetch_all(&mut *self.0).await.map_err(unavailable)
    }

    async fn add_former_names(&mut self, names: Vec<FormerName>) -> Result<(), RepositoryError> {
        let add = "INSERT OR IGNORE INTO former_names
             SELECT value ->> 0, value ->> 1 FROM json_each(?1)";
        let added = sqlx::query(add).bind(json!(names).to_string()).execute(&mut *self.0).await;
        added.map(drop).map_err(unavailable)
    }

    /// SQLite reads users by the one index that there is, however many they are.
    async fn analyze(&mut self) -> Result<(), RepositoryError> {
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), RepositoryError> {
        self.0.commit().await.map_err(unavailable)
    }
}
