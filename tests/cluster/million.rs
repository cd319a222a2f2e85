//! Whole databases of a million users; `make soak` runs the long form, `make test` a short one.

use crate::database::Database;
use crate::harness::run;
use crate::migrations::migrate_many;
use crate::postgres::shared;
use crate::{command, done, prepared};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

const HASH: &str = "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";

fn users() -> usize {
    let is_long = std::env::var_os("SOAK").is_some_and(|value| value == "full");
    if is_long { 1_000_000 } else { 3_000 }
}

/// Runs a command as an operator would and prints its time as a row of a table; returns its output.
/// Requests may take only a second, which must not limit these commands.
fn timed(folder: &Path, url: &str, args: &[&str]) -> String {
    let start = Instant::now();
    let mut command = prepared(folder, url, args);
    let output = run(command.env("BAILIWICK__DATABASE__STATEMENT_TIMEOUT", "1"), "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    let engine = url.split(':').next().unwrap_or_default();
    println!("| {} | {engine} | {:.1} s |", args[..2].join(" "), start.elapsed().as_secs_f64());
    text(&output.stdout)
}

#[test]
fn a_million_users_are_imported_copied_checked_backed_up_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut file = BufWriter::new(File::create(folder.join("users.jsonl")).unwrap());
    for at in 0..users() {
        writeln!(
            file,
            r#"{{"username": "user{at}", "email": "{at}@example.com", "hashed_password": "{HASH}", "scopes": ["me", "items"]}}"#
        )
        .unwrap();
    }
    file.flush().unwrap();
    println!("| {} users | database | time |\n|---|---|---|", users());
    let sqlite = format!("sqlite:{}", folder.join("users.db").display());
    let [postgres, imported] = [0; 2].map(|_| shared().url(&shared().database()));
    for url in [&sqlite, &imported] {
        let said = timed(folder, url, &["users", "import", "users.jsonl"]);
        assert_eq!(said, format!("{} added, 0 skipped\n", users()));
    }
    let back = format!("sqlite:{}", folder.join("back.db").display());
    let mut checksums = Vec::new();
    for (from, to) in [(&sqlite, &postgres), (&postgres, &back)] {
        let said = timed(folder, to, &["db", "copy", "--from", from, "--to", to]);
        assert!(said.starts_with(&format!("{} users copied, checksum ", users())), "{said}");
    }
    for url in [&sqlite, &postgres, &back] {
        let said = timed(folder, url, &["db", "check"]);
        assert!(said.starts_with(&format!("{} users, checksum ", users())), "{said}");
        checksums.push(said);
    }
    assert!(checksums.iter().all(|sum| *sum == checksums[0]), "{checksums:?}");
    timed(folder, &sqlite, &["db", "backup", "night.db"]);
    done(folder, &sqlite, &["users", "delete", "user7", "--yes"], "");
    // Ending all tokens, as it does otherwise, changes every user.
    timed(folder, &sqlite, &["db", "restore", "--keep-sessions", "night.db"]);
    assert_eq!(timed(folder, &sqlite, &["db", "check"]), checksums[0]);
    // A start checks for damage, and so many users do not delay it.
    let start = Instant::now();
    let app = crate::serve(&sqlite);
    println!("| start | sqlite | {:.1} s |", start.elapsed().as_secs_f64());
    drop(app);
    assert!(command(folder, &sqlite, &["users", "show", "user7"], "").status.success());
}

#[test]
fn a_million_users_are_migrated_from_the_earliest_schemas() {
    println!("| {} users | database | time |\n|---|---|---|", users());
    for open in [Database::sqlite, Database::postgresql] {
        migrate_many(open, users(), |old| {
            let listed = timed(old.folder(), &old.url(), &["users", "list", "--limit", "1"]);
            assert!(listed.contains("user1"), "{listed}");
        });
    }
}
