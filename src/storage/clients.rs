//! Clients of the authorization server, in either database.

use crate::domain::{
    Client, ClientAuthor, ClientEdit, ClientFault, ClientId, ClientMetadata, ClientRepository,
    ClientSecret, KeyHash, NewClient, RepositoryError, Timestamp,
};
use crate::storage::admission::admit;
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use serde_json::json;
use std::sync::Arc;

/// A statement that reads clients, with what follows the table. The secrets are one JSON text: a list
/// of lists of hash, start and end.
macro_rules! select_clients {
    ($which:literal) => {
        sql!(
            "SELECT client_id, metadata, epoch, created_at, updated_at,
                 (SELECT '[' || string_agg(
                      '[\"' || hash || '\",' || created_at || ',' || coalesce(expires_at || '', 'null') || ']',
                      ',' ORDER BY position) || ']'
                  FROM client_secrets WHERE client_secrets.client_id = clients.client_id) AS secrets
             FROM clients " $which
        )
    };
}

/// The clients of one database.
pub(super) struct Clients(Arc<Database>);

impl Clients {
    pub(super) fn of(database: Arc<Database>) -> Self {
        Self(database)
    }
}

#[async_trait]
impl ClientRepository for Clients {
    async fn find(&self, id: &ClientId) -> Result<Option<Arc<Client>>, RepositoryError> {
        let id = id.clone();
        let found =
            self.0.read(|mut database| Box::pin(async move { find(&mut database, &id).await }));
        Ok(found.await?.map(Arc::new))
    }

    async fn list(
        &self,
        after: Option<&ClientId>,
        limit: u32,
    ) -> Result<Vec<Client>, RepositoryError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let listed = self.0.read(move |mut database| {
            Box::pin(async move { page(&mut database, &after, limit).await })
        });
        listed.await
    }

    async fn add(
        &self,
        new: NewClient,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<Client, RepositoryError> {
        let by = by.clone();
        let added = self.0.write(None, move |mut database| {
            Box::pin(async move { add(&mut database, &new, &by, now).await })
        });
        added.await
    }

    async fn change(
        &self,
        id: &ClientId,
        edit: ClientEdit,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<[Client; 2], RepositoryError> {
        let (id, by) = (id.clone(), by.clone());
        let changed = self.0.write(None, move |mut database| {
            Box::pin(async move { change(&mut database, &id, edit, (&by, now)).await })
        });
        changed.await
    }

    async fn rotate_secret(
        &self,
        id: &ClientId,
        secret: KeyHash,
        keep_until: Option<Timestamp>,
        by: &ClientAuthor,
        now: Timestamp,
    ) -> Result<Client, RepositoryError> {
        let (id, by) = (id.clone(), by.clone());
        let rotated = self.0.write(None, move |mut database| {
            Box::pin(
                async move { rotate(&mut database, &id, (secret, keep_until), (&by, now)).await },
            )
        });
        rotated.await
    }

    async fn delete(&self, id: &ClientId, by: &ClientAuthor) -> Result<(), RepositoryError> {
        let (id, by) = (id.clone(), by.clone());
        let deleted = self.0.write(None, move |mut database| {
            Box::pin(async move { delete(&mut database, &id, &by).await })
        });
        deleted.await
    }
}

async fn find(database: &mut Connection<'_>, id: &ClientId) -> Result<Option<Client>, sqlx::Error> {
    let find = select_clients!("WHERE client_id = $1");
    database.query(find).bind(id.as_str()).optional().await
}

/// A page of clients in the order of their ids, after this one.
pub(super) async fn page(
    database: &mut Connection<'_>,
    after: &str,
    limit: u32,
) -> Result<Vec<Client>, sqlx::Error> {
    let page = select_clients!("WHERE client_id > $1 ORDER BY client_id LIMIT $2");
    database.query(page).bind(after).bind(i64::from(limit)).all().await
}

/// Clients and their secrets as two JSON texts of arrays.
pub(super) fn client_rows(clients: &[Client]) -> [String; 2] {
    let rows: Vec<_> = clients
        .iter()
        .map(|Client { id, metadata, epoch, created_at, updated_at, .. }| {
            json!([id, json!(metadata).to_string(), epoch, created_at, updated_at])
        })
        .collect();
    let secrets: Vec<_> = clients
        .iter()
        .flat_map(|client| client.secrets.iter().enumerate().map(|(at, one)| (&client.id, at, one)))
        .map(|(id, at, ClientSecret { hash, created_at, expires_at })| {
            json!([id, at, hash.expose(), created_at, expires_at])
        })
        .collect();
    [json!(rows).to_string(), json!(secrets).to_string()]
}

/// Stores clients as they are.
pub(super) async fn insert(
    database: &mut Connection<'_>,
    clients: &[Client],
) -> Result<(), sqlx::Error> {
    let [rows, secrets] = client_rows(clients);
    let insert = sql!(
        "INSERT INTO clients (client_id, metadata, epoch, created_at, updated_at)
         SELECT value ->> 0, value ->> 1, CAST(value ->> 2 AS bigint),
             CAST(value ->> 3 AS bigint), CAST(value ->> 4 AS bigint)
         FROM " [records "$1"]
    );
    database.query(insert).bind(rows).execute().await?;
    insert_secrets(database, secrets).await
}

async fn insert_secrets(database: &mut Connection<'_>, rows: String) -> Result<(), sqlx::Error> {
    let insert = sql!(
        "INSERT INTO client_secrets (client_id, position, hash, created_at, expires_at)
         SELECT value ->> 0, CAST(value ->> 1 AS bigint), value ->> 2,
             CAST(value ->> 3 AS bigint), CAST(value ->> 4 AS bigint)
         FROM " [records "$1"]
    );
    database.query(insert).bind(rows).execute().await
}

/// A number that no other client of this name had.
fn new_epoch() -> i64 {
    rand::random_range(1..1 << 53)
}

/// Refuses an author who lacks what a client may do that is registered like this.
fn check_author(by: &ClientAuthor, client: &ClientMetadata) -> Result<(), RepositoryError> {
    by.lacks(client).map_or(Ok(()), |scope| Err(RepositoryError::ClientScope(scope)))
}

/// The client, locked until the transaction ends.
async fn lock(database: &mut Connection<'_>, id: &ClientId) -> Result<Client, RepositoryError> {
    let lock = sql!("SELECT 1 FROM clients WHERE client_id = $1" [for update]);
    database.query(lock).bind(id.as_str()).scalars::<i32>().await?;
    find(database, id).await?.ok_or(RepositoryError::NoSuchClient)
}

async fn add(
    database: &mut Connection<'_>,
    new: &NewClient,
    by: &ClientAuthor,
    now: Timestamp,
) -> Result<Client, RepositoryError> {
    admit(database, None, by.actor.as_ref()).await?;
    check_author(by, &new.metadata)?;
    database.lock("bailiwick clients").await?;
    if find(database, &new.id).await?.is_some() {
        return Err(RepositoryError::ClientExists);
    }
    let count: i64 = database.query("SELECT count(*) FROM clients").scalar().await?;
    if count >= i64::from(Client::MOST) {
        return Err(RepositoryError::TooManyClients);
    }
    let secret = |hash| ClientSecret { hash, created_at: now, expires_at: None };
    let client = Client {
        id: new.id.clone(),
        metadata: new.metadata.clone(),
        secrets: new.secret.map(secret).into_iter().collect(),
        epoch: new_epoch(),
        created_at: now,
        updated_at: now,
        is_configured: false,
    };
    insert(database, std::slice::from_ref(&client)).await?;
    Ok(client)
}

async fn change(
    database: &mut Connection<'_>,
    id: &ClientId,
    edit: ClientEdit,
    (by, now): (&ClientAuthor, Timestamp),
) -> Result<[Client; 2], RepositoryError> {
    admit(database, None, by.actor.as_ref()).await?;
    let before = lock(database, id).await?;
    let metadata = edit(before.metadata.clone()).map_err(RepositoryError::BadClient)?;
    check_author(by, &before.metadata)?;
    check_author(by, &metadata)?;
    let update = "UPDATE clients SET metadata = $2, updated_at = $3 WHERE client_id = $1";
    let update = database.query(update).bind(id.as_str()).bind(json!(metadata).to_string());
    update.bind(now.seconds()).execute().await?;
    let after = Client { metadata, updated_at: now, ..before.clone() };
    Ok([before, after])
}

async fn rotate(
    database: &mut Connection<'_>,
    id: &ClientId,
    (hash, keep_until): (KeyHash, Option<Timestamp>),
    (by, now): (&ClientAuthor, Timestamp),
) -> Result<Client, RepositoryError> {
    admit(database, None, by.actor.as_ref()).await?;
    let mut client = lock(database, id).await?;
    check_author(by, &client.metadata)?;
    if !client.metadata.has_secret() {
        return Err(RepositoryError::BadClient(ClientFault::new(
            "token_endpoint_auth_method",
            format!("`{}` has no secret", client.metadata.token_endpoint_auth_method),
        )));
    }
    let last = client.secrets.pop().filter(|one| one.is_live(now));
    client.secrets = last
        .zip(keep_until)
        .map(|(last, until)| ClientSecret {
            expires_at: Some(last.expires_at.map_or(until, |end| end.min(until))),
            ..last
        })
        .into_iter()
        .collect();
    client.secrets.push(ClientSecret { hash, created_at: now, expires_at: None });
    if keep_until.is_none() {
        client.epoch = new_epoch();
    }
    client.updated_at = now;
    let update = "UPDATE clients SET epoch = $2, updated_at = $3 WHERE client_id = $1";
    let update = database.query(update).bind(id.as_str()).bind(client.epoch);
    update.bind(now.seconds()).execute().await?;
    let delete = "DELETE FROM client_secrets WHERE client_id = $1";
    database.query(delete).bind(id.as_str()).execute().await?;
    let [_, secrets] = client_rows(std::slice::from_ref(&client));
    insert_secrets(database, secrets).await?;
    if keep_until.is_none() {
        end_families(database, id).await?;
    }
    Ok(client)
}

/// Ends what the client's users got by it. Families without a living access token need no row in
/// `revocations`: nothing can be refreshed by a client that is gone, or is another one since.
async fn end_families(database: &mut Connection<'_>, id: &ClientId) -> Result<(), sqlx::Error> {
    let end = sql!(
        "UPDATE refresh_families SET revoked_at = " [clock] "
         WHERE client_id = $1 AND revoked_at IS NULL AND access_until > " [clock]
    );
    database.query(end).bind(id.as_str()).execute().await
}

async fn delete(
    database: &mut Connection<'_>,
    id: &ClientId,
    by: &ClientAuthor,
) -> Result<(), RepositoryError> {
    admit(database, None, by.actor.as_ref()).await?;
    check_author(by, &lock(database, id).await?.metadata)?;
    end_families(database, id).await?;
    for delete in [
        "DELETE FROM client_secrets WHERE client_id = $1",
        "DELETE FROM consents WHERE client_id = $1",
        "DELETE FROM clients WHERE client_id = $1",
    ] {
        database.query(delete).bind(id.as_str()).execute().await?;
    }
    Ok(())
}
