//! Attempts at passwords, counted for all processes; and the places where users have logged in.
//!
//! Times are milliseconds since 1970 by the database's clock. A bucket is one row: `tat`, the
//! theoretical arrival time of the generic cell rate algorithm, is when it is empty.

use crate::domain::{
    Bucket, Case, Full, KnownPlace, RepositoryError, Reservation, Reserved, Throttles, Try, UserId,
};
use crate::storage::cache::Freshness;
use crate::storage::database::{Connection, Database, Sql, sql};
use crate::storage::error::takes_no_writes;
use async_trait::async_trait;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// A place is remembered anew when it was so long ago: a login hardly writes.
const FRESH: i64 = 24 * 60 * 60 * 1000;

/// A bucket is kept for so long when it is empty.
const KEPT: i64 = 60 * 1000;

/// A user's places that are remembered: the latest.
const MOST_PLACES: i64 = 100;

/// Rows that one statement removes: nobody waits for long.
const BATCH: usize = 1_000;

/// The buckets of one database.
pub(super) struct DatabaseThrottles {
    database: Arc<Database>,
    /// Knows of outages: one that is known is not waited for, nor told again.
    freshness: Arc<Freshness>,
    /// Tells the rows of this process.
    process: i64,
    /// Added to the database's clock.
    offset: i64,
}

/// Others were there first: the look was in vain.
#[derive(Debug, Error)]
#[error("another try was counted meanwhile")]
struct Raced;

impl DatabaseThrottles {
    pub(super) fn new(database: Arc<Database>, freshness: Arc<Freshness>) -> Self {
        Self { database, freshness, process: rand::random(), offset: 0 }
    }

    /// Nothing if the database takes no writes.
    async fn reserve_if_writable(
        &self,
        attempt: &Try,
    ) -> Result<Option<Reserved>, RepositoryError> {
        loop {
            let (attempt, process, offset) = (attempt.clone(), self.process, self.offset);
            let reserved = self.database.write_and_close(move |mut database| {
                Box::pin(async move { reserve(&mut database, &attempt, process, offset).await })
            });
            match reserved.await {
                Err(RepositoryError::Unavailable(cause)) if cause.is::<Raced>() => {}
                Err(RepositoryError::Unavailable(cause)) if takes_no_writes(&*cause) => {
                    log::debug!("a login is counted in memory only: {cause}");
                    return Ok(None);
                }
                reserved => return reserved.map(Some),
            }
        }
    }

    /// With a clock that goes ahead.
    #[cfg(test)]
    pub(super) fn later(&self, by: Duration) -> Self {
        let Self { database, freshness, process, offset } = self;
        Self {
            database: Arc::clone(database),
            freshness: Arc::clone(freshness),
            process: *process,
            offset: offset + milliseconds(by),
        }
    }

    /// As another process sees it.
    #[cfg(test)]
    pub(super) fn of_another_process(&self) -> Self {
        Self { process: self.process.wrapping_add(1), ..self.later(Duration::ZERO) }
    }
}

#[async_trait]
impl Throttles for DatabaseThrottles {
    async fn reserve(&self, attempt: &Try) -> Result<Option<Reserved>, RepositoryError> {
        self.freshness.ask(Box::pin(self.reserve_if_writable(attempt))).await
    }

    async fn give_back(
        &self,
        buckets: &[Bucket],
        login: Option<KnownPlace>,
    ) -> Result<(), RepositoryError> {
        let (rows, offset) = (rows(buckets), self.offset);
        let giving = self.database.write_and_close(move |mut database| {
            Box::pin(async move {
                // First: it may wait for a lock on the user, and nobody else's try is to wait with it.
                if let Some(KnownPlace { user, place }) = login {
                    remember(&mut database, user, place, offset).await?;
                }
                give_back(&mut database, rows).await
            })
        });
        self.freshness.ask(Box::pin(giving)).await
    }

    async fn empty(&self, account: &str) -> Result<(), RepositoryError> {
        // The character behind the colon.
        let (first, end) = (format!("{account}:"), format!("{account};"));
        self.database
            .write(None, move |mut database| {
                Box::pin(async move {
                    let empty = "DELETE FROM throttles WHERE key >= $1 AND key < $2";
                    database.query(empty).bind(first).bind(end).execute().await
                })
            })
            .await
    }

    async fn clean_up(&self, known_for: Duration) -> Result<(), RepositoryError> {
        // Room that was taken later than now: the clock was set back. It would stay full until then.
        let buckets = sql!(
            "DELETE FROM throttles WHERE key IN (
                 SELECT key FROM throttles
                 WHERE tat < (SELECT " [milliseconds] " + $1 - $2)
                     OR taken_at > (SELECT " [milliseconds] " + $1 + $2)
                 LIMIT 1000 " [skip locked] ")
             RETURNING key"
        );
        let places = sql!(
            "DELETE FROM known WHERE (user_id, place) IN (
                 SELECT user_id, place FROM known WHERE last < (SELECT " [milliseconds] " + $1 - $2)
                 LIMIT 1000 " [skip locked] ")
             RETURNING place"
        );
        let offset = self.offset;
        for (forget, age) in [(buckets, KEPT), (places, milliseconds(known_for))] {
            loop {
                let removed = self.database.write_and_close(move |mut database| {
                    Box::pin(async move {
                        let query = database.query(forget).bind(offset).bind(age);
                        query.scalars::<String>().await
                    })
                });
                if removed.await?.len() < BATCH {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The time, places of the attempt where the user has logged in lately, those of them that are
/// fresh, and a bucket: its key, when it is empty, when room was taken and by whom, and when before
/// by others.
type Seen = (
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

async fn reserve(
    database: &mut Connection<'_>,
    attempt: &Try,
    process: i64,
    offset: i64,
) -> Result<Reserved, RepositoryError> {
    let seen = look(database, attempt, offset).await?;
    let Some((now, known, fresh, ..)) = seen.first() else {
        return Err(RepositoryError::Unavailable("the database has no clock".into()));
    };
    let (now, known, fresh_places) =
        (now + offset, places(known.as_deref()), places(fresh.as_deref()));
    let applies = |case: &&Case| case.place.as_ref().is_none_or(|place| known.contains(place));
    let buckets = attempt.cases.iter().find(applies).map_or(&[][..], |case| &case.buckets);
    let full = buckets.iter().filter_map(|bucket| full(bucket, &seen, now, process));
    if let Some(full) = full.max_by_key(|full| full.retry_after) {
        return Ok(Reserved::Full(full));
    }
    take(database, buckets, now, process).await?;
    Ok(Reserved::Taken(Reservation { buckets: buckets.to_vec(), fresh_places }))
}

/// What there is of everything that an attempt may need, at one look: each table by its index,
/// however many rows it has.
pub(super) const LOOK: Sql = sql!(
    "SELECT " [milliseconds] ", places.known, places.fresh,
            key, tat, taken_at, taken_by, others_took_at
     FROM (SELECT string_agg(place, ' ') AS known,
                  string_agg(place, ' ') FILTER (WHERE last > " [milliseconds] " + $5) AS fresh
           FROM (SELECT $2 AS name UNION SELECT $3
                 UNION SELECT username FROM folded_names WHERE folded = $3) AS names
           JOIN users ON username = name
           JOIN known ON user_id = users.id
           WHERE last > " [milliseconds] " + $4 AND place " [among texts "$6"] ") AS places
     LEFT JOIN throttles ON key " [among texts "$1"]
);

async fn look(
    database: &mut Connection<'_>,
    attempt: &Try,
    offset: i64,
) -> Result<Vec<Seen>, sqlx::Error> {
    let keys = attempt.cases.iter().flat_map(|case| &case.buckets).map(|bucket| &bucket.key);
    let places = attempt.cases.iter().filter_map(|case| case.place.as_ref());
    let known_since = offset - milliseconds(attempt.known_for);
    database
        .query(LOOK)
        .bind(json!(keys.collect::<Vec<_>>()).to_string())
        .bind(attempt.username.as_ref().map(ToString::to_string))
        .bind(attempt.folded.clone())
        .bind(known_since)
        .bind(known_since.max(offset - FRESH))
        .bind(json!(places.collect::<Vec<_>>()).to_string())
        .all()
        .await
}

fn places(text: Option<&str>) -> Vec<String> {
    text.into_iter().flat_map(|text| text.split(' ')).map(str::to_owned).collect()
}

/// How a bucket is full, if it is.
fn full(bucket: &Bucket, seen: &[Seen], now: i64, process: i64) -> Option<Full> {
    let is_its = |row: &&Seen| row.3.as_ref() == Some(&bucket.key);
    let (_, _, _, _, tat, taken_at, taken_by, others_took_at) = seen.iter().find(is_its)?;
    let every = milliseconds(bucket.limit.every);
    let wait = (*tat)? + every - now - every * i64::from(bucket.limit.burst);
    let others_took_at = if *taken_by == Some(process) { others_took_at } else { taken_at };
    let others_took = others_took_at.and_then(|at| u64::try_from(now - at).ok());
    let retry_after = Duration::from_millis(u64::try_from(wait).ok().filter(|wait| *wait > 0)?);
    let others_took = others_took.map(Duration::from_millis);
    Some(Full { key: bucket.key.clone(), retry_after, others_took })
}

/// Takes room in all of them. On PostgreSQL others may have taken it since the look.
async fn take(
    database: &mut Connection<'_>,
    buckets: &[Bucket],
    now: i64,
    process: i64,
) -> Result<(), RepositoryError> {
    let take = sql!(
        "INSERT INTO throttles (key, tat, taken_at, taken_by)
         SELECT value ->> 0, $2 + CAST(value ->> 1 AS bigint), $2, $3 FROM " [records "$1"] "
         WHERE true ORDER BY " [bytes "(value ->> 0)"] "
         ON CONFLICT (key) DO UPDATE SET
             tat = CASE WHEN throttles.tat > $2 THEN throttles.tat ELSE $2 END + excluded.tat - $2,
             taken_at = $2,
             taken_by = $3,
             others_took_at = CASE WHEN throttles.taken_by = $3
                 THEN throttles.others_took_at ELSE throttles.taken_at END
         WHERE throttles.tat <= $2
             + (SELECT CAST(value ->> 2 AS bigint) FROM " [records "$1"] " WHERE value ->> 0 = throttles.key)
         RETURNING key"
    );
    let query = database.query(take).bind(rows(buckets)).bind(now).bind(process);
    if query.scalars::<String>().await?.len() < buckets.len() {
        return Err(RepositoryError::Unavailable(Box::new(Raced)));
    }
    Ok(())
}

/// For statements: each with its key, the time that an attempt takes, and how full it may be
/// before.
fn rows(buckets: &[Bucket]) -> String {
    let rows = buckets.iter().map(|Bucket { key, limit }| {
        let every = milliseconds(limit.every);
        json!([key, every, every * i64::from(limit.burst - 1)])
    });
    json!(rows.collect::<Vec<_>>()).to_string()
}

/// A bucket that was forgotten meanwhile has nothing to get back, and its new row will be
/// forgotten, too.
async fn give_back(database: &mut Connection<'_>, rows: String) -> Result<(), sqlx::Error> {
    let give_back = sql!(
        "INSERT INTO throttles (key, tat, taken_at, taken_by)
         SELECT value ->> 0, CAST(value ->> 1 AS bigint), 0, 0 FROM " [records "$1"] "
         WHERE true ORDER BY " [bytes "(value ->> 0)"] "
         ON CONFLICT (key) DO UPDATE SET tat = throttles.tat - excluded.tat"
    );
    database.query(give_back).bind(rows).execute().await
}

/// Whoever logs in from everywhere does not fill the table.
async fn remember(
    database: &mut Connection<'_>,
    user: UserId,
    place: String,
    offset: i64,
) -> Result<(), sqlx::Error> {
    let remember = sql!(
        "INSERT INTO known (user_id, place, last)
         SELECT id, $2, " [milliseconds] " + $3 FROM users WHERE id = $1
         ON CONFLICT (user_id, place) DO UPDATE SET last = excluded.last"
    );
    database.query(remember).bind(user.0).bind(place).bind(offset).execute().await?;
    let forget = "DELETE FROM known WHERE user_id = $1 AND place NOT IN (
                      SELECT place FROM known WHERE user_id = $1 ORDER BY last DESC LIMIT $2)";
    database.query(forget).bind(user.0).bind(MOST_PLACES).execute().await
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
