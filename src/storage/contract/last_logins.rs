//! The days of last logins, as every database keeps them.

use crate::domain::{Day, LastLogins, UserId, UserRepository};
use crate::storage::contract::{T1, name, new};

pub(in crate::storage) async fn the_latest_day_is_kept_as_long_as_the_user(
    users: &dyn UserRepository,
    (one, other): (&dyn LastLogins, &dyn LastLogins),
) {
    let mut ids = Vec::new();
    for username in ["alice", "bob", "never"] {
        ids.push(users.create(new(username, "me"), None, T1).await.unwrap().id);
    }
    let [alice, bob, never] = ids[..] else { panic!("three users") };
    let nobody = UserId((1 << 53) - 1);
    one.note(&[(bob, Day(1)), (nobody, Day(7)), (alice, Day(20_000))]).await.unwrap();
    other.note(&[(alice, Day(20_001)), (bob, Day(1))]).await.unwrap();
    one.note(&[(alice, Day(19_000))]).await.unwrap();
    one.note(&[]).await.unwrap();
    let days = other.of(&[never, bob, nobody, alice]).await.unwrap();
    assert_eq!(days, [(alice, Day(20_001)), (bob, Day(1))].into());
    assert!(one.of(&[]).await.unwrap().is_empty());
    users.delete(&name("alice"), None, None).await.unwrap();
    assert_eq!(one.of(&[alice, bob]).await.unwrap(), [(bob, Day(1))].into());
}

/// Many at once from both sides, in any order.
pub(in crate::storage) async fn logins_at_once_do_not_block(
    users: &dyn UserRepository,
    (one, other): (&dyn LastLogins, &dyn LastLogins),
) {
    let mut logins = Vec::new();
    for at in 0..50 {
        let id = users.create(new(&format!("user{at}"), ""), None, T1).await.unwrap().id;
        logins.push((id, Day(at)));
    }
    let backwards: Vec<_> = logins.iter().rev().map(|(id, day)| (*id, Day(day.0 + 1))).collect();
    for _ in 0..5 {
        tokio::try_join!(one.note(&logins), other.note(&backwards)).unwrap();
    }
    let ids: Vec<_> = logins.iter().map(|(id, _)| *id).collect();
    assert_eq!(one.of(&ids).await.unwrap(), backwards.into_iter().collect());
}
