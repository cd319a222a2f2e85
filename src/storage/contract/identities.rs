//! What a repository of identities must do.

use crate::domain::{
    Identities, Journey, KeyHash, NewUser, PasswordHash, RepositoryError, Shown, Subject, UserId,
    UserRepository,
};
use crate::storage::contract::{T1, T2, name, new};

/// Identities, and the users of the same database.
pub(in crate::storage) type Both<'a> = (&'a dyn Identities, &'a dyn UserRepository);

/// One test per rule, in its own module; `$open` returns an empty database's identities, its users, and a
/// guard that keeps it alive.
macro_rules! identities_contract {
    ($database:ident, $open:expr) => {
        crate::storage::contract::identities::identities_contract!(@ $database, $open,
            a_journey_ends_once,
            an_identity_leads_to_its_user_and_is_one_users,
            scopes_of_rules_come_and_go_and_the_users_own_stay,
            a_new_user_comes_with_an_identity_or_not_at_all,
            a_user_without_a_password_keeps_a_way_in,
            an_address_leads_to_one_user,
        );
    };
    (@ $database:ident, $open:expr, $($rule:ident,)+) => {
        mod $database {
            use super::*;
            $(
                #[tokio::test]
                async fn $rule() {
                    let (identities, users, _guard) = $open.await;
                    crate::storage::contract::identities::$rule((&identities, &users)).await;
                }
            )+
        }
    };
}
pub(in crate::storage) use identities_contract;

fn shown(id: &str, scopes: &str) -> Shown {
    let subject = Subject::new("idp", id).unwrap();
    Shown { subject, label: format!("{id}@idp").into(), scopes: scopes.parse().unwrap() }
}

fn without_password(username: &str, email: Option<&str>) -> NewUser {
    NewUser {
        email: email.map(str::to_owned),
        password_hash: PasswordHash::NoPassword,
        ..new(username, "")
    }
}

pub(in crate::storage) async fn a_journey_ends_once((identities, _): Both<'_>) {
    let state = |letter: u8| KeyHash::new([letter; 32]);
    for user in [None, Some(UserId(7))] {
        let journey =
            Journey { provider: "idp".into(), browser: "b".into(), flow: "f".into(), user };
        identities.depart(state(1), journey.clone()).await.unwrap();
        assert_eq!(identities.arrive(state(2)).await.unwrap(), None);
        assert_eq!(identities.arrive(state(1)).await.unwrap(), Some(journey));
        assert_eq!(identities.arrive(state(1)).await.unwrap(), None);
    }
}

pub(in crate::storage) async fn an_identity_leads_to_its_user_and_is_one_users(
    (identities, users): Both<'_>,
) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    let bob = users.create(new("bob", "me"), None, T1).await.unwrap();
    let who = shown("1\"\\", "");
    assert!(identities.log_in(&who, T1).await.unwrap().is_none());
    assert_eq!(identities.link(&who, alice.id, T1).await.unwrap().id, alice.id);
    assert_eq!(identities.link(&who, alice.id, T2).await.unwrap().id, alice.id, "again");
    let taken = identities.link(&who, bob.id, T2).await.unwrap_err();
    assert!(matches!(taken, RepositoryError::IdentityTaken), "{taken}");
    let nobody = identities.link(&shown("2", ""), UserId(1), T2).await.unwrap_err();
    assert!(matches!(nobody, RepositoryError::NotFound), "{nobody}");
    assert_eq!(identities.log_in(&who, T2).await.unwrap().unwrap().id, alice.id);
    let listed = identities.list(alice.id).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].subject, &*listed[0].label), (&who.subject, "1\"\\@idp"));
    assert_eq!(listed[0].created_at, T1);
    assert_eq!(identities.list(bob.id).await.unwrap(), []);
    users.delete(&name("alice"), None, None).await.unwrap();
    assert!(identities.log_in(&who, T2).await.unwrap().is_none(), "it goes with its user");
}

pub(in crate::storage) async fn scopes_of_rules_come_and_go_and_the_users_own_stay(
    (identities, users): Both<'_>,
) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    let scopes = async || {
        let user = users.find_now(alice.id, &name("alice")).await.unwrap().unwrap();
        user.scopes.to_string()
    };
    identities.link(&shown("1", "me items"), alice.id, T1).await.unwrap();
    assert_eq!(scopes().await, "me items");
    let user = identities.log_in(&shown("1", "items users:read"), T2).await.unwrap().unwrap();
    assert_eq!(
        (user.scopes.as_str(), &*scopes().await),
        ("me items users:read", "me items users:read")
    );
    identities.log_in(&shown("1", "users:read"), T2).await.unwrap();
    assert_eq!(scopes().await, "me users:read");
    identities.log_in(&shown("1", ""), T2).await.unwrap();
    assert_eq!(scopes().await, "me", "the user's own stays");
    identities.log_in(&shown("1", "items"), T2).await.unwrap();
    identities.unlink(&shown("1", "").subject, &name("alice"), T2).await.unwrap();
    assert_eq!(scopes().await, "me", "they stand with the identity");
}

pub(in crate::storage) async fn a_new_user_comes_with_an_identity_or_not_at_all(
    (identities, users): Both<'_>,
) {
    let who = shown("1", "items");
    let carol = identities.sign_up(&who, without_password("carol", None), T1).await.unwrap();
    assert_eq!((carol.username.as_str(), carol.scopes.as_str()), ("carol", "items"));
    assert_eq!(identities.log_in(&who, T1).await.unwrap().unwrap().id, carol.id);
    let exists = identities.sign_up(&shown("2", ""), without_password("carol", None), T1).await;
    assert!(matches!(exists, Err(RepositoryError::Exists)), "{exists:?}");
    let taken = identities.sign_up(&who, without_password("dave", None), T1).await;
    assert!(matches!(taken, Err(RepositoryError::IdentityTaken)), "{taken:?}");
    assert!(users.find(&name("dave")).await.unwrap().is_none(), "nothing is half-made");
    assert!(identities.log_in(&shown("2", ""), T1).await.unwrap().is_none());
}

pub(in crate::storage) async fn a_user_without_a_password_keeps_a_way_in(
    (identities, users): Both<'_>,
) {
    let (one, two) = (shown("1", ""), shown("2", ""));
    let carol = identities.sign_up(&one, without_password("carol", None), T1).await.unwrap();
    let last = identities.unlink(&one.subject, &name("carol"), T2).await.unwrap_err();
    assert!(matches!(last, RepositoryError::LastWayIn), "{last}");
    identities.link(&two, carol.id, T2).await.unwrap();
    identities.unlink(&one.subject, &name("carol"), T2).await.unwrap();
    let gone = identities.unlink(&one.subject, &name("carol"), T2).await.unwrap_err();
    assert!(matches!(gone, RepositoryError::NoSuchIdentity), "{gone}");
    users.create(new("alice", "me"), None, T1).await.unwrap();
    let others = identities.unlink(&two.subject, &name("alice"), T2).await.unwrap_err();
    assert!(matches!(others, RepositoryError::NoSuchIdentity), "{others}");
}

pub(in crate::storage) async fn an_address_leads_to_one_user((identities, users): Both<'_>) {
    let with = |username: &str| without_password(username, Some("Jane@example.com"));
    let jane = users.create(with("jane"), None, T1).await.unwrap();
    let found = identities.of_email("jane@Example.com").await.unwrap();
    assert_eq!(found.map(|user| user.id), Some(jane.id));
    assert!(identities.of_email("jane@example.co").await.unwrap().is_none());
    users.create(with("joan"), None, T1).await.unwrap();
    assert!(identities.of_email("jane@example.com").await.unwrap().is_none(), "whose is it?");
}
