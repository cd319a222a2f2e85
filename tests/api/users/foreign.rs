//! Users of other applications: their hashes by the real libraries, and the files that hold them.

use crate::clients::python_tool;
use crate::harness::{App, repository, run_tool};
use crate::people::{HASH, PASSWORD, administered, can_log_in, import, server};
use crate::users::passwords::stored_hash;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn foreign_hashes(arguments: &[&str]) -> String {
    let script = repository("tests/clients/foreign_hashes.py");
    run_tool(python_tool("python").arg(script).args(arguments))
}

/// Hashes by each library with its defaults, or cheaper.
fn made(password: &str) -> Vec<(String, String)> {
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| line[key].as_str().expect("a text").to_owned();
        (text("name"), text("hash"))
    };
    foreign_hashes(&["make", password]).lines().map(read).collect()
}

/// The hash of every user, as it stands in the database.
fn stored(app: &App) -> BTreeMap<String, String> {
    let script = "import json, sqlite3, sys\n\
         rows = sqlite3.connect(sys.argv[1]).execute('select username, password_hash from users')\n\
         print(json.dumps(dict(rows)))";
    let mut python = python_tool("python");
    let python = python.args(["-c", script]).arg(app.data_dir().join("bailiwick.db"));
    serde_json::from_str(&run_tool(python)).expect("JSON")
}

#[test]
fn hashes_by_every_library_log_in_and_are_renewed() {
    let app = server("[logging]\nlevel = \"trace\"\n")
        .env("BAILIWICK__PASSWORDS__BCRYPT_COST", "6")
        .spawn();
    let made = made("blåu-heron 42");
    assert!(made.len() > 40, "{made:?}");
    let users: Vec<_> = made
        .iter()
        .map(|(name, hash)| json!({"username": name, "hashed_password": hash, "scopes": ["me"]}))
        .collect();
    import(&app, &users);
    for (name, _) in &made {
        assert!(!can_log_in(&app, name, "blåu-heron 43"), "{name}");
    }
    let before = stored(&app);
    for (name, hash) in &made {
        assert!(hash.ends_with(&before[name]), "{name}: a wrong password renews nothing");
        assert!(can_log_in(&app, name, "blåu-heron 42"), "{name}: {hash}");
    }
    let renewed = stored(&app);
    for (name, hash) in &made {
        let now = &renewed[name];
        assert!(now.starts_with("$2b$") && now.len() == 60 && now != hash, "{name}: {now}");
        assert!(can_log_in(&app, name, "blåu-heron 42"), "{name}: the renewed one");
    }
    let mut check = vec!["check", "blåu-heron 42"];
    check.extend(renewed.values().map(String::as_str));
    foreign_hashes(&check);
    assert_eq!(stored(&app), renewed, "once is enough");
    let log = app.stdout.text() + &app.stderr.text();
    for (name, hash) in &made {
        assert!(!log.contains(&hash[hash.len() - 12..]), "{name}");
    }
}

/// Nobody gets in without a password, whatever is typed; the response is that of a wrong one.
#[test]
fn a_user_without_a_password_never_logs_in() {
    let app = administered("");
    let users = [json!(null), json!("!"), json!("!unusable, as Django writes it")];
    for (at, hash) in users.iter().enumerate() {
        let line =
            json!({"username": format!("user{at}"), "hashed_password": hash, "scopes": ["me"]});
        let output = app.command(&["users", "import", "-"], &line.to_string());
        assert!(output.status.success(), "{output:?}");
        for password in ["!", "", "null", "!unusable, as Django writes it", PASSWORD] {
            let form = [("username", format!("user{at}")), ("password", password.to_owned())];
            let form: Vec<_> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let (known, unknown) = (
                crate::people::log_in(&app, &form),
                crate::people::log_in(&app, &[("username", "nobody"), form[1]]),
            );
            assert!(matches!(known.status, 400 | 422), "{}", known.body);
            assert_eq!((known.status, known.body), (unknown.status, unknown.body));
        }
        assert_eq!(stored_hash(&app, &format!("user{at}")), "!");
    }
    let check = app.command(&["db", "check"], "");
    assert!(check.status.success(), "{check:?}");
    let set = app.command(&["users", "set-password", "user0", "--password-stdin"], "heron-lake-7");
    assert!(set.status.success(), "{set:?}");
    crate::harness::eventually("the new one", || {
        can_log_in(&app, "user0", "heron-lake-7").then_some(())
    });
}

/// Imports and says what came of it, as code and text.
fn imported(app: &App, options: &[&str], text: &str) -> (bool, String) {
    let output = app.command(&[&["users", "import", "-"], options].concat(), text);
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("UTF-8"))
}

#[test]
fn files_of_other_programs_are_imported() {
    let app = administered("");
    let csv = format!(
        "username,hashed_password,full_name,email,disabled,scopes\n\
         csv1,{HASH},\"Jones, \"\"J\"\"\nof two lines\",,f,me items\n\
         csv2,!,,,TRUE,\n"
    );
    let (done, said) = imported(&app, &["--format", "csv"], &csv.replace("\nof two lines", ""));
    assert!(done && said == "2 added, 0 skipped\n", "{said}");

    let htpasswd = format!("# staff\nht1:{HASH}\n\nht2:{{SHA}}/Hrn08gEogcgvDjo5YNQSGibZVE=\n");
    let (done, said) = imported(&app, &["--format", "htpasswd", "--scope", "me"], &htpasswd);
    assert!(done && said == "2 added, 0 skipped\n", "{said}");
    assert!(can_log_in(&app, "ht2", "pässwörd 1"));

    let fields = json!({
        "username": "dj1", "password": HASH, "last_login": null, "is_superuser": false,
        "first_name": " Ada ", "last_name": "Lovelace", "email": "", "is_staff": false,
        "is_active": false, "date_joined": "2026-01-01T00:00:00Z", "groups": [],
        "user_permissions": [],
    });
    let other = json!({"model": "auth.group", "pk": 1, "fields": {"name": "staff"}});
    let one = |name: &str| {
        let mut fields = fields.clone();
        fields["username"] = json!(name);
        json!({"model": "auth.user", "pk": 1, "fields": fields})
    };
    let dump = format!("{:#}", json!([other, one("dj1"), one("dj2")]));
    let lines = format!("{}\n{}\n{}\n", one("dj3"), other, one("dj4"));
    let table = format!(
        "id,password,last_login,is_superuser,username,last_name,email,is_staff,is_active,date_joined,first_name\n\
         1,{HASH},,f,dj5,Lovelace,ada@example.com,f,t,2026-01-01,Ada\n"
    );
    for (text, count) in [(dump, 2), (lines, 2), (table, 1)] {
        let (done, said) = imported(&app, &["--format", "django"], &text);
        assert!(done && said == format!("{count} added, 0 skipped\n"), "{said}");
    }
    for (name, full_name, disabled, scopes) in [
        ("csv1", json!("Jones, \"J\""), false, json!(["me", "items"])),
        ("csv2", Value::Null, true, json!([])),
        ("ht1", Value::Null, false, json!(["me"])),
        ("dj2", json!("Ada Lovelace"), true, json!([])),
        ("dj4", json!("Ada Lovelace"), true, json!([])),
        ("dj5", json!("Ada Lovelace"), false, json!([])),
    ] {
        let shown = app.command(&["users", "show", name, "--json"], "");
        let user: Value = serde_json::from_slice(&shown.stdout).expect("a user");
        assert_eq!(user["full_name"], full_name, "{name}");
        assert_eq!((&user["disabled"], &user["scopes"]), (&json!(disabled), &scopes), "{name}");
        assert_eq!(can_log_in(&app, name, PASSWORD), name != "csv2", "{name}");
    }
}

/// By programs, or by hand.
#[test]
fn files_are_taken_as_others_write_them() {
    let app = administered("");
    let bare = json!({"model": "auth.user", "fields": {"username": "d", "password": HASH}});
    for (name, format, text) in [
        ("j", "jsonl", json!({"username": "j", "hashed_password": HASH}).to_string()),
        ("c", "csv", format!("username,hashed_password\r\nc,{HASH}\r\n")),
        ("h", "htpasswd", format!("h:{HASH}:as nginx has it: a comment\r\n")),
        ("s", "htpasswd", "s:{SHA}/Hrn08gEogcgvDjo5YNQSGibZVE=:comment\n".to_owned()),
        ("d", "django", json!([bare]).to_string()),
    ] {
        let (done, said) = imported(&app, &["--format", format], &format!("\u{feff}{text}"));
        assert!(done && said == "1 added, 0 skipped\n", "{format}: {said}");
        let password = if name == "s" { "pässwörd 1" } else { PASSWORD };
        assert!(can_log_in(&app, name, password), "{name}");
    }
}

/// bcrypt reads 72 bytes, and nothing else has that limit.
#[test]
fn hashes_of_long_passwords_are_renewed_where_bcrypt_does_not_read_them() {
    let hash = "{SHA512}8VVzQotpJdzMReSyT/U1LCbxtB2sTUir8pwkhrh0px\
                kkfp2V4fAa3KopoXRSe65dKMb5rlHjvZ6UKT6DEpKZHg==";
    let password = "y".repeat(100);
    for (settings, is_renewed) in [("", false), ("algorithm = \"argon2id\"", true)] {
        let app = administered(&format!("[passwords]\n{settings}\n"));
        import(&app, &[json!({"username": "long", "hashed_password": hash})]);
        assert!(can_log_in(&app, "long", &password), "{settings}");
        assert_eq!(stored(&app)["long"] != hash, is_renewed, "{settings}");
        assert!(can_log_in(&app, "long", &password), "{settings}");
        assert!(!can_log_in(&app, "long", &password[1..]), "{settings}");
    }
}

/// Every line with its reason, none with its hash, and nothing is imported.
#[test]
fn what_cannot_be_imported_is_said_by_line() {
    let app = administered("");
    let htpasswd = "plain:swordfish\n# a comment\ncrypt:abJnggxhB/yWI\nnothing\n\
                    dear:$6$rounds=999999999$salt$swordfish\n:x\n";
    let (done, said) = imported(&app, &["--format", "htpasswd"], htpasswd);
    assert!(!done);
    for says in [
        "line 1: hashed_password: expected a bcrypt hash, or one by argon2",
        "line 3: hashed_password: a traditional crypt hash",
        "line 4: expected `name:hash`",
        "line 5: hashed_password: expected `$5$` or `$6$`",
        "line 6: ",
        "5 of 5 lines are wrong; nothing was imported",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert!(!said.contains("swordfish") && !said.contains("abJn"), "{said}");
    let headless = format!("alice,{HASH}\nbob,{HASH}\n");
    for (format, text, says) in [
        ("csv", headless.as_str(), "line 1: column 1 of the header has an unknown name"),
        ("csv", "username,hashed_password\na\n", "line 2: expected 2 columns, found 1"),
        ("csv", "username,username\na,b\n", "line 1: column 2 has the name of one before"),
        (
            "csv",
            "username,hashed_password,disabled\na,!,maybe\n",
            "line 2: disabled: expected true",
        ),
        ("csv", "username,hashed_password\na,\n", "line 2: hashed_password: is required"),
        ("django", "[{\"model\": 1}]", "entry 1: expected a JSON object with `model` and `fields`"),
        ("django", "[\"swordfish\"]", "entry 1: expected a JSON object"),
        (
            "django",
            "[{\"fields\": {\"password\": \"!\", \"last_login\": null}}",
            "entry 1: username",
        ),
        (
            "django",
            "[{\"fields\": {\"password\": \"!\", \"last_login\": null}}",
            "entry 2: expected",
        ),
        ("django", "[{\"fields\": {\"passw", "entry 1: EOF"),
        ("django", "{\"fields\": {}}\nswordfish\n", "line 2: expected value"),
        ("jsonl", "{\"username\": \"a\"}", "line 1: hashed_password: is required"),
        (
            "jsonl",
            "{\"username\": \"\", \"hashed_password\": \"!\", \"email\": 5, \"scopes\": [\"zz\", 5, \"yy\"]}",
            "email: expected a string or null; scopes: `zz` is not a declared scope; scopes: expected a \
             list of strings; scopes: `yy` is not a declared scope\n",
        ),
        (
            "django",
            "[{\"model\": \"auth.user\", \"fields\": {\"username\": \"a\", \"password\": \"\"}}]",
            "entry 1: hashed_password: is required; `!` stands for none",
        ),
        (
            "django",
            "[{\"model\": \"auth.user\", \"fields\": {\"username\": \"a\", \"password\": \"md5$a$b\"}}]",
            "entry 1: hashed_password: a simple digest of Django",
        ),
        (
            "django",
            "[{\"model\": \"auth.group\", \"fields\": {\"name\": \"x\"}}]",
            "no users in the file",
        ),
        ("django", "[]", "no users in the file"),
    ] {
        let (done, said) = imported(&app, &["--format", format], text);
        assert!(!done && said.contains(says), "{format} {text}: {said}");
        assert!(!said.contains("swordfish") && !said.contains(HASH), "{said}");
    }
    for (format, text) in
        [("csv", "username,hashed_password\n"), ("htpasswd", "# nobody\n"), ("jsonl", "")]
    {
        let (done, said) = imported(&app, &["--format", format], text);
        assert!(done && said == "0 added, 0 skipped\nwarning: no users in the file\n", "{said}");
    }
    let list = app.command(&["users", "list"], "");
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), 2, "root alone: {list:?}");
}

#[test]
fn a_dry_run_checks_everything_and_imports_nothing() {
    let app = administered("");
    let line = |name: &str| format!("{name}:{HASH}\n");
    let dry = ["--format", "htpasswd", "--dry-run"];
    let (done, said) = imported(&app, &dry, &(line("ann") + &line("ben")));
    let expected = "2 would be added, 0 skipped; nothing was imported (--dry-run)\n";
    assert!(done && said == expected, "{said}");
    let (done, said) = imported(&app, &dry, &(line("ann") + &line("root")));
    assert!(!done && said.contains("line 2: username: root already exists"), "{said}");
    let (done, said) = imported(&app, &dry, "ann:swordfish\n");
    assert!(!done && said.contains("line 1: hashed_password"), "{said}");
    assert!(!app.command(&["users", "show", "ann"], "").status.success());
}

/// `script` gives it a terminal.
#[test]
fn a_bar_is_drawn_on_a_terminal_and_nowhere_else() {
    let app = administered("");
    let lines: Vec<_> = (0..2_000).map(|at| format!("user{at}:{HASH}")).collect();
    let file = app.folder().join("users.htpasswd");
    std::fs::write(&file, lines.join("\n")).expect("written");
    let path = file.display().to_string();
    let options = ["users", "import", &path, "--format", "htpasswd", "--dry-run"];
    let output = app.command(&options, "");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let shell = format!("exec \"$0\" --config config.toml {}", options.join(" "));
    let typed = format!("sh -c '{shell}' {}", crate::harness::program().display());
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &typed, "/dev/null"]);
    let seen = run_tool(script.current_dir(app.folder()).env("TERM", "xterm"));
    assert!(seen.contains(" %, "), "{seen:?}");
    assert!(seen.contains("2000 would be added"), "{seen:?}");
}
