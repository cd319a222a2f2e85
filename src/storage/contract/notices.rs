//! What a cache learns of changes by others.

use crate::domain::{UserChange, UserRepository};
use crate::storage::contract::{T1, T2, grant, name, new, until_within_a_second};
use std::time::{Duration, Instant};

/// Changes by `by` are seen within a second through `users`, which has read and cached the user
/// before.
pub(in crate::storage) async fn a_change_by_another_is_seen(
    users: &dyn UserRepository,
    by: &dyn UserRepository,
) {
    let alice = name("alice");
    users.create(new("alice", "me"), None, T1).await.unwrap();
    for scopes in ["items", "", "me users:read"] {
        assert_ne!(users.find(&alice).await.unwrap().unwrap().scopes.to_string(), scopes);
        by.update(&alice, grant(scopes), None, None, T2).await.unwrap();
        until_within_a_second(async || {
            users.find(&alice).await.unwrap().unwrap().scopes.to_string() == scopes
        })
        .await;
    }
    by.delete(&alice, None, None).await.unwrap();
    until_within_a_second(async || users.find(&alice).await.unwrap().is_none()).await;
}

/// Nothing reads the others again, so they are in memory because they never left it. Several tries:
/// notices of earlier changes may still arrive.
pub(in crate::storage) async fn a_change_of_one_leaves_the_others_in_memory(
    users: &dyn UserRepository,
    by: &dyn UserRepository,
) {
    let others = ["bob", "carol", "dave"];
    for who in ["alice"].iter().chain(&others) {
        by.create(new(who, "me"), None, T1).await.unwrap();
    }
    let alice = name("alice");
    for attempt in 0.. {
        for who in ["alice"].iter().chain(&others) {
            users.find(&name(who)).await.unwrap();
        }
        let (email, scopes) = (format!("{attempt}@example.com"), format!("me change{attempt}"));
        let change = UserChange { email: Some(Some(email.clone())), ..grant(&scopes) };
        by.update(&alice, change, None, None, T2).await.unwrap();
        until_within_a_second(async || {
            let alice = users.find(&alice).await.unwrap().unwrap();
            alice.email.as_deref() == Some(&*email) && alice.scopes.to_string() == scopes
        })
        .await;
        let trusted = Instant::now() + Duration::from_secs(2);
        while Instant::now() < trusted {
            if others.iter().all(|who| users.find_in_memory(who).is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(attempt < 4, "a change of alice makes the cache forget others");
    }
}
