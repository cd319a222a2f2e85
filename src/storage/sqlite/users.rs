//! Users in SQLite.

use crate::domain::{
    Actor, NewUser, Page, RepositoryError, ScopeName, StoreHealth, Timestamp, User, UserChange,
    UserId, UserImport, UserRepository, Username,
};
use crate::settings::UserSettings;
use crate::storage::error::{unavailable, unreached};
use crate::storage::give_back::give_back;
use crate::storage::row::{changed_hash, created, user};
use crate::storage::sqlite::import::{SqliteImport, insert};
use crate::storage::sqlite::{Pools, open, require, unique};
use crate::storage::underway::Underway;
use crate::storage::unique::is_asked;
use crate::storage::writing::Statements;
use crate::storage::{Missing, StorageError, change, statements};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnection, SqliteExecutor};
use sqlx::{Sqlite, Transaction};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

/// The users of one SQLite file.
pub(in crate::storage) struct SqliteUsers {
    pub(super) pools: Pools,
    unique: UserSettings,
    reads: Underway,
    writes: Underway,
}

impl SqliteUsers {
    /// Opens the file; migrates it if need be.
    pub(in crate::storage) async fn open(
        path: &Path,
        readers: NonZeroU32,
        missing: Missing,
    ) -> Result<Self, StorageError> {
        let unique = UserSettings::default();
        Ok(Self {
            pools: open(path, readers, missing).await?,
            unique,
            reads: Underway::default(),
            writes: Underway::default(),
        })
    }

    /// The same users, of whom more than the exact names must be unique. Whoever may create the
    /// file also sees to what that needs.
    pub(in crate::storage) async fn requiring(
        self,
        path: &Path,
        unique: UserSettings,
        missing: Missing,
    ) -> Result<Self, StorageError> {
        if is_asked(unique) && missing == Missing::Create {
            require(path, unique).await?;
        }
        Ok(Self { unique, ..self })
    }

    /// The newest migration, where this version does not know it.
    pub(in crate::storage) fn newer(&self) -> Option<i64> {
        self.pools.newer
    }

    /// A transaction that has the write lock from its beginning: one that took it later could fail
    /// for what others wrote since it began.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, RepositoryError> {
        let begun = self.pools.writer.begin_with("BEGIN IMMEDIATE").await;
        if matches!(begun, Err(sqlx::Error::Database(_))) {
            self.close_writer().await;
        }
        begun.map_err(unreached)
    }

    /// Has the next writer open a connection of its own. What has happened to a connection stays with
    /// it: one that was opened while the file was read-only cannot write later, and where SQLite
    /// itself has undone a transaction because the disk was full, sqlx believes to be in it for ever.
    async fn close_writer(&self) {
        if let Ok(mut connection) = self.pools.writer.acquire().await {
            connection.close_on_drop();
        }
    }

    /// Makes a change in a transaction of its own: all of it or, on any error, nothing.
    async fn change<T, F>(&self, change: F) -> Result<T, RepositoryError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, RepositoryError>>
            + Send,
        T: Send,
    {
        let _write = self.writes.begin();
        let mut transaction = self.begin().await?;
        let result = match change(&mut transaction).await {
            Ok(done) => transaction.commit().await.map(|()| done).map_err(unavailable),
            Err(error) => {
                drop(transaction);
                Err(error)
            }
        };
        if matches!(result, Err(RepositoryError::Unavailable(_))) {
            self.close_writer().await;
        }
        result
    }
}

#[async_trait]
impl UserRepository for SqliteUsers {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let _read = self.reads.begin();
        let found = find(&self.pools.readers, username).await.map_err(unavailable)?;
        Ok(found.map(Arc::new))
    }

    async fn find_by_id(
        &self,
        id: UserId,
        _: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        let _read = self.reads.begin();
        let query = sqlx::query(statements::FIND_BY_ID).bind(id.0);
        let row = query.fetch_optional(&self.pools.readers).await.map_err(unavailable)?;
        row.map(|row| user(&row).map(Arc::new)).transpose().map_err(unavailable)
    }

    async fn find_folded(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        if !self.unique.case_insensitive {
            return Ok(None);
        }
        let _read = self.reads.begin();
        let query = sqlx::query(statements::FIND_FOLDED).bind(username.folded());
        let rows = query.fetch_all(&self.pools.readers).await.map_err(unavailable)?;
        let [row] = rows.as_slice() else { return Ok(None) };
        user(row).map(Arc::new).map(Some).map_err(unavailable)
    }

    async fn list(&self, page: &Page) -> Result<Vec<User>, RepositoryError> {
        let _read = self.reads.begin();
        list(&self.pools.readers, page).await
    }

    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        let _read = self.reads.begin();
        sqlx::query_scalar(statements::IS_EMPTY)
            .fetch_one(&self.pools.readers)
            .await
            .map_err(unavailable)
    }

    async fn create(
        &self,
        new: NewUser,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        self.change(change::create(created(new, now), actor, self.unique)).await
    }

    async fn update(
        &self,
        username: &Username,
        change: UserChange,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        self.change(change::update(username, change, keep, actor, self.unique, now)).await
    }

    async fn delete(
        &self,
        username: &Username,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
    ) -> Result<(), RepositoryError> {
        self.change(change::delete(username, keep, actor)).await
    }

    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        let writer = self.pools.writer.clone();
        let (transaction, unique) = (self.begin().await?, self.unique);
        Ok(Box::new(SqliteImport { transaction, now, writer, unique }))
    }

    fn health(&self) -> StoreHealth {
        let Pools { readers, writer, .. } = &self.pools;
        let pools =
            [self.reads.condition("readers", readers), self.writes.condition("writers", writer)];
        StoreHealth { pools: pools.into(), ..StoreHealth::default() }
    }

    fn give_back(&self) {
        for pool in [&self.pools.readers, &self.pools.writer] {
            tokio::spawn(give_back(pool.clone()));
        }
    }
}

pub(super) async fn list(
    database: impl SqliteExecutor<'_>,
    page: &Page,
) -> Result<Vec<User>, RepositoryError> {
    let rows = sqlx::query(statements::LIST)
        .bind(page.after.as_ref().map_or("", Username::as_str))
        .bind(page.limit)
        .fetch_all(database)
        .await
        .map_err(unavailable)?;
    rows.iter().map(user).collect::<Result<_, _>>().map_err(unavailable)
}

async fn find(
    connection: impl SqliteExecutor<'_>,
    username: &Username,
) -> Result<Option<User>, sqlx::Error> {
    let row =
        sqlx::query(statements::FIND).bind(username.as_str()).fetch_optional(connection).await?;
    row.map(|row| user(&row)).transpose()
}

#[async_trait]
impl Statements for SqliteConnection {
    /// The transaction has the write lock.
    async fn lock(
        &mut self,
        target: Option<&Username>,
        actor: Option<UserId>,
    ) -> Result<Vec<User>, sqlx::Error> {
        let both = sqlx::query(statements::FIND_BOTH)
            .bind(target.map(Username::as_str))
            .bind(actor.map(|actor| actor.0));
        both.fetch_all(self).await?.iter().map(user).collect()
    }

    /// The transaction has the write lock.
    async fn lock_unique(&mut self) -> Result<(), sqlx::Error> {
        Ok(())
    }

    async fn taken_names(&mut self, folded: &[String]) -> Result<Vec<String>, sqlx::Error> {
        unique::taken_names(self, folded).await
    }

    async fn taken_emails(&mut self, emails: &[String]) -> Result<Vec<String>, sqlx::Error> {
        unique::taken_emails(self, emails).await
    }

    async fn taken_ids(&mut self, ids: &[UserId]) -> Result<Vec<i64>, sqlx::Error> {
        unique::taken_ids(self, ids).await
    }

    async fn insert(&mut self, users: Vec<User>) -> Result<Vec<Username>, sqlx::Error> {
        insert(self, users).await
    }

    async fn rename(&mut self, from: &Username, to: &Username) -> Result<(), sqlx::Error> {
        unique::rename(self, from, to).await
    }

    async fn remove(&mut self, username: &Username) -> Result<(), sqlx::Error> {
        let delete = sqlx::query(statements::DELETE).bind(username.as_str());
        delete.execute(self).await.map(drop)
    }

    async fn has_another_holder(
        &mut self,
        username: &Username,
        scope: &ScopeName,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(statements::ANOTHER_HOLDER)
            .bind(scope.as_str())
            .bind(username.as_str())
            .fetch_one(self)
            .await
    }

    async fn write(&mut self, before: &User, after: &User) -> Result<(), sqlx::Error> {
        let username = after.username.as_str();
        sqlx::query(statements::UPDATE)
            .bind(username)
            .bind(after.email.as_deref())
            .bind(after.full_name.as_deref())
            .bind(after.disabled)
            .bind(changed_hash(before, after))
            .bind(after.updated_at.seconds())
            .execute(&mut *self)
            .await?;
        if before.scopes == after.scopes {
            return Ok(());
        }
        sqlx::query(statements::DELETE_SCOPES).bind(username).execute(&mut *self).await?;
        sqlx::query(
            "INSERT INTO user_scopes (username, position, scope)
             SELECT ?1, key, value FROM json_each(?2)",
        )
        .bind(username)
        .bind(serde_json::json!(after.scopes).to_string())
        .execute(&mut *self)
        .await?;
        Ok(())
    }
}
