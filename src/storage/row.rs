//! Conversions for both databases: a user from a row, and a user after a change.

use crate::domain::{
    ApiKey, Client, ClientSecret, Day, LastUse, NewUser, PasswordHash, ScopeName, Timestamp, User,
    UserChange, UserId, Username,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use std::str::FromStr;
use std::sync::Arc;

/// A row with the columns of `users` and `scopes`, joined by spaces.
impl<'r, R: Row> FromRow<'r, R> for User
where
    &'static str: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            username: parse("username", row.try_get("username")?)?,
            id: UserId(row.try_get("id")?),
            has_predecessor: row.try_get("has_predecessor")?,
            email: row.try_get::<Option<&str>, _>("email")?.map(Into::into),
            full_name: row.try_get::<Option<&str>, _>("full_name")?.map(Into::into),
            disabled: row.try_get("disabled")?,
            // Affects one user only: an error here would fail the whole list.
            password_hash: row
                .try_get::<&str, _>("password_hash")?
                .parse()
                .unwrap_or(PasswordHash::Unreadable),
            scopes: match row.try_get::<Option<&str>, _>("scopes")? {
                Some(scopes) => Arc::new(parse("scopes", scopes)?),
                None => Arc::default(),
            },
            created_at: Timestamp(row.try_get("created_at")?),
            updated_at: Timestamp(row.try_get("updated_at")?),
            epoch: row.try_get("epoch")?,
            signed_out_at: row.try_get::<Option<i64>, _>("signed_out_at")?.map(Timestamp),
        })
    }
}

/// A row with the columns of `api_keys`, and the owner's name.
impl<'r, R: Row> FromRow<'r, R> for ApiKey
where
    &'static str: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let number = |column| row.try_get::<Option<i64>, _>(column);
        Ok(Self {
            id: parse("id", row.try_get("id")?)?,
            hash: parse("hash", row.try_get("hash")?)?,
            user: UserId(row.try_get("user_id")?),
            owner: parse("owner", row.try_get("owner")?)?,
            name: row.try_get::<&str, _>("name")?.into(),
            scopes: parse("scopes", row.try_get("scopes")?)?,
            created_at: Timestamp(row.try_get("created_at")?),
            expires_at: number("expires_at")?.map(Timestamp),
            last_used: LastUse::new(number("last_day")?.map(Day)),
        })
    }
}

/// A row with the columns of `clients`, and the secrets as a JSON text.
impl<'r, R: Row> FromRow<'r, R> for Client
where
    &'static str: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let secrets: Vec<(&str, i64, Option<i64>)> =
            read_json("secrets", row.try_get::<Option<&str>, _>("secrets")?.unwrap_or("[]"))?;
        let secret = |(hash, created_at, expires_at): (_, _, Option<_>)| {
            Ok(ClientSecret {
                hash: parse("hash", hash)?,
                created_at: Timestamp(created_at),
                expires_at: expires_at.map(Timestamp),
            })
        };
        Ok(Self {
            id: parse("client_id", row.try_get("client_id")?)?,
            metadata: read_json("metadata", row.try_get("metadata")?)?,
            secrets: secrets.into_iter().map(secret).collect::<Result<_, sqlx::Error>>()?,
            epoch: row.try_get("epoch")?,
            created_at: Timestamp(row.try_get("created_at")?),
            updated_at: Timestamp(row.try_get("updated_at")?),
            is_configured: false,
        })
    }
}

fn read_json<'r, T: Deserialize<'r>>(column: &str, text: &'r str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.into(),
        source: Box::new(error),
    })
}

/// A value that others may have written: an invalid one is an error, not a panic.
fn parse<T>(column: &str, text: &str) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| sqlx::Error::ColumnDecode {
        index: column.into(),
        source: Box::new(error),
    })
}

/// Whether the last-holder rule counts the user.
pub(super) fn holds(user: &User, scope: &ScopeName) -> bool {
    !user.disabled && user.scopes.contains(scope.as_str())
}

/// The user after the change.
pub(super) fn apply(before: &User, change: UserChange, now: Timestamp) -> User {
    User {
        username: change.username.unwrap_or_else(|| before.username.clone()),
        id: before.id,
        has_predecessor: before.has_predecessor,
        email: change.email.map_or_else(|| before.email.clone(), |email| email.map(Into::into)),
        full_name: change
            .full_name
            .map_or_else(|| before.full_name.clone(), |name| name.map(Into::into)),
        disabled: change.disabled.unwrap_or(before.disabled),
        password_hash: change.password_hash.unwrap_or_else(|| before.password_hash.clone()),
        scopes: change.scopes.map_or_else(|| Arc::clone(&before.scopes), Arc::new),
        created_at: before.created_at,
        updated_at: now,
        epoch: before.epoch.saturating_add(change.signs_out.into()),
        signed_out_at: before.signed_out_at,
    }
}

/// The hash to write; `None` if it stays, even an unreadable one.
pub(super) fn changed_hash(before: &User, after: &User) -> Option<String> {
    let hash = &after.password_hash;
    (*hash != before.password_hash).then(|| hash.expose())
}

/// A random id, very likely unused.
pub(super) fn new_id() -> UserId {
    UserId(rand::random_range(1..UserId::COUNT))
}

/// The user created from `new`.
pub(super) fn created(new: NewUser, now: Timestamp) -> User {
    User {
        username: new.username,
        id: new_id(),
        has_predecessor: false,
        email: new.email.map(Into::into),
        full_name: new.full_name.map(Into::into),
        disabled: new.disabled,
        password_hash: new.password_hash,
        scopes: Arc::new(new.scopes),
        created_at: now,
        updated_at: now,
        epoch: 0,
        signed_out_at: None,
    }
}

/// Users as one JSON text: one statement per row would cost a round trip each, several times what a
/// database needs for the row.
pub(super) fn rows(users: &[User]) -> String {
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            json!({
                "username": user.username.as_str(),
                "id": user.id,
                "email": user.email,
                "full_name": user.full_name,
                "disabled": user.disabled,
                "password_hash": user.password_hash.expose(),
                "created_at": user.created_at.seconds(),
                "updated_at": user.updated_at.seconds(),
                "epoch": user.epoch,
                "signed_out_at": user.signed_out_at.map(Timestamp::seconds),
            })
        })
        .collect();
    json!(rows).to_string()
}

/// The scopes of a user as JSON: arrays of the name, the scope's position and the scope.
pub(super) fn scopes(user: &User) -> impl Iterator<Item = Value> {
    let name = user.username.as_str();
    user.scopes.iter().enumerate().map(move |(position, scope)| json!([name, position, scope]))
}

/// The folded name, if it differs from the name.
pub(super) fn folded(username: &Username) -> Option<String> {
    Some(username.folded()).filter(|folded| folded != username.as_str())
}
