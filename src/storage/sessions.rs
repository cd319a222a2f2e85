//! Sessions of browsers, in either database. Triggers end them with their user, and the refresh tokens
//! with them.

use crate::domain::{
    Actor, KeyHash, NewSession, RepositoryError, Session, SessionId, Sessions, Timestamp, UserId,
    Username,
};
use crate::storage::admission::admit;
use crate::storage::cache::Freshness;
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// Rows that one statement looks at: nobody waits for long.
const BATCH: usize = 1_000;

/// The sessions of one database.
pub(super) struct DatabaseSessions {
    database: Arc<Database>,
    /// Knows of outages: one that is known is not waited for, nor told again.
    freshness: Arc<Freshness>,
    /// Seconds that are added to the database's clock.
    offset: i64,
}

impl DatabaseSessions {
    pub(super) fn new(database: Arc<Database>, freshness: Arc<Freshness>) -> Self {
        Self { database, freshness, offset: 0 }
    }

    /// With a clock that goes ahead.
    #[cfg(test)]
    pub(super) fn later(&self, by: Duration) -> Self {
        let Self { database, freshness, offset } = self;
        let (database, freshness) = (Arc::clone(database), Arc::clone(freshness));
        Self { database, freshness, offset: offset + seconds(by) }
    }
}

#[async_trait]
impl Sessions for DatabaseSessions {
    async fn begin(&self, new: NewSession) -> Result<Option<Session>, RepositoryError> {
        let offset = self.offset;
        let begun = self.database.write(None, move |mut database| {
            Box::pin(async move { begin(&mut database, &new, offset).await })
        });
        self.freshness.ask(Box::pin(begun)).await
    }

    async fn find(&self, hash: KeyHash) -> Result<Option<Session>, RepositoryError> {
        let offset = self.offset;
        let found = self.database.read(move |mut database| {
            Box::pin(async move { find(&mut database, hash, offset).await })
        });
        self.freshness.ask(found).await
    }

    async fn touch(&self, hash: KeyHash) -> Result<(), RepositoryError> {
        let touch = sql!(
            "UPDATE sessions SET idle_until = idle_until - seen + " [clock] " + $2,
                 seen = " [clock] " + $2
             WHERE hash = $1 AND seen <= " [clock] " + $2 - $3
                 AND expires > " [clock] " + $2 AND idle_until > " [clock] " + $2"
        );
        let offset = self.offset;
        let touched = self.database.write(None, move |mut database| {
            Box::pin(async move {
                let query = database.query(touch).bind(hash.expose()).bind(offset);
                query.bind(Session::NOTED_AFTER).execute().await
            })
        });
        self.freshness.ask(Box::pin(touched)).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, RepositoryError> {
        let offset = self.offset;
        let listed = self.database.read(move |mut database| {
            Box::pin(async move { list(&mut database, user, offset).await })
        });
        self.freshness.ask(listed).await
    }

    async fn end(
        &self,
        id: SessionId,
        owner: &Username,
        actor: Option<&Actor>,
    ) -> Result<(), RepositoryError> {
        let (whose, actor) = (owner.clone(), actor.cloned());
        let ended = self.database.write(Some(owner), move |mut database| {
            Box::pin(async move { end(&mut database, id, &whose, actor.as_ref()).await })
        });
        ended.await
    }

    async fn end_others(&self, user: UserId, except: SessionId) -> Result<u64, RepositoryError> {
        let end = "DELETE FROM sessions WHERE user_id = $1 AND sid <> $2 RETURNING sid";
        let ended = self.database.write(None, move |mut database| {
            Box::pin(async move {
                let query = database.query(end).bind(user.0).bind(except.to_string());
                query.scalars::<String>().await
            })
        });
        Ok(self.freshness.ask(Box::pin(ended)).await?.len() as u64)
    }

    async fn clean_up(&self) -> Result<(), RepositoryError> {
        // Those that were used meanwhile are looked at again when they may be over.
        let put_off = sql!(
            "UPDATE sessions
             SET look_at = CASE WHEN expires < idle_until THEN expires ELSE idle_until END
             WHERE sid IN (
                 SELECT sid FROM sessions
                 WHERE look_at <= " [clock] " + $1
                     AND expires > " [clock] " + $1 AND idle_until > " [clock] " + $1
                 LIMIT 1000 " [skip locked] ")
             RETURNING sid"
        );
        let forget = sql!(
            "DELETE FROM sessions WHERE sid IN (
                 SELECT sid FROM sessions
                 WHERE look_at <= " [clock] " + $1
                     AND (expires <= " [clock] " + $1 OR idle_until <= " [clock] " + $1)
                 LIMIT 1000 " [skip locked] ")
             RETURNING sid"
        );
        let offset = self.offset;
        for statement in [put_off, forget] {
            loop {
                let changed = self.database.write_and_close(move |mut database| {
                    Box::pin(async move {
                        database.query(statement).bind(offset).scalars::<String>().await
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

/// The columns of a living session: sid, the user's id and name, the epoch, the login, how, the last
/// use, the end, and the browser.
type Living = (String, i64, String, i64, i64, String, i64, i64, String);

/// A statement that reads living sessions, with what follows. `$2` is added to the clock.
macro_rules! select_living {
    ($which:literal) => {
        sql!(
            "SELECT sid, user_id, username, sessions.epoch, auth_time, amr, seen,
                 CASE WHEN expires < idle_until THEN expires ELSE idle_until END, agent
             FROM sessions JOIN users ON users.id = user_id AND users.epoch = sessions.epoch
             WHERE NOT disabled AND expires > " [clock] " + $2 AND idle_until > " [clock] " + $2
                 AND " $which
        )
    };
}

fn session(row: Living) -> Option<Session> {
    let (id, user, username, epoch, auth_time, amr, seen, ends_at, agent) = row;
    Some(Session {
        // Others may have written anything: that is no session.
        id: id.parse().ok()?,
        user: UserId(user),
        username: username.parse().ok()?,
        epoch,
        auth_time: Timestamp(auth_time),
        amr: amr.into(),
        seen: Timestamp(seen),
        ends_at: Timestamp(ends_at),
        agent: agent.into(),
    })
}

async fn find(
    database: &mut Connection<'_>,
    hash: KeyHash,
    offset: i64,
) -> Result<Option<Session>, sqlx::Error> {
    let query = database.query(select_living!("hash = $1")).bind(hash.expose()).bind(offset);
    Ok(query.optional::<Living>().await?.and_then(session))
}

async fn list(
    database: &mut Connection<'_>,
    user: UserId,
    offset: i64,
) -> Result<Vec<Session>, sqlx::Error> {
    let of_user = select_living!("user_id = $1 ORDER BY seen DESC, sid");
    let rows = database.query(of_user).bind(user.0).bind(offset).all::<Living>().await?;
    Ok(rows.into_iter().filter_map(session).collect())
}

async fn begin(
    database: &mut Connection<'_>,
    new: &NewSession,
    offset: i64,
) -> Result<Option<Session>, sqlx::Error> {
    let mut id = new.id;
    if let Some(before) = new.before
        && let Some(before) = find(database, before, offset).await?
    {
        // Another user's ends: the browser has lost its cookie. The same user's goes on: what is
        // bound to its id does not end with a login in another tab.
        if before.user == new.user {
            id = before.id;
        } else {
            let end = "DELETE FROM sessions WHERE sid = $1";
            database.query(end).bind(before.id.to_string()).execute().await?;
        }
    }
    let begin = sql!(
        "INSERT INTO sessions
             (sid, hash, user_id, epoch, auth_time, amr, seen, idle_until, expires, look_at, agent)
         SELECT $1, $2, users.id, users.epoch, CASE WHEN clock.now < $5 THEN $5 ELSE clock.now END,
             $6, clock.now, clock.now + $7, clock.now + $8, clock.now + $9, $10
         FROM users, (SELECT " [clock] " + $11 AS now) AS clock
         WHERE users.id = $3 AND users.epoch = $4 AND NOT disabled
         ON CONFLICT (sid) DO UPDATE SET hash = excluded.hash, epoch = excluded.epoch,
             auth_time = excluded.auth_time, amr = excluded.amr, seen = excluded.seen,
             idle_until = excluded.idle_until, expires = excluded.expires,
             look_at = excluded.look_at, agent = excluded.agent"
    );
    let (idle, lifetime) = (seconds(new.rules.idle), seconds(new.rules.lifetime));
    let query = database.query(begin).bind(id.to_string()).bind(new.hash.expose());
    let query = query.bind(new.user.0).bind(new.epoch).bind(new.not_before.seconds());
    let query = query.bind(&*new.amr).bind(idle).bind(lifetime).bind(idle.min(lifetime));
    query.bind(&*new.agent).bind(offset).execute().await?;
    let most = sql!(
        "DELETE FROM sessions WHERE sid IN (
             SELECT sid FROM sessions WHERE user_id = $1 AND sid <> $2
             ORDER BY seen DESC, sid LIMIT 1000 OFFSET $3)"
    );
    let query = database.query(most).bind(new.user.0).bind(id.to_string());
    query.bind(i64::from(Session::MOST) - 1).execute().await?;
    find(database, new.hash, offset).await
}

async fn end(
    database: &mut Connection<'_>,
    id: SessionId,
    owner: &Username,
    actor: Option<&Actor>,
) -> Result<(), RepositoryError> {
    let owner = admit(database, Some(owner), actor).await?.target;
    let owner = owner.ok_or(RepositoryError::NotFound)?;
    let end = "DELETE FROM sessions WHERE sid = $1 AND user_id = $2 RETURNING sid";
    let query = database.query(end).bind(id.to_string()).bind(owner.id.0);
    let ended = query.scalars::<String>().await?;
    if ended.is_empty() { Err(RepositoryError::NoSuchSession) } else { Ok(()) }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}
