//! Reads or writes everything in a database in one transaction.

use crate::domain::{
    ApiKey, AuditEvent, AuditKey, AuditQuery, Client, ClientId, KeyId, Page, RepositoryError, User,
    Username, program,
};
use crate::storage::audit_events::{self, keep, page};
use crate::storage::database::{Database, Session};
use crate::storage::row::{rows, scopes};
use crate::storage::statements::{count, insert, list};
use crate::storage::tables::{TABLES, Table};
use crate::storage::users::analyze;
use crate::storage::{api_keys, clients};
use serde_json::json;
use std::hash::{DefaultHasher, Hasher as _};

/// Users moved at once.
const BATCH: u32 = 1_000;

/// A row of a [`Table`].
pub(super) type Row = (String, i64, i64);

/// A transaction over all users; dropped without a commit, it leaves nothing behind.
pub(super) struct Transfer(Session);

impl Transfer {
    /// Reads a snapshot as of the first read.
    pub(super) async fn reading(database: &Database) -> Result<Self, RepositoryError> {
        Ok(Self(database.snapshot().await?))
    }

    /// No other writes happen meanwhile.
    pub(super) async fn writing(database: &Database) -> Result<Self, RepositoryError> {
        let mut session = database.session().await?;
        let lock = "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE";
        let locked = session.run(move |mut database| {
            Box::pin(async move { database.on_postgres(lock, &[]).await })
        });
        locked.await?;
        Ok(Self(session))
    }

    /// How many users there are.
    pub(super) async fn count(&mut self) -> Result<u64, RepositoryError> {
        let count = self.0.run(|mut database| Box::pin(async move { count(&mut database).await }));
        count.await
    }

    /// A page of users in the order of their names.
    async fn list(&mut self, page: Page) -> Result<Vec<User>, RepositoryError> {
        let users =
            self.0.run(|mut database| Box::pin(async move { list(&mut database, &page).await }));
        users.await
    }

    /// Writes these users unchanged; returns the names that are taken.
    pub(super) async fn add(&mut self, users: Vec<User>) -> Result<Vec<Username>, RepositoryError> {
        let taken =
            self.0.run(|mut database| Box::pin(async move { insert(&mut database, users).await }));
        taken.await
    }

    /// The rows of a table after this one: a page of them, empty after the last.
    pub(super) async fn rows(
        &mut self,
        table: &'static Table,
        (text, number, _): Row,
    ) -> Result<Vec<Row>, RepositoryError> {
        let rows = self.0.run(move |mut database| {
            Box::pin(async move { database.query(table.page).bind(text).bind(number).all().await })
        });
        rows.await
    }

    /// Stores these rows.
    pub(super) async fn add_rows(
        &mut self,
        table: &'static Table,
        rows: &[Row],
    ) -> Result<(), RepositoryError> {
        let rows = json!(rows).to_string();
        let added = self.0.run(move |mut database| {
            Box::pin(async move { database.query(table.add).bind(rows).execute().await })
        });
        added.await
    }

    /// Events of the audit log after this one: a page of them, empty after the last.
    pub(super) async fn audit_events(
        &mut self,
        after: AuditKey,
    ) -> Result<Vec<AuditEvent>, RepositoryError> {
        let query = AuditQuery { after, user: None, limit: BATCH };
        let events = self
            .0
            .run(move |mut database| Box::pin(async move { page(&mut database, &query).await }));
        events.await
    }

    /// Stores these events.
    pub(super) async fn add_audit_events(
        &mut self,
        events: &[AuditEvent],
    ) -> Result<(), RepositoryError> {
        let rows = audit_events::rows(events);
        let added = self
            .0
            .run(move |mut database| Box::pin(async move { keep(&mut database, rows).await }));
        added.await
    }

    /// API keys after this one: a page of them, empty after the last.
    pub(super) async fn api_keys(
        &mut self,
        after: Option<KeyId>,
    ) -> Result<Vec<ApiKey>, RepositoryError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let keys = self.0.run(|mut database| {
            Box::pin(async move { api_keys::page(&mut database, &after).await })
        });
        keys.await
    }

    /// Stores these API keys.
    pub(super) async fn add_api_keys(&mut self, keys: Vec<ApiKey>) -> Result<(), RepositoryError> {
        let added = self.0.run(|mut database| {
            Box::pin(async move { api_keys::insert(&mut database, &keys).await })
        });
        added.await
    }

    /// Clients after this one: a page of them, empty after the last.
    pub(super) async fn clients(
        &mut self,
        after: Option<&ClientId>,
    ) -> Result<Vec<Client>, RepositoryError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let clients = self.0.run(|mut database| {
            Box::pin(async move { clients::page(&mut database, &after, BATCH).await })
        });
        clients.await
    }

    /// Stores these clients.
    pub(super) async fn add_clients(
        &mut self,
        clients: Vec<Client>,
    ) -> Result<(), RepositoryError> {
        let added = self.0.run(|mut database| {
            Box::pin(async move { clients::insert(&mut database, &clients).await })
        });
        added.await
    }

    /// Updates the planner's statistics for what was written.
    pub(super) async fn analyze(&mut self) -> Result<(), RepositoryError> {
        analyze(&mut self.0).await
    }

    /// Makes it durable.
    pub(super) async fn commit(self) -> Result<(), RepositoryError> {
        self.0.commit().await
    }
}

/// All users, page by page.
pub(super) struct Pages<'a> {
    from: &'a mut Transfer,
    after: Option<Username>,
}

impl<'a> Pages<'a> {
    pub(super) fn of(from: &'a mut Transfer) -> Self {
        Self { from, after: None }
    }

    /// The next page; empty after the last.
    pub(super) async fn next(&mut self) -> Result<Vec<User>, RepositoryError> {
        let users = self.from.list(Page { after: self.after.take(), limit: BATCH }).await?;
        self.after = users.last().map(|user| user.username.clone());
        match users.iter().find(|user| !user.password_hash.is_readable()) {
            Some(User { username, .. }) => Err(RepositoryError::Unavailable(
                format!(
                    "the stored password hash of {username} is no hash that is verified here: set a password \
                     with `{} users set-password {username}`",
                    program()
                )
                .into(),
            )),
            None => Ok(users),
        }
    }
}

/// Counts and checksum of users in the order of their names, of their keys and of clients: equal for
/// equal ones in every database, within one run of the program.
#[derive(Default)]
pub(super) struct Digest {
    pub(super) count: u64,
    /// Events of the audit log.
    pub(super) audit_events: usize,
    pub(super) api_keys: u64,
    pub(super) clients: u64,
    hasher: DefaultHasher,
}

impl Digest {
    pub(super) fn add(&mut self, users: &[User]) {
        for user in users {
            self.count += 1;
            self.hasher.write(rows(std::slice::from_ref(user)).as_bytes());
            self.hasher.write(json!(scopes(user).collect::<Vec<_>>()).to_string().as_bytes());
        }
    }

    pub(super) fn add_api_keys(&mut self, keys: &[ApiKey]) {
        for key in keys {
            self.api_keys += 1;
            self.hasher.write(api_keys::key_rows(std::slice::from_ref(key)).as_bytes());
        }
    }

    pub(super) fn add_clients(&mut self, clients: &[Client]) {
        for client in clients {
            self.clients += 1;
            for rows in clients::client_rows(std::slice::from_ref(client)) {
                self.hasher.write(rows.as_bytes());
            }
        }
    }

    pub(super) fn checksum(&self) -> u64 {
        self.hasher.finish()
    }
}

/// Reads every user, event, API key and client: each must be valid in the domain.
pub(super) async fn digest(from: &mut Transfer) -> Result<Digest, RepositoryError> {
    let (mut digest, mut pages) = (Digest::default(), Pages::of(from));
    loop {
        let users = pages.next().await?;
        if users.is_empty() {
            break;
        }
        digest.add(&users);
    }
    let mut last = AuditKey::default();
    loop {
        let events = from.audit_events(last).await?;
        let Some(event) = events.last() else { break };
        last = event.key;
        digest.audit_events += events.len();
    }
    let mut last = None;
    loop {
        let keys = from.api_keys(last).await?;
        let Some(key) = keys.last() else { break };
        last = Some(key.id);
        digest.add_api_keys(&keys);
    }
    let mut last = None;
    loop {
        let clients = from.clients(last.as_ref()).await?;
        let Some(client) = clients.last() else { return Ok(digest) };
        last = Some(client.id.clone());
        digest.add_clients(&clients);
    }
}

/// Reads every row of the other tables.
pub(super) async fn read_tables(from: &mut Transfer) -> Result<(), RepositoryError> {
    for table in &TABLES {
        let mut last = Row::default();
        while let Some(row) = from.rows(table, last).await?.pop() {
            last = row;
        }
    }
    Ok(())
}
