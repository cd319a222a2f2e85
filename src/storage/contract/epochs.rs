//! The end of a user's tokens.

use super::{T1, T2, grant, hash, name, new};
use crate::domain::{Clock as _, SystemClock, User, UserChange, UserRepository};

fn end() -> UserChange {
    UserChange { signs_out: true, ..UserChange::default() }
}

async fn found(users: &dyn UserRepository, who: &str) -> User {
    User::clone(&*users.find(&name(who)).await.unwrap().unwrap())
}

/// Counted from 0, dated by the database's clock, and kept by everything else that changes a user.
pub(in crate::storage) async fn a_users_tokens_end_and_only_they(users: &dyn UserRepository) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    users.create(new("bob", "me"), None, T1).await.unwrap();
    assert_eq!((alice.epoch, alice.signed_out_at), (0, None));
    for epoch in 1..=3 {
        let ended = users.update(&name("alice"), end(), None, None, T2).await.unwrap();
        let age = SystemClock.now().seconds().abs_diff(ended.signed_out_at.unwrap().seconds());
        assert!(ended.epoch == epoch && age < 600, "{ended:?}");
        assert_eq!(found(users, "alice").await, ended);
    }
    let before = found(users, "alice").await;
    let hash = UserChange {
        password_hash: Some(hash("k")),
        expected_hash: Some(before.password_hash.clone()),
        ..UserChange::default()
    };
    let called = UserChange { username: Some(name("alicia")), ..UserChange::default() };
    for change in [hash, grant("me items"), called] {
        let to = change.username.clone().unwrap_or_else(|| name("alice"));
        let after = users.update(&name("alice"), change, None, None, T2).await.unwrap();
        assert_eq!((after.epoch, after.signed_out_at), (3, before.signed_out_at));
        assert_eq!(found(users, to.as_str()).await, after);
    }
    let both = UserChange { username: Some(name("alice")), ..end() };
    let after = users.update(&name("alicia"), both, None, None, T2).await.unwrap();
    assert_eq!(after.epoch, 4);
    let bob = found(users, "bob").await;
    assert_eq!((bob.epoch, bob.signed_out_at), (0, None));
}

pub(in crate::storage) async fn an_end_is_found_whatever_is_in_memory(users: &dyn UserRepository) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    found(users, "alice").await;
    users.update(&name("alice"), end(), None, None, T2).await.unwrap();
    for who in ["alice", "an earlier name"] {
        let now = users.find_now(alice.id, &name(who)).await.unwrap().unwrap();
        assert_eq!((now.epoch, &now.username), (1, &name("alice")));
    }
    users.delete(&name("alice"), None, None).await.unwrap();
    assert!(users.find_now(alice.id, &name("alice")).await.unwrap().is_none());
}
