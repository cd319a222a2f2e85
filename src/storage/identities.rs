//! Identities of users at other providers, and logins under way there, in either database.

use crate::domain::{
    Identities, Identity, Journey, KeyHash, NewUser, RepositoryError, Scopes, Shown, Subject,
    Timestamp, User, UserId, Username,
};
use crate::settings::UserSettings;
use crate::storage::admission::admit;
use crate::storage::cache::Freshness;
use crate::storage::database::{Connection, Database, sql};
use crate::storage::row::created;
use crate::storage::statements::{self, find_by_email, find_by_id};
use crate::storage::unique::{refuse_taken, renew_taken_ids};
use async_trait::async_trait;
use std::sync::Arc;

/// Seconds for which a login may be under way.
const LIFE: i64 = 10 * 60;

/// The identities of one database.
pub(super) struct DatabaseIdentities {
    database: Arc<Database>,
    freshness: Arc<Freshness>,
    /// What of new users must be unique.
    unique: UserSettings,
}

impl DatabaseIdentities {
    pub(super) fn new(
        database: Arc<Database>,
        freshness: Arc<Freshness>,
        unique: UserSettings,
    ) -> Self {
        Self { database, freshness, unique }
    }
}

#[async_trait]
impl Identities for DatabaseIdentities {
    async fn depart(&self, state: KeyHash, journey: Journey) -> Result<(), RepositoryError> {
        let departed = self.database.write(None, move |mut database| {
            Box::pin(async move { depart(&mut database, state, &journey).await })
        });
        self.freshness.ask(Box::pin(departed)).await
    }

    async fn arrive(&self, state: KeyHash) -> Result<Option<Journey>, RepositoryError> {
        let arrived = self.database.write(None, move |mut database| {
            Box::pin(async move { arrive(&mut database, state).await })
        });
        self.freshness.ask(Box::pin(arrived)).await
    }

    async fn log_in(&self, shown: &Shown, now: Timestamp) -> Result<Option<User>, RepositoryError> {
        let shown = shown.clone();
        let entered = self.database.write(None, move |mut database| {
            Box::pin(async move { log_in(&mut database, &shown, now).await })
        });
        self.freshness.ask(Box::pin(entered)).await
    }

    async fn of_email(&self, email: &str) -> Result<Option<User>, RepositoryError> {
        let email = email.to_ascii_lowercase();
        let found = self.database.read(move |mut database| {
            Box::pin(async move { find_by_email(&mut database, &email).await })
        });
        self.freshness.ask(found).await
    }

    async fn link(
        &self,
        shown: &Shown,
        user: UserId,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        let shown = shown.clone();
        let linked = self.database.write(None, move |mut database| {
            Box::pin(async move { link(&mut database, &shown, user, now).await })
        });
        self.freshness.ask(Box::pin(linked)).await
    }

    async fn sign_up(
        &self,
        shown: &Shown,
        new: NewUser,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        let (shown, unique) = (shown.clone(), self.unique);
        let signed_up = self.database.write(None, move |mut database| {
            Box::pin(async move { sign_up(&mut database, &shown, new, unique, now).await })
        });
        self.freshness.ask(Box::pin(signed_up)).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Identity>, RepositoryError> {
        let listed = self
            .database
            .read(move |mut database| Box::pin(async move { list(&mut database, user).await }));
        self.freshness.ask(listed).await
    }

    async fn unlink(
        &self,
        subject: &Subject,
        owner: &Username,
        now: Timestamp,
    ) -> Result<(), RepositoryError> {
        let (subject, whose) = (subject.clone(), owner.clone());
        let unlinked = self.database.write(Some(owner), move |mut database| {
            Box::pin(async move { unlink(&mut database, &subject, &whose, now).await })
        });
        self.freshness.ask(Box::pin(unlinked)).await
    }
}

async fn depart(
    database: &mut Connection<'_>,
    state: KeyHash,
    journey: &Journey,
) -> Result<(), sqlx::Error> {
    let depart = sql!(
        "INSERT INTO journeys (hash, provider, browser, flow, user_id, until)
         VALUES ($1, $2, $3, $4, $5, " [clock] " + $6)"
    );
    let depart = database.query(depart).bind(state.expose()).bind(&*journey.provider);
    let depart = depart.bind(&*journey.browser).bind(&*journey.flow);
    depart.bind(journey.user.map(|user| user.0)).bind(LIFE).execute().await?;
    // More than is added: the table stays as small as what is under way.
    let forget = sql!(
        "DELETE FROM journeys WHERE hash IN
             (SELECT hash FROM journeys WHERE until < " [clock] " ORDER BY until LIMIT 10 "
        [skip locked] ")"
    );
    database.query(forget).execute().await
}

/// A row of `journeys`, and whether it counts.
type Row = (String, String, String, Option<i64>, bool);

async fn arrive(
    database: &mut Connection<'_>,
    state: KeyHash,
) -> Result<Option<Journey>, sqlx::Error> {
    let arrive = sql!(
        "DELETE FROM journeys WHERE hash = $1
         RETURNING provider, browser, flow, user_id, until >= "[clock]
    );
    let row: Option<Row> = database.query(arrive).bind(state.expose()).optional().await?;
    let journey = row.filter(|(.., counts)| *counts);
    Ok(journey.map(|(provider, browser, flow, user, _)| Journey {
        provider: provider.into(),
        browser: browser.into(),
        flow: flow.into(),
        user: user.map(UserId),
    }))
}

/// Whose an identity is, and the scopes that it gives; locked if its user is.
async fn owner(
    database: &mut Connection<'_>,
    subject: &Subject,
) -> Result<Option<(UserId, Scopes)>, sqlx::Error> {
    let find = "SELECT user_id, scopes FROM identities WHERE provider = $1 AND subject = $2";
    let row: Option<(i64, String)> =
        database.query(find).bind(&*subject.provider).bind(&*subject.id).optional().await?;
    Ok(row.map(|(user, scopes)| (UserId(user), scopes.parse().unwrap_or_default())))
}

/// The user of this id, locked.
async fn locked(
    database: &mut Connection<'_>,
    id: UserId,
) -> Result<Option<User>, RepositoryError> {
    let Some(user) = find_by_id(database, id).await? else { return Ok(None) };
    let target = admit(database, Some(&user.username), None).await?.target;
    // It was renamed a moment ago.
    Ok(target.filter(|user| user.id == id))
}

async fn log_in(
    database: &mut Connection<'_>,
    shown: &Shown,
    now: Timestamp,
) -> Result<Option<User>, RepositoryError> {
    let Some((id, _)) = owner(database, &shown.subject).await? else { return Ok(None) };
    let Some(user) = locked(database, id).await? else { return Ok(None) };
    // As of now, when nobody else changes it.
    let Some((id, given)) = owner(database, &shown.subject).await? else { return Ok(None) };
    if id != user.id {
        return Ok(None);
    }
    let (user, given) = give(database, user, &given, &shown.scopes, now).await?;
    let note = "UPDATE identities SET scopes = $3, label = $4 WHERE provider = $1 AND subject = $2";
    let note = database.query(note).bind(&*shown.subject.provider).bind(&*shown.subject.id);
    note.bind(given.as_str()).bind(&*shown.label).execute().await?;
    Ok(Some(user))
}

/// Takes what an identity gave a user and gives what it gives now, if the user does not have it anyway.
/// Returns the user and what was given.
async fn give(
    database: &mut Connection<'_>,
    before: User,
    former: &Scopes,
    allowed: &Scopes,
    now: Timestamp,
) -> Result<(User, Scopes), sqlx::Error> {
    let own: Vec<_> = before.scopes.iter().filter(|scope| !former.contains(scope)).collect();
    let more: Vec<_> = allowed.iter().filter(|scope| !own.contains(scope)).collect();
    let joined = |scopes: &[&str]| scopes.join(" ").parse::<Scopes>().unwrap_or_default();
    let (all, more) = (joined(&[&own[..], &more[..]].concat()), joined(&more));
    let mut after = before.clone();
    let has_all = |these: &Scopes, those: &Scopes| those.iter().all(|it| these.contains(it));
    if has_all(&before.scopes, &all) && has_all(&all, &before.scopes) {
        return Ok((after, more));
    }
    (after.scopes, after.updated_at) = (Arc::new(all), now);
    statements::write(database, &before, &mut after).await?;
    Ok((after, more))
}

async fn link(
    database: &mut Connection<'_>,
    shown: &Shown,
    user: UserId,
    now: Timestamp,
) -> Result<User, RepositoryError> {
    let user = locked(database, user).await?.ok_or(RepositoryError::NotFound)?;
    add(database, &shown.subject, (user.id, &shown.label), now).await?;
    let found = log_in(database, shown, now).await?;
    found.filter(|found| found.id == user.id).ok_or(RepositoryError::IdentityTaken)
}

/// Adds an identity that gives nothing yet, unless it is there.
async fn add(
    database: &mut Connection<'_>,
    subject: &Subject,
    (user, label): (UserId, &str),
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let add = "INSERT INTO identities (provider, subject, user_id, label, scopes, created_at)
         VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT DO NOTHING";
    let add = database.query(add).bind(&*subject.provider).bind(&*subject.id).bind(user.0);
    add.bind(label).bind(now.seconds()).execute().await
}

async fn sign_up(
    database: &mut Connection<'_>,
    shown: &Shown,
    new: NewUser,
    unique: UserSettings,
    now: Timestamp,
) -> Result<User, RepositoryError> {
    let user = created(new, now);
    refuse_taken(database, unique, &user).await?;
    let mut users = vec![user];
    renew_taken_ids(database, &mut users).await?;
    let id = users.first().map_or(UserId(0), |user| user.id);
    if !statements::insert(database, users).await?.is_empty() {
        return Err(RepositoryError::Exists);
    }
    link(database, shown, id, now).await
}

async fn list(database: &mut Connection<'_>, user: UserId) -> Result<Vec<Identity>, sqlx::Error> {
    let list = "SELECT provider, subject, label, created_at FROM identities WHERE user_id = $1
         ORDER BY created_at, provider, subject";
    let rows: Vec<(String, String, String, i64)> = database.query(list).bind(user.0).all().await?;
    let identity = |(provider, id, label, created_at): (String, String, String, i64)| Identity {
        subject: Subject { provider: provider.into(), id: id.into() },
        user,
        label: label.into(),
        created_at: Timestamp(created_at),
    };
    Ok(rows.into_iter().map(identity).collect())
}

async fn unlink(
    database: &mut Connection<'_>,
    subject: &Subject,
    owner_name: &Username,
    now: Timestamp,
) -> Result<(), RepositoryError> {
    let user = admit(database, Some(owner_name), None).await?.target;
    let user = user.ok_or(RepositoryError::NotFound)?;
    let found = owner(database, subject).await?.filter(|(id, _)| *id == user.id);
    let (_, given) = found.ok_or(RepositoryError::NoSuchIdentity)?;
    let is_last = list(database, user.id).await?.len() == 1;
    if is_last && !user.has_password() {
        return Err(RepositoryError::LastWayIn);
    }
    give(database, user, &given, &Scopes::default(), now).await?;
    let unlink = "DELETE FROM identities WHERE provider = $1 AND subject = $2";
    let unlink = database.query(unlink).bind(&*subject.provider).bind(&*subject.id);
    Ok(unlink.execute().await?)
}
