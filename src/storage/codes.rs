//! Authorization codes and consents, in either database.

use crate::domain::{
    AuthorizationCodes, ClientId, Consent, Consents, FamilyClient, KeyHash, NewCode,
    RepositoryError, Scopes, StoredCode, Timestamp, UserId,
};
use crate::storage::cache::Freshness;
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Rows that one statement deletes: nobody waits for long.
const BATCH: usize = 1_000;

/// The codes and consents of one database.
pub(super) struct DatabaseCodes {
    database: Arc<Database>,
    /// Knows of outages: one that is known is not waited for, nor told again.
    freshness: Arc<Freshness>,
    /// Seconds that are added to the database's clock.
    offset: i64,
}

impl DatabaseCodes {
    pub(super) fn new(database: Arc<Database>, freshness: Arc<Freshness>) -> Self {
        Self { database, freshness, offset: 0 }
    }

    /// With a clock that goes ahead.
    #[cfg(test)]
    pub(super) fn later(&self, by: Duration) -> Self {
        let (database, freshness) = (Arc::clone(&self.database), Arc::clone(&self.freshness));
        Self { database, freshness, offset: self.offset + seconds(by) }
    }
}

#[async_trait]
impl AuthorizationCodes for DatabaseCodes {
    async fn keep(&self, new: NewCode) -> Result<(), RepositoryError> {
        let offset = self.offset;
        let kept = self.database.write_once(move |mut database| {
            Box::pin(async move { keep(&mut database, &new, offset).await })
        });
        self.freshness.ask(Box::pin(kept)).await
    }

    async fn find(&self, hash: KeyHash) -> Result<Option<StoredCode>, RepositoryError> {
        let offset = self.offset;
        let found = self.database.read(move |mut database| {
            Box::pin(async move { find(&mut database, hash, offset).await })
        });
        self.freshness.ask(found).await
    }

    async fn redeem(&self, hash: KeyHash) -> Result<bool, RepositoryError> {
        let offset = self.offset;
        let redeem = sql!(
            "UPDATE codes SET used_at = " [clock] " + $2
             WHERE hash = $1 AND used_at IS NULL AND expires > " [clock] " + $2
             RETURNING hash"
        );
        let redeemed = self.database.write_once(move |mut database| {
            Box::pin(async move {
                let query = database.query(redeem).bind(hash.expose()).bind(offset);
                query.scalars::<String>().await
            })
        });
        Ok(!self.freshness.ask(Box::pin(redeemed)).await?.is_empty())
    }

    async fn clean_up(&self, kept: Duration) -> Result<(), RepositoryError> {
        let forget = sql!(
            "DELETE FROM codes WHERE hash IN (
                 SELECT hash FROM codes WHERE expires < " [clock] " + $1
                 LIMIT 1000 " [skip locked] ")
             RETURNING hash"
        );
        let since = self.offset - seconds(kept);
        loop {
            let deleted = self.database.write_and_close(move |mut database| {
                Box::pin(
                    async move { database.query(forget).bind(since).scalars::<String>().await },
                )
            });
            if deleted.await?.len() < BATCH {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Consents for DatabaseCodes {
    async fn given(&self, user: UserId, client: &FamilyClient) -> Result<Scopes, RepositoryError> {
        let client = client.clone();
        let given = "SELECT scope FROM consents
             WHERE user_id = $1 AND client_id = $2 AND client_epoch = $3";
        let given = self.database.read(move |mut database| {
            Box::pin(async move {
                let query = database.query(given).bind(user.0).bind(client.id.as_str());
                query.bind(client.epoch).scalars::<String>().await
            })
        });
        let mut scopes = Scopes::default();
        self.freshness.ask(given).await?.iter().for_each(|scope| scopes.insert_known(scope));
        Ok(scopes)
    }

    async fn give(
        &self,
        user: UserId,
        client: &FamilyClient,
        scopes: &Scopes,
    ) -> Result<(), RepositoryError> {
        let (client, scopes) = (client.clone(), json!(scopes).to_string());
        let give = sql!(
            "INSERT INTO consents (user_id, client_id, scope, client_epoch, given_at)
             SELECT users.id, $2, value, $3, " [now] "
             FROM users, " [texts "$4"] " WHERE users.id = $1
             ON CONFLICT (user_id, client_id, scope)
             DO UPDATE SET client_epoch = excluded.client_epoch, given_at = excluded.given_at"
        );
        let given = self.database.write(None, move |mut database| {
            Box::pin(async move {
                let query = database.query(give).bind(user.0).bind(client.id.as_str());
                query.bind(client.epoch).bind(scopes).execute().await
            })
        });
        self.freshness.ask(Box::pin(given)).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Consent>, RepositoryError> {
        let list = "SELECT client_id, client_epoch, scope, given_at FROM consents
             WHERE user_id = $1 ORDER BY client_id, client_epoch, scope";
        let rows = self.database.read(move |mut database| {
            Box::pin(async move {
                let query = database.query(list).bind(user.0);
                query.all::<(String, i64, String, i64)>().await
            })
        });
        let mut consents: Vec<Consent> = Vec::new();
        for (id, epoch, scope, given_at) in self.freshness.ask(rows).await? {
            let Ok(id) = id.parse() else { continue };
            let (client, given_at) = (FamilyClient { id, epoch }, Timestamp(given_at));
            if let Some(last) = consents.last_mut().filter(|last| last.client == client) {
                last.scopes.insert_known(&scope);
                last.given_at = last.given_at.max(given_at);
            } else {
                let mut scopes = Scopes::default();
                scopes.insert_known(&scope);
                consents.push(Consent { client, scopes, given_at });
            }
        }
        Ok(consents)
    }

    async fn withdraw(&self, user: UserId, client: &ClientId) -> Result<bool, RepositoryError> {
        let (client, offset) = (client.clone(), self.offset);
        let withdrawn = self.database.write(None, move |mut database| {
            Box::pin(async move { withdraw(&mut database, user, &client, offset).await })
        });
        self.freshness.ask(Box::pin(withdrawn)).await
    }
}

async fn withdraw(
    database: &mut Connection<'_>,
    user: UserId,
    client: &ClientId,
    offset: i64,
) -> Result<bool, sqlx::Error> {
    let forget = "DELETE FROM consents WHERE user_id = $1 AND client_id = $2 RETURNING scope";
    let query = database.query(forget).bind(user.0).bind(client.as_str());
    let forgotten = query.scalars::<String>().await?;
    let end = sql!(
        "UPDATE refresh_families SET revoked_at = " [clock] " + $3
         WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL RETURNING id"
    );
    let query = database.query(end).bind(user.0).bind(client.as_str()).bind(offset);
    let ended = query.scalars::<String>().await?;
    Ok(!(forgotten.is_empty() && ended.is_empty()))
}

async fn keep(
    database: &mut Connection<'_>,
    new: &NewCode,
    offset: i64,
) -> Result<(), sqlx::Error> {
    let keep = sql!(
        "INSERT INTO codes (hash, family_id, sealed, expires)
         VALUES ($1, $2, $3, " [clock] " + $4)"
    );
    let query = database.query(keep).bind(new.hash.expose()).bind(new.family.to_string());
    query.bind(new.sealed.as_str()).bind(seconds(new.lifetime) + offset).execute().await
}

async fn find(
    database: &mut Connection<'_>,
    hash: KeyHash,
    offset: i64,
) -> Result<Option<StoredCode>, sqlx::Error> {
    let find = sql!(
        "SELECT family_id, sealed, " [clock] " + $2 - used_at FROM codes
         WHERE hash = $1 AND (used_at IS NOT NULL OR expires > " [clock] " + $2)"
    );
    let query = database.query(find).bind(hash.expose()).bind(offset);
    let row = query.optional::<(String, String, Option<i64>)>().await?;
    Ok(row.and_then(|(family, sealed, used_before)| {
        Some(StoredCode { family: family.parse().ok()?, sealed, used_before })
    }))
}

/// Whole seconds, as the databases count.
pub(super) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}
