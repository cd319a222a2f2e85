//! What every repository must do, written against the trait; `contract!` runs it on a database.

#[cfg(test)]
mod actors;
#[cfg(test)]
pub(super) mod api_keys;
#[cfg(test)]
pub(super) mod audit_events;
#[cfg(test)]
pub(super) mod clients;
#[cfg(test)]
pub(super) mod codes;
#[cfg(test)]
mod epochs;
#[cfg(test)]
pub(super) mod identities;
#[cfg(test)]
pub(super) mod keys;
#[cfg(test)]
pub(super) mod last_logins;
#[cfg(test)]
mod notices;
#[cfg(test)]
pub(super) mod refresh_families;
#[cfg(test)]
mod renamed;
#[cfg(test)]
pub(super) mod revocations;
#[cfg(test)]
pub(super) mod sessions;
#[cfg(test)]
pub(super) mod signers;
#[cfg(test)]
pub(super) mod throttles;
#[cfg(test)]
pub(super) mod unique;
#[cfg(test)]
pub(super) mod versions;
pub(super) use actors::{
    a_refused_actor_learns_nothing, actors_who_change_each_other_do_not_block,
    an_actor_who_may_makes_changes, an_actor_who_may_not_any_more_is_refused,
    an_actors_own_password_needs_the_old_one,
};
pub(super) use epochs::{a_users_tokens_end_and_only_they, an_end_is_found_whatever_is_in_memory};
pub(super) use notices::{
    a_change_by_another_is_seen, a_change_of_one_leaves_the_others_in_memory,
};
pub(super) use renamed::{
    a_name_that_was_given_up_is_remembered, a_renamed_actor_goes_on,
    a_renamed_user_stays_who_it_is, a_taken_name_refuses_a_rename, a_user_is_found_by_its_id,
    rename, users_who_take_each_others_names_do_not_block,
};

use crate::domain::{
    NewUser, Page, PasswordHash, RepositoryError, ScopeName, Taken, Timestamp, UserChange, UserId,
    UserRepository, Username,
};
use crate::settings::CacheSettings;
use std::time::{Duration, Instant};

const HASH: &str = "$2b$04$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";
const T1: Timestamp = Timestamp(1_000);
const T2: Timestamp = Timestamp(2_000);

/// One test per rule; `$open` returns an empty repository and a guard that keeps it alive.
macro_rules! contract {
    ($database:ident, $open:expr) => {
        crate::storage::contract::contract!(@ $database, $open,
            a_new_user_is_found_as_it_was_given,
            names_are_case_sensitive,
            a_taken_name_is_refused,
            pages_follow_the_bytes_of_the_names,
            a_change_leaves_the_rest_alone,
            an_address_and_a_name_can_be_removed,
            scopes_keep_their_order,
            an_absent_user_cannot_be_changed_or_deleted,
            a_rehash_does_not_undo_a_change_of_password,
            a_deleted_user_is_gone_and_its_name_free,
            the_last_enabled_holder_stays,
            whoever_holds_nothing_may_go,
            writers_do_not_lose_each_others_changes,
            holders_who_leave_together_leave_one,
            an_import_is_all_or_nothing,
            names_are_never_sql,
            an_actor_who_may_makes_changes,
            an_actor_who_may_not_any_more_is_refused,
            a_refused_actor_learns_nothing,
            an_actors_own_password_needs_the_old_one,
            actors_who_change_each_other_do_not_block,
            a_renamed_user_stays_who_it_is,
            a_user_is_found_by_its_id,
            a_name_that_was_given_up_is_remembered,
            a_taken_name_refuses_a_rename,
            a_renamed_actor_goes_on,
            users_who_take_each_others_names_do_not_block,
            a_users_tokens_end_and_only_they,
            an_end_is_found_whatever_is_in_memory,
        );
    };
    (@ $database:ident, $open:expr, $($rule:ident,)+) => {
        mod $database {
            use super::*;
            $(
                #[tokio::test]
                async fn $rule() {
                    let (users, _guard) = $open.await;
                    crate::storage::contract::$rule(&users).await;
                }
            )+
        }
    };
}
pub(super) use contract;

/// A cache of this size, with the default times.
pub(super) fn cache_settings(size: usize) -> CacheSettings {
    CacheSettings { size: size.try_into().unwrap(), ..CacheSettings::default() }
}

pub(super) fn name(text: &str) -> Username {
    text.parse().unwrap()
}

pub(super) fn hash(letter: &str) -> PasswordHash {
    HASH.replacen('j', letter, 1).parse().unwrap()
}

fn scope(text: &str) -> ScopeName {
    text.parse().unwrap()
}

pub(super) fn new(username: &str, scopes: &str) -> NewUser {
    NewUser {
        username: name(username),
        email: Some(format!("{username}@example.com")),
        full_name: Some("John Doe".to_owned()),
        disabled: false,
        password_hash: hash("j"),
        scopes: scopes.parse().unwrap(),
    }
}

fn disable() -> UserChange {
    UserChange { disabled: Some(true), ..UserChange::default() }
}

pub(super) fn grant(scopes: &str) -> UserChange {
    UserChange { scopes: Some(scopes.parse().unwrap()), ..UserChange::default() }
}

async fn names(users: &dyn UserRepository, after: Option<&str>, limit: u32) -> Vec<String> {
    let page = Page { after: after.map(name), limit };
    users.list(&page).await.unwrap().iter().map(|user| user.username.to_string()).collect()
}

pub(super) async fn a_new_user_is_found_as_it_was_given(users: &dyn UserRepository) {
    users.ping().await.unwrap();
    assert!(users.is_empty().await.unwrap());
    let created = users.create(new("johndoe", "me items"), None, T1).await.unwrap();
    assert!(!users.is_empty().await.unwrap());
    let found = users.find(&name("johndoe")).await.unwrap().unwrap();
    assert_eq!(*found, created);
    assert_eq!(found.email.as_deref(), Some("johndoe@example.com"));
    assert_eq!(found.full_name.as_deref(), Some("John Doe"));
    assert_eq!((&*found.scopes.to_string(), &*found.password_hash.expose()), ("me items", HASH));
    assert_eq!((found.disabled, found.created_at, found.updated_at), (false, T1, T1));
    assert_eq!(users.list(&Page { after: None, limit: 10 }).await.unwrap(), [created]);
}

pub(super) async fn names_are_case_sensitive(users: &dyn UserRepository) {
    for username in ["alice", "Alice", "ALICE"] {
        users.create(new(username, ""), None, T1).await.unwrap();
    }
    users.delete(&name("Alice"), None, None).await.unwrap();
    assert!(users.find(&name("Alice")).await.unwrap().is_none());
    assert_eq!(users.find(&name("alice")).await.unwrap().unwrap().username.as_str(), "alice");
    assert!(users.find(&name("alicE")).await.unwrap().is_none());
}

pub(super) async fn a_taken_name_is_refused(users: &dyn UserRepository) {
    users.create(new("alice", "me"), None, T1).await.unwrap();
    let error = users.create(new("alice", "items"), None, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::Exists), "{error}");
    let kept = users.find(&name("alice")).await.unwrap().unwrap();
    assert_eq!((kept.scopes.to_string().as_str(), kept.created_at), ("me", T1));
}

pub(super) async fn pages_follow_the_bytes_of_the_names(users: &dyn UserRepository) {
    let mut all = ["b", "a", "B", "é", "z", "한", "a b", "-", "\u{10000}", "\u{ffff}"];
    for username in all {
        users.create(new(username, "me"), None, T1).await.unwrap();
    }
    all.sort_unstable();
    assert_eq!(names(users, None, 100).await, all);
    let mut paged = Vec::new();
    loop {
        let page = names(users, paged.last().map(String::as_str), 3).await;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert_eq!(names(users, Some("absent"), 2).await, ["b", "z"]);
}

pub(super) async fn a_change_leaves_the_rest_alone(users: &dyn UserRepository) {
    let before = users.create(new("alice", "me items"), None, T1).await.unwrap();
    users.create(new("bob", "me"), None, T1).await.unwrap();
    users.find(&name("alice")).await.unwrap();
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    let after = users.update(&name("alice"), change, None, None, T2).await.unwrap();
    let expected = crate::domain::User { disabled: true, updated_at: T2, ..before };
    assert_eq!(after, expected);
    assert_eq!(*users.find(&name("alice")).await.unwrap().unwrap(), expected);
    let bob = users.find(&name("bob")).await.unwrap().unwrap();
    assert_eq!((bob.disabled, bob.updated_at), (false, T1));
}

pub(super) async fn an_address_and_a_name_can_be_removed(users: &dyn UserRepository) {
    users.create(new("alice", ""), None, T1).await.unwrap();
    let change = UserChange {
        email: Some(None),
        full_name: Some(Some("Alice Wonderson".to_owned())),
        ..UserChange::default()
    };
    users.update(&name("alice"), change, None, None, T2).await.unwrap();
    let found = users.find(&name("alice")).await.unwrap().unwrap();
    assert_eq!((&found.email, found.full_name.as_deref()), (&None, Some("Alice Wonderson")));
    let change = UserChange { full_name: Some(None), ..UserChange::default() };
    let after = users.update(&name("alice"), change, None, None, T2).await.unwrap();
    assert_eq!((after.email, after.full_name), (None, None));
}

pub(super) async fn scopes_keep_their_order(users: &dyn UserRepository) {
    users.create(new("alice", "items me users:read"), None, T1).await.unwrap();
    for scopes in ["users:read items", "", "me users:read items"] {
        users.update(&name("alice"), grant(scopes), None, None, T2).await.unwrap();
        let found = users.find(&name("alice")).await.unwrap().unwrap();
        assert_eq!(found.scopes.to_string(), scopes);
    }
}

pub(super) async fn an_absent_user_cannot_be_changed_or_deleted(users: &dyn UserRepository) {
    let error = users.update(&name("nobody"), disable(), None, None, T1).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NotFound), "{error}");
    let error = users.delete(&name("nobody"), Some(&scope("me")), None).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NotFound), "{error}");
}

pub(super) async fn a_rehash_does_not_undo_a_change_of_password(users: &dyn UserRepository) {
    users.create(new("alice", ""), None, T1).await.unwrap();
    let rehash = |expected, to| UserChange {
        password_hash: Some(hash(to)),
        expected_hash: Some(hash(expected)),
        ..UserChange::default()
    };
    users.update(&name("alice"), rehash("j", "k"), None, None, T2).await.unwrap();
    let error = users.update(&name("alice"), rehash("j", "l"), None, None, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NotFound), "{error}");
    let found = users.find(&name("alice")).await.unwrap().unwrap();
    assert_eq!(found.password_hash, hash("k"));
}

pub(super) async fn a_deleted_user_is_gone_and_its_name_free(users: &dyn UserRepository) {
    let earlier = users.create(new("alice", "me items"), None, T1).await.unwrap();
    let changed = users.update(&name("alice"), disable(), None, None, T1).await.unwrap();
    assert_eq!(changed.id, earlier.id, "the same user");
    assert!(users.find(&name("alice")).await.unwrap().is_some());
    users.delete(&name("alice"), None, None).await.unwrap();
    assert!(users.find(&name("alice")).await.unwrap().is_none());
    users.create(new("alice", ""), None, T1).await.unwrap();
    let found = users.find(&name("alice")).await.unwrap().unwrap();
    assert!(found.scopes.is_empty() && !found.disabled);
    assert_ne!(found.id, earlier.id, "another user of the same name");
    assert!(found.has_predecessor && !earlier.has_predecessor);
}

pub(super) async fn the_last_enabled_holder_stays(users: &dyn UserRepository) {
    let (admin, keep) = (name("admin"), scope("users:write"));
    users.create(new("admin", "me users:write"), None, T1).await.unwrap();
    users.create(new("other", "me"), None, T1).await.unwrap();
    let mut disabled = new("disabled", "users:write");
    disabled.disabled = true;
    users.create(disabled, None, T1).await.unwrap();

    for change in [disable(), grant("me")] {
        let error = users.update(&admin, change, Some(&keep), None, T2).await.unwrap_err();
        assert!(matches!(error, RepositoryError::LastHolder(scope) if scope == keep));
    }
    let error = users.delete(&admin, Some(&keep), None).await.unwrap_err();
    assert!(matches!(error, RepositoryError::LastHolder(scope) if scope == keep));
    assert_eq!(users.find(&admin).await.unwrap().unwrap().updated_at, T1);
    users.update(&admin, grant("users:write items"), Some(&keep), None, T2).await.unwrap();

    users.update(&name("other"), grant("users:write"), Some(&keep), None, T2).await.unwrap();
    users.update(&admin, disable(), Some(&keep), None, T2).await.unwrap();
    users.delete(&name("other"), None, None).await.unwrap();
    assert!(users.find(&name("other")).await.unwrap().is_none());
}

pub(super) async fn whoever_holds_nothing_may_go(users: &dyn UserRepository) {
    let keep = scope("users:write");
    users.create(new("admin", "users:write"), None, T1).await.unwrap();
    users.create(new("alice", "users:read"), None, T1).await.unwrap();
    let mut disabled = new("disabled", "users:write");
    disabled.disabled = true;
    users.create(disabled, None, T1).await.unwrap();
    users.update(&name("alice"), disable(), Some(&keep), None, T2).await.unwrap();
    users.delete(&name("alice"), Some(&keep), None).await.unwrap();
    users.update(&name("disabled"), grant(""), Some(&keep), None, T2).await.unwrap();
    users.delete(&name("disabled"), Some(&keep), None).await.unwrap();
    assert_eq!(names(users, None, 10).await, ["admin"]);
}

pub(super) async fn writers_do_not_lose_each_others_changes(users: &dyn UserRepository) {
    users.create(new("alice", ""), None, T1).await.unwrap();
    let alice = name("alice");
    let changes = (0..40).map(|at| {
        let change = match at % 2 {
            0 => UserChange { email: Some(Some("new".to_owned())), ..UserChange::default() },
            _ => UserChange { full_name: Some(Some("new".to_owned())), ..UserChange::default() },
        };
        users.update(&alice, change, None, None, T2)
    });
    let creations = (0..40).map(|at| users.create(new(&format!("user{at}"), "me"), None, T1));
    let (updates, creations) = tokio::join!(
        futures_util::future::join_all(changes),
        futures_util::future::join_all(creations)
    );
    assert!(updates.iter().all(Result::is_ok) && creations.iter().all(Result::is_ok));
    let found = users.find(&alice).await.unwrap().unwrap();
    assert_eq!((found.email.as_deref(), found.full_name.as_deref()), (Some("new"), Some("new")));
    assert_eq!(names(users, None, 100).await.len(), 41);
}

pub(super) async fn holders_who_leave_together_leave_one(users: &dyn UserRepository) {
    let keep = scope("users:write");
    let all: Vec<_> = (0..8).map(|at| name(&format!("admin{at}"))).collect();
    for admin in &all {
        users.create(new(admin.as_str(), "users:write"), None, T1).await.unwrap();
    }
    let leaving = all.iter().map(|admin| users.delete(admin, Some(&keep), None));
    let left = futures_util::future::join_all(leaving).await;
    assert_eq!(left.iter().filter(|result| result.is_ok()).count(), 7);
    assert_eq!(names(users, None, 100).await.len(), 1);
}

pub(super) async fn an_import_is_all_or_nothing(users: &dyn UserRepository) {
    users.create(new("alice", "me"), None, T1).await.unwrap();
    let batch = || vec![new("bob", "me items"), new("alice", "items"), new("carol", "")];

    let mut import = users.import(T2).await.unwrap();
    assert_eq!(import.add(batch()).await.unwrap(), [Taken::Name(name("alice"))]);
    drop(import);
    assert_eq!(names(users, None, 100).await, ["alice"]);

    let mut import = users.import(T2).await.unwrap();
    assert_eq!(import.add(batch()).await.unwrap(), [Taken::Name(name("alice"))]);
    assert_eq!(import.add(vec![new("bob", "")]).await.unwrap(), [Taken::Name(name("bob"))]);
    assert_eq!(import.add(Vec::new()).await.unwrap(), []);
    import.commit().await.unwrap();
    assert_eq!(names(users, None, 100).await, ["alice", "bob", "carol"]);
    let bob = users.find(&name("bob")).await.unwrap().unwrap();
    assert_eq!((bob.scopes.to_string().as_str(), bob.created_at), ("me items", T2));
    assert_eq!(users.find(&name("alice")).await.unwrap().unwrap().scopes.to_string(), "me");
}

pub(super) async fn names_are_never_sql(users: &dyn UserRepository) {
    for username in ["' OR ''='", "\"; DROP TABLE users; --", "%", "_", "{\"a\":1}", "\\u0041"] {
        assert!(users.find(&name(username)).await.unwrap().is_none());
        users.create(new(username, "me"), None, T1).await.unwrap();
        let found = users.find(&name(username)).await.unwrap().unwrap();
        assert_eq!(found.username.as_str(), username);
        users.delete(&name(username), None, None).await.unwrap();
    }
    assert!(users.is_empty().await.unwrap());
}

pub(super) async fn until_within_a_second(condition: impl AsyncFn() -> bool) {
    let promised = Instant::now() + Duration::from_secs(1);
    loop {
        let late = Instant::now() >= promised;
        if condition().await {
            return;
        }
        assert!(!late, "not seen within a second");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Alice, bob and carol have different ones.
pub(super) async fn all_have_ids(users: &dyn UserRepository) {
    let mut ids = Vec::new();
    for user in users.list(&Page { after: None, limit: 9 }).await.unwrap() {
        assert!((1..UserId::COUNT).contains(&user.id.0) && !ids.contains(&user.id), "{user:?}");
        ids.push(user.id);
    }
    assert_eq!(ids.len(), 3);
}
