//! What must be unique: names regardless of case, and e-mail addresses.

use super::{T1, T2, name, names, new, rename};
use crate::domain::{NewUser, RepositoryError, Taken, User, UserChange, UserId, UserRepository};
use crate::settings::UserSettings;
use crate::storage::change::create;
use crate::storage::database::Database;
use crate::storage::row::created;
use crate::storage::unique::add;
use crate::storage::users::Users;
use std::sync::Arc;

/// Opens the same database again, with these settings.
pub(in crate::storage) trait Open:
    AsyncFn(UserSettings) -> Arc<dyn UserRepository>
{
}
impl<F: AsyncFn(UserSettings) -> Arc<dyn UserRepository>> Open for F {}

const OFF: UserSettings = UserSettings { case_insensitive: false, unique_email: false };
const NAMES: UserSettings = UserSettings { case_insensitive: true, unique_email: false };
const EMAILS: UserSettings = UserSettings { case_insensitive: false, unique_email: true };

fn with(username: &str, email: Option<&str>) -> NewUser {
    NewUser { email: email.map(str::to_owned), ..new(username, "me") }
}

async fn found(users: &dyn UserRepository, username: &str) -> Option<String> {
    let found = users.find_folded(&name(username)).await.unwrap();
    found.map(|user| user.username.to_string())
}

pub(in crate::storage) async fn names_that_differ_in_case_are_one(open: impl Open) {
    let users = open(NAMES).await;
    for username in ["Alice", "ИВАН", "straße", "bob"] {
        users.create(new(username, "me"), None, T1).await.unwrap();
    }
    for username in ["alice", "ALICE", "Alice", "иван", "STRASSE", "strasse", "Bob"] {
        let error = users.create(new(username, "me"), None, T2).await.unwrap_err();
        assert!(matches!(error, RepositoryError::Exists), "{username}: {error}");
    }
    for (asked, owner) in
        [("aLICE", "Alice"), ("Иван", "ИВАН"), ("Strasse", "straße"), ("BOB", "bob")]
    {
        assert_eq!(found(&*users, asked).await.as_deref(), Some(owner));
        assert!(users.find(&name(asked)).await.unwrap().is_none(), "{asked}: names stay exact");
    }
    assert_eq!(found(&*users, "carol").await, None);
    users.delete(&name("Alice"), None, None).await.unwrap();
    users.create(new("alice", "me"), None, T2).await.unwrap();

    let mut import = users.import(T2).await.unwrap();
    let batch = ["ALICE", "Carol", "carol", "Dora"].map(|username| new(username, "me"));
    let taken = import.add(batch.into()).await.unwrap();
    assert_eq!(taken, ["ALICE", "carol"].map(|taken| Taken::Name(name(taken))));
    let taken = import.add(vec![new("dora", "me")]).await.unwrap();
    assert_eq!(taken, [Taken::Name(name("dora"))]);
    import.commit().await.unwrap();
    assert_eq!(found(&*users, "dora").await.as_deref(), Some("Dora"));
    assert_eq!(names(&*users, None, 9).await.len(), 6);
}

pub(in crate::storage) async fn a_new_name_is_nobodys_but_for_case(open: impl Open) {
    let users = open(NAMES).await;
    for username in ["Alice", "bob", "straße"] {
        users.create(new(username, "me"), None, T1).await.unwrap();
    }
    let to = async |from: &str, to: &str| {
        users.update(&name(from), rename(to), None, None, T2).await.map(|user| user.id)
    };
    let alice = users.find(&name("Alice")).await.unwrap().unwrap().id;
    for (from, taken) in [("bob", "ALICE"), ("bob", "alice"), ("Alice", "Bob"), ("bob", "STRASSE")]
    {
        let error = to(from, taken).await.unwrap_err();
        assert!(matches!(error, RepositoryError::Exists), "{taken}: {error}");
    }
    // Its own name in another case.
    for (from, other) in [("Alice", "aLICE"), ("aLICE", "alice"), ("alice", "ALICE")] {
        assert_eq!(to(from, other).await.unwrap(), alice);
        assert_eq!(found(&*users, "Alice").await.as_deref(), Some(other));
    }
    to("ALICE", "Zoë").await.unwrap();
    assert_eq!(found(&*users, "ZOË").await.as_deref(), Some("Zoë"));
    assert_eq!(found(&*users, "Alice").await, None);
    to("Zoë", "zoe").await.unwrap();
    assert_eq!(found(&*users, "zoë").await, None);
    assert_eq!(found(&*users, "Zoe").await.as_deref(), Some("zoe"));
    to("bob", "Alice").await.unwrap();
    assert_eq!(found(&*users, "alice").await.as_deref(), Some("Alice"));

    // Two that share a name since before the setting was turned on continue.
    let off = open(OFF).await;
    off.create(new("carol", "me"), None, T1).await.unwrap();
    off.create(new("Carol", "me"), None, T1).await.unwrap();
    assert!(matches!(to("Carol", "carol").await.unwrap_err(), RepositoryError::Exists));
    to("carol", "dora").await.unwrap();
    assert_eq!(found(&*users, "CAROL").await.as_deref(), Some("Carol"));
}

pub(in crate::storage) async fn an_address_is_one_users(open: impl Open) {
    let users = open(EMAILS).await;
    let alice = users.create(with("alice", Some("a@example.com")), None, T1).await.unwrap();
    users.create(with("bob", None), None, T1).await.unwrap();
    users.create(with("carol", None), None, T1).await.unwrap();
    let taken = |error| matches!(error, RepositoryError::EmailExists);
    for email in ["a@example.com", "A@Example.COM"] {
        let dora = with("dora", Some(email));
        assert!(taken(users.create(dora, None, T2).await.unwrap_err()), "{email}");
        let change = UserChange { email: Some(Some(email.to_owned())), ..UserChange::default() };
        let error = users.update(&name("bob"), change.clone(), None, None, T2).await.unwrap_err();
        assert!(taken(error), "{email}");
        // Its own address.
        let after = users.update(&name("alice"), change, None, None, T2).await.unwrap();
        assert_eq!((after.email.as_deref(), after.id), (Some(email), alice.id));
    }
    users.create(with("Alice", Some("other@example.com")), None, T1).await.unwrap();
    let mut import = users.import(T2).await.unwrap();
    let batch = vec![
        with("erin", Some("E@example.com")),
        with("frank", Some("e@example.com")),
        with("grace", Some("a@example.com")),
        with("bob", Some("b@example.com")),
        with("heidi", None),
    ];
    let expected =
        [Taken::Email(name("frank")), Taken::Email(name("grace")), Taken::Name(name("bob"))];
    assert_eq!(import.add(batch).await.unwrap(), expected);
    import.commit().await.unwrap();
    let gone = UserChange { email: Some(None), ..UserChange::default() };
    users.update(&name("alice"), gone, None, None, T2).await.unwrap();
    users.create(with("dora", Some("a@example.com")), None, T2).await.unwrap();
}

/// Two replicas at the same time.
pub(in crate::storage) async fn of_two_at_once_one_is_created(open: impl Open) {
    let both = UserSettings { case_insensitive: true, unique_email: true };
    let (one, other) = (open(both).await, open(both).await);
    for round in 0..20 {
        let user = |at: &str, who: &str| {
            with(&format!("{at}{round}"), Some(&format!("{who}{round}@example.com")))
        };
        let (first, second) = tokio::join!(
            one.create(user("Name", "a"), None, T1),
            other.create(user("name", "b"), None, T1)
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let (first, second) = tokio::join!(
            one.create(user("c", "mail"), None, T1),
            other.create(user("d", "MAIL"), None, T1)
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    }
}

/// The settings are turned on with existing users; `by_hand` runs SQL.
pub(in crate::storage) async fn who_is_there_already_stays(
    open: impl Open,
    by_hand: impl AsyncFn(&'static str),
) {
    let users = open(OFF).await;
    for username in ["Bob", "bob", "ÉCOLE", "Carol"] {
        users.create(with(username, Some("same@example.com")), None, T1).await.unwrap();
    }
    assert_eq!(found(&*users, "école").await, None, "it is off");
    // As an earlier version left it, and as another program may.
    by_hand("DELETE FROM folded_names WHERE username <> 'Carol'").await;
    by_hand("UPDATE folded_names SET folded = 'wrong'").await;
    let users = open(UserSettings { case_insensitive: true, unique_email: true }).await;
    assert_eq!(found(&*users, "école").await.as_deref(), Some("ÉCOLE"));
    assert_eq!(found(&*users, "carol").await.as_deref(), Some("Carol"));
    assert_eq!(found(&*users, "wrong").await, None);
    assert_eq!(found(&*users, "BOB").await, None, "whose it is cannot be told");
    for username in ["Bob", "bob"] {
        assert!(users.find(&name(username)).await.unwrap().is_some());
        let change = UserChange { full_name: Some(None), ..UserChange::default() };
        users.update(&name(username), change, None, None, T2).await.unwrap();
    }
    for username in ["BOB", "école", "carol"] {
        let error = users.create(with(username, None), None, T2).await.unwrap_err();
        assert!(matches!(error, RepositoryError::Exists), "{error}");
    }
    let error = users.create(with("dora", Some("Same@example.com")), None, T2).await.unwrap_err();
    assert!(matches!(error, RepositoryError::EmailExists), "{error}");
    users.delete(&name("bob"), None, None).await.unwrap();
    assert_eq!(found(&*users, "BOB").await.as_deref(), Some("Bob"));
}

/// As if the random ids of new users were already taken. The database is empty.
pub(in crate::storage) async fn a_new_user_takes_nobodys_id(database: Arc<Database>) {
    let seven = |who| User { id: UserId(7), ..created(new(who, "me"), T1) };
    let alice = database.write(None, create(seven("alice"), None, OFF)).await.unwrap();
    let bob = database.write(None, create(seven("bob"), None, OFF)).await.unwrap();
    let dave = User { id: UserId(8), ..seven("dave") };
    let batch = vec![seven("carol"), dave.clone()];
    let taken = database.write(None, move |mut database| {
        Box::pin(async move { add(&mut database, OFF, batch).await })
    });
    assert_eq!(taken.await.unwrap(), []);
    let (users, mut ids) = (Users::of(database), Vec::new());
    for who in ["alice", "bob", "carol", "dave"] {
        let Some(stored) = users.find(&name(who)).await.unwrap() else {
            panic!("{who} is not there")
        };
        assert!(!ids.contains(&stored.id), "{stored:?}");
        ids.push(stored.id);
    }
    assert_eq!((ids[0], ids[1], ids[3]), (alice.id, bob.id, dave.id));
    assert_eq!(alice.id, UserId(7), "nobody had it");
}
