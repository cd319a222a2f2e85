//! The contract on SQLite, with and without the cache, and what is SQLite's own.

mod api_keys;
mod audit;
mod clients;
mod identities;
mod keys;
mod revocations;
mod unique;

use crate::domain::{Page, Timestamp, UserRepository};
use crate::settings::{DatabaseSettings, DatabaseUrl};
use crate::storage::cache::{CachedUsers, Freshness};
use crate::storage::contract::signers::servers_find_each_other;
use crate::storage::contract::{
    a_change_by_another_is_seen, a_change_of_one_leaves_the_others_in_memory, all_have_ids,
    cache_settings, contract, name, new, until_within_a_second,
};
use crate::storage::database::Database;
use crate::storage::signers::DatabaseSigners;
use crate::storage::users::Users;
use crate::storage::{Missing, StorageError, create_folder, open_in};
use sqlx::{ConnectOptions as _, SqliteConnection};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

async fn database_at(path: &Path) -> Result<Database, StorageError> {
    let settings = settings(&format!("sqlite:{}", path.display()));
    Database::open(Path::new("/absent"), &settings, Missing::Create).await
}

async fn plain_at(path: &Path) -> Result<Users, StorageError> {
    Ok(Users::of(Arc::new(database_at(path).await?)))
}

async fn plain() -> (Users, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (plain_at(&folder.path().join("test.db")).await.unwrap(), folder)
}

/// The cache is always trusted: nothing else writes.
async fn cached() -> (CachedUsers<Users>, TempDir) {
    let (users, folder) = plain().await;
    let freshness = Arc::new(Freshness::default());
    freshness.confirm(Instant::now() + std::time::Duration::from_hours(1));
    (CachedUsers::new(users, &cache_settings(100), freshness), folder)
}

contract!(sqlite, plain());
contract!(cached_sqlite, cached());

fn settings(url: &str) -> DatabaseSettings {
    DatabaseSettings {
        url: DatabaseUrl::parse(url).unwrap(),
        connect_timeout: NonZeroU32::MIN,
        acquire_timeout: NonZeroU32::MIN,
        statement_timeout: NonZeroU32::MIN,
        ..DatabaseSettings::default()
    }
}

async fn refused(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) =
        open_in(folder.path(), &settings(url), &cache_settings(100), Missing::Create).await
    else {
        panic!("{url}: opened")
    };
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

async fn raw(path: &Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_change_by_another_process_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let first =
        open_in(folder.path(), &settings(""), &cache_settings(100), Missing::Create).await.unwrap();
    let second =
        open_in(folder.path(), &settings(""), &cache_settings(100), Missing::Create).await.unwrap();
    a_change_by_another_is_seen(&*first, &*second).await;
}

#[tokio::test]
async fn a_change_of_one_user_evicts_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        open_in(folder.path(), &settings(""), &cache_settings(100), Missing::Create).await.unwrap()
    };
    a_change_of_one_leaves_the_others_in_memory(&*open().await, &*open().await).await;
}

#[tokio::test]
async fn changes_that_cannot_be_followed_evict_all_users() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bailiwick.db");
    let users =
        open_in(folder.path(), &settings(""), &cache_settings(100), Missing::Create).await.unwrap();
    users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let found = async || users.find(&name("alice")).await.unwrap().unwrap();
    let mut other = raw(&path).await;
    let many =
        "WITH RECURSIVE some (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM some WHERE n < 5000)
         INSERT INTO changed_users (username) SELECT 'somebody' FROM some";
    for (round, spoil) in [
        many,
        "DELETE FROM changed_users",
        "DELETE FROM changed_users WHERE username = 'alice'",
        "DELETE FROM changed_users; DELETE FROM sqlite_sequence",
        &[many; 3].join(";"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = round.to_string();
        found().await;
        let change = format!("UPDATE users SET email = '{email}'");
        let statements = format!("BEGIN; {change}; {spoil}; COMMIT");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut other).await.unwrap();
        until_within_a_second(async || found().await.email.as_deref() == Some(&*email)).await;
        let kept = "SELECT count(*) FROM changed_users";
        let kept: i64 = sqlx::query_scalar(kept).fetch_one(&mut other).await.unwrap();
        assert!(kept <= 10_000, "{kept}");
    }
}

/// A user whose id is taken over disappears without any other trigger, and without scopes that
/// would fire one.
#[tokio::test]
async fn a_user_whose_id_another_one_takes_is_seen_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let users =
        open_in(folder.path(), &settings(""), &cache_settings(100), Missing::Create).await.unwrap();
    let mut other = raw(&folder.path().join("bailiwick.db")).await;
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut other).await.unwrap();
    for who in ["alice", "bob", "dave"] {
        users.create(new(who, "me"), None, Timestamp(1)).await.unwrap();
    }
    for (gone, statement) in [
        (
            "alice",
            "REPLACE INTO users
             (username, email, full_name, disabled, password_hash, created_at, updated_at, id)
             SELECT 'carol', '', '', disabled, password_hash, 1, 1, id FROM users WHERE username = 'alice'",
        ),
        (
            "dave",
            "UPDATE OR REPLACE users SET id = (SELECT id FROM users WHERE username = 'dave')
             WHERE username = 'bob'",
        ),
    ] {
        assert!(users.find(&name(gone)).await.unwrap().is_some());
        sqlx::query(statement).execute(&mut other).await.unwrap();
        until_within_a_second(async || users.find(&name(gone)).await.unwrap().is_none()).await;
    }
}

/// Whatever statement changes a row, with or without foreign keys, which SQLite's own shell leaves
/// off. Several of each: earlier changes may cover the first.
#[tokio::test]
async fn a_change_by_plain_sql_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bailiwick.db");
    let users =
        open_in(folder.path(), &settings(""), &cache_settings(100), Missing::Create).await.unwrap();
    users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let [mut with, mut without] = [raw(&path).await, raw(&path).await];
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut without).await.unwrap();
    let found = async || users.find(&name("alice")).await.unwrap().unwrap();
    for statement in [
        "UPDATE users SET email = ?1",
        "UPDATE OR REPLACE users SET email = ?1",
        "REPLACE INTO users
         (username, email, full_name, disabled, password_hash, created_at, updated_at, id)
         SELECT username, ?1, full_name, disabled, password_hash, 1, 1, id FROM users",
        "INSERT INTO users (username, email, full_name, disabled, password_hash, created_at, updated_at, id)
             SELECT username, '', full_name, disabled, password_hash, 1, 1, id
         FROM users WHERE true ON CONFLICT DO UPDATE SET email = ?1",
    ] {
        for (keys, email) in [(true, "1"), (true, "2"), (false, "3"), (false, "4")] {
            found().await;
            let by = if keys { &mut with } else { &mut without };
            sqlx::query(statement).bind(email).execute(by).await.unwrap();
            until_within_a_second(async || found().await.email.as_deref() == Some(email)).await;
        }
    }
    assert_eq!(found().await.scopes.to_string(), "", "they went with the replaced user");
    for (statement, then) in [
        ("INSERT INTO user_scopes VALUES ('alice', 0, 'me')", "me"),
        ("REPLACE INTO user_scopes VALUES ('alice', 0, 'items')", "items"),
        ("INSERT INTO user_scopes VALUES ('alice', 1, 'me')", "items me"),
        ("DELETE FROM user_scopes WHERE scope = 'items'", "me"),
    ] {
        sqlx::query(statement).execute(&mut without).await.unwrap();
        until_within_a_second(async || found().await.scopes.to_string() == then).await;
    }
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    {
        create_folder(&data).unwrap();
        let users =
            open_in(&data, &settings(""), &cache_settings(100), Missing::Create).await.unwrap();
        users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    }
    let users = open_in(&data, &settings(""), &cache_settings(100), Missing::Create).await.unwrap();
    assert!(users.find(&name("alice")).await.unwrap().is_some());

    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in data.read_dir().unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn many_may_open_a_new_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async { plain_at(&path).await.map(drop) })
            })
        })
        .collect();
    for opener in openers {
        opener.join().unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_start_does_not_wait_for_a_long_write() {
    let (users, folder) = plain().await;
    let _import = users.import(Timestamp(1)).await.unwrap();
    let other = plain_at(&folder.path().join("test.db")).await.unwrap();
    assert!(other.is_empty().await.unwrap());
}

#[tokio::test]
async fn a_database_that_needs_a_newer_version_is_refused() {
    let (users, folder) = plain().await;
    let path = folder.path().join("test.db");
    drop(users);
    let mut connection = raw(&path).await;
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (99, 'later', '', TRUE, x'00', 0)")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(database_at(&path).await.unwrap().newer(), Some(99));
    for needs in ["UPDATE schema_needs SET migration = 99", "DELETE FROM schema_needs"] {
        sqlx::query(needs).execute(&mut connection).await.unwrap();
        let line = plain_at(&path).await.err().unwrap().to_string();
        assert!(line.contains("newer version") && line.contains("99"), "{line}");
        assert!(line.contains(&path.display().to_string()), "{line}");
    }

    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 99")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'")
        .execute(&mut connection)
        .await
        .unwrap();
    let line = plain_at(&path).await.err().unwrap().to_string();
    assert!(line.contains("migration 1 differs"), "{line}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "not a database, but a text that is longer than a header\n".repeat(99))
        .unwrap();
    let other = folder.path().join("other.db");
    let mut connection = raw(&other).await;
    sqlx::query("CREATE TABLE orders (id)").execute(&mut connection).await.unwrap();

    for (path, says) in [
        (text.as_path(), "is not a SQLite database"),
        (folder.path(), "is a folder"),
        (Path::new("/absent/bailiwick.db"), "cannot be created"),
        (Path::new("/proc/version"), "cannot be"),
        (other.as_path(), "another program"),
    ] {
        let line = refused(&format!("sqlite:{}", path.display())).await;
        assert!(line.contains(&path.display().to_string()), "{line}");
        assert!(line.contains(says), "{says}: {line}");
    }
}

#[tokio::test]
async fn a_row_that_others_damaged_is_an_error() {
    let (users, folder) = plain().await;
    users.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let mut connection = raw(&folder.path().join("test.db")).await;
    sqlx::query("UPDATE users SET password_hash = 'swordfish'")
        .execute(&mut connection)
        .await
        .unwrap();
    let alice = users.find(&name("alice")).await.unwrap().unwrap();
    assert!(!alice.password_hash.is_readable(), "one user's trouble");
    assert_eq!(users.list(&Page { after: None, limit: 9 }).await.unwrap().len(), 1);
    sqlx::query("UPDATE user_scopes SET scope = 'sword\"fish'")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = users.find(&name("alice")).await.unwrap_err().to_string();
    assert!(error.contains("scopes") && !error.contains("sword"), "{error}");
    assert!(users.list(&Page { after: None, limit: 9 }).await.is_err());
}

/// A file from a version before INSERT counted as a change.
#[tokio::test]
async fn a_replaced_user_of_an_earlier_version_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        open_in(folder.path(), &settings(""), &cache_settings(100), Missing::Create).await.unwrap()
    };
    open().await.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let mut connection = raw(&folder.path().join("bailiwick.db")).await;
    for statement in
        ["DROP TRIGGER users_created", "DELETE FROM _sqlx_migrations WHERE version = 3"]
    {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    let users = open().await;
    let found = async || users.find(&name("alice")).await.unwrap().unwrap();
    let replace = "REPLACE INTO users
         (username, email, full_name, disabled, password_hash, created_at, updated_at, id)
         SELECT username, ?1, full_name, disabled, password_hash, 1, 1, id FROM users";
    // Earlier changes may cover the first.
    for email in ["1", "2"] {
        found().await;
        sqlx::query(replace).bind(email).execute(&mut connection).await.unwrap();
        until_within_a_second(async || found().await.email.as_deref() == Some(email)).await;
    }
}

/// A file of the first version, whose users had no ids, and a user added by another program.
#[tokio::test]
async fn users_of_an_earlier_version_get_ids() {
    let (users, folder) = plain().await;
    for username in ["alice", "bob"] {
        users.create(new(username, "me"), None, Timestamp(1)).await.unwrap();
    }
    drop(users);
    let path = folder.path().join("test.db");
    let mut connection = raw(&path).await;
    let without_ids = "DROP TRIGGER users_inserted;
         DROP TRIGGER users_displaced_tell; DROP TRIGGER users_displaced_by_update_tell;
         DROP TRIGGER users_displaced_remember; DROP TRIGGER users_displaced_by_update_remember;
         DROP TRIGGER users_renamed_remember; DROP TRIGGER users_deleted_remember;
         DROP TRIGGER users_sessions_ended; DROP TRIGGER users_deleted_sessions_ended;
         DROP INDEX users_id; ALTER TABLE users DROP COLUMN id;
         DELETE FROM _sqlx_migrations WHERE version = 2";
    sqlx::raw_sql(without_ids).execute(&mut connection).await.unwrap();
    let users = plain_at(&path).await.unwrap();
    let by_hand = "INSERT INTO users (username, disabled, password_hash, created_at, updated_at)
         SELECT 'carol', disabled, password_hash, 1, 1 FROM users LIMIT 1";
    sqlx::query(by_hand).execute(&mut connection).await.unwrap();
    all_have_ids(&users).await;
}

#[tokio::test]
async fn servers_on_one_file_find_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let signers = async || DatabaseSigners(Arc::new(database_at(&path).await.unwrap()));
    let by_hand = async |statement| {
        sqlx::query(statement).execute(&mut raw(&path).await).await.unwrap();
    };
    servers_find_each_other((&signers().await, &signers().await), by_hand).await;
}
