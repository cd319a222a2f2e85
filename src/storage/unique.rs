//! Uniqueness beyond the exact name: checked in the writing transaction, under one lock for all
//! that add names or addresses.
//!
//! No unique index: when the setting is turned on, the database may already hold duplicates, which
//! stay.

use crate::domain::{RepositoryError, Taken, User};
use crate::settings::UserSettings;
use crate::storage::database::{Connection, Sql, sql};
use crate::storage::row::{folded, new_id};
use crate::storage::statements::{
    insert, insert_folded, lock_unique, taken_emails, taken_ids, taken_names,
};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Whether there is anything to check.
pub(super) fn is_asked(unique: UserSettings) -> bool {
    unique.case_insensitive || unique.unique_email
}

/// Refuses a new user whose name or address is taken.
pub(super) async fn refuse_taken(
    database: &mut Connection<'_>,
    unique: UserSettings,
    user: &User,
) -> Result<(), RepositoryError> {
    let (_, taken) = divide(database, unique, vec![user.clone()]).await?;
    match taken.first() {
        None => Ok(()),
        Some(Taken::Name(_)) => Err(RepositoryError::Exists),
        Some(Taken::Email(_)) => Err(RepositoryError::EmailExists),
    }
}

/// Refuses a new name that differs from another user's only in case; the database itself refuses an
/// exact duplicate.
pub(super) async fn refuse_name(
    database: &mut Connection<'_>,
    unique: UserSettings,
    (before, after): (&User, &User),
) -> Result<(), RepositoryError> {
    if before.username == after.username {
        return Ok(());
    }
    // Also for exact names: two users taking each other's name would deadlock.
    lock_unique(database).await?;
    let folded = after.username.folded();
    if !unique.case_insensitive || before.username.folded() == folded {
        return Ok(());
    }
    if taken_names(database, &[folded]).await?.is_empty() {
        Ok(())
    } else {
        Err(RepositoryError::Exists)
    }
}

/// Refuses a new address that is another user's.
pub(super) async fn refuse_email(
    database: &mut Connection<'_>,
    unique: UserSettings,
    (before, after): (&User, &User),
) -> Result<(), RepositoryError> {
    let Some(email) = after.email.as_deref().filter(|_| unique.unique_email) else { return Ok(()) };
    if before.email.as_deref().is_some_and(|before| before.eq_ignore_ascii_case(email)) {
        return Ok(());
    }
    lock_unique(database).await?;
    let emails = [email.to_ascii_lowercase()];
    if taken_emails(database, &emails).await?.is_empty() {
        Ok(())
    } else {
        Err(RepositoryError::EmailExists)
    }
}

/// The new users that may be written, and what is taken of the others, by existing users or by each
/// other.
pub(super) async fn divide(
    database: &mut Connection<'_>,
    unique: UserSettings,
    users: Vec<User>,
) -> Result<(Vec<User>, Vec<Taken>), RepositoryError> {
    if !is_asked(unique) {
        return Ok((users, Vec::new()));
    }
    lock_unique(database).await?;
    let (mut names, mut emails) = (HashSet::new(), HashSet::new());
    if unique.case_insensitive {
        let keys: Vec<String> = users.iter().map(|user| user.username.folded()).collect();
        names.extend(taken_names(database, &keys).await?);
    }
    if unique.unique_email {
        let keys: Vec<String> = users.iter().filter_map(email).collect();
        emails.extend(taken_emails(database, &keys).await?);
    }
    let (mut free, mut taken) = (Vec::new(), Vec::new());
    for user in users {
        let name = unique.case_insensitive.then(|| user.username.folded());
        let email = email(&user).filter(|_| unique.unique_email);
        if name.as_ref().is_some_and(|name| names.contains(name)) {
            taken.push(Taken::Name(user.username));
        } else if email.as_ref().is_some_and(|email| emails.contains(email)) {
            taken.push(Taken::Email(user.username));
        } else {
            names.extend(name);
            emails.extend(email);
            free.push(user);
        }
    }
    Ok((free, taken))
}

/// Creates new users, except those whose name or address is taken; returns the latter.
pub(super) async fn add(
    database: &mut Connection<'_>,
    unique: UserSettings,
    users: Vec<User>,
) -> Result<Vec<Taken>, RepositoryError> {
    let (mut free, mut taken) = divide(database, unique, users).await?;
    renew_taken_ids(database, &mut free).await?;
    let names = insert(database, free).await?;
    taken.extend(names.into_iter().map(Taken::Name));
    Ok(taken)
}

/// Gives new ids to those new users whose random ids are taken.
pub(super) async fn renew_taken_ids(
    database: &mut Connection<'_>,
    users: &mut [User],
) -> Result<(), RepositoryError> {
    loop {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let taken = taken_ids(database, &ids).await?;
        if taken.is_empty() {
            return Ok(());
        }
        for user in users.iter_mut().filter(|user| taken.contains(&user.id.0)) {
            user.id = new_id();
        }
    }
}

fn email(user: &User) -> Option<String> {
    user.email.as_deref().map(str::to_ascii_lowercase)
}

/// Among names with their stored folded forms: the wrong ones, and the right forms.
fn corrections(stored: Vec<(String, Option<String>)>) -> (Vec<String>, Vec<Value>) {
    let (mut wrong, mut right) = (Vec::new(), Vec::new());
    for (name, stored) in stored {
        // An invalid name cannot log in.
        let key = name.parse().ok().and_then(|name| folded(&name));
        if key != stored {
            right.extend(key.map(|key| json!([name, key])));
            wrong.push(name);
        }
    }
    (wrong, right)
}

/// Adds what other programs and earlier versions have left out, and looks for duplicates.
pub(super) async fn prepare(
    database: &mut Connection<'_>,
    unique: UserSettings,
) -> Result<Vec<Duplicates>, sqlx::Error> {
    let mut shared = Vec::new();
    if unique.case_insensitive {
        fold(database).await?;
        shared.push((SAME_NAME, SHARED_NAMES.into()));
    }
    if unique.unique_email {
        index_emails(database).await?;
        shared.push((SAME_EMAIL, SHARED_EMAILS));
    }
    let mut found = Vec::new();
    for (what, query) in shared {
        let (users, example) = database.query(query).one().await?;
        found.push(Duplicates { what, users, example });
    }
    Ok(found)
}

/// Corrects the folded names, a page at a time: right ones are only read.
async fn fold(database: &mut Connection<'_>) -> Result<(), sqlx::Error> {
    let mut after = String::new();
    loop {
        let page: Vec<(String, Option<String>)> =
            database.query(UNSURE_NAMES).bind(&after).all().await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after.clone_from(last);
        let (wrong, right) = corrections(page);
        if wrong.is_empty() {
            continue;
        }
        let correct = database.atomically(|mut database| {
            Box::pin(async move {
                lock_unique(&mut database).await?;
                let delete = sql!(
                    "DELETE FROM folded_names WHERE username IN (SELECT value FROM " [texts "$1"] ")"
                );
                database.query(delete).bind(json!(wrong).to_string()).execute().await?;
                insert_folded(&mut database, right).await
            })
        });
        correct.await?;
    }
}

/// Checks first: `IF NOT EXISTS` would lock the table even if there is nothing to do.
async fn index_emails(database: &mut Connection<'_>) -> Result<(), sqlx::Error> {
    if database.query(sql!("SELECT " [index "users_email"])).scalar().await? {
        return Ok(());
    }
    let index = database.atomically(|mut database| {
        Box::pin(async move {
            lock_unique(&mut database).await?;
            let index = sql!(
                "CREATE INDEX IF NOT EXISTS users_email ON users (" [lower "email"] ")"
            );
            database.query(index).execute().await
        })
    });
    index.await
}

/// Names after this one whose folded form may be wrong, as left by other programs. Names of
/// printable ASCII without capitals are right without a check.
const UNSURE_NAMES: Sql = sql!(
    "SELECT users.username, folded_names.folded
     FROM users LEFT JOIN folded_names ON folded_names.username = users.username
     WHERE users.username > $1 AND (folded IS NOT NULL OR users.username " [has "[^ -@[-~]"] ")
     ORDER BY users.username LIMIT 1000"
);

/// How many users have a name that differs from another's only in case, and one of them.
const SHARED_NAMES: &str = "SELECT count(*), min(username) FROM folded_names AS one
     WHERE EXISTS (SELECT 1 FROM users WHERE users.username = one.folded)
         OR EXISTS (SELECT 1 FROM folded_names AS other
                    WHERE other.folded = one.folded AND other.username <> one.username)";

/// How many users share an address, and one of them.
const SHARED_EMAILS: Sql = sql!(
    "SELECT count(*), min(username) FROM users AS one
     WHERE EXISTS (SELECT 1 FROM users AS other
                   WHERE " [lower "other.email"] " = " [lower "one.email"]
    " AND other.username <> one.username)"
);

/// Users that share what should be unique, since before a setting was turned on.
pub(super) struct Duplicates {
    pub(super) what: UniqueRule,
    pub(super) users: i64,
    pub(super) example: Option<String>,
}

/// What should be unique.
#[derive(Clone, Copy)]
pub(super) struct UniqueRule {
    setting: &'static str,
    shared: &'static str,
    rest: &'static str,
}

pub(super) const SAME_NAME: UniqueRule = UniqueRule {
    setting: "users.case_insensitive",
    shared: "a name that differs from another user's only in case",
    rest: "still log in with their exact names",
};

pub(super) const SAME_EMAIL: UniqueRule = UniqueRule {
    setting: "users.unique_email",
    shared: "the e-mail address of another user",
    rest: "keep the addresses they have",
};

impl Duplicates {
    /// Logs them, if there are any.
    pub(super) fn warn(&self) {
        if let Some(line) = self.line() {
            log::warn!(target: "bailiwick.error", "{line}");
        }
    }

    fn line(&self) -> Option<String> {
        let Self { what: UniqueRule { setting, shared, rest }, users, example: Some(example) } =
            self
        else {
            return None;
        };
        let who = match users {
            1 => format!("1 user, `{example}`, has"),
            _ => format!("{users} users, for example `{example}`, have"),
        };
        Some(format!("{setting}: {who} {shared}; existing users {rest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_says_what_is_shared_and_by_how_many() {
        let line = |what, users| {
            let example = (users > 0).then(|| "bob".to_owned());
            Duplicates { what, users, example }.line()
        };
        assert_eq!(
            line(SAME_NAME, 1).unwrap(),
            "users.case_insensitive: 1 user, `bob`, has a name that differs from another user's \
             only in case; existing users still log in with their exact names"
        );
        assert_eq!(
            line(SAME_EMAIL, 2).unwrap(),
            "users.unique_email: 2 users, for example `bob`, have the e-mail address of another \
             user; existing users keep the addresses they have"
        );
        assert_eq!(line(SAME_EMAIL, 0), None);
    }
}
