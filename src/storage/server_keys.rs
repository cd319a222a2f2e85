//! The keys that seal, those that sign tokens, and leases.

use crate::domain::{
    KeyAlgorithm, RepositoryError, SHARED_SECRET, ServerKeys, SigningKeys, StoredKey, StoredKeys,
    Timestamp,
};
use crate::storage::database::{Connection, Database, Sql, sql};
use async_trait::async_trait;
use std::sync::Arc;

/// The keys of the servers on one database.
pub(super) struct DatabaseKeys(pub(super) Arc<Database>);

/// A value to bind.
enum Value {
    Text(String),
    Number(i64),
}

impl DatabaseKeys {
    /// Runs a statement that returns the name of each row that it changed.
    async fn change(
        &self,
        statement: Sql,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<String>, RepositoryError> {
        let values: Vec<_> = values.into_iter().collect();
        let changed = self.0.write_and_close(move |mut database| {
            Box::pin(async move { change(&mut database, statement, values).await })
        });
        changed.await
    }
}

async fn change(
    database: &mut Connection<'_>,
    statement: Sql,
    values: Vec<Value>,
) -> Result<Vec<String>, sqlx::Error> {
    let query = values.into_iter().fold(database.query(statement), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    });
    query.scalars().await
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[async_trait]
impl ServerKeys for DatabaseKeys {
    async fn keep(&self, name: &str, sealed: &str) -> Result<String, RepositoryError> {
        let add = sql!(
            "INSERT INTO server_keys (name, sealed) VALUES ($1, $2)
             ON CONFLICT (name) DO NOTHING RETURNING name"
        );
        self.change(add, [text(name), text(sealed)]).await?;
        let kept = self.find(name).await?;
        kept.ok_or_else(|| {
            RepositoryError::Unavailable(format!("the server key {name} is gone").into())
        })
    }

    async fn find(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        Ok(self.all().await?.into_iter().find(|(found, _)| found == name).map(|(_, key)| key))
    }

    async fn all(&self) -> Result<Vec<(String, String)>, RepositoryError> {
        let all = self.0.read(|mut database| {
            Box::pin(async move {
                database.query("SELECT name, sealed FROM server_keys ORDER BY name").all().await
            })
        });
        all.await
    }

    async fn replace(
        &self,
        name: &str,
        before: &str,
        after: &str,
    ) -> Result<bool, RepositoryError> {
        let replace = sql!(
            "UPDATE server_keys SET sealed = $3 WHERE name = $1 AND sealed = $2 RETURNING name"
        );
        Ok(!self.change(replace, [text(name), text(before), text(after)]).await?.is_empty())
    }
}

/// A row of `signing_keys`, last the database's clock.
type Row = (String, String, String, String, i64, Option<i64>, i64);

#[async_trait]
impl SigningKeys for DatabaseKeys {
    async fn read(&self) -> Result<StoredKeys, RepositoryError> {
        // The clock also if there is no key.
        let all = sql!(
            "SELECT coalesce(kid, ''), coalesce(alg, ''), coalesce(public, ''), coalesce(sealed, ''),
                 coalesce(active_from, 0), retired_at, clock.now
             FROM (SELECT " [now] " AS now) AS clock LEFT JOIN signing_keys ON true
             ORDER BY active_from, kid"
        );
        let rows = self.0.read(move |mut database| {
            Box::pin(async move { database.query(all).all::<Row>().await })
        });
        let rows = rows.await?;
        let now = Timestamp(rows.first().map_or(0, |row| row.6));
        let keys = rows.into_iter().filter(|row| !row.0.is_empty());
        let keys = keys.map(|(kid, alg, public, sealed, from, until, _)| StoredKey {
            kid,
            alg,
            public,
            sealed,
            active_from: Timestamp(from),
            retired_at: until.map(Timestamp),
        });
        Ok(StoredKeys { now, keys: keys.collect() })
    }

    async fn add(
        &self,
        key: StoredKey,
        seconds: i64,
        unless_after: i64,
    ) -> Result<bool, RepositoryError> {
        let add = sql!(
            "INSERT INTO signing_keys (kid, alg, public, sealed, active_from)
             SELECT $1, $2, $3, $4, " [now] " + $5 WHERE NOT EXISTS (
                 SELECT 1 FROM signing_keys
                 WHERE alg = $2 AND retired_at IS NULL AND active_from > " [now] " + $6)
             ON CONFLICT DO NOTHING RETURNING kid"
        );
        let StoredKey { kid, alg, public, sealed, .. } = key;
        let texts = [kid, alg, public, sealed].map(Value::Text);
        let numbers = [seconds, unless_after].map(Value::Number);
        Ok(!self.change(add, texts.into_iter().chain(numbers)).await?.is_empty())
    }

    async fn retire(&self, kid: &str, seconds: i64) -> Result<bool, RepositoryError> {
        let retire = sql!(
            "UPDATE signing_keys SET retired_at = CASE
                 WHEN retired_at < " [now] " + $2 THEN retired_at ELSE " [now] " + $2 END
             WHERE kid = $1 RETURNING kid"
        );
        Ok(!self.change(retire, [text(kid), Value::Number(seconds)]).await?.is_empty())
    }

    async fn promote(&self, alg: KeyAlgorithm) -> Result<Option<String>, RepositoryError> {
        // After the present one, even if that began in this second: the newest signs.
        let promote = sql!(
            "UPDATE signing_keys SET active_from = (
                 SELECT CASE WHEN max(active_from) >= " [now] " THEN max(active_from) + 1
                     ELSE " [now] " END
                 FROM signing_keys
                 WHERE alg = $1 AND retired_at IS NULL AND active_from <= " [now] ")
             WHERE kid = (
                 SELECT kid FROM signing_keys
                 WHERE alg = $1 AND retired_at IS NULL AND active_from > " [now] "
                 ORDER BY active_from, kid LIMIT 1)
             RETURNING kid"
        );
        Ok(self.change(promote, [text(alg.name())]).await?.pop())
    }

    async fn leave_shared_secret(&self, seconds: i64) -> Result<bool, RepositoryError> {
        let leave = sql!(
            "INSERT INTO signing_keys (kid, alg, public, sealed, active_from, retired_at)
             VALUES ($1, $1, '', '', 0, " [now] " + $2) ON CONFLICT (kid) DO NOTHING RETURNING kid"
        );
        Ok(!self.change(leave, [text(SHARED_SECRET), Value::Number(seconds)]).await?.is_empty())
    }

    async fn keep_shared_secret(&self) -> Result<bool, RepositoryError> {
        let keep = sql!("DELETE FROM signing_keys WHERE kid = $1 RETURNING kid");
        Ok(!self.change(keep, [text(SHARED_SECRET)]).await?.is_empty())
    }

    async fn forget(&self, seconds: i64) -> Result<(), RepositoryError> {
        // The record of a switch stays.
        let forget = sql!(
            "DELETE FROM signing_keys WHERE kid <> $1 AND retired_at < " [now] " - $2 RETURNING kid"
        );
        self.change(forget, [text(SHARED_SECRET), Value::Number(seconds)]).await.map(drop)
    }

    async fn lease(&self, work: &str, seconds: i64) -> Result<bool, RepositoryError> {
        let lease = sql!(
            "INSERT INTO leases (name, until) VALUES ($1, " [now] " + $2)
             ON CONFLICT (name) DO UPDATE SET until = excluded.until
             WHERE leases.until <= " [now] " OR leases.until > excluded.until RETURNING name"
        );
        Ok(!self.change(lease, [text(work), Value::Number(seconds)]).await?.is_empty())
    }
}
