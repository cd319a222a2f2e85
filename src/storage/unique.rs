//! What may not stand in the store twice, beside the exact name: decided in the transaction that
//! writes, under one lock for all who add names or addresses.
//!
//! No unique index: where the setting is turned on, the database may hold such users already, and
//! they go on.

use crate::domain::{RepositoryError, Taken, User, Username};
use crate::settings::UserSettings;
use crate::storage::error::unavailable;
use crate::storage::row::new_id;
use crate::storage::writing::Statements;
use serde_json::json;
use std::collections::HashSet;

/// The key of a user's name, where it is another text.
pub(super) fn folded(username: &Username) -> Option<String> {
    Some(username.folded()).filter(|folded| folded != username.as_str())
}

/// Whether there is anything to be asked.
pub(super) fn is_asked(unique: UserSettings) -> bool {
    unique.case_insensitive || unique.unique_email
}

/// Refuses a new user whose name or address is taken.
pub(super) async fn refuse_taken(
    database: &mut impl Statements,
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

/// Refuses a new name of a user that another one has but for case; whoever has the exact one is found
/// by the database.
pub(super) async fn refuse_name(
    database: &mut impl Statements,
    unique: UserSettings,
    (before, after): (&User, &User),
) -> Result<(), RepositoryError> {
    if before.username == after.username {
        return Ok(());
    }
    // Also for exact names: two who give each other's up would wait in a circle.
    database.lock_unique().await.map_err(unavailable)?;
    let folded = after.username.folded();
    if !unique.case_insensitive || before.username.folded() == folded {
        return Ok(());
    }
    if database.taken_names(&[folded]).await.map_err(unavailable)?.is_empty() {
        Ok(())
    } else {
        Err(RepositoryError::Exists)
    }
}

/// Refuses a new address of a user that another one has.
pub(super) async fn refuse_email(
    database: &mut impl Statements,
    unique: UserSettings,
    (before, after): (&User, &User),
) -> Result<(), RepositoryError> {
    let Some(email) = after.email.as_deref().filter(|_| unique.unique_email) else { return Ok(()) };
    if before.email.as_deref().is_some_and(|before| before.eq_ignore_ascii_case(email)) {
        return Ok(());
    }
    database.lock_unique().await.map_err(unavailable)?;
    let emails = [email.to_ascii_lowercase()];
    if database.taken_emails(&emails).await.map_err(unavailable)?.is_empty() {
        Ok(())
    } else {
        Err(RepositoryError::EmailExists)
    }
}

/// Those of new users who may be written, and what is taken of the others, by those who are there or
/// by each other.
pub(super) async fn divide(
    database: &mut impl Statements,
    unique: UserSettings,
    users: Vec<User>,
) -> Result<(Vec<User>, Vec<Taken>), RepositoryError> {
    if !is_asked(unique) {
        return Ok((users, Vec::new()));
    }
    database.lock_unique().await.map_err(unavailable)?;
    let (mut names, mut emails) = (HashSet::new(), HashSet::new());
    if unique.case_insensitive {
        let keys: Vec<String> = users.iter().map(|user| user.username.folded()).collect();
        names.extend(database.taken_names(&keys).await.map_err(unavailable)?);
    }
    if unique.unique_email {
        let keys: Vec<String> = users.iter().filter_map(email).collect();
        emails.extend(database.taken_emails(&keys).await.map_err(unavailable)?);
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

/// Creates new users, except those whose name or address is taken; returns these.
pub(super) async fn add(
    database: &mut impl Statements,
    unique: UserSettings,
    users: Vec<User>,
) -> Result<Vec<Taken>, RepositoryError> {
    let (mut free, mut taken) = divide(database, unique, users).await?;
    renew_taken_ids(database, &mut free).await?;
    let names = database.insert(free).await.map_err(unavailable)?;
    taken.extend(names.into_iter().map(Taken::Name));
    Ok(taken)
}

/// Gives other ids to those new users whose random ones somebody has already.
pub(super) async fn renew_taken_ids(
    database: &mut impl Statements,
    users: &mut [User],
) -> Result<(), RepositoryError> {
    loop {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let taken = database.taken_ids(&ids).await.map_err(unavailable)?;
        if taken.is_empty() {
            return Ok(());
        }
        for user in users.iter_mut().filter(|user| taken.contains(&user.id.0)) {
            user.id = new_id();
        }
    }
}

/// The folded names of those users that were created, where they are other texts, as JSON.
pub(super) fn folded_names(users: &[User], created: &[String]) -> Option<String> {
    let mut folded = users.iter().filter_map(|user| Some((user, folded(&user.username)?)));
    let first = folded.next()?;
    let created: HashSet<&str> = created.iter().map(String::as_str).collect();
    let all = std::iter::once(first).chain(folded);
    let new = all.filter(|(user, _)| created.contains(user.username.as_str()));
    let new: Vec<_> = new.map(|(user, key)| json!([user.username.as_str(), key])).collect();
    Some(json!(new).to_string())
}

fn email(user: &User) -> Option<String> {
    user.email.as_deref().map(str::to_ascii_lowercase)
}

/// Of names with the folded forms that the store has of them, those that are wrong, and of these the
/// right forms; both as JSON. `None`: nothing is wrong.
pub(super) fn corrections(stored: Vec<(String, Option<String>)>) -> Option<(String, String)> {
    let (mut wrong, mut right) = (Vec::new(), Vec::new());
    for (name, stored) in stored {
        // What is no name cannot log in.
        let key = name.parse().ok().and_then(|name| folded(&name));
        if key != stored {
            right.extend(key.map(|key| json!([name, key])));
            wrong.push(name);
        }
    }
    (!wrong.is_empty()).then(|| (json!(wrong).to_string(), json!(right).to_string()))
}

/// Users who share what should be one user's, since before a setting was turned on.
pub(super) struct Duplicates {
    pub(super) what: UniqueRule,
    pub(super) users: i64,
    pub(super) example: Option<String>,
}

/// What should be one user's.
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
    /// Says so in the log, if there are any.
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
