//! Families of refresh tokens, in either database: one row each, and one statement that decides
//! what a presented token is worth.

use crate::domain::{
    Ended, Family, FamilyClient, FamilyId, FamilyLogin, FamilyRules, FamilyUse, FoundFamily,
    NewFamily, RefreshFamilies, RepositoryError, Rotation, Timestamp, UserId, Username,
};
use crate::storage::cache::Freshness;
use crate::storage::codes::seconds;
use crate::storage::database::{Connection, Database, sql};
use crate::storage::logout_notices::note_client;
use crate::storage::revoked::Revoked;
use async_trait::async_trait;
use std::sync::Arc;

/// Rows that one statement looks at: nobody waits for long.
const BATCH: usize = 1_000;

/// How long a family is kept once it has ended: what is shown of it then is still known.
const KEPT: i64 = 7 * 24 * 60 * 60;

/// The families of one database.
pub(super) struct DatabaseRefreshFamilies {
    database: Arc<Database>,
    /// Knows of outages: one that is known is not waited for, nor told again.
    freshness: Arc<Freshness>,
    /// What has ended, in memory: this process need not wait to be told.
    held: Arc<Revoked>,
    /// Seconds that are added to the database's clock.
    offset: i64,
}

impl DatabaseRefreshFamilies {
    pub(super) fn new(
        database: Arc<Database>,
        freshness: Arc<Freshness>,
        held: Arc<Revoked>,
    ) -> Self {
        Self { database, freshness, held, offset: 0 }
    }

    /// With a clock that goes ahead.
    #[cfg(test)]
    pub(super) fn later(&self, by: std::time::Duration) -> Self {
        let Self { database, freshness, held, offset } = self;
        Self {
            database: Arc::clone(database),
            freshness: Arc::clone(freshness),
            held: Arc::clone(held),
            offset: offset + seconds(by),
        }
    }
}

#[async_trait]
impl RefreshFamilies for DatabaseRefreshFamilies {
    async fn begin(&self, new: NewFamily, rules: FamilyRules) -> Result<bool, RepositoryError> {
        let offset = self.offset;
        let begun = self.database.write(None, move |mut database| {
            Box::pin(async move { begin(&mut database, &new, rules, offset).await })
        });
        self.freshness.ask(Box::pin(begun)).await
    }

    async fn find(
        &self,
        family: FamilyId,
        rules: FamilyRules,
    ) -> Result<Option<FoundFamily>, RepositoryError> {
        let offset = self.offset;
        let found = self.database.read(move |mut database| {
            Box::pin(async move { find(&mut database, family, rules, offset).await })
        });
        self.freshness.ask(found).await
    }

    async fn rotate(
        &self,
        presented: FamilyUse,
        rules: FamilyRules,
    ) -> Result<Rotation, RepositoryError> {
        let offset = self.offset;
        let family = presented.token.family;
        let rotated = self.database.write_once(move |mut database| {
            Box::pin(async move { rotate(&mut database, &presented, rules, offset).await })
        });
        let (rotation, until) = self.freshness.ask(Box::pin(rotated)).await?;
        if let Rotation::Reused(_) = rotation {
            self.held.add(Ended::Family(family), until);
        }
        Ok(rotation)
    }

    async fn end(
        &self,
        family: FamilyId,
        client: Option<FamilyClient>,
    ) -> Result<Option<Username>, RepositoryError> {
        let offset = self.offset;
        let ended = self.database.write(None, move |mut database| {
            Box::pin(async move { end(&mut database, family, client, offset).await })
        });
        let Some((username, until)) = self.freshness.ask(Box::pin(ended)).await? else {
            return Ok(None);
        };
        self.held.add(Ended::Family(family), until);
        Ok(username.parse().ok())
    }

    async fn end_all(&self) -> Result<usize, RepositoryError> {
        let end = sql!(
            "UPDATE refresh_families SET revoked_at = " [clock] " + $1
             WHERE id IN (SELECT id FROM refresh_families WHERE revoked_at IS NULL LIMIT 1000)
                 AND revoked_at IS NULL
             RETURNING id"
        );
        let (offset, mut ended) = (self.offset, 0);
        loop {
            let some = self.database.write_and_close(move |mut database| {
                Box::pin(async move { database.query(end).bind(offset).scalars::<String>().await })
            });
            let some = some.await?.len();
            ended += some;
            if some == 0 {
                return Ok(ended);
            }
        }
    }

    async fn clean_up(&self, rules: FamilyRules) -> Result<(), RepositoryError> {
        // Those that were used meanwhile are looked at again when they may be over.
        let put_off = sql!(
            "UPDATE refresh_families
             SET look_at = CASE WHEN expires < seen + $2 THEN expires ELSE seen + $2 END
             WHERE id IN (
                 SELECT id FROM refresh_families
                 WHERE look_at < " [clock] " + $1 AND revoked_at IS NULL
                     AND expires >= " [clock] " + $1 AND seen + $2 >= " [clock] " + $1
                 LIMIT 1000 " [skip locked] ")
             RETURNING id"
        );
        let forget = sql!(
            "DELETE FROM refresh_families WHERE id IN (
                 SELECT id FROM refresh_families
                 WHERE look_at < " [clock] " + $1 AND (revoked_at IS NOT NULL
                     OR expires < " [clock] " + $1 OR seen + $2 < " [clock] " + $1)
                 LIMIT 1000 " [skip locked] ")
             RETURNING id"
        );
        let (since, idle) = (self.offset - KEPT, seconds(rules.idle));
        for statement in [put_off, forget] {
            loop {
                let changed = self.database.write_and_close(move |mut database| {
                    Box::pin(async move {
                        let query = database.query(statement).bind(since).bind(idle);
                        query.scalars::<String>().await
                    })
                });
                if changed.await?.len() < BATCH {
                    break;
                }
            }
        }
        Ok(())
    }
}

async fn begin(
    database: &mut Connection<'_>,
    new: &NewFamily,
    rules: FamilyRules,
    offset: i64,
) -> Result<bool, sqlx::Error> {
    let begin = sql!(
        "INSERT INTO refresh_families
             (id, client_id, user_id, epoch, scope, access_until, auth_time, rotated_at, seen,
              expires, look_at, generation, repeats, client_epoch, sid, offline, amr, resource)
         SELECT $1, $2, users.id, users.epoch, $5, $6, coalesce($13, clock.now), clock.now,
             clock.now, clock.now + $7, clock.now + $8, 0, 0, $10, $11, $12, $14, $15
         FROM users, (SELECT " [clock] " + $9 AS now) AS clock
         WHERE users.id = $3 AND users.epoch = $4 AND NOT disabled
             AND (CAST($12 AS bigint) = 1 OR CAST($11 AS text) IS NULL
                 OR EXISTS (SELECT 1 FROM sessions WHERE sid = $11))
         RETURNING id"
    );
    let (lifetime, idle) = (seconds(rules.lifetime), seconds(rules.idle));
    let (client, client_epoch) = parts(new.client.as_ref());
    let query = database.query(begin).bind(new.id.to_string()).bind(client);
    let query = query.bind(new.user.0).bind(new.epoch).bind(new.scopes.as_str());
    let query = query.bind(new.access_until.seconds()).bind(lifetime).bind(lifetime.min(idle));
    let query = query.bind(offset).bind(client_epoch);
    let query = query.bind(new.session.map(|id| id.to_string())).bind(i64::from(new.is_offline));
    let login = new.login.as_ref();
    let query = query.bind(login.map(|login| login.auth_time.seconds()));
    let query = query.bind(login.map_or("pwd", |login| login.amr.as_str()));
    let query = query.bind(new.resource.as_deref());
    let has_begun = !query.scalars::<String>().await?.is_empty();
    if let (true, Some(sid)) = (has_begun && new.hears_of_logout, new.session) {
        note_client(database, sid, client).await?;
    }
    Ok(has_begun)
}

/// A living family: of whose client, whose it is, the epoch, the scopes, the login, the generation, and
/// the end; and of the session.
type Living = (
    Option<String>,
    Option<i64>,
    i64,
    String,
    i64,
    String,
    i64,
    i64,
    i64,
    Option<String>,
    String,
    Option<String>,
);

async fn find(
    database: &mut Connection<'_>,
    family: FamilyId,
    rules: FamilyRules,
    offset: i64,
) -> Result<Option<FoundFamily>, sqlx::Error> {
    let find = sql!(
        "SELECT client_id, client_epoch, user_id, username, refresh_families.epoch, scope, auth_time,
             generation, CASE WHEN expires < seen + $2 THEN expires ELSE seen + $2 END,
             sid, amr, resource
         FROM refresh_families
         JOIN users ON users.id = user_id AND users.epoch = refresh_families.epoch
         WHERE refresh_families.id = $1 AND revoked_at IS NULL AND NOT disabled
             AND expires > " [clock] " + $3 AND seen + $2 > " [clock] " + $3"
    );
    let query = database.query(find).bind(family.to_string());
    let row = query.bind(seconds(rules.idle)).bind(offset).optional::<Living>().await?;
    Ok(row.and_then(|row| {
        let (
            client,
            client_epoch,
            user,
            username,
            epoch,
            scopes,
            auth_time,
            generation,
            end,
            sid,
            amr,
            resource,
        ) = row;
        let client = match (client, client_epoch) {
            (Some(id), Some(epoch)) => Some(FamilyClient { id: id.parse().ok()?, epoch }),
            _ => None,
        };
        let family = Family {
            user: UserId(user),
            username: username.parse().ok()?,
            epoch,
            scopes: scopes.parse().unwrap_or_default(),
            login: FamilyLogin { auth_time: Timestamp(auth_time), amr },
            session: sid.and_then(|sid| sid.parse().ok()),
            resource,
        };
        Some(FoundFamily { family, client, generation, ends_at: Timestamp(end) })
    }))
}

/// What a rotation returns: the generation, how often it was repeated, whether the family has ended,
/// and of the family its scopes, the user's id and name, the epoch, the login, and the end
/// of its access tokens; and of the session.
type Rotated = (
    i64,
    i64,
    bool,
    String,
    i64,
    Option<String>,
    i64,
    i64,
    i64,
    Option<String>,
    String,
    Option<String>,
);

/// In `SET` and `CASE`, columns have the values from before; on PostgreSQL, those from after any
/// wait for another rotation.
async fn rotate(
    database: &mut Connection<'_>,
    presented: &FamilyUse,
    rules: FamilyRules,
    offset: i64,
) -> Result<(Rotation, Timestamp), sqlx::Error> {
    // $1 family, $2 client, $3 generation, $4 that of the next token, $5 how long a token is taken
    // again, $6 how long a family may be unused, $7 the end of the next access token.
    let rotate = sql!(
        "UPDATE refresh_families SET
             generation = CASE WHEN generation <= $3 THEN $4 ELSE generation END,
             rotated_at = CASE WHEN generation <= $3 THEN " [clock] " + $8 ELSE rotated_at END,
             repeats = CASE WHEN generation <= $3 THEN 0 ELSE repeats + 1 END,
             seen = " [clock] " + $8,
             access_until = CASE WHEN access_until < $7 THEN $7 ELSE access_until END,
             revoked_at = CASE
                 WHEN generation <= $3 THEN NULL
                 WHEN generation = $3 + 1 AND rotated_at > " [clock] " + $8 - CAST($5 AS bigint)
                     AND CAST($5 AS bigint) > 0 THEN NULL
                 ELSE " [clock] " + $8 END
         WHERE id = $1 AND client_id IS NOT DISTINCT FROM $2 AND revoked_at IS NULL
             AND client_epoch IS NOT DISTINCT FROM $9
             AND expires > " [clock] " + $8 AND seen + $6 > " [clock] " + $8
             AND EXISTS (SELECT 1 FROM users WHERE users.id = user_id
                 AND users.epoch = refresh_families.epoch AND NOT disabled)
         RETURNING generation, repeats, revoked_at IS NOT NULL, scope, user_id,
             (SELECT username FROM users WHERE users.id = user_id), epoch, auth_time,
             access_until, sid, amr, resource"
    );
    let generation = presented.token.generation;
    let next = generation + i64::from(presented.rotates);
    let query = database.query(rotate).bind(presented.token.family.to_string());
    let (client, client_epoch) = parts(presented.client.as_ref());
    let query = query.bind(client).bind(generation).bind(next);
    let query = query.bind(seconds(rules.reuse)).bind(seconds(rules.idle));
    let query = query.bind(presented.access_until.seconds()).bind(offset).bind(client_epoch);
    let Some(row) = query.all::<Rotated>().await?.pop() else {
        return Ok((why_not(database, presented.token.family).await?, presented.access_until));
    };
    let (
        generation,
        repeats,
        has_ended,
        scopes,
        user,
        username,
        epoch,
        auth_time,
        until,
        sid,
        amr,
        resource,
    ) = row;
    let username = username.and_then(|name| name.parse().ok());
    let rotation = match username {
        username if has_ended => Rotation::Reused(username),
        Some(username) => Rotation::Renewed {
            family: Family {
                user: UserId(user),
                username,
                epoch,
                scopes: scopes.parse().unwrap_or_default(),
                login: FamilyLogin { auth_time: Timestamp(auth_time), amr },
                session: sid.and_then(|sid| sid.parse().ok()),
                resource,
            },
            generation,
            is_repeated: repeats > 0,
        },
        None => Rotation::Ended(None),
    };
    Ok((rotation, Timestamp(until)))
}

/// Why there was nothing to rotate.
async fn why_not(database: &mut Connection<'_>, family: FamilyId) -> Result<Rotation, sqlx::Error> {
    let find =
        "SELECT username, disabled AND revoked_at IS NULL AND users.epoch = refresh_families.epoch
         FROM refresh_families JOIN users ON users.id = user_id WHERE refresh_families.id = $1";
    let found = database.query(find).bind(family.to_string()).optional::<(String, bool)>();
    let Some((username, is_disabled)) = found.await? else { return Ok(Rotation::Ended(None)) };
    let username: Option<Username> = username.parse().ok();
    Ok(match username {
        Some(username) if is_disabled => Rotation::Disabled(username),
        username => Rotation::Ended(username),
    })
}

async fn end(
    database: &mut Connection<'_>,
    family: FamilyId,
    client: Option<FamilyClient>,
    offset: i64,
) -> Result<Option<(String, Timestamp)>, sqlx::Error> {
    let end = sql!(
        "UPDATE refresh_families SET revoked_at = " [clock] " + $3
         WHERE id = $1 AND client_id IS NOT DISTINCT FROM $2 AND revoked_at IS NULL
             AND client_epoch IS NOT DISTINCT FROM $4
         RETURNING coalesce((SELECT username FROM users WHERE users.id = user_id), ''), access_until"
    );
    let (client, client_epoch) = parts(client.as_ref());
    let query = database.query(end).bind(family.to_string()).bind(client).bind(offset);
    let query = query.bind(client_epoch);
    let ended = query.optional::<(String, i64)>().await?;
    Ok(ended.map(|(username, until)| (username, Timestamp(until))))
}

fn parts(client: Option<&FamilyClient>) -> (Option<&str>, Option<i64>) {
    (client.map(|client| client.id.as_str()), client.map(|client| client.epoch))
}
