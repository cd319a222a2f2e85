//! Users in PostgreSQL.

use crate::domain::{
    Actor, NewUser, Page, RepositoryError, ScopeName, StoreHealth, Timestamp, User, UserChange,
    UserId, UserImport, UserRepository, Username,
};
use crate::settings::UserSettings;
use crate::storage::cache::Freshness;
use crate::storage::error::unavailable;
use crate::storage::postgres::address::Address;
use crate::storage::postgres::driver::{Driver, Session};
use crate::storage::postgres::import::{LOCK, PostgresImport, insert};
use crate::storage::postgres::set_up::{require, set_up};
use crate::storage::postgres::unique;
use crate::storage::row::{changed_hash, created, user};
use crate::storage::unique::is_asked;
use crate::storage::writing::Statements;
use crate::storage::{Missing, StorageError, change, statements};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use std::sync::Arc;

/// The users of one database.
pub(in crate::storage) struct PostgresUsers {
    pub(super) driver: Arc<Driver>,
    address: Address,
    unique: UserSettings,
    newer: Option<i64>,
}

impl PostgresUsers {
    /// Opens the database and migrates it if need be.
    pub(in crate::storage) async fn open(
        address: Address,
        missing: Missing,
    ) -> Result<Self, StorageError> {
        let newer = set_up(&address, missing).await?;
        let unique = UserSettings::default();
        Ok(Self { driver: Driver::start(&address)?, address, unique, newer })
    }

    /// The same users, of whom more than the exact names must be unique. Whoever may create the
    /// tables also sees to what that needs.
    pub(in crate::storage) async fn requiring(
        self,
        unique: UserSettings,
        missing: Missing,
    ) -> Result<Self, StorageError> {
        if is_asked(unique) && missing == Missing::Create {
            require(&self.address, unique).await?;
        }
        Ok(Self { unique, ..self })
    }

    /// The newest migration, where this version does not know it.
    pub(in crate::storage) fn newer(&self) -> Option<i64> {
        self.newer
    }

    /// Watches for changes by others as long as this is there.
    pub(in crate::storage) fn watch(&self, freshness: Arc<Freshness>) {
        self.driver.watch(self.address.clone(), freshness);
    }

    /// Makes a change in a transaction of its own: all of it or, on any error, nothing.
    async fn change<T, F>(&self, user: Option<&Username>, change: F) -> Result<T, RepositoryError>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, RepositoryError>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        self.driver
            .write(user, |connection| {
                Box::pin(async move {
                    let mut transaction = connection.begin().await.map_err(unavailable)?;
                    let done = change(&mut transaction).await?;
                    transaction.commit().await.map_err(unavailable)?;
                    Ok(done)
                })
            })
            .await
    }
}

#[async_trait]
impl UserRepository for PostgresUsers {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let username = username.clone();
        let found = self.driver.read(|connection| {
            Box::pin(async move { find(connection, &username).await.map_err(unavailable) })
        });
        Ok(found.await?.map(Arc::new))
    }

    async fn find_by_id(
        &self,
        id: UserId,
        _: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        let found = self.driver.read(move |connection| {
            Box::pin(async move { find_by_id(connection, id).await.map_err(unavailable) })
        });
        Ok(found.await?.map(Arc::new))
    }

    async fn find_folded(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        if !self.unique.case_insensitive {
            return Ok(None);
        }
        let folded = username.folded();
        let found = self.driver.read(|connection| {
            Box::pin(async move { find_folded(connection, &folded).await.map_err(unavailable) })
        });
        Ok(found.await?.map(Arc::new))
    }

    async fn list(&self, page: &Page) -> Result<Vec<User>, RepositoryError> {
        let page = page.clone();
        self.driver.read(|connection| Box::pin(list(connection, page))).await
    }

    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        self.driver.read(|connection| Box::pin(is_empty(connection))).await
    }

    async fn create(
        &self,
        new: NewUser,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        self.change(None, change::create(created(new, now), actor, self.unique)).await
    }

    async fn update(
        &self,
        username: &Username,
        change: UserChange,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        let update = change::update(username, change, keep, actor, self.unique, now);
        self.change(Some(username), update).await
    }

    async fn delete(
        &self,
        username: &Username,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
    ) -> Result<(), RepositoryError> {
        self.change(Some(username), change::delete(username, keep, actor)).await
    }

    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        let session = Session::begin(&self.driver, LOCK).await?;
        Ok(Box::new(PostgresImport { session, now, unique: self.unique }))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth { pools: self.driver.condition().into(), ..StoreHealth::default() }
    }

    fn give_back(&self) {
        self.driver.give_back();
    }
}

async fn find(
    connection: &mut PgConnection,
    username: &Username,
) -> Result<Option<User>, sqlx::Error> {
    let row =
        sqlx::query(statements::FIND).bind(username.as_str()).fetch_optional(connection).await?;
    row.map(|row| user(&row)).transpose()
}

async fn find_by_id(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<User>, sqlx::Error> {
    let row = sqlx::query(statements::FIND_BY_ID).bind(id.0).fetch_optional(connection).await?;
    row.map(|row| user(&row)).transpose()
}

async fn find_folded(
    connection: &mut PgConnection,
    folded: &str,
) -> Result<Option<User>, sqlx::Error> {
    let rows = sqlx::query(statements::FIND_FOLDED).bind(folded).fetch_all(connection).await?;
    let [row] = rows.as_slice() else { return Ok(None) };
    user(row).map(Some)
}

pub(super) async fn list(
    connection: &mut PgConnection,
    page: Page,
) -> Result<Vec<User>, RepositoryError> {
    let rows = sqlx::query(statements::LIST)
        .bind(page.after.as_ref().map_or("", Username::as_str))
        .bind(i64::from(page.limit))
        .fetch_all(connection)
        .await
        .map_err(unavailable)?;
    rows.iter().map(user).collect::<Result<_, _>>().map_err(unavailable)
}

async fn is_empty(connection: &mut PgConnection) -> Result<bool, RepositoryError> {
    sqlx::query_scalar(statements::IS_EMPTY).fetch_one(connection).await.map_err(unavailable)
}

#[async_trait]
impl Statements for PgConnection {
    /// Locks, then reads: one statement for both would join the new row with the scopes from before
    /// the wait. A row that came in the place of a deleted one meanwhile is not locked, and none of
    /// those that were asked for.
    ///
    /// Actors share their rows: an administrator whose write waits for a user's row can write to
    /// others meanwhile.
    async fn lock(
        &mut self,
        target: Option<&Username>,
        actor: Option<UserId>,
    ) -> Result<Vec<User>, sqlx::Error> {
        let alone = "SELECT id FROM users WHERE id = $1 FOR UPDATE";
        let shared = "SELECT id FROM users WHERE id = $1 FOR SHARE";
        let (name, actor) = (target.map(Username::as_str), actor.map(|actor| actor.0));
        let called = sqlx::query_scalar("SELECT id FROM users WHERE username = $1").bind(name);
        let target: Option<i64> = called.fetch_optional(&mut *self).await?;
        let rows = target.map(|id| (id, alone)).into_iter();
        let actors = actor.filter(|actor| target != Some(*actor)).map(|id| (id, shared));
        let mut rows: Vec<_> = rows.chain(actors).collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        let mut locked = Vec::new();
        for (id, statement) in rows {
            let query = sqlx::query_scalar::<_, i64>(statement).bind(id);
            locked.extend(query.fetch_optional(&mut *self).await?);
        }
        let both = sqlx::query(statements::FIND_BOTH).bind(name).bind(actor);
        let found: Result<Vec<User>, _> = both.fetch_all(self).await?.iter().map(user).collect();
        Ok(found?.into_iter().filter(|user| locked.contains(&user.id.0)).collect())
    }

    async fn lock_unique(&mut self) -> Result<(), sqlx::Error> {
        unique::lock(self).await
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

    /// Under a lock: the next one sees that this one is gone. Nobody waits for a user's row while
    /// holding it, so there is no deadlock.
    async fn has_another_holder(
        &mut self,
        username: &Username,
        scope: &ScopeName,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext('bailiwick holders'), hashtext($1))")
            .bind(scope.as_str())
            .execute(&mut *self)
            .await?;
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
             SELECT $1, position - 1, scope
             FROM json_array_elements_text($2::json) WITH ORDINALITY AS scopes (scope, position)",
        )
        .bind(username)
        .bind(serde_json::json!(after.scopes).to_string())
        .execute(&mut *self)
        .await?;
        Ok(())
    }
}
