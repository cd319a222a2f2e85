//! A database that tests work on by hand, on either engine, of any version of the schema.

use crate::harness::{repository, run_tool};
use crate::postgres::shared;
use crate::python;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A database, and a folder for whatever belongs to it.
pub(crate) struct Database {
    folder: TempDir,
    /// Its name on PostgreSQL.
    name: Option<String>,
}

impl Database {
    /// A file that is not there yet.
    pub(crate) fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), name: None }
    }

    /// One without tables.
    pub(crate) fn postgresql() -> Self {
        Self { name: Some(shared().database()), ..Self::sqlite() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("users.db")
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn url(&self) -> String {
        match &self.name {
            Some(name) => shared().url(name),
            None => format!("sqlite:{}", self.file().display()),
        }
    }

    /// Runs statements in one transaction.
    pub(crate) fn execute(&self, statements: &str) {
        if let Some(name) = &self.name {
            return drop(shared().sql(name, statements));
        }
        let code = format!("database.executescript('''BEGIN;{statements};COMMIT''')");
        run_tool(&mut python(&self.file(), &code));
    }

    /// The one value that a query has.
    pub(crate) fn ask(&self, query: &str) -> String {
        if let Some(name) = &self.name {
            return shared().sql(name, query);
        }
        let code = format!("print(*database.execute('''{query}''').fetchone())");
        run_tool(&mut python(&self.file(), &code)).trim().to_owned()
    }

    /// The newest version of its schema.
    pub(crate) fn version(&self) -> usize {
        self.ask("SELECT max(version) FROM _sqlx_migrations").parse().expect("a number")
    }

    /// Brings an empty database to a version of the schema, as the program of that time did.
    pub(crate) fn migrate_to(&self, version: usize) {
        let (time, bytes, open) = match self.name {
            Some(_) => ("TIMESTAMPTZ NOT NULL DEFAULT now()", "BYTEA", r"'\x"),
            None => ("TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", "BLOB", "X'"),
        };
        let mut statements = format!(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
                 installed_on {time}, success BOOLEAN NOT NULL, checksum {bytes} NOT NULL,
                 execution_time BIGINT NOT NULL);"
        );
        for (number, text) in (1..).zip(self.migrations()).take(version) {
            let safe = AssertSqlSafe(text.clone()).into_sql_str();
            let migration = Migration::new(number, "".into(), MigrationType::Simple, safe, false);
            let checksum = migration.checksum.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("a string takes it");
                hex
            });
            let columns = "version, description, success, checksum, execution_time";
            write!(
                statements,
                "{text};INSERT INTO _sqlx_migrations ({columns})
                     VALUES ({number}, 'earlier', true, {open}{checksum}', 0);"
            )
            .expect("a string takes it");
        }
        self.execute(&statements);
        if self.name.is_none() {
            run_tool(&mut python(&self.file(), "database.execute('PRAGMA journal_mode = WAL')"));
        }
    }

    /// The texts of all migrations, in their order.
    pub(crate) fn migrations(&self) -> Vec<String> {
        let engine = if self.name.is_some() { "postgres" } else { "sqlite" };
        let folder = repository(&format!("src/storage/{engine}/migrations"));
        let files = fs::read_dir(folder).expect("migrations").flatten();
        let mut files: Vec<_> = files.map(|file| file.path()).collect();
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).expect("a migration")).collect()
    }

    /// Adds so many users with scopes, and ids from 1,001 on if they have any yet.
    pub(crate) fn fill(&self, count: usize) {
        let (id, number) = if self.version() > 1 { (", id", ", 1000 + n") } else { ("", "") };
        self.execute(&format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
             INSERT INTO users (username, email, disabled, password_hash, created_at, updated_at{id})
             SELECT 'user' || n, n || '@example.com', n % 3 = 0, 'hash ' || n, n, 2 * n{number} FROM numbers;
             INSERT INTO user_scopes SELECT username, 0, 'me' FROM users;
             INSERT INTO user_scopes SELECT username, 1, 'items' FROM users WHERE NOT disabled"
        ));
    }

    /// A digest of all users with these columns and their scopes.
    pub(crate) fn checksum(&self, columns: &[&str]) -> String {
        let columns = columns.join(" AS TEXT) || ' ' || CAST(");
        let scope = |position| {
            format!(
                "coalesce((SELECT scope FROM user_scopes
                     WHERE user_scopes.username = users.username AND position = {position}), '-')"
            )
        };
        let user = format!("CAST({columns} AS TEXT) || ' ' || {} || {}", scope(0), scope(1));
        if let Some(name) = &self.name {
            let all = format!("SELECT md5(string_agg({user}, ';' ORDER BY username)) FROM users");
            return shared().sql(name, &all);
        }
        let code = format!(
            "import hashlib\nsum = hashlib.md5()\n\
             for user, in database.execute('''SELECT {user} FROM users ORDER BY username'''):\n    \
             sum.update(user.encode())\nprint(sum.hexdigest())"
        );
        run_tool(&mut python(&self.file(), &code)).trim().to_owned()
    }
}
