//! What is taken in PostgreSQL, and what a setting that was turned on finds there.

use crate::domain::{UserId, Username};
use crate::settings::UserSettings;
use crate::storage::statements;
use crate::storage::unique::{Duplicates, SAME_EMAIL, SAME_NAME, corrections, folded};
use serde_json::json;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

/// Whoever adds names or addresses that must be unique takes this lock first.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let lock = "SELECT pg_advisory_xact_lock(hashtext('bailiwick unique'))";
    sqlx::query(lock).execute(connection).await.map(drop)
}

/// Those of the folded names that a user has.
pub(super) async fn taken_names(
    connection: &mut PgConnection,
    folded: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT name FROM json_array_elements_text($1::json) AS names (name)
         WHERE EXISTS (SELECT 1 FROM users WHERE username = name)
             OR EXISTS (SELECT 1 FROM folded_names WHERE folded = name)",
    )
    .bind(json!(folded).to_string())
    .fetch_all(connection)
    .await
}

/// Those of the addresses in lower case that a user has.
pub(super) async fn taken_emails(
    connection: &mut PgConnection,
    emails: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT address FROM json_array_elements_text($1::json) AS addresses (address)
         WHERE EXISTS (SELECT 1 FROM users WHERE lower(email COLLATE \"C\") = address)",
    )
    .bind(json!(emails).to_string())
    .fetch_all(connection)
    .await
}

/// Those of the ids that a user has.
pub(super) async fn taken_ids(
    connection: &mut PgConnection,
    ids: &[UserId],
) -> Result<Vec<i64>, sqlx::Error> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    sqlx::query_scalar("SELECT id FROM users WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(connection)
        .await
}

/// Enters what other programs and earlier versions have not, and looks for what is there twice.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    unique: UserSettings,
) -> Result<Vec<Duplicates>, sqlx::Error> {
    let mut shared = Vec::new();
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    if unique.case_insensitive {
        fold(&mut transaction).await?;
        shared.push((SAME_NAME, statements::SHARED_NAMES));
    }
    if unique.unique_email {
        // IF NOT EXISTS would lock the table even where there is nothing to do.
        let known = "SELECT to_regclass('users_email') IS NOT NULL";
        if !sqlx::query_scalar::<_, bool>(known).fetch_one(&mut *transaction).await? {
            let index = "CREATE INDEX users_email ON users (lower(email COLLATE \"C\"))";
            sqlx::query(index).execute(&mut *transaction).await?;
        }
        let twice = statements::shared_emails!(
            "lower(one.email COLLATE \"C\")",
            "lower(other.email COLLATE \"C\")"
        );
        shared.push((SAME_EMAIL, twice));
    }
    let mut found = Vec::new();
    for (what, query) in shared {
        let (users, example) = sqlx::query_as(query).fetch_one(&mut *transaction).await?;
        found.push(Duplicates { what, users, example });
    }
    transaction.commit().await?;
    Ok(found)
}

async fn fold(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let unsure = statements::unsure_names!("~ '[^ -@[-~]'");
    let mut after = String::new();
    loop {
        let page: Vec<(String, Option<String>)> =
            sqlx::query_as(unsure).bind(&after).fetch_all(&mut *connection).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after.clone_from(last);
        let Some((wrong, right)) = corrections(page) else { continue };
        let delete = "DELETE FROM folded_names
             WHERE username IN (SELECT json_array_elements_text($1::json))";
        sqlx::query(delete).bind(wrong).execute(&mut *connection).await?;
        insert(connection, right).await?;
    }
}

/// Gives a user another name.
pub(super) async fn rename(
    connection: &mut PgConnection,
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
    connection: &mut PgConnection,
    names: String,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO folded_names (username, folded)
         SELECT username, new ->> 1 FROM json_array_elements($1::json) AS new
             JOIN users ON username = new ->> 0
         ON CONFLICT (username) DO UPDATE SET folded = excluded.folded",
    )
    .bind(names)
    .execute(connection)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use crate::storage::Missing;
    use crate::storage::contract::unique::a_new_user_takes_nobodys_id;
    use crate::storage::postgres::migrations::{TEXTS, run};
    use crate::storage::postgres::tests::server::shared;
    use sqlx::{Connection as _, PgConnection};

    #[tokio::test]
    async fn a_taken_id_is_renewed() {
        let url = shared().url(&shared().database());
        let mut connection = PgConnection::connect(&url).await.unwrap();
        run(&mut connection, &TEXTS, Missing::Create).await.ok().unwrap();
        a_new_user_takes_nobodys_id(&mut connection).await;
    }
}
