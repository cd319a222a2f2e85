//! A renamed user keeps its identity.

use super::{T1, T2, grant, hash, name, names, new, scope};
use crate::domain::{Actor, RepositoryError, User, UserChange, UserRepository};

pub(in crate::storage) fn rename(to: &str) -> UserChange {
    UserChange { username: Some(name(to)), ..UserChange::default() }
}

async fn renamed(users: &dyn UserRepository, from: &str, to: &str) -> User {
    users.update(&name(from), rename(to), None, None, T2).await.unwrap()
}

pub(in crate::storage) async fn a_renamed_user_stays_who_it_is(users: &dyn UserRepository) {
    let before = users.create(new("alice", "me items"), None, T1).await.unwrap();
    users.find(&name("alice")).await.unwrap().unwrap();
    let after = renamed(users, "alice", "Alicia").await;
    let expected = User { username: name("Alicia"), updated_at: T2, ..before.clone() };
    assert_eq!(after, expected);
    assert_eq!(*users.find(&name("Alicia")).await.unwrap().unwrap(), expected);
    assert!(users.find(&name("alice")).await.unwrap().is_none());
    assert_eq!(names(users, None, 9).await, ["Alicia"]);

    let disable = UserChange { disabled: Some(true), ..rename("alison") };
    let after = users.update(&name("Alicia"), disable, None, None, T2).await.unwrap();
    assert_eq!((after.username.as_str(), after.disabled, after.id), ("alison", true, before.id));
    users.update(&name("alison"), grant("items"), None, None, T2).await.unwrap();
    let found = users.find(&name("alison")).await.unwrap().unwrap();
    assert_eq!((found.scopes.to_string().as_str(), found.disabled), ("items", true));
    // Back again: no other user has had the name.
    let after = renamed(users, "alison", "alice").await;
    assert!(!after.has_predecessor);
    let own = renamed(users, "alice", "alice").await;
    assert_eq!((own.username.as_str(), own.id), ("alice", before.id));
}

pub(in crate::storage) async fn a_user_is_found_by_its_id(users: &dyn UserRepository) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    let bob = users.create(new("bob", "me"), None, T1).await.unwrap();
    let called = async |user: &User, hint: &str| {
        let found = users.find_by_id(user.id, &name(hint)).await.unwrap();
        assert!(found.as_ref().is_none_or(|found| found.id == user.id));
        found.map(|found| found.username.to_string())
    };
    for _ in 0..3 {
        for hint in ["alice", "bob", "nobody"] {
            assert_eq!(called(&alice, hint).await.as_deref(), Some("alice"));
        }
    }
    renamed(users, "alice", "alicia").await;
    renamed(users, "bob", "alice").await;
    for _ in 0..3 {
        for hint in ["alice", "bob", "alicia"] {
            assert_eq!(called(&alice, hint).await.as_deref(), Some("alicia"));
            assert_eq!(called(&bob, hint).await.as_deref(), Some("alice"));
        }
    }
    renamed(users, "alicia", "alison").await;
    assert_eq!(called(&alice, "alice").await.as_deref(), Some("alison"));
    users.delete(&name("alison"), None, None).await.unwrap();
    users.create(new("alison", "me"), None, T1).await.unwrap();
    for hint in ["alice", "alicia", "alison"] {
        assert_eq!(called(&alice, hint).await, None);
    }
}

/// The name's new owner is not the old one: tokens without an id cannot tell them apart.
pub(in crate::storage) async fn a_name_that_was_given_up_is_remembered(users: &dyn UserRepository) {
    users.create(new("alice", "me"), None, T1).await.unwrap();
    renamed(users, "alice", "alicia").await;
    users.create(new("alice", "me"), None, T1).await.unwrap();
    assert!(users.find(&name("alice")).await.unwrap().unwrap().has_predecessor);
    assert!(!users.find(&name("alicia")).await.unwrap().unwrap().has_predecessor);
    users.create(new("bob", "me"), None, T1).await.unwrap();
    renamed(users, "alicia", "carol").await;
    assert!(renamed(users, "bob", "alicia").await.has_predecessor);
    assert!(users.find(&name("alicia")).await.unwrap().unwrap().has_predecessor);
}

pub(in crate::storage) async fn a_taken_name_refuses_a_rename(users: &dyn UserRepository) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    let bob = users.create(new("bob", "me"), None, T1).await.unwrap();
    let change = UserChange { disabled: Some(true), ..rename("bob") };
    let error = users.update(&name("alice"), change, None, None, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::Exists), "{error}");
    let error = users.update(&name("nobody"), rename("bob"), None, None, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NotFound), "{error}");
    for user in [&alice, &bob] {
        assert_eq!(*users.find(&user.username).await.unwrap().unwrap(), *user);
    }
}

/// The actor's token was verified before the renaming, perhaps from a cache.
pub(in crate::storage) async fn a_renamed_actor_goes_on(users: &dyn UserRepository) {
    let admin = users.create(new("admin", "me users:write"), None, T1).await.unwrap();
    users.create(new("bob", "me"), None, T1).await.unwrap();
    let User { username, id, .. } = admin;
    let actor = Actor { username, id, scopes: &["users:write"], key: None };
    let (by, keep) = (Some(&actor), scope("users:write"));
    users.update(&name("admin"), rename("boss"), Some(&keep), by, T2).await.unwrap();
    users.update(&name("bob"), grant("items"), Some(&keep), by, T2).await.unwrap();
    users.create(new("admin", "me"), by, T2).await.unwrap();
    let password = UserChange { password_hash: Some(hash("k")), ..UserChange::default() };
    let own = users.update(&name("boss"), password.clone(), None, by, T2).await.unwrap_err();
    assert!(matches!(own, RepositoryError::OwnPassword), "{own}");
    users.update(&name("admin"), password, None, by, T2).await.unwrap();
    let last = users.delete(&name("boss"), Some(&keep), by).await.unwrap_err();
    assert!(matches!(last, RepositoryError::LastHolder(_)), "{last}");
}

/// All at once: no deadlock, and no user is lost or duplicated.
pub(in crate::storage) async fn users_who_take_each_others_names_do_not_block(
    users: &dyn UserRepository,
) {
    let mut ids = Vec::new();
    for username in ["a", "b", "c"] {
        ids.push(users.create(new(username, "me"), None, T1).await.unwrap().id.0);
    }
    let moves = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"), ("b", "d"), ("d", "c")];
    let renames = (0..90).map(|at| {
        let (from, to) = moves[at % moves.len()];
        async move { users.update(&name(from), rename(to), None, None, T2).await }
    });
    for done in futures_util::future::join_all(renames).await {
        let is_clear =
            matches!(done, Ok(_) | Err(RepositoryError::Exists | RepositoryError::NotFound));
        assert!(is_clear, "{done:?}");
    }
    let mut after = Vec::new();
    for username in names(users, None, 9).await {
        let found = users.find(&name(&username)).await.unwrap().unwrap();
        assert_eq!(found.scopes.to_string(), "me");
        after.push(found.id.0);
    }
    ids.sort_unstable();
    after.sort_unstable();
    assert_eq!(after, ids);
}
