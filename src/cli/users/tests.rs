//! Whole commands, on a real database.

use crate::cli::users::{Session, UsersCommand, UsersError};
use crate::services::Store;
use crate::settings::{PasswordSettings, Settings};
use clap::Parser;
use std::path::PathBuf;
use tempfile::TempDir;

const HASH: &str = "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";

#[derive(Parser)]
struct Typed {
    #[command(subcommand)]
    command: UsersCommand,
}

/// A database, and the commands typed at it.
struct Machine {
    folder: TempDir,
    store: Store,
}

/// The result of a command.
struct Ended {
    code: u8,
    out: String,
    /// The reports, including the last line.
    errors: String,
}

async fn machine() -> Machine {
    let folder = tempfile::tempdir().unwrap();
    let passwords = PasswordSettings { bcrypt_cost: 4, ..PasswordSettings::default() };
    let data_dir = folder.path().to_owned();
    let settings = Settings { data_dir, passwords, ..Settings::default() };
    Machine { store: Store::open(&settings).await.unwrap(), folder }
}

impl Machine {
    async fn run(&self, words: &[&str]) -> Ended {
        self.run_with(words, "").await
    }

    /// Standard input is a pipe with `input`.
    async fn run_with(&self, words: &[&str], input: &str) -> Ended {
        self.session(words, input, false).await
    }

    async fn session(&self, words: &[&str], input: &str, is_terminal: bool) -> Ended {
        let words = std::iter::once("users").chain(words.iter().copied());
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let typed = match Typed::try_parse_from(words) {
            Ok(typed) => typed,
            Err(error) => return Ended { code: 2, out: String::new(), errors: error.to_string() },
        };
        let mut session = Session {
            store: &self.store,
            data_dir: self.folder.path(),
            is_terminal,
            input: &mut input.as_bytes(),
            out: &mut out,
            errors: &mut errors,
        };
        let (code, line) = match session.execute(typed.command).await {
            Ok(()) => (0, String::new()),
            Err(UsersError::Use(line)) => (2, line),
            Err(UsersError::Failed(line)) => (1, line),
            Err(UsersError::Output(error)) => panic!("{error}"),
        };
        assert!(!line.contains('\n'), "{line}");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code, out: text(out), errors: text(errors) + &line }
    }

    async fn add(&self, name: &str) {
        let ended = self
            .run_with(&["add", name, "--scope", "me", "--password-stdin"], "a long password 1\n")
            .await;
        assert_eq!(ended.code, 0, "{}", ended.errors);
    }

    async fn json(&self, name: &str) -> serde_json::Value {
        let ended = self.run(&["show", name, "--json"]).await;
        assert_eq!(ended.code, 0, "{}", ended.errors);
        serde_json::from_str(&ended.out).unwrap()
    }

    async fn hash(&self, name: &str) -> String {
        let name = name.parse().unwrap();
        self.store.users.find(&name).await.unwrap().unwrap().password_hash.expose()
    }

    fn file(&self, lines: &[&str]) -> PathBuf {
        let path = self.folder.path().join("users.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        path
    }

    async fn import(&self, lines: &[&str], options: &[&str]) -> Ended {
        let path = self.file(lines);
        self.run(&[&["import", path.to_str().unwrap()], options].concat()).await
    }
}

#[tokio::test]
async fn an_added_user_is_shown_without_its_hash() {
    let machine = machine().await;
    let words = ["add", "alice", "--email", "alice@example.com", "--full-name", "Alice Wonderson"];
    let more = ["--scope", "me", "--scope", "items", "--disabled", "--password-stdin"];
    let ended = machine.run_with(&[&words[..], &more].concat(), "a long password 1\r\nmore").await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "alice: added\n"), "{}", ended.errors);

    let shown = machine.json("alice").await;
    assert_eq!(shown["full_name"], "Alice Wonderson");
    assert_eq!(shown["disabled"], true);
    assert_eq!(shown["scopes"], serde_json::json!(["me", "items"]));
    assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));
    for words in [&["show", "alice"][..], &["list"], &["list", "--json"]] {
        let out = machine.run(words).await.out;
        assert!(out.contains("alice@example.com") && !out.contains("$2"), "{out}");
    }
}

#[tokio::test]
async fn invalid_users_are_refused_in_one_line() {
    let machine = machine().await;
    machine.add("alice").await;
    for (words, input, code, says) in [
        (&["add", "alice", "--password-stdin"][..], "a long password 1", 1, "exists"),
        (&["add", "bob", "--password-stdin"], "short", 1, "password:"),
        (&["add", "bob", "--password-stdin"], "\n", 1, "empty"),
        (&["add", "bob", "--password-stdin"], "", 1, "no password"),
        (&["add", "bob"], "", 2, "--password-stdin"),
        (&["add", "bob", "--scope", "orders"], "", 2, "users:write (Create"),
        (&["add", "me"], "", 2, "should not be `me`"),
        (&["add", "a\nb"], "", 2, "control characters"),
        (&["add", "bob", "--email", "a\tb"], "", 2, "control characters"),
        (&["set-scopes", "alice", "orders"], "", 2, "`orders`"),
        (&["show", "bob"], "", 1, "bob: no such user"),
        (&["disable", "bob"], "", 1, "bob: no such user"),
        (&["rename", "bob", "carol"], "", 1, "bob: no such user"),
        (&["rename", "bob", "me"], "", 2, "should not be `me`"),
        (&["rename", "alice", "alice "], "", 2, "white space"),
        (&["set-password", "bob", "--password-stdin"], "", 1, "bob: no such user"),
        (&["delete", "bob", "--yes"], "", 1, "bob: no such user"),
    ] {
        let ended = machine.run_with(words, input).await;
        assert_eq!(ended.code, code, "{words:?}: {}", ended.errors);
        assert!(ended.errors.contains(says), "{words:?}: {}", ended.errors);
    }
    assert!(machine.run(&["list"]).await.out.lines().count() == 2);
}

#[tokio::test]
async fn a_user_is_changed_and_deleted() {
    let machine = machine().await;
    machine.add("alice").await;
    let before = machine.hash("alice").await;
    let words = ["set-password", "alice", "--password-stdin"];
    assert_eq!(machine.run_with(&words, "another password 2").await.code, 0);
    assert_ne!(machine.hash("alice").await, before);

    machine.run(&["disable", "alice"]).await;
    assert_eq!(machine.json("alice").await["disabled"], true);
    machine.run(&["enable", "alice"]).await;
    assert_eq!(machine.json("alice").await["disabled"], false);
    machine.run(&["set-scopes", "alice", "users:read", "items"]).await;
    assert_eq!(machine.json("alice").await["scopes"], serde_json::json!(["users:read", "items"]));
    machine.run(&["set-scopes", "alice"]).await;
    assert_eq!(machine.json("alice").await["scopes"], serde_json::json!([]));

    machine.add("bob").await;
    let ended = machine.run(&["rename", "alice", "bob"]).await;
    assert_eq!((ended.code, ended.errors.contains("bob: a user with that name")), (1, true));
    for (from, to) in [("alice", "alicia"), ("alicia", "alice")] {
        let ended = machine.run(&["rename", from, to]).await;
        assert_eq!((ended.code, ended.out), (0, format!("{from}: renamed to {to}\n")));
        assert_eq!(machine.json(to).await["username"], to);
        assert_eq!(machine.run(&["show", from]).await.code, 1);
    }

    let ended = machine.run(&["delete", "alice"]).await;
    assert_eq!((ended.code, ended.errors.contains("--yes")), (2, true));
    assert_eq!(machine.session(&["delete", "alice"], "n\n", true).await.code, 1);
    assert_eq!(machine.session(&["delete", "alice"], "", true).await.code, 1);
    assert_eq!(machine.session(&["delete", "alice"], "Yes\n", true).await.code, 0);
    assert_eq!(machine.run(&["show", "alice"]).await.code, 1);
}

#[tokio::test]
async fn lists_go_over_pages_and_stop_at_the_limit() {
    let machine = machine().await;
    assert_eq!(machine.run(&["list", "--json"]).await.out, "[]\n");
    let lines: Vec<_> = (0..2_001)
        .map(|at| format!(r#"{{"username":"user{at:04}","hashed_password":"{HASH}"}}"#))
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let ended = machine.import(&lines, &[]).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "2001 added, 0 skipped\n"));

    let names = async |words: &[&str]| -> Vec<String> {
        let out = machine.run(words).await.out;
        let users: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
        users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["list", "--json"]).await.len(), 2_001);
    assert_eq!(names(&["list", "--json", "--limit", "1001"]).await.len(), 1_001);
    assert!(names(&["list", "--json", "--limit", "0"]).await.is_empty());
    let after = ["list", "--json", "--after", "user1998"];
    assert_eq!(names(&after).await, ["user1999", "user2000"]);
    assert_eq!(machine.run(&["list"]).await.out.lines().count(), 2_002);
}

#[tokio::test]
async fn an_import_keeps_every_kind_of_hash() {
    let machine = machine().await;
    let hashes = ["a", "b", "x", "y"].map(|letter| HASH.replacen('b', letter, 1));
    let lines = hashes
        .each_ref()
        .map(|hash| format!(r#"{{"username": "{}", "hashed_password": "{hash}"}}"#, &hash[2..3]));
    let full = format!(
        r#"{{"username": "johndoe", "email": "johndoe@example.com", "full_name": "Jöhn Doe",
            "disabled": null, "hashed_password": "{HASH}", "scopes": ["me", "items"]}}"#
    )
    .replace('\n', " ");
    let lines: Vec<_> = lines.iter().map(String::as_str).chain(["", &full, "  "]).collect();
    let ended = machine.run_with(&["import", "-"], &lines.join("\r\n")).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "5 added, 0 skipped\n"), "{}", ended.errors);
    for hash in &hashes {
        assert_eq!(machine.hash(&hash[2..3]).await, *hash);
    }
    let shown = machine.json("johndoe").await;
    assert_eq!((&shown["full_name"], &shown["disabled"]), (&"Jöhn Doe".into(), &false.into()));
    assert_eq!(shown["scopes"], serde_json::json!(["me", "items"]));
}

#[tokio::test]
async fn every_bad_line_is_reported_and_nothing_imported() {
    let machine = machine().await;
    let line = |fields: &str| format!(r#"{{"hashed_password": "{HASH}", {fields}}}"#);
    let long = line(&format!(r#""username": "{}""#, "x".repeat(70_000)));
    let cases = [
        (line(r#""username": "good""#), ""),
        (line(r#""username": "good""#), "line 2: username: is on line 1 too"),
        (r#"{"username": "a"}"#.to_owned(), "line 3: hashed_password: is required"),
        (
            r#"{"username": "a", "hashed_password": "swordfish"}"#.to_owned(),
            "line 4: hashed_password: expected a bcrypt hash",
        ),
        (line(r#""username": "me""#), "line 5: username: should not be `me`"),
        (line(r#""username": 7"#), "line 6: username: expected a string"),
        (line(r#""username": "a", "email": false"#), "line 7: email: expected a string or null"),
        (line(r#""username": "a", "full_name": "a\tb""#), "line 8: full_name: should not contain"),
        (line(r#""username": "a", "disabled": "no""#), "line 9: disabled: expected true"),
        (line(r#""username": "a", "scopes": "me""#), "line 10: scopes: expected a list"),
        (line(r#""username": "a", "scopes": ["x"]"#), "line 11: scopes: `x` is not a declared"),
        (line(r#""username": "a", "pasword": "x""#), "line 12: unknown field `pasword`"),
        (line(r#""username": "a", "username": "b""#), "line 13: duplicate field"),
        ("[1]".to_owned(), "line 14: expected a JSON object"),
        (r#"{"username": "a""#.to_owned(), "line 15: EOF"),
        (long, "line 16: is longer than"),
        (line(r#""username": "\ud800""#), "line 17: unexpected end of hex escape"),
    ];
    let lines: Vec<_> = cases.iter().map(|(line, _)| line.as_str()).collect();
    let ended = machine.import(&lines, &[]).await;
    assert_eq!(ended.code, 1);
    for (_, says) in &cases {
        assert!(ended.errors.contains(says), "{says}: {}", ended.errors);
    }
    assert!(ended.errors.ends_with("16 of 17 lines are wrong; nothing was imported"));
    assert!(!ended.errors.contains("swordfish") && !ended.errors.contains("$2b$12"));
    assert!(machine.store.users.is_empty().await.unwrap());
}

#[tokio::test]
async fn users_that_exist_stop_an_import_unless_they_are_skipped() {
    let machine = machine().await;
    machine.add("alice").await;
    let before = machine.hash("alice").await;
    let lines = ["bob", "alice"]
        .map(|name| format!(r#"{{"username":"{name}","hashed_password":"{HASH}"}}"#));
    let lines = lines.each_ref().map(String::as_str);

    let ended = machine.import(&lines, &[]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.errors.starts_with("line 2: username: alice already exists\n"));
    assert_eq!(machine.run(&["show", "bob"]).await.code, 1);

    let ended = machine.import(&lines, &["--skip-existing"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "1 added, 1 skipped\n"));
    assert_eq!(machine.hash("alice").await, before);
    assert_eq!(machine.hash("bob").await, HASH);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let machine = machine().await;
    for path in ["/absent/users.jsonl", "/proc"] {
        let ended = machine.run(&["import", path]).await;
        assert_eq!(ended.code, 1);
        assert!(ended.errors.starts_with(path), "{}", ended.errors);
    }
    let ended = machine.run_with(&["import", "-"], "").await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "0 added, 0 skipped\n"));
    let left: Vec<_> = machine.folder.path().read_dir().unwrap().collect();
    assert!(left.iter().all(|file| file.as_ref().unwrap().path().extension().unwrap() != "tmp"));
}
