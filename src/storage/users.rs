//! Users, in either database.

use crate::domain::{
    Actor, NewUser, Page, RepositoryError, ScopeName, StoreHealth, Taken, Timestamp, User,
    UserChange, UserId, UserImport, UserRepository, Username,
};
use crate::settings::UserSettings;
use crate::storage::database::{Database, Session};
use crate::storage::row::created;
use crate::storage::statements::{find, find_by_id, find_folded, is_empty, list};
use crate::storage::unique::{Duplicates, add, is_asked, prepare};
use crate::storage::{Missing, StorageError, change};
use async_trait::async_trait;
use std::sync::Arc;

/// The users of one database.
pub(super) struct Users {
    database: Arc<Database>,
    unique: UserSettings,
}

impl Users {
    /// Only their exact names are unique.
    pub(super) fn of(database: Arc<Database>) -> Self {
        Self { database, unique: UserSettings::default() }
    }

    /// The same users, of whom more than the exact names must be unique. A process that may create
    /// the database also prepares for that.
    pub(super) async fn requiring(
        self,
        unique: UserSettings,
        missing: Missing,
    ) -> Result<Self, StorageError> {
        if is_asked(unique) && missing == Missing::Create {
            let shared = self.database.prepare(move |mut database| {
                Box::pin(async move { prepare(&mut database, unique).await })
            });
            shared.await?.iter().for_each(Duplicates::warn);
        }
        Ok(Self { unique, ..self })
    }
}

#[async_trait]
impl UserRepository for Users {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let username = username.clone();
        let found = self
            .database
            .read(|mut database| Box::pin(async move { find(&mut database, &username).await }));
        Ok(found.await?.map(Arc::new))
    }

    async fn find_by_id(
        &self,
        id: UserId,
        _: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        let found = self
            .database
            .read(move |mut database| Box::pin(async move { find_by_id(&mut database, id).await }));
        Ok(found.await?.map(Arc::new))
    }

    async fn find_folded(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        if !self.unique.case_insensitive {
            return Ok(None);
        }
        let folded = username.folded();
        let found = self.database.read(|mut database| {
            Box::pin(async move { find_folded(&mut database, &folded).await })
        });
        Ok(found.await?.map(Arc::new))
    }

    async fn list(&self, page: &Page) -> Result<Vec<User>, RepositoryError> {
        let page = page.clone();
        let users = self
            .database
            .read(|mut database| Box::pin(async move { list(&mut database, &page).await }));
        users.await
    }

    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        let is_empty = self
            .database
            .read(|mut database| Box::pin(async move { is_empty(&mut database).await }));
        is_empty.await
    }

    async fn create(
        &self,
        new: NewUser,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        self.database.write(None, change::create(created(new, now), actor, self.unique)).await
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
        self.database.write(Some(username), update).await
    }

    async fn delete(
        &self,
        username: &Username,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
    ) -> Result<(), RepositoryError> {
        self.database.write(Some(username), change::delete(username, keep, actor)).await
    }

    /// Imports wait for each other: two that contain each other's names would deadlock.
    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        let mut session = self.database.session().await?;
        let lock = session
            .run(|mut database| Box::pin(async move { database.lock("bailiwick import").await }));
        lock.await?;
        Ok(Box::new(Import { session, now, unique: self.unique }))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth { pools: self.database.condition().into(), ..StoreHealth::default() }
    }

    fn give_back(&self) {
        self.database.give_back();
    }
}

struct Import {
    session: Session,
    now: Timestamp,
    unique: UserSettings,
}

#[async_trait]
impl UserImport for Import {
    async fn add(&mut self, users: Vec<NewUser>) -> Result<Vec<Taken>, RepositoryError> {
        let users = users.into_iter().map(|user| created(user, self.now)).collect();
        let unique = self.unique;
        let taken = self.session.run(move |mut database| {
            Box::pin(async move { add(&mut database, unique, users).await })
        });
        taken.await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), RepositoryError> {
        analyze(&mut self.session).await?;
        self.session.commit().await
    }
}

/// PostgreSQL's plans now fit the current number of users. If the role does not own the tables, the
/// server only warns.
pub(super) async fn analyze(session: &mut Session) -> Result<(), RepositoryError> {
    let analyze = "ANALYZE users, user_scopes, folded_names, api_keys";
    let analyzed = session
        .run(move |mut database| Box::pin(async move { database.on_postgres(analyze, &[]).await }));
    analyzed.await
}
