//! Actors are checked in the transaction of the change.

use super::{T1, T2, disable, grant, hash, name, names, new, scope};
use crate::domain::{Actor, Denied, RepositoryError, User, UserChange, UserRepository};

const NEEDED: &[&str] = &["users:write", "me"];

fn actor(user: &User) -> Actor {
    Actor { username: user.username.clone(), id: user.id, scopes: NEEDED, key: None }
}

async fn admin(users: &dyn UserRepository, username: &str) -> Actor {
    actor(&users.create(new(username, "me users:write"), None, T1).await.unwrap())
}

/// The result of each kind of change by this actor.
async fn changes(users: &dyn UserRepository, actor: &Actor) -> [Option<RepositoryError>; 3] {
    let (by, bob) = (Some(actor), name("bob"));
    [
        users.create(new("carol", "users:write"), by, T2).await.err(),
        users.update(&bob, grant("users:write"), None, by, T2).await.err(),
        users.delete(&bob, None, by).await.err(),
    ]
}

pub(in crate::storage) async fn an_actor_who_may_makes_changes(users: &dyn UserRepository) {
    let admin = admin(users, "admin").await;
    users.create(new("bob", "me"), None, T1).await.unwrap();
    assert!(changes(users, &admin).await.iter().all(Option::is_none));
    assert_eq!(names(users, None, 9).await, ["admin", "carol"]);
    let own = UserChange { email: Some(None), ..UserChange::default() };
    users.update(&name("admin"), own, None, Some(&admin), T2).await.unwrap();
    users.delete(&name("admin"), Some(&scope("users:write")), Some(&admin)).await.unwrap();
    assert_eq!(names(users, None, 9).await, ["carol"]);
}

pub(in crate::storage) async fn an_actor_who_may_not_any_more_is_refused(
    users: &dyn UserRepository,
) {
    let admin = admin(users, "admin").await;
    let bob = users.create(new("bob", "me"), None, T1).await.unwrap();
    let is_refused = async |cause: Denied| {
        for refusal in changes(users, &admin).await {
            assert!(
                matches!(refusal, Some(RepositoryError::Denied(found)) if found == cause),
                "{cause:?}: {refusal:?}"
            );
        }
        assert_eq!(*users.find(&name("bob")).await.unwrap().unwrap(), bob);
        assert!(users.find(&name("carol")).await.unwrap().is_none());
    };
    users.update(&name("admin"), disable(), None, None, T2).await.unwrap();
    is_refused(Denied::Disabled).await;
    let enable = UserChange { disabled: Some(false), ..UserChange::default() };
    users.update(&name("admin"), enable, None, None, T2).await.unwrap();
    for left in ["me", "users:write", "users:read", ""] {
        users.update(&name("admin"), grant(left), None, None, T2).await.unwrap();
        is_refused(Denied::MissingScope).await;
    }
    users.delete(&name("admin"), None, None).await.unwrap();
    is_refused(Denied::Gone).await;
    users.create(new("admin", "me users:write"), None, T1).await.unwrap();
    is_refused(Denied::Gone).await;
}

/// Even if the user to change does not exist, which the actor may not be allowed to know.
pub(in crate::storage) async fn a_refused_actor_learns_nothing(users: &dyn UserRepository) {
    let admin = admin(users, "admin").await;
    users.delete(&name("admin"), None, None).await.unwrap();
    let denied = |error| matches!(error, RepositoryError::Denied(Denied::Gone));
    let by = Some(&admin);
    let nobody = name("nobody");
    assert!(denied(users.update(&nobody, disable(), None, by, T2).await.unwrap_err()));
    assert!(denied(users.delete(&nobody, None, by).await.unwrap_err()));
    users.create(new("bob", "me"), None, T1).await.unwrap();
    assert!(denied(users.create(new("bob", "me"), by, T2).await.unwrap_err()));
}

pub(in crate::storage) async fn an_actors_own_password_needs_the_old_one(
    users: &dyn UserRepository,
) {
    let admin = admin(users, "admin").await;
    users.create(new("bob", "me"), None, T1).await.unwrap();
    let set = |expected_hash| UserChange {
        password_hash: Some(hash("k")),
        expected_hash,
        ..UserChange::default()
    };
    let by = Some(&admin);
    let error = users.update(&name("admin"), set(None), None, by, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::OwnPassword), "{error}");
    assert_eq!(users.find(&name("admin")).await.unwrap().unwrap().password_hash, hash("j"));
    users.update(&name("admin"), set(Some(hash("j"))), None, by, T2).await.unwrap();
    users.update(&name("bob"), set(None), None, by, T2).await.unwrap();
    for username in ["admin", "bob"] {
        assert_eq!(users.find(&name(username)).await.unwrap().unwrap().password_hash, hash("k"));
    }
    users.update(&name("admin"), set(None), None, None, T2).await.unwrap();
}

/// Each changes the others, all at once: no deadlock.
pub(in crate::storage) async fn actors_who_change_each_other_do_not_block(
    users: &dyn UserRepository,
) {
    let mut admins = Vec::new();
    for at in 0..4 {
        admins.push(admin(users, &format!("admin{at}")).await);
    }
    let pairs = (0..64).map(|at| (&admins[at % 4], &admins[at / 4 % 4]));
    let changes = pairs.map(|(by, target)| {
        let change = UserChange { full_name: Some(None), ..UserChange::default() };
        users.update(&target.username, change, None, Some(by), T2)
    });
    let done = futures_util::future::join_all(changes).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
}
