//! API keys, in either database.

use crate::domain::{
    Actor, ApiKey, ApiKeyRepository, Day, KeyId, NewApiKey, RepositoryError, Timestamp, Username,
};
use crate::storage::admission::{Admitted, admit};
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use serde_json::json;
use std::sync::Arc;

/// A statement that reads keys, with what follows the join.
macro_rules! select_keys {
    ($which:literal) => {
        concat!(
            "SELECT api_keys.id, user_id, username AS owner, hash, name, api_keys.scopes,
                 api_keys.created_at, expires_at, last_day
             FROM api_keys JOIN users ON users.id = user_id ",
            $which
        )
    };
}

/// The API keys of one database.
pub(super) struct ApiKeys(Arc<Database>);

impl ApiKeys {
    pub(super) fn of(database: Arc<Database>) -> Self {
        Self(database)
    }
}

#[async_trait]
impl ApiKeyRepository for ApiKeys {
    async fn find(&self, id: KeyId) -> Result<Option<Arc<ApiKey>>, RepositoryError> {
        let found =
            self.0.read(move |mut database| Box::pin(async move { find(&mut database, id).await }));
        Ok(found.await?.map(Arc::new))
    }

    async fn list(&self, owner: Option<&Username>) -> Result<Vec<ApiKey>, RepositoryError> {
        let owner = owner.cloned();
        let listed = self.0.read(|mut database| {
            Box::pin(async move { list(&mut database, owner.as_ref()).await })
        });
        listed.await
    }

    async fn add(
        &self,
        new: NewApiKey,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<ApiKey, RepositoryError> {
        let (owner, actor) = (new.owner.clone(), actor.cloned());
        let added = self.0.write(Some(&owner), move |mut database| {
            Box::pin(async move { add(&mut database, &new, actor.as_ref(), now).await })
        });
        added.await
    }

    async fn revoke(
        &self,
        id: KeyId,
        owner: Option<&Username>,
        actor: Option<&Actor>,
    ) -> Result<ApiKey, RepositoryError> {
        let (whose, actor) = (owner.cloned(), actor.cloned());
        let revoked = self.0.write(owner, move |mut database| {
            Box::pin(async move { revoke(&mut database, id, whose, actor.as_ref()).await })
        });
        revoked.await
    }

    async fn store_uses(&self, uses: Vec<(KeyId, Day)>) -> Result<(), RepositoryError> {
        let uses: Vec<_> = uses.iter().map(|(id, day)| json!([id, day.0])).collect();
        let uses = json!(uses).to_string();
        let stored = self.0.write_and_close(|mut database| {
            Box::pin(async move { store_uses(&mut database, uses).await })
        });
        stored.await
    }
}

async fn find(database: &mut Connection<'_>, id: KeyId) -> Result<Option<ApiKey>, sqlx::Error> {
    database.query(select_keys!("WHERE api_keys.id = $1")).bind(id.as_str()).optional().await
}

/// A page of keys in the order of their ids, after this one.
pub(super) async fn page(
    database: &mut Connection<'_>,
    after: &str,
) -> Result<Vec<ApiKey>, sqlx::Error> {
    let page = select_keys!("WHERE api_keys.id > $1 ORDER BY api_keys.id LIMIT 1000");
    database.query(page).bind(after).all().await
}

/// Keys as one JSON text of arrays.
pub(super) fn key_rows(keys: &[ApiKey]) -> String {
    let rows: Vec<_> = keys
        .iter()
        .map(|key| {
            json!([
                key.id,
                key.user,
                key.hash.expose(),
                key.name,
                key.scopes.as_str(),
                key.created_at.seconds(),
                key.expires_at.map(Timestamp::seconds),
                key.last_used.day().map(|day| day.0),
            ])
        })
        .collect();
    json!(rows).to_string()
}

/// Stores keys as they are.
pub(super) async fn insert(
    database: &mut Connection<'_>,
    keys: &[ApiKey],
) -> Result<(), sqlx::Error> {
    let insert = sql!(
        "INSERT INTO api_keys
             (id, user_id, hash, name, scopes, created_at, expires_at, last_day)
         SELECT value ->> 0, CAST(value ->> 1 AS bigint), value ->> 2, value ->> 3, value ->> 4,
             CAST(value ->> 5 AS bigint), CAST(value ->> 6 AS bigint), CAST(value ->> 7 AS bigint)
         FROM " [records "$1"]
    );
    database.query(insert).bind(key_rows(keys)).execute().await
}

async fn list(
    database: &mut Connection<'_>,
    owner: Option<&Username>,
) -> Result<Vec<ApiKey>, RepositoryError> {
    let Some(owner) = owner else {
        let all = select_keys!("ORDER BY username, api_keys.created_at, api_keys.id");
        return Ok(database.query(all).all().await?);
    };
    let exists = "SELECT EXISTS (SELECT 1 FROM users WHERE username = $1)";
    if !database.query(exists).bind(owner.as_str()).scalar::<bool>().await? {
        return Err(RepositoryError::NotFound);
    }
    let own = select_keys!("WHERE username = $1 ORDER BY api_keys.created_at, api_keys.id");
    Ok(database.query(own).bind(owner.as_str()).all().await?)
}

async fn add(
    database: &mut Connection<'_>,
    new: &NewApiKey,
    actor: Option<&Actor>,
    now: Timestamp,
) -> Result<ApiKey, RepositoryError> {
    let Admitted { target: owner, actor } = admit(database, Some(&new.owner), actor).await?;
    let owner = owner.ok_or(RepositoryError::NotFound)?;
    for user in [Some(&owner), actor.as_ref()].into_iter().flatten() {
        if let Some(scope) = new.scope_beyond(&user.scopes) {
            return Err(RepositoryError::KeyScope(scope));
        }
    }
    // The owner's row is locked: nobody else adds one meanwhile.
    let count = "SELECT count(*) FROM api_keys WHERE user_id = $1";
    if database.query(count).bind(owner.id.0).scalar::<i64>().await? >= i64::from(ApiKey::MOST) {
        return Err(RepositoryError::TooManyKeys);
    }
    let add = "INSERT INTO api_keys (id, user_id, hash, name, scopes, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let add = database.query(add).bind(new.id.as_str()).bind(owner.id.0).bind(new.hash.expose());
    let add = add.bind(new.name.as_str()).bind(new.scopes.as_str()).bind(now.seconds());
    add.bind(new.expires_at.map(Timestamp::seconds)).execute().await?;
    find(database, new.id).await?.ok_or(RepositoryError::NoSuchKey)
}

async fn revoke(
    database: &mut Connection<'_>,
    id: KeyId,
    owner: Option<Username>,
    actor: Option<&Actor>,
) -> Result<ApiKey, RepositoryError> {
    let target = admit(database, owner.as_ref(), actor).await?.target;
    if owner.is_some() && target.is_none() {
        return Err(RepositoryError::NotFound);
    }
    let key = find(database, id).await?.ok_or(RepositoryError::NoSuchKey)?;
    if target.is_some_and(|owner| owner.id != key.user) {
        return Err(RepositoryError::NoSuchKey);
    }
    let revoke = "DELETE FROM api_keys WHERE id = $1";
    database.query(revoke).bind(id.as_str()).execute().await?;
    Ok(key)
}

async fn store_uses(database: &mut Connection<'_>, uses: String) -> Result<(), sqlx::Error> {
    let store = sql!(
        "UPDATE api_keys SET last_day = CAST(value ->> 1 AS bigint)
         FROM " [records "$1"] " WHERE api_keys.id = value ->> 0
             AND (last_day IS NULL OR last_day < CAST(value ->> 1 AS bigint))"
    );
    database.query(store).bind(uses).execute().await
}
