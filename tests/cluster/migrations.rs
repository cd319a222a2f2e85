//! Databases of every earlier version of the schema: users and tokens outlive the migration, and it is
//! done as a whole or not at all.

use crate::database::Database;
use crate::harness::{App, FORM, eventually};
use crate::locks::Held;
use crate::postgres::shared;
use crate::signer::{SECRET, now, sign};
use crate::{config, prepared};
use serde_json::json;
use std::process::{Child, Stdio};

/// The hash of `blue-heron-42`.
const HASH: &str = "$2b$04$VjQkw/cv5SDb1ca2Q5SAjOrtVAoJrOf2ptEFB/l99awHqwz3tMHAq";
/// The last version whose users had no ids, and the last one in which two could have the same.
const BEFORE_IDS: usize = 1;
const BEFORE_UNIQUE_IDS: usize = 7;
/// What users have in each version.
const COLUMNS: [&str; 6] =
    ["username", "email", "disabled", "password_hash", "created_at", "updated_at"];

/// Enough to be in the middle of for a while; `make soak` has more.
fn users() -> usize {
    let is_long = std::env::var_os("SOAK").is_some_and(|value| value == "full");
    if is_long { 200_000 } else { 30_000 }
}

/// Also those that hold no id, as versions before ids have issued them.
fn tokens_outlive_the_migration(open: impl Fn() -> Database) {
    let newest = open().migrations().len();
    for version in 1..newest {
        let database = open();
        database.migrate_to(version);
        let (id, seven) = if version > BEFORE_IDS { (", id", ", 7") } else { ("", "") };
        database.execute(&format!(
            "INSERT INTO users (username, disabled, password_hash, created_at, updated_at{id})
                 VALUES ('jane', false, '{HASH}', 1, 1{seven});
             INSERT INTO user_scopes VALUES ('jane', 0, 'me')"
        ));
        let claims = json!({"sub": "jane", "scopes": ["me"], "exp": now() + 600});
        let mut tokens = vec![sign(&claims)];
        if version > BEFORE_IDS {
            let mut claims = claims;
            claims["bailiwick_id"] = json!(7);
            tokens.push(sign(&claims));
        }
        let app = App::bare().config(&config(&database.url()));
        let app = app.env("BAILIWICK__TOKENS__SECRET", SECRET).spawn();
        assert_eq!(database.version(), newest);
        for token in tokens {
            let me = app.get_as("/users/me", &token);
            assert_eq!(me.status, 200, "version {version}: {}", me.body);
        }
        let form = "username=jane&password=blue-heron-42&scope=me";
        let login = app.send("POST", "/token", &[("content-type", FORM)], form);
        assert_eq!(login.status, 200, "version {version}: {}", login.body);
    }
}

#[test]
fn tokens_outlive_the_migration_of_sqlite() {
    tokens_outlive_the_migration(Database::sqlite);
}

#[test]
fn tokens_outlive_the_migration_of_postgresql() {
    tokens_outlive_the_migration(Database::postgresql);
}

/// A command that migrates the database, and does nothing else.
fn migrating(database: &Database) -> Child {
    let mut command = prepared(database.folder(), &database.url(), &["users", "import", "-"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

/// An old database with many users, of whom some have one id where the schema lets them; with the
/// checksum of what must stay.
fn old(database: Database, version: usize) -> (Database, String) {
    database.migrate_to(version);
    database.fill(users());
    if version > BEFORE_IDS {
        database.execute("UPDATE users SET id = 7 WHERE id > 2000");
    }
    let checksum = database.checksum(&COLUMNS);
    (database, checksum)
}

/// Kills it, and finds the old schema or the new one with all users; the next start does the rest.
/// Whether it was the old one.
fn kill(
    mut child: Child,
    held: Option<Held>,
    (database, version, checksum): (&Database, usize, &str),
) -> bool {
    let newest = database.migrations().len();
    drop(child.kill());
    drop(child.wait());
    drop(held);
    if let Some(name) = database.name() {
        left_alone(name);
    }
    let found = database.version();
    assert!([version, newest].contains(&found), "{found}");
    assert_eq!(database.checksum(&COLUMNS), checksum);
    let ids = "SELECT count(*) FROM users WHERE id = 7";
    if found == version && version > BEFORE_IDS {
        assert_eq!(database.ask(ids), (users() - 1_000).to_string());
    }
    assert!(migrating(database).wait().expect("a child").success());
    assert_eq!(database.version(), newest);
    assert_eq!(database.checksum(&COLUMNS), checksum);
    assert_eq!(database.ask("SELECT count(DISTINCT id) FROM users"), users().to_string());
    let kept = if version > BEFORE_IDS { "1" } else { "0" };
    assert_eq!(database.ask(ids), kept);
    found == version
}

/// SQLite writes what does not fit into its memory to the log beside the file.
#[test]
fn a_killed_migration_of_sqlite_leaves_the_old_schema_or_the_new_one() {
    for version in [BEFORE_IDS, BEFORE_UNIQUE_IDS] {
        let was_killed_in_the_middle = (0..5).any(|_| {
            let (database, checksum) = old(Database::sqlite(), version);
            let log = database.folder().join("users.db-wal");
            let mut child = migrating(&database);
            eventually("a migration to be written", || {
                let is_written = log.metadata().is_ok_and(|log| log.len() > 100_000);
                let has_ended = child.try_wait().expect("a child").is_some();
                (is_written || has_ended).then_some(())
            });
            let was_old = kill(child, None, (&database, version, &checksum));
            assert_eq!(database.ask("PRAGMA integrity_check"), "ok");
            assert_eq!(database.ask("SELECT count(*) FROM pragma_foreign_key_check"), "0");
            was_old
        });
        assert!(was_killed_in_the_middle, "it was killed too late");
    }
}

/// Waits until nobody else has a session in a database: what a dead program has left goes on until
/// it finds that out.
fn left_alone(name: &str) {
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    eventually("the sessions to end", || (shared().sql(name, others) == "0").then_some(()));
}

/// Somebody else has a table that the migration needs only after it has written much.
#[test]
fn a_killed_migration_of_postgresql_leaves_the_old_schema() {
    for (version, table) in [(BEFORE_IDS, "user_scopes"), (BEFORE_UNIQUE_IDS, "users")] {
        let (database, checksum) = old(Database::postgresql(), version);
        let name = database.name().expect("its name");
        let held = Held::take(name, &format!("LOCK TABLE {table} IN ROW EXCLUSIVE MODE"));
        let child = migrating(&database);
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
            AND backend_xid IS NOT NULL AND datname = current_database()";
        eventually("a migration to be written", || {
            (shared().sql(name, waits) == "1").then_some(())
        });
        let was_old = kill(child, Some(held), (&database, version, &checksum));
        assert!(was_old, "it was killed too late");
    }
}

/// Users and scopes of whole databases, by checksum; ids where the schema has any.
pub(crate) fn migrate_many(open: impl Fn() -> Database, count: usize, migrate: impl Fn(&Database)) {
    for version in [BEFORE_IDS, BEFORE_IDS + 1] {
        let database = open();
        database.migrate_to(version);
        database.fill(count);
        let columns = [&COLUMNS[..], if version > BEFORE_IDS { &["id"] } else { &[] }].concat();
        let checksum = database.checksum(&columns);
        migrate(&database);
        assert_eq!(database.version(), database.migrations().len());
        assert_eq!(database.checksum(&columns), checksum);
        assert_eq!(database.ask("SELECT count(DISTINCT id) FROM users"), count.to_string());
    }
}
