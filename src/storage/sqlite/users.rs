//! Users in SQLite.

use crate::domain::{
    NewUser, Page, RepositoryError, ScopeName, Timestamp, User, UserChange, UserImport,
    UserRepository, Username,
};
use crate::storage::StorageError;
use crate::storage::error::{unavailable, unreached};
use crate::storage::row::{apply, created, holds, user};
use crate::storage::sqlite::import::{SqliteImport, insert};
use crate::storage::sqlite::{Pools, open};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteExecutor};
use sqlx::{Sqlite, Transaction};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

/// A statement that reads users, with what follows `FROM users`.
macro_rules! select_users {
    ($which:literal) => {
        concat!(
            "SELECT username, id, email, full_name, disabled, password_hash, created_at, updated_at,
                 (SELECT group_concat(scope, ' ' ORDER BY position) FROM user_scopes
                  WHERE user_scopes.username = users.username) AS scopes
             FROM users ",
            $which
        )
    };
}

/// The users of one SQLite file.
pub(in crate::storage) struct SqliteUsers {
    pub(super) pools: Pools,
}

impl SqliteUsers {
    /// Opens the file; creates and migrates it if need be.
    pub(in crate::storage) async fn open(
        path: &Path,
        readers: NonZeroU32,
    ) -> Result<Self, StorageError> {
        Ok(Self { pools: open(path, readers).await? })
    }

    /// A transaction that has the write lock from its beginning: one that took it later could fail
    /// for what others wrote since it began.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, RepositoryError> {
        self.pools.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unreached)
    }
}

#[async_trait]
impl UserRepository for SqliteUsers {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let row = sqlx::query(select_users!("WHERE username = ?1"))
            .bind(username.as_str())
            .fetch_optional(&self.pools.readers)
            .await
            .map_err(unavailable)?;
        row.map(|row| user(&row).map(Arc::new)).transpose().map_err(unavailable)
    }

    async fn list(&self, page: &Page) -> Result<Vec<User>, RepositoryError> {
        list(&self.pools.readers, page).await
    }

    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM users)")
            .fetch_one(&self.pools.readers)
            .await
            .map_err(unavailable)
    }

    async fn create(&self, new: NewUser, now: Timestamp) -> Result<User, RepositoryError> {
        let user = created(new, now);
        let mut transaction = self.begin().await?;
        let taken = insert(&mut transaction, vec![user.clone()]).await.map_err(unavailable)?;
        if !taken.is_empty() {
            return Err(RepositoryError::Exists);
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(user)
    }

    async fn update(
        &self,
        username: &Username,
        change: UserChange,
        keep: Option<&ScopeName>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        let mut transaction = self.begin().await?;
        let before = fetch(&mut transaction, username).await?;
        if change.expected_hash.as_ref().is_some_and(|hash| *hash != before.password_hash) {
            return Err(RepositoryError::NotFound);
        }
        let after = apply(&before, change, now);
        if let Some(keep) = keep
            && holds(&before, keep)
            && !holds(&after, keep)
        {
            require_another_holder(&mut transaction, username, keep).await?;
        }
        write(&mut transaction, &before, &after).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(after)
    }

    async fn delete(
        &self,
        username: &Username,
        keep: Option<&ScopeName>,
    ) -> Result<(), RepositoryError> {
        let mut transaction = self.begin().await?;
        let before = fetch(&mut transaction, username).await?;
        if let Some(keep) = keep
            && holds(&before, keep)
        {
            require_another_holder(&mut transaction, username, keep).await?;
        }
        sqlx::query("DELETE FROM users WHERE username = ?1")
            .bind(username.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)
    }

    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        Ok(Box::new(SqliteImport { transaction: self.begin().await?, now }))
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        sqlx::query("SELECT count FROM user_changes")
            .fetch_one(&self.pools.readers)
            .await
            .map(drop)
            .map_err(unavailable)
    }
}

pub(super) async fn list(
    database: impl SqliteExecutor<'_>,
    page: &Page,
) -> Result<Vec<User>, RepositoryError> {
    // No name is empty, so the empty text stands before all.
    let rows = sqlx::query(select_users!("WHERE username > ?1 ORDER BY username LIMIT ?2"))
        .bind(page.after.as_ref().map_or("", Username::as_str))
        .bind(page.limit)
        .fetch_all(database)
        .await
        .map_err(unavailable)?;
    rows.iter().map(user).collect::<Result<_, _>>().map_err(unavailable)
}

async fn fetch(
    connection: &mut SqliteConnection,
    username: &Username,
) -> Result<User, RepositoryError> {
    let row = sqlx::query(select_users!("WHERE username = ?1"))
        .bind(username.as_str())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let row = row.ok_or(RepositoryError::NotFound)?;
    user(&row).map_err(unavailable)
}

async fn require_another_holder(
    connection: &mut SqliteConnection,
    username: &Username,
    scope: &ScopeName,
) -> Result<(), RepositoryError> {
    let another: bool = sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT 1 FROM user_scopes JOIN users USING (username)
             WHERE scope = ?1 AND username <> ?2 AND NOT disabled)",
    )
    .bind(scope.as_str())
    .bind(username.as_str())
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    if another { Ok(()) } else { Err(RepositoryError::LastHolder(scope.clone())) }
}

async fn write(
    connection: &mut SqliteConnection,
    before: &User,
    after: &User,
) -> Result<(), sqlx::Error> {
    let username = after.username.as_str();
    sqlx::query(
        "UPDATE users SET email = ?2, full_name = ?3, disabled = ?4, password_hash = ?5,
             updated_at = ?6
         WHERE username = ?1",
    )
    .bind(username)
    .bind(after.email.as_deref())
    .bind(after.full_name.as_deref())
    .bind(after.disabled)
    .bind(after.password_hash.expose())
    .bind(after.updated_at.seconds())
    .execute(&mut *connection)
    .await?;
    if before.scopes == after.scopes {
        return Ok(());
    }
    sqlx::query("DELETE FROM user_scopes WHERE username = ?1")
        .bind(username)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO user_scopes (username, position, scope)
         SELECT ?1, key, value FROM json_each(?2)",
    )
    .bind(username)
    .bind(serde_json::json!(after.scopes).to_string())
    .execute(&mut *connection)
    .await?;
    Ok(())
}
