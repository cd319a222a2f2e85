//! The contract on PostgreSQL, with and without the cache, and PostgreSQL's own rules.

mod api_keys;
mod audit;
mod away;
mod clients;
mod identities;
mod revocations;
pub(super) mod server;
mod tls;

use crate::domain::{Timestamp, UserRepository};
use crate::settings::{DatabaseSettings, DatabaseUrl};
use crate::storage::cache::{CachedUsers, Freshness};
use crate::storage::contract::{
    a_change_by_another_is_seen, a_change_of_one_leaves_the_others_in_memory, all_have_ids,
    cache_settings, contract, grant, keys::servers_share_keys, name, new,
    signers::servers_find_each_other, throttles::tries_are_counted, until_within_a_second,
};
use crate::storage::database::Database;
use crate::storage::server_keys::DatabaseKeys;
use crate::storage::signers::DatabaseSigners;
use crate::storage::users::Users;
use crate::storage::{Missing, StorageError, open_in};
use server::{PASSWORD, shared};
use std::path::Path;
use std::sync::{Arc, atomic::AtomicBool, atomic::AtomicUsize, atomic::Ordering::SeqCst};
use std::time::{Duration, Instant};

fn settings(url: &str) -> DatabaseSettings {
    DatabaseSettings { url: DatabaseUrl::parse(url).unwrap(), ..DatabaseSettings::default() }
}

async fn open(settings: &DatabaseSettings) -> Result<Database, StorageError> {
    Database::open(Path::new("/absent"), settings, Missing::Create).await
}

async fn opened(settings: &DatabaseSettings) -> Result<Users, StorageError> {
    Ok(Users::of(Arc::new(open(settings).await?)))
}

async fn plain_at(url: &str) -> Result<Users, StorageError> {
    opened(&settings(url)).await
}

async fn plain() -> (Users, ()) {
    (plain_at(&shared().url(&shared().database())).await.unwrap(), ())
}

async fn cached() -> (CachedUsers<Users>, ()) {
    let mut database = open(&settings(&shared().url(&shared().database()))).await.unwrap();
    let freshness = Arc::new(Freshness::default());
    database.watch(Arc::clone(&freshness), Arc::default()).unwrap();
    (CachedUsers::new(Users::of(Arc::new(database)), &cache_settings(100), freshness), ())
}

/// Opened like a server's.
async fn replica(url: &str) -> Arc<dyn UserRepository> {
    open_in(Path::new("/absent"), &settings(url), &cache_settings(100), Missing::Create)
        .await
        .unwrap()
}

async fn refused(settings: &DatabaseSettings) -> String {
    let line = open(settings).await.err().expect("refused").to_string();
    assert!(!line.contains('\n') && !line.contains(PASSWORD), "{line}");
    line
}

contract!(postgres, plain());
contract!(cached_postgres, cached());

#[tokio::test]
async fn a_change_by_another_replica_is_seen() {
    let url = shared().url(&shared().database());
    let (first, second) = (replica(&url).await, replica(&url).await);
    a_change_by_another_is_seen(&*first, &*second).await;
}

#[tokio::test]
async fn a_change_of_one_user_evicts_no_other() {
    let url = shared().url(&shared().database());
    let (first, second) = (replica(&url).await, replica(&url).await);
    a_change_of_one_leaves_the_others_in_memory(&*first, &*second).await;
}

/// Many names, or names too long for a notice, are not reported individually.
#[tokio::test]
async fn changes_that_cannot_be_named_evict_all_users() {
    let database = shared().database();
    let users = replica(&shared().url(&database)).await;
    users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let add = |names: &str| {
        let columns = "email, full_name, disabled, password_hash, created_at, updated_at";
        format!(
            "INSERT INTO users (username, {columns}) SELECT {names}, {columns} FROM users,
                 generate_series(1, 2500) AS n WHERE username = 'alice'"
        )
    };
    for (round, statement) in [
        add("'user' || n") + "; UPDATE users SET email = '0'",
        "UPDATE users SET username = repeat('x', 2000) WHERE username = 'user7';
         UPDATE users SET email = '1' WHERE length(username) > 9 OR username = 'alice'"
            .to_owned(),
        "UPDATE users SET email = '2' WHERE username = 'alice';
         DELETE FROM users WHERE username <> 'alice'"
            .to_owned(),
    ]
    .iter()
    .enumerate()
    {
        users.find(&name("alice")).await.unwrap();
        shared().sql(&database, statement);
        let email = round.to_string();
        let found = async || users.find(&name("alice")).await.unwrap().unwrap();
        until_within_a_second(async || found().await.email.as_deref() == Some(&*email)).await;
    }
}

#[tokio::test]
async fn a_change_by_plain_sql_is_seen() {
    let database = shared().database();
    let users = replica(&shared().url(&database)).await;
    users.create(new("alice", "me items"), None, Timestamp(1)).await.unwrap();
    let copy = "INSERT INTO users (username, email, full_name, disabled, password_hash, created_at,
             updated_at, id)
         SELECT username, email, full_name, disabled, password_hash, 1, 1, id FROM";
    let replace = format!(
        "BEGIN; CREATE TEMPORARY TABLE old AS SELECT * FROM users; DELETE FROM users;
         {copy} old; INSERT INTO user_scopes VALUES ('alice', 0, 'items'); COMMIT"
    );
    let unnoticed = "SET session_replication_role = 'replica';
         UPDATE user_scopes SET scope = 'me' WHERE scope = 'items'";
    for (statement, scopes) in [
        (&*replace, Some("items")),
        (unnoticed, Some("me")),
        ("INSERT INTO user_scopes VALUES ('alice', 1, 'items')", Some("me items")),
        ("DELETE FROM user_scopes WHERE scope = 'items'", Some("me")),
        ("INSERT INTO user_scopes VALUES ('alice', 7, 'users:read')", Some("me users:read")),
        ("TRUNCATE users CASCADE", None),
    ] {
        users.find(&name("alice")).await.unwrap();
        shared().sql(&database, statement);
        let seen = async || {
            let found = users.find(&name("alice")).await.unwrap();
            found.map(|user| user.scopes.to_string()).as_deref() == scopes
        };
        until_within_a_second(seen).await;
    }
    let upsert = format!("{copy} users ON CONFLICT (username) DO UPDATE SET email = 'new'");
    for (statement, email) in [
        (&*upsert, "new"),
        ("SET session_replication_role = 'replica'; UPDATE users SET email = 'newer'", "newer"),
    ] {
        let _ = users.create(new("bob", "me"), None, Timestamp(1)).await;
        users.find(&name("bob")).await.unwrap();
        shared().sql(&database, statement);
        let seen = async || {
            users.find(&name("bob")).await.unwrap().unwrap().email.as_deref() == Some(email)
        };
        until_within_a_second(seen).await;
    }
}

#[tokio::test]
async fn ten_replicas_may_start_at_once() {
    let url = shared().url(&shared().database());
    let openers: Vec<_> = (0..10)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async { plain_at(&url).await.map(drop) })
            })
        })
        .collect();
    for opener in openers {
        opener.join().unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_database_that_needs_a_newer_version_is_refused() {
    let database = shared().database();
    let url = shared().url(&database);
    drop(plain_at(&url).await.unwrap());
    let insert = "INSERT INTO _sqlx_migrations VALUES (99, 'later', now(), TRUE, '\\x00', 0)";
    shared().sql(&database, insert);
    assert_eq!(open(&settings(&url)).await.unwrap().newer(), Some(99));
    for needs in ["UPDATE schema_needs SET migration = 99", "DELETE FROM schema_needs"] {
        shared().sql(&database, needs);
        let line = refused(&settings(&url)).await;
        assert!(line.contains("newer version") && line.contains("99"), "{line}");
    }
    shared().sql(&database, "DELETE FROM _sqlx_migrations WHERE version = 99");
    shared().sql(&database, "UPDATE _sqlx_migrations SET checksum = '\\x00'");
    let line = refused(&settings(&url)).await;
    assert!(line.contains("migration 1 differs"), "{line}");
}

/// A database of the first version, whose users had no ids, and a user whom another program adds.
#[tokio::test]
async fn users_of_an_earlier_version_get_ids() {
    let database = shared().database();
    let url = shared().url(&database);
    let users = plain_at(&url).await.unwrap();
    for username in ["alice", "bob"] {
        users.create(new(username, "me"), None, Timestamp(1)).await.unwrap();
    }
    drop(users);
    shared().sql(&database, "ALTER TABLE users DROP COLUMN id");
    shared().sql(&database, "DELETE FROM _sqlx_migrations WHERE version = 2");
    let users = plain_at(&url).await.unwrap();
    let by_hand = "INSERT INTO users
        SELECT 'carol', email, full_name, disabled, password_hash, 1, 1 FROM users LIMIT 1";
    shared().sql(&database, by_hand);
    all_have_ids(&users).await;
}

#[tokio::test]
async fn unusable_databases_are_refused_in_one_line() {
    let (server, database) = (shared(), shared().database());
    server.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    server.sql(&database, "CREATE TABLE users (id int)");
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = server.port;
    for (url, says) in [
        (server.url("absent"), "does not exist"),
        (server.url("latin"), "expected UTF8"),
        (server.url(&database), "another program"),
        (format!("postgres://postgres:wrong@127.0.0.1:{port}/postgres"), "authentication"),
        (format!("postgres://postgres:{PASSWORD}@127.0.0.1:{unused}/x"), "cannot be reached"),
        (format!("{}?sslmode=require", server.url("postgres")), "TLS"),
        (format!("{}?sslmode=verify-full&sslrootcert=/absent", server.url("postgres")), "TLS"),
    ] {
        let settings =
            DatabaseSettings { connect_timeout: 1.try_into().unwrap(), ..settings(&url) };
        let line = refused(&settings).await;
        assert!(line.starts_with("database postgres://127.0.0.1:"), "{line}");
        assert!(line.contains(says), "{says}: {line}");
    }
}

#[tokio::test]
async fn the_password_can_be_in_a_file() {
    let scram = "SET password_encryption = 'scram-sha-256'; CREATE ROLE scram SUPERUSER LOGIN";
    shared().sql("postgres", &format!("{scram} PASSWORD '{PASSWORD}'"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let url = format!("postgresql://scram@127.0.0.1:{}/{}", shared().port, shared().database());
    let settings = DatabaseSettings { password_file: Some(file.clone().into()), ..settings(&url) };
    let line = refused(&settings).await;
    assert!(
        line.starts_with("database.password_file") && line.contains("cannot be read"),
        "{line}"
    );
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    open(&settings).await.unwrap();
}

#[tokio::test]
async fn a_row_that_others_damaged_is_an_error() {
    let database = shared().database();
    let users = plain_at(&shared().url(&database)).await.unwrap();
    users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    shared().sql(&database, "UPDATE users SET password_hash = 'hunter2'");
    let alice = users.find(&name("alice")).await.unwrap().unwrap();
    assert!(!alice.password_hash.is_readable(), "one user's trouble");
    let full_name = Some(Some("Alice".to_owned()));
    let change = crate::domain::UserChange { full_name, ..Default::default() };
    users.update(&name("alice"), change, None, None, Timestamp(2)).await.unwrap();
    assert_eq!(shared().sql(&database, "SELECT password_hash FROM users"), "hunter2");
    shared().sql(&database, "UPDATE user_scopes SET scope = 'hunter\"2'");
    let error = users.find(&name("alice")).await.unwrap_err().to_string();
    assert!(error.contains("scopes") && !error.contains("hunter"), "{error}");
}

#[tokio::test]
async fn a_statement_that_waits_for_another_programs_lock_ends() {
    let database = shared().database();
    let url = shared().url(&database);
    let settings = DatabaseSettings { statement_timeout: 1.try_into().unwrap(), ..settings(&url) };
    let users = opened(&settings).await.unwrap();
    users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let other = plain_at(&url).await.unwrap();
    let mut holder = other.import(Timestamp(1)).await.unwrap();
    holder.add(vec![new("bob", "me")]).await.unwrap();
    let error = users.create(new("bob", "me"), None, Timestamp(1)).await.unwrap_err().to_string();
    assert!(error.contains("unavailable"), "{error}");
    drop(holder);
    users.create(new("bob", "me"), None, Timestamp(1)).await.unwrap();
}

/// Three replicas under reads: one changes, the longest time until the two others know is printed.
#[tokio::test]
async fn two_hundred_changes_are_seen_by_all_replicas_within_a_second() {
    let url = shared().url(&shared().database());
    let replicas = [replica(&url).await, replica(&url).await, replica(&url).await];
    let alice = name("alice");
    replicas[0].create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let (over, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = replicas
        .iter()
        .map(|users| {
            let (users, over, reads) = (Arc::clone(users), Arc::clone(&over), Arc::clone(&reads));
            tokio::spawn(async move {
                while !over.load(SeqCst) {
                    users.find(&name("alice")).await.unwrap();
                    reads.fetch_add(1, SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    for change in 0..200 {
        let scopes = format!("me change{change}");
        let writer = &replicas[change % 3];
        writer.update(&alice, grant(&scopes), None, None, Timestamp(2)).await.unwrap();
        let committed = Instant::now();
        for users in &replicas {
            while users.find(&alice).await.unwrap().unwrap().scopes.to_string() != scopes {
                assert!(committed.elapsed() < Duration::from_secs(1), "change {change} is late");
                tokio::task::yield_now().await;
            }
        }
        longest = longest.max(committed.elapsed());
    }
    over.store(true, SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    println!("200 changes, 3 replicas, {} reads: longest delay {longest:?}", reads.load(SeqCst));
}

#[tokio::test]
async fn servers_on_one_database_find_each_other() {
    let database = shared().database();
    let settings = settings(&shared().url(&database));
    let signers = async || DatabaseSigners(Arc::new(open(&settings).await.unwrap()));
    let by_hand = async |statement| drop(shared().sql(&database, statement));
    servers_find_each_other((&signers().await, &signers().await), by_hand).await;
}

#[tokio::test]
async fn tries_at_passwords_are_counted() {
    tries_are_counted(async || {
        (Arc::new(open(&settings(&shared().url(&shared().database()))).await.unwrap()), ())
    })
    .await;
}

mod unique {
    use super::*;
    use crate::settings::UserSettings;
    use crate::storage::contract::unique::*;
    use crate::storage::open_unique;

    async fn at(url: &str, unique: UserSettings) -> Arc<dyn UserRepository> {
        let absent = Path::new("/absent");
        open_unique(absent, &settings(url), &cache_settings(100), Missing::Create, unique)
            .await
            .unwrap()
            .users
    }

    #[tokio::test]
    async fn each_rule_holds() {
        let [names, emails, both, new] = [0; 4].map(|_| shared().url(&shared().database()));
        names_that_differ_in_case_are_one(async |unique| at(&names, unique).await).await;
        an_address_is_one_users(async |unique| at(&emails, unique).await).await;
        of_two_at_once_one_is_created(async |unique| at(&both, unique).await).await;
        a_new_name_is_nobodys_but_for_case(async |unique| at(&new, unique).await).await;
    }

    #[tokio::test]
    async fn a_taken_id_is_renewed() {
        let database = open(&settings(&shared().url(&shared().database()))).await.unwrap();
        a_new_user_takes_nobodys_id(Arc::new(database)).await;
    }

    #[tokio::test]
    async fn a_setting_that_is_turned_on_breaks_nothing() {
        let database = shared().database();
        let url = shared().url(&database);
        let by_hand = async |statement| drop(shared().sql(&database, statement));
        who_is_there_already_stays(async |unique| at(&url, unique).await, by_hand).await;
    }
}

#[tokio::test]
async fn keys_are_shared() {
    let database = shared().database();
    let settings = settings(&shared().url(&database));
    let keys = async || DatabaseKeys(Arc::new(open(&settings).await.unwrap()));
    let by_hand = async |statement| drop(shared().sql(&database, statement));
    servers_share_keys((&keys().await, &keys().await), by_hand).await;
}
