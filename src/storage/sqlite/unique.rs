//! What is taken in SQLite, and what a setting that was turned on finds there.

use crate::domain::{UserId, Username};
use crate::settings::UserSettings;
use crate::storage::statements;
use crate::storage::unique::{Duplicates, SAME_EMAIL, SAME_NAME, corrections, folded};
use serde_json::json;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

/// Those of the folded names that a user has.
pub(super) async fn taken_names(
    connection: &mut SqliteConnection,
    folded: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT value FROM json_each(?1)
         WHERE EXISTS (SELECT 1 FROM users WHERE username = value)
             OR EXISTS (SELECT 1 FROM folded_names WHERE folded = value)",
    )
    .bind(json!(folded).to_string())
    .fetch_all(connection)
    .await
}

/// Those of the addresses in lower case that a user has.
pub(super) async fn taken_emails(
    connection: &mut SqliteConnection,
    emails: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT value FROM json_each(?1)
         WHERE EXISTS (SELECT 1 FROM users WHERE lower(email) = value)",
    )
    .bind(json!(emails).to_string())
    .fetch_all(connection)
    .await
}

/// Those of the ids that a user has.
pub(super) async fn taken_ids(
    connection: &mut SqliteConnection,
    ids: &[UserId],
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM users WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(json!(ids).to_string())
        .fetch_all(connection)
        .await
}

/// Enters what other programs and earlier versions have not, and looks for what is there twice.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    unique: UserSettings,
) -> Result<Vec<Duplicates>, sqlx::Error> {
    let mut shared = Vec::new();
    if unique.case_insensitive {
        fold(connection).await?;
        shared.push((SAME_NAME, statements::SHARED_NAMES));
    }
    if unique.unique_email {
        let known = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'users_email')";
        if !sqlx::query_scalar::<_, bool>(known).fetch_one(&mut *connection).await? {
            let index = "CREATE INDEX IF NOT EXISTS users_email ON users (lower(email))";
            sqlx::query(index).execute(&mut *connection).await?;
        }
        let twice = statements::shared_emails!("lower(one.email)", "lower(other.email)");
        shared.push((SAME_EMAIL, twice));
    }
    let mut found = Vec::new();
    for (what, query) in shared {
        let (users, example) = sqlx::query_as(query).fetch_one(&mut *connection).await?;
        found.push(Duplicates { what, users, example });
    }
    Ok(found)
}

async fn fold(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let unsure = statements::unsure_names!("GLOB '*[^ -@[-~]*'");
    let mut after = String::new();
    loop {
        let page: Vec<(String, Option<String>)> =
            sqlx::query_as(unsure).bind(&after).fetch_all(&mut *connection).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after.clone_from(last);
        let Some((wrong, right)) = corrections(page) else { continue };
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let delete = "DELETE FROM folded_names WHERE username IN (SELECT value FROM json_each(?1))";
        sqlx::query(delete).bind(wrong).execute(&mut *transaction).await?;
        insert(&mut transaction, right).await?;
        transaction.commit().await?;
    }
}

/// Gives a user another name.
pub(super) async fn rename(
    connection: &mut SqliteConnection,
    from: &Username,
    to: &Username,
) -> Result<(), sqlx::Error> {
    let rename = sqlx::query(statements::RENAME).bind(from.as_str()).bind(to.as_str());
    rename.execute(&mut *connection).await?;
    sqlx::query(statements::UNFOLD).bind(to.as_str()).execute(&mut *connection).await?;
    match folded(to) {
        Some(key) => insert(connection, json!([[to.as_str(), key]]).to_string()).await,
        None => Ok(()),
    }
}

/// Enters names with their folded forms; those whose users have gone meanwhile are left out.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    names: String,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO folded_names (username, folded)
         SELECT value ->> 0, value ->> 1 FROM json_each(?1)
         WHERE EXISTS (SELECT 1 FROM users WHERE username = value ->> 0)",
    )
    .bind(names)
    .execute(connection)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use crate::storage::contract::unique::a_new_user_takes_nobodys_id;
    use crate::storage::sqlite::migrations::{TEXTS, run};
    use sqlx::{Connection as _, SqliteConnection};

    #[tokio::test]
    async fn a_taken_id_is_renewed() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        run(&mut connection, &TEXTS).await.ok().unwrap();
        a_new_user_takes_nobodys_id(&mut connection).await;
    }
}
