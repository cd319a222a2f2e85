//! What a repository of clients must do, and its cache; and what counts once.

use crate::domain::{
    Actor, Client, ClientAuthor, ClientFault, ClientId, ClientMetadata, ClientRepository, Denied,
    KeyHash, NewClient, RepositoryError, Seen, Timestamp, UserRepository,
};
use crate::storage::contract::{T1, T2, disable, new, until_within_a_second};
use serde_json::json;

/// Clients, and the users of the same database.
pub(in crate::storage) type Both<'a> = (&'a dyn ClientRepository, &'a dyn UserRepository);

/// One test per rule, in its own module; `$open` returns an empty database's clients, its users, and a
/// guard that keeps it alive.
macro_rules! clients_contract {
    ($database:ident, $open:expr) => {
        crate::storage::contract::clients::clients_contract!(@ $database, $open,
            a_client_is_found_as_it_was_registered,
            clients_are_listed_in_the_order_of_their_ids,
            a_change_is_made_in_one_step_or_not_at_all,
            two_secrets_count_at_a_time,
            a_deleted_client_is_gone_and_another_one_is_another,
            whoever_changes_a_client_holds_its_scopes,
        );
    };
    (@ $database:ident, $open:expr, $($rule:ident,)+) => {
        mod $database {
            use super::*;
            $(
                #[tokio::test]
                async fn $rule() {
                    let (clients, users, _guard) = $open.await;
                    crate::storage::contract::clients::$rule((&clients, &users)).await;
                }
            )+
        }
    };
}
pub(in crate::storage) use clients_contract;

const NOBODY: ClientAuthor = ClientAuthor { actor: None, among: None };

pub(in crate::storage) fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

fn hash(letter: char) -> KeyHash {
    KeyHash::new([letter as u8; 32])
}

fn metadata(scope: &str) -> ClientMetadata {
    let metadata =
        json!({"grant_types": ["client_credentials"], "scope": scope, "client_name": "한국 \"x\""});
    serde_json::from_value(metadata).unwrap()
}

pub(in crate::storage) fn client(name: &str, scope: &str) -> NewClient {
    NewClient { id: id(name), metadata: metadata(scope), secret: Some(hash('a')) }
}

fn ids(clients: &[Client]) -> Vec<&str> {
    clients.iter().map(|client| client.id.as_str()).collect()
}

fn ends(client: &Client) -> Vec<Option<i64>> {
    client.secrets.iter().map(|secret| secret.expires_at.map(Timestamp::seconds)).collect()
}

pub(in crate::storage) async fn a_client_is_found_as_it_was_registered((clients, _): Both<'_>) {
    let made = clients.add(client("reports", "me items"), &NOBODY, T1).await.unwrap();
    let found = clients.find(&id("reports")).await.unwrap().unwrap();
    for client in [&made, &*found] {
        assert_eq!(client.id.as_str(), "reports");
        assert_eq!(client.metadata, metadata("me items"));
        assert_eq!((client.created_at, client.updated_at, client.epoch), (T1, T1, made.epoch));
        assert!(client.secrets.len() == 1 && client.secrets[0].hash.equals(&hash('a')));
        assert!(client.secrets[0].created_at == T1 && ends(client) == [None]);
    }
    assert!(clients.find(&id("Reports")).await.unwrap().is_none());
    let public = NewClient { secret: None, ..client("public", "") };
    clients.add(public, &NOBODY, T1).await.unwrap();
    assert!(clients.find(&id("public")).await.unwrap().unwrap().secrets.is_empty());
    let error = clients.add(client("reports", "me"), &NOBODY, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::ClientExists), "{error}");
    assert_eq!(clients.find(&id("reports")).await.unwrap().unwrap().metadata, metadata("me items"));
}

pub(in crate::storage) async fn clients_are_listed_in_the_order_of_their_ids(
    (clients, _): Both<'_>,
) {
    for name in ["b", "B", "a", "a-b", "1a"] {
        clients.add(client(name, ""), &NOBODY, T1).await.unwrap();
    }
    assert_eq!(ids(&clients.list(None, 9).await.unwrap()), ["1a", "B", "a", "a-b", "b"]);
    assert_eq!(ids(&clients.list(Some(&id("B")), 2).await.unwrap()), ["a", "a-b"]);
    assert!(clients.list(Some(&id("b")), 2).await.unwrap().is_empty());
}

pub(in crate::storage) async fn a_change_is_made_in_one_step_or_not_at_all((clients, _): Both<'_>) {
    clients.add(client("c", "me"), &NOBODY, T1).await.unwrap();
    let widen = |scope: &'static str| -> crate::domain::ClientEdit {
        Box::new(move |before| {
            let scope = format!("{} {scope}", before.scope).parse().unwrap();
            Ok(ClientMetadata { scope, ..before })
        })
    };
    // Both see what the other has made of it.
    let c = id("c");
    let (one, other) = tokio::join!(
        clients.change(&c, widen("items"), &NOBODY, T2),
        clients.change(&c, widen("users:read"), &NOBODY, T2),
    );
    let [before, after] = one.unwrap();
    assert!(after.metadata.scope.contains("items") && !before.metadata.scope.contains("items"));
    other.unwrap();
    let found = clients.find(&id("c")).await.unwrap().unwrap();
    assert!(["me", "items", "users:read"].iter().all(|scope| found.metadata.scope.contains(scope)));
    assert!(found.updated_at == T2 && found.created_at == T1 && found.secrets.len() == 1);
    let refuse: crate::domain::ClientEdit = Box::new(|_| Err(ClientFault::new("scope", "no")));
    let error = clients.change(&id("c"), refuse, &NOBODY, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::BadClient(_)), "{error}");
    let error = clients.change(&id("d"), widen("items"), &NOBODY, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NoSuchClient), "{error}");
}

pub(in crate::storage) async fn two_secrets_count_at_a_time((clients, _): Both<'_>) {
    let first = clients.add(client("c", ""), &NOBODY, T1).await.unwrap();
    let until = |seconds| Some(Timestamp(seconds));
    let rotate = async |letter, keep, now| {
        clients.rotate_secret(&id("c"), hash(letter), keep, &NOBODY, now).await.unwrap()
    };
    assert_eq!(ends(&rotate('b', until(5_000), T1).await), [Some(5_000), None]);
    let third = rotate('d', until(3_000), T2).await;
    assert!(ends(&third) == [Some(3_000), None] && third.secrets[0].hash.equals(&hash('b')));
    assert_eq!(third.epoch, first.epoch, "its tokens go on");
    let found = clients.find(&id("c")).await.unwrap().unwrap();
    assert!(ends(&found) == ends(&third) && found.secrets[1].hash.equals(&hash('d')));
    let at_once = rotate('e', None, T2).await;
    assert_eq!(ends(&at_once), [None]);
    assert_ne!(at_once.epoch, first.epoch, "its tokens have ended");
    assert_eq!(clients.find(&id("c")).await.unwrap().unwrap().epoch, at_once.epoch);
    let none = NewClient {
        metadata: ClientMetadata {
            token_endpoint_auth_method: crate::domain::ClientAuthMethod::None,
            ..metadata("")
        },
        secret: None,
        ..client("public", "")
    };
    clients.add(none, &NOBODY, T1).await.unwrap();
    let error = clients.rotate_secret(&id("public"), hash('a'), None, &NOBODY, T1).await;
    assert!(matches!(error.unwrap_err(), RepositoryError::BadClient(_)));
    let error = clients.rotate_secret(&id("x"), hash('a'), None, &NOBODY, T1).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NoSuchClient), "{error}");
}

pub(in crate::storage) async fn a_deleted_client_is_gone_and_another_one_is_another(
    (clients, _): Both<'_>,
) {
    let first = clients.add(client("c", ""), &NOBODY, T1).await.unwrap();
    clients.find(&id("c")).await.unwrap().unwrap();
    clients.delete(&id("c"), &NOBODY).await.unwrap();
    assert!(clients.find(&id("c")).await.unwrap().is_none());
    let error = clients.delete(&id("c"), &NOBODY).await.unwrap_err();
    assert!(matches!(error, RepositoryError::NoSuchClient), "{error}");
    let second = clients.add(client("c", ""), &NOBODY, T1).await.unwrap();
    assert_ne!(second.epoch, first.epoch);
    let found = clients.find(&id("c")).await.unwrap().unwrap();
    assert_eq!((found.epoch, found.secrets.len()), (second.epoch, 1));
}

pub(in crate::storage) async fn whoever_changes_a_client_holds_its_scopes(
    (clients, users): Both<'_>,
) {
    let admin = users.create(new("admin", "me oauth:clients"), None, T1).await.unwrap();
    let actor = Actor {
        username: admin.username.clone(),
        id: admin.id,
        scopes: &["oauth:clients"],
        key: None,
    };
    let by = ClientAuthor { actor: Some(actor), among: Some("me".parse().unwrap()) };
    let lacks = |error: RepositoryError| match error {
        RepositoryError::ClientScope(scope) => assert_eq!(scope.as_str(), "items"),
        other => panic!("{other}"),
    };
    clients.add(client("small", "me"), &by, T1).await.unwrap();
    lacks(clients.add(client("large", "me items"), &by, T1).await.unwrap_err());
    clients.add(client("large", "me items"), &NOBODY, T1).await.unwrap();
    let rename = || -> crate::domain::ClientEdit {
        Box::new(|before| Ok(ClientMetadata { client_name: None, ..before }))
    };
    let to_items = |before| Ok(ClientMetadata { scope: "items".parse().unwrap(), ..before });
    let to_me = |before| Ok(ClientMetadata { scope: "me".parse().unwrap(), ..before });
    clients.change(&id("small"), rename(), &by, T2).await.unwrap();
    lacks(clients.change(&id("large"), rename(), &by, T2).await.unwrap_err());
    lacks(clients.change(&id("small"), Box::new(to_items), &by, T2).await.unwrap_err());
    lacks(clients.change(&id("large"), Box::new(to_me), &by, T2).await.unwrap_err());
    lacks(clients.rotate_secret(&id("large"), hash('x'), None, &by, T2).await.unwrap_err());
    clients.rotate_secret(&id("small"), hash('x'), None, &by, T2).await.unwrap();
    // Or another one could be registered in its place.
    lacks(clients.delete(&id("large"), &by).await.unwrap_err());
    // It tells of all users.
    let introspects = |before| Ok(ClientMetadata { introspect: true, ..before });
    let lacks = |error: RepositoryError| match error {
        RepositoryError::ClientScope(scope) => assert_eq!(scope.as_str(), "users:read"),
        other => panic!("{other}"),
    };
    lacks(clients.change(&id("small"), Box::new(introspects), &by, T2).await.unwrap_err());
    let mut gateway = client("gateway", "");
    gateway.metadata.introspect = true;
    lacks(clients.add(gateway.clone(), &by, T1).await.unwrap_err());
    clients.add(gateway, &NOBODY, T1).await.unwrap();
    lacks(clients.change(&id("gateway"), rename(), &by, T2).await.unwrap_err());
    lacks(clients.rotate_secret(&id("gateway"), hash('x'), None, &by, T2).await.unwrap_err());
    lacks(clients.delete(&id("gateway"), &by).await.unwrap_err());
    clients.delete(&id("gateway"), &NOBODY).await.unwrap();
    let denied = |error| matches!(error, RepositoryError::Denied(Denied::Disabled));
    users.update(&admin.username, disable(), None, None, T2).await.unwrap();
    assert!(denied(clients.add(client("late", ""), &by, T2).await.unwrap_err()));
    assert!(denied(clients.change(&id("small"), rename(), &by, T2).await.unwrap_err()));
    let rotated = clients.rotate_secret(&id("small"), hash('y'), None, &by, T2).await;
    assert!(denied(rotated.unwrap_err()));
    assert!(denied(clients.delete(&id("small"), &by).await.unwrap_err()));
    assert_eq!(ids(&clients.list(None, 9).await.unwrap()), ["large", "small"]);
}

/// Changes by `others` are seen within a second through `clients`, which has read and cached the client
/// before; `by_hand` runs SQL.
pub(in crate::storage) async fn a_change_of_a_client_is_seen(
    clients: &dyn ClientRepository,
    others: &dyn ClientRepository,
    by_hand: impl AsyncFn(&'static str),
) {
    let found = async |name| clients.find(&id(name)).await.unwrap();
    for name in ["c", "d"] {
        others.add(client(name, "me"), &NOBODY, T1).await.unwrap();
        found(name).await.unwrap();
    }
    let edit = |before| Ok(ClientMetadata { scope: "items".parse().unwrap(), ..before });
    others.change(&id("c"), Box::new(edit), &NOBODY, T2).await.unwrap();
    let scope = async || found("c").await.unwrap().metadata.scope.to_string();
    until_within_a_second(async || scope().await == "items").await;
    others.rotate_secret(&id("c"), hash('x'), None, &NOBODY, T2).await.unwrap();
    let is_new = async || found("c").await.unwrap().secrets[0].hash.equals(&hash('x'));
    until_within_a_second(is_new).await;
    by_hand("UPDATE client_secrets SET expires_at = 7 WHERE client_id = 'c'").await;
    until_within_a_second(async || ends(&found("c").await.unwrap()) == [Some(7)]).await;
    by_hand("DELETE FROM client_secrets WHERE client_id = 'c'").await;
    until_within_a_second(async || found("c").await.unwrap().secrets.is_empty()).await;
    others.delete(&id("c"), &NOBODY).await.unwrap();
    until_within_a_second(async || found("c").await.is_none()).await;
    found("d").await.unwrap();
    others.add(client("c", "me"), &NOBODY, T2).await.unwrap();
    until_within_a_second(async || found("c").await.is_some()).await;
}

/// What is shown to several servers at once counts at one of them.
pub(in crate::storage) async fn what_is_seen_counts_once(servers: &[&dyn Seen]) {
    let far = Timestamp(4_000_000_000);
    for letter in ['a', 'b', 'c'] {
        let tries = (0..8).map(|at| servers[at % servers.len()].is_first(hash(letter), far));
        let firsts = futures_util::future::join_all(tries).await;
        assert_eq!(firsts.into_iter().filter(|first| *first.as_ref().unwrap()).count(), 1);
    }
}

/// What could not be shown any more is forgotten, faster than more is added.
pub(in crate::storage) async fn what_is_over_is_forgotten(
    seen: &dyn Seen,
    count: impl AsyncFn() -> i64,
) {
    for number in 0..200_u8 {
        assert!(seen.is_first(KeyHash::new([number; 32]), Timestamp(1)).await.unwrap());
    }
    let left = count().await;
    assert!(left <= 10, "{left}");
}
