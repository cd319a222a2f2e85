//! What a repository of API keys must do, and its cache.

use crate::domain::{
    Actor, ApiKey, ApiKeyRepository, Day, Denied, KeyHash, KeyId, NewApiKey, RepositoryError,
    Timestamp, User, UserRepository,
};
use crate::storage::contract::{T1, T2, grant, name, new, rename, until_within_a_second};

/// Keys, and the users of the same database.
pub(in crate::storage) type Both<'a> = (&'a dyn ApiKeyRepository, &'a dyn UserRepository);

/// One test per rule, in its own module; `$open` returns an empty database's keys, its users, and a
/// guard that keeps it alive.
macro_rules! keys_contract {
    ($database:ident, $open:expr) => {
        crate::storage::contract::api_keys::keys_contract!(@ $database, $open,
            a_key_is_found_as_it_was_made,
            keys_are_listed_the_oldest_first,
            a_key_has_only_scopes_of_its_owner_and_of_the_actor,
            a_revoked_key_is_gone,
            an_actors_key_must_still_be_there,
            keys_go_with_their_owner_but_not_with_its_name,
            the_day_of_the_last_use_only_moves_on,
            a_user_has_only_so_many_keys,
        );
    };
    (@ $database:ident, $open:expr, $($rule:ident,)+) => {
        mod $database {
            use super::*;
            $(
                #[tokio::test]
                async fn $rule() {
                    let (keys, users, _guard) = $open.await;
                    crate::storage::contract::api_keys::$rule((&keys, &users)).await;
                }
            )+
        }
    };
}
pub(in crate::storage) use keys_contract;

pub(in crate::storage) fn id(letter: char) -> KeyId {
    letter.to_string().repeat(KeyId::LENGTH).parse().unwrap()
}

pub(in crate::storage) fn key(letter: char, owner: &str, scopes: &str) -> NewApiKey {
    NewApiKey {
        id: id(letter),
        hash: KeyHash::new([letter as u8; 32]),
        owner: name(owner),
        name: format!("the key {letter}"),
        scopes: scopes.parse().unwrap(),
        expires_at: None,
    }
}

fn actor(user: &User, key: Option<KeyId>) -> Actor {
    Actor { username: user.username.clone(), id: user.id, scopes: &["me"], key }
}

fn ids(keys: &[ApiKey]) -> Vec<KeyId> {
    keys.iter().map(|key| key.id).collect()
}

pub(in crate::storage) async fn a_key_is_found_as_it_was_made((keys, users): Both<'_>) {
    let alice = users.create(new("alice", "me items"), None, T1).await.unwrap();
    let ends = NewApiKey { expires_at: Some(T2), ..key('a', "alice", "items me") };
    let made = keys.add(ends.clone(), None, T1).await.unwrap();
    let found = keys.find(id('a')).await.unwrap().unwrap();
    for key in [&made, &*found] {
        assert_eq!((key.id, key.user, key.owner.as_str()), (id('a'), alice.id, "alice"));
        assert_eq!((&*key.name, key.scopes.as_str()), ("the key a", "items me"));
        assert_eq!((key.created_at, key.expires_at, key.last_used.day()), (T1, Some(T2), None));
        assert!(key.hash.equals(&ends.hash) && !key.hash.equals(&KeyHash::new([0; 32])));
        assert!(key.is_over(T2) && !key.is_over(T1));
    }
    assert!(keys.find(id('b')).await.unwrap().is_none());
    let none = keys.add(key('b', "alice", ""), None, T1).await.unwrap();
    assert!(none.scopes.is_empty() && !none.is_over(Timestamp(i64::MAX)));
    let error = keys.add(key('c', "nobody", ""), None, T1).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NotFound), "{error}");
}

pub(in crate::storage) async fn keys_are_listed_the_oldest_first((keys, users): Both<'_>) {
    for user in ["bob", "alice"] {
        users.create(new(user, "me"), None, T1).await.unwrap();
    }
    for (letter, owner, at) in [('c', "bob", T1), ('b', "alice", T2), ('a', "bob", T2)] {
        keys.add(key(letter, owner, "me"), None, at).await.unwrap();
    }
    assert_eq!(ids(&keys.list(Some(&name("bob"))).await.unwrap()), [id('c'), id('a')]);
    assert_eq!(ids(&keys.list(None).await.unwrap()), [id('b'), id('c'), id('a')]);
    let error = keys.list(Some(&name("nobody"))).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NotFound), "{error}");
}

pub(in crate::storage) async fn a_key_has_only_scopes_of_its_owner_and_of_the_actor(
    (keys, users): Both<'_>,
) {
    let admin = users.create(new("admin", "me users:write"), None, T1).await.unwrap();
    users.create(new("alice", "me items"), None, T1).await.unwrap();
    let by = actor(&admin, None);
    for (scopes, by, beyond) in [
        ("me items", None, None),
        ("me users:write", None, Some("users:write")),
        ("me", Some(&by), None),
        ("me items", Some(&by), Some("items")),
    ] {
        match (keys.add(key('a', "alice", scopes), by, T1).await, beyond) {
            (Ok(_), None) => drop(keys.revoke(id('a'), None, None).await.unwrap()),
            (Err(RepositoryError::KeyScope(scope)), Some(beyond)) if scope.as_str() == beyond => {}
            (result, _) => panic!("{scopes}: {result:?}"),
        }
    }
    assert!(keys.list(None).await.unwrap().is_empty());
}

pub(in crate::storage) async fn a_revoked_key_is_gone((keys, users): Both<'_>) {
    for user in ["alice", "bob"] {
        users.create(new(user, "me"), None, T1).await.unwrap();
    }
    for letter in ['a', 'b'] {
        keys.add(key(letter, "alice", "me"), None, T1).await.unwrap();
        keys.find(id(letter)).await.unwrap().unwrap();
    }
    let error = keys.revoke(id('a'), Some(&name("bob")), None).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NoSuchKey), "{error}");
    let error = keys.revoke(id('a'), Some(&name("nobody")), None).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NotFound), "{error}");
    assert!(keys.find(id('a')).await.unwrap().is_some());
    for owner in [Some(name("alice")), None] {
        let letter = if owner.is_some() { 'a' } else { 'b' };
        let revoked = keys.revoke(id(letter), owner.as_ref(), None).await.unwrap();
        assert_eq!((revoked.id, revoked.owner.as_str()), (id(letter), "alice"));
        assert!(keys.find(id(letter)).await.unwrap().is_none());
        let error = keys.revoke(id(letter), owner.as_ref(), None).await.unwrap_err();
        assert!(matches!(error, RepositoryError::NoSuchKey), "{error}");
    }
}

pub(in crate::storage) async fn an_actors_key_must_still_be_there((keys, users): Both<'_>) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    keys.add(key('a', "alice", "me"), None, T1).await.unwrap();
    let by = actor(&alice, Some(id('a')));
    users.update(&alice.username, grant("me items"), None, Some(&by), T2).await.unwrap();
    keys.revoke(id('a'), Some(&alice.username), Some(&by)).await.unwrap();
    let denied = |error| matches!(error, RepositoryError::Denied(Denied::Revoked));
    let change = users.update(&alice.username, grant("me"), None, Some(&by), T2).await;
    assert!(denied(change.unwrap_err()));
    assert!(denied(keys.add(key('b', "alice", "me"), Some(&by), T2).await.unwrap_err()));
    assert!(denied(users.delete(&alice.username, None, Some(&by)).await.unwrap_err()));
    let found = users.find(&alice.username).await.unwrap().unwrap();
    assert_eq!(found.scopes.as_str(), "me items");
}

pub(in crate::storage) async fn keys_go_with_their_owner_but_not_with_its_name(
    (keys, users): Both<'_>,
) {
    let alice = users.create(new("alice", "me"), None, T1).await.unwrap();
    keys.add(key('a', "alice", "me"), None, T1).await.unwrap();
    let renamed = users.update(&alice.username, rename("alicia"), None, None, T2).await.unwrap();
    let listed = keys.list(Some(&renamed.username)).await.unwrap();
    assert_eq!((ids(&listed), listed[0].owner.as_str()), (vec![id('a')], "alicia"));
    assert_eq!(keys.find(id('a')).await.unwrap().unwrap().user, alice.id);
    users.create(new("alice", "me"), None, T2).await.unwrap();
    assert!(keys.list(Some(&name("alice"))).await.unwrap().is_empty());
    users.delete(&renamed.username, None, None).await.unwrap();
    assert!(keys.list(None).await.unwrap().is_empty());
}

pub(in crate::storage) async fn the_day_of_the_last_use_only_moves_on((keys, users): Both<'_>) {
    users.create(new("alice", "me"), None, T1).await.unwrap();
    for letter in ['a', 'b', 'c'] {
        keys.add(key(letter, "alice", "me"), None, T1).await.unwrap();
    }
    let days = async || {
        let listed = keys.list(None).await.unwrap();
        listed.iter().map(|key| key.last_used.day().map(|day| day.0)).collect::<Vec<_>>()
    };
    keys.store_uses(vec![(id('a'), Day(20_000)), (id('b'), Day(20_001))]).await.unwrap();
    assert_eq!(days().await, [Some(20_000), Some(20_001), None]);
    let gone = (id('z'), Day(20_002));
    keys.store_uses(vec![(id('a'), Day(20_002)), (id('b'), Day(19_999)), gone]).await.unwrap();
    assert_eq!(days().await, [Some(20_002), Some(20_001), None]);
    keys.store_uses(Vec::new()).await.unwrap();
}

pub(in crate::storage) async fn a_user_has_only_so_many_keys((keys, users): Both<'_>) {
    for user in ["alice", "bob"] {
        users.create(new(user, "me"), None, T1).await.unwrap();
    }
    for number in 0..ApiKey::MOST {
        let id = format!("{number:022}").parse().unwrap();
        keys.add(NewApiKey { id, ..key('a', "alice", "me") }, None, T1).await.unwrap();
    }
    let error = keys.add(key('a', "alice", "me"), None, T1).await.unwrap_err();
    assert!(matches!(error, RepositoryError::TooManyKeys), "{error}");
    keys.add(key('a', "bob", "me"), None, T1).await.unwrap();
    keys.revoke(format!("{:022}", 7).parse().unwrap(), None, None).await.unwrap();
    keys.add(key('b', "alice", "me"), None, T1).await.unwrap();
}

/// Changes by `by` are seen within a second through `keys`, which has read and cached the key
/// before; `by_hand` runs SQL.
pub(in crate::storage) async fn a_change_of_a_key_is_seen(
    keys: &dyn ApiKeyRepository,
    by: Both<'_>,
    by_hand: impl AsyncFn(&'static str),
) {
    let (others, users) = by;
    users.create(new("alice", "me items"), None, T1).await.unwrap();
    let is_gone = async |id| keys.find(id).await.unwrap().is_none();
    others.add(key('a', "alice", "me"), None, T1).await.unwrap();
    others.add(key('b', "alice", "me"), None, T1).await.unwrap();
    let found = async || keys.find(id('a')).await.unwrap().unwrap();
    found().await;
    by_hand("UPDATE api_keys SET scopes = 'items' WHERE id LIKE 'a%'").await;
    until_within_a_second(async || found().await.scopes.as_str() == "items").await;
    by_hand("UPDATE api_keys SET expires_at = 7 WHERE id LIKE 'a%'").await;
    until_within_a_second(async || found().await.is_over(Timestamp(7))).await;
    others.revoke(id('a'), None, None).await.unwrap();
    until_within_a_second(async || is_gone(id('a')).await).await;
    keys.find(id('b')).await.unwrap().unwrap();
    users.delete(&name("alice"), None, None).await.unwrap();
    until_within_a_second(async || is_gone(id('b')).await).await;
}

/// What is written often makes no cache forget anything.
pub(in crate::storage) async fn a_use_of_a_key_is_no_change(
    keys: &dyn ApiKeyRepository,
    (others, users): Both<'_>,
) {
    users.create(new("alice", "me"), None, T1).await.unwrap();
    for letter in ['a', 'b'] {
        others.add(key(letter, "alice", "me"), None, T1).await.unwrap();
    }
    for day in 1.. {
        keys.find(id('a')).await.unwrap().unwrap();
        let before = keys.find_in_memory(&id('a'));
        others.store_uses(vec![(id('a'), Day(day))]).await.unwrap();
        // A change that is seen shows that notices of the use would have been, too.
        others.revoke(id('b'), None, None).await.unwrap();
        until_within_a_second(async || keys.find(id('b')).await.unwrap().is_none()).await;
        let after = keys.find_in_memory(&id('a'));
        if let (Some(before), Some(after)) = (before, after)
            && std::sync::Arc::ptr_eq(&before, &after)
        {
            return;
        }
        assert!(day < 5, "the use makes the cache forget the key");
        others.add(key('b', "alice", "me"), None, T1).await.unwrap();
    }
}
