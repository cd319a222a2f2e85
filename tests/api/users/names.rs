//! Names that look alike, names that differ in case only, and shared e-mail addresses.

use crate::harness::App;
use crate::people::{ALL, HASH, PASSWORD, admin, administered, can_log_in, import, log_in, server};
use serde_json::{Value, json};

const LOOK_ALIKES: [(&str, &str); 9] = [
    ("johndoe ", "white space"),
    ("\u{a0}johndoe", "white space"),
    ("john\u{200b}doe", "invisible"),
    ("johndoe\u{3164}", "invisible"),
    ("\u{202e}eodnhoj", "invisible"),
    ("johndoe\u{fe0f}", "invisible"),
    ("ｊohndoe", "variants"),
    ("Jose\u{301}", "variants"),
    ("j\u{43e}hndoe", "mix scripts"),
];

fn create(app: &App, username: &str, email: &Value) -> crate::harness::Response {
    let body = json!({"username": username, "password": PASSWORD, "email": email});
    admin(app, ("POST", "/users"), &body)
}

#[test]
fn look_alikes_are_not_created_and_existing_ones_continue() {
    let app = administered("");
    for (name, why) in LOOK_ALIKES {
        let answer = create(&app, name, &Value::Null);
        assert_eq!(answer.status, 422, "{}: {}", name.escape_unicode(), answer.body);
        let problem = &answer.json()["detail"][0];
        assert_eq!(problem["loc"], json!(["body", "username"]));
        assert!(problem["msg"].as_str().expect("a text").contains(why), "{problem}");

        let added = app.command(&["users", "add", name, "--password-stdin"], PASSWORD);
        let line = String::from_utf8_lossy(&added.stderr).into_owned();
        assert_eq!(added.status.code(), Some(2), "{line}");
        assert!(line.contains(why) && line.lines().count() == 1, "{line}");

        let line = json!({"username": name, "hashed_password": HASH, "scopes": ["me"]});
        let imported = app.command(&["users", "import", "-"], &line.to_string());
        let warning = String::from_utf8_lossy(&imported.stderr).into_owned();
        assert!(imported.status.success(), "{warning}");
        assert!(warning.starts_with("line 1: warning: username: "), "{warning}");
        assert!(warning.contains(why) && warning.lines().count() == 1, "{warning}");

        assert!(can_log_in(&app, name, PASSWORD), "{}", name.escape_unicode());
        let path = format!("/users/{}", crate::people::segment(name));
        let changed = admin(&app, ("PATCH", &path), &json!({"full_name": "J"}));
        assert_eq!((changed.status, &changed.json()["username"]), (200, &json!(name)));
    }
    for name in ["John Doe", "김철수", "김철수 Kim", "José", "Иван Иванов", "山田 太郎", "O’Brien"]
    {
        let answer = create(&app, name, &Value::Null);
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
        assert!(can_log_in(&app, name, PASSWORD), "{name}");
    }
}

/// The user of a token obtained with this name.
fn owner(app: &App, name: &str) -> Value {
    let login = log_in(app, &[("username", name), ("password", PASSWORD), ("scope", "me")]);
    let access = login.json()["access_token"].as_str().expect("a token").to_owned();
    let sub = crate::signer::claims(&access)["sub"].clone();
    assert_eq!(app.get_as("/users/me", &access).json()["username"], sub);
    sub
}

#[test]
fn case_insensitive_names_are_a_setting() {
    let app = administered("");
    import(
        &app,
        &["Carol", "carol", "Alice"].map(|name| json!({"username": name, "scopes": ["me"]})),
    );
    assert!(can_log_in(&app, "Alice", PASSWORD) && !can_log_in(&app, "alice", PASSWORD));
    assert_eq!(create(&app, "ROOT", &Value::Null).status, 201);

    // The same database with the setting.
    let folder = tempfile::tempdir().unwrap();
    let database = app.data_dir().join("bailiwick.db");
    let config = format!(
        "[database]\nurl = 'sqlite:{}'\n[users]\ncase_insensitive = true\n",
        database.display()
    );
    let strict = server(&config).spawn_in(folder);
    let line = strict.stderr.wait_for("users.case_insensitive: ");
    assert!(
        line.contains("WARNING") && line.contains("2 users") && line.contains("`Carol`"),
        "{line}"
    );
    for name in ["Alice", "alice", "ALICE"] {
        assert_eq!(owner(&strict, name), "Alice");
        assert!(!can_log_in(&strict, name, "wrong-heron"));
        let answer = create(&strict, name, &Value::Null);
        assert_eq!(answer.json(), json!({"detail": "User already exists"}), "{name}");
    }
    let basic = [("authorization", "Basic YUxJQ0U6Ymx1ZS1oZXJvbi00Mg==")];
    assert_eq!(strict.send("GET", "/basic/users/me", &basic, "").json()["username"], "Alice");
    // Users whose names differ only in case log in by the exact name.
    assert_eq!(
        (owner(&strict, "Carol"), owner(&strict, "carol")),
        (json!("Carol"), json!("carol"))
    );
    assert!(!can_log_in(&strict, "CAROL", PASSWORD));
    let added = strict.command(&["users", "add", "alicE", "--password-stdin"], PASSWORD);
    let text = String::from_utf8_lossy(&added.stderr);
    assert!(text.contains("alicE: a user with that name already exists"), "{text}");
    let line = json!({"username": "aLice", "hashed_password": HASH}).to_string();
    let imported = strict.command(&["users", "import", "-"], &line);
    let lines = String::from_utf8_lossy(&imported.stderr).into_owned();
    assert!(lines.starts_with("line 1: username: aLice already exists"), "{lines}");
    assert_eq!(create(&strict, "Dora", &Value::Null).status, 201);
    assert!(can_log_in(&strict, "dORA", PASSWORD));
}

#[test]
fn one_user_per_address_is_a_setting() {
    let app = administered("");
    let address = json!("same@example.com");
    assert_eq!(create(&app, "alice", &address).status, 201);
    assert_eq!(create(&app, "bob", &address).status, 201, "it is off");

    let folder = tempfile::tempdir().unwrap();
    let database = app.data_dir().join("bailiwick.db");
    let url = format!("[database]\nurl = 'sqlite:{}'\n", database.display());
    let strict = server(&format!("{url}[users]\nunique_email = true\n")).spawn_in(folder);
    let line = strict.stderr.wait_for("users.unique_email: ");
    assert!(line.contains("2 users") && !line.contains("same@example.com"), "{line}");
    assert!(can_log_in(&strict, "alice", PASSWORD) && can_log_in(&strict, "bob", PASSWORD));
    let taken = (409, json!({"detail": "E-mail address already in use"}));
    for email in ["same@example.com", "Same@EXAMPLE.com"] {
        let answer = create(&strict, "carol", &json!(email));
        assert_eq!((answer.status, answer.json()), taken, "{email}");
        let answer = admin(&strict, ("PATCH", "/users/root"), &json!({"email": email}));
        assert_eq!((answer.status, answer.json()), taken, "{email}");
    }
    let line = json!({"username": "erin", "hashed_password": HASH, "email": "same@example.com"});
    let imported = strict.command(&["users", "import", "-"], &line.to_string());
    let lines = String::from_utf8_lossy(&imported.stderr).into_owned();
    assert!(lines.starts_with("line 1: email: already belongs to another user"), "{lines}");
    let free = admin(&strict, ("PATCH", "/users/root"), &json!({"email": "root@example.com"}));
    assert_eq!((free.status, &free.json()["scopes"]), (200, &json!(ALL)));
    let own = admin(&strict, ("PATCH", "/users/root"), &json!({"email": "Root@example.com"}));
    assert_eq!(own.status, 200, "{}", own.body);
}
