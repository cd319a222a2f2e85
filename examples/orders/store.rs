//! The settings, and a database of the shop's own.

use bailiwick::prelude::*;
use serde::Deserialize;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use std::fs;
use std::path::PathBuf;

/// `[shop]`
#[derive(Deserialize, JsonSchema)]
pub struct Shop {
    /// The folder of the shop's database and pictures.
    #[serde(default = "folder")]
    pub folder: PathBuf,
    /// Most of one article in an order.
    #[serde(default = "most")]
    #[schemars(range(min = 1, max = 1000))]
    pub most: u32,
}

fn folder() -> PathBuf {
    "data/shop".into()
}

fn most() -> u32 {
    99
}

/// State: a pool of connections, opened once in each process.
pub struct Db(pub SqlitePool);

/// Each process runs it, so it must do no harm the second time. `users.id` never changes, while a name may.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS orders (
        number INTEGER PRIMARY KEY,
        user_id INTEGER NOT NULL,
        item TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        picture TEXT
    );
    CREATE TABLE IF NOT EXISTS customers (
        user_id INTEGER PRIMARY KEY,
        since TEXT NOT NULL DEFAULT CURRENT_DATE,
        address TEXT NOT NULL DEFAULT '',
        newsletter INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY,
        recipient TEXT NOT NULL,
        text TEXT NOT NULL
    );
";

impl Db {
    pub async fn open(shop: &Shop) -> Result<Self, sqlx::Error> {
        fs::create_dir_all(&shop.folder)?;
        let options = SqliteConnectOptions::new()
            .filename(shop.folder.join("shop.sqlite3"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        Ok(Self(pool))
    }
}
