//! The day of a user's last login: noted once a day, shown, and asked for with `users list --inactive`.

use crate::harness::{App, eventually, run_tool};
use crate::people::{HASH, PASSWORD, admin, administered, import, log_in, run};
use serde_json::{Value, json};
use std::process::Command;

/// Runs Python on the server's database.
fn python(app: &App, code: &str) -> String {
    let head = "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1], timeout=20)";
    let mut python = Command::new("python3");
    let file = app.data_dir().join("bailiwick.db");
    run_tool(python.args(["-c", &format!("{head}\n{code}\ndatabase.commit()")]).arg(file))
}

fn shown(app: &App, name: &str) -> Value {
    let output = app.command(&["users", "show", name, "--json"], "");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn listed(app: &App, flags: &[&str]) -> Vec<String> {
    let output = app.command(&[&["users", "list", "--json"], flags].concat(), "");
    assert!(output.status.success(), "{output:?}");
    let users: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    users.iter().map(|user| user["username"].as_str().expect("a name").to_owned()).collect()
}

fn log_in_as(app: &App, name: &str, status: u16) {
    assert_eq!(log_in(app, &[("username", name), ("password", PASSWORD)]).status, status);
}

#[test]
fn a_login_is_shown_by_its_day() {
    let app = administered("[security]\nprofile = \"strict\"\n");
    let users = ["johndoe", "disabled", "never"];
    import(&app, &users.map(|name| json!({"username": name, "scopes": ["me"]})));
    run(&app, &["users", "disable", "disabled"], "");
    log_in(&app, &[("username", "never"), ("password", "wrong")]);
    log_in_as(&app, "disabled", 400);
    log_in_as(&app, "johndoe", 200);
    let record = || admin(&app, ("GET", "/users/johndoe"), &Value::Null).json();
    let day =
        eventually("the day", || Some(record()["last_login"].clone()).filter(Value::is_string));
    // Midnight may have been in between.
    let now = || python(&app, "import datetime as d; print(d.datetime.now(d.UTC).date())");
    let day = day.as_str().expect("a day").to_owned();
    assert!(day.len() == 10 && *day <= *now().trim(), "{day}");
    assert_eq!(shown(&app, "johndoe")["last_login"], day.as_str());
    assert_eq!(shown(&app, "johndoe")["updated_at"], shown(&app, "johndoe")["created_at"]);
    let list = admin(&app, ("GET", "/users"), &Value::Null).json();
    let days: Vec<_> = list["users"].as_array().expect("users").iter().collect();
    let days: Vec<_> = days.iter().map(|user| (&user["username"], &user["last_login"])).collect();
    assert_eq!(days[1], (&json!("johndoe"), &json!(day)));
    for (name, last_login) in [days[0], days[2]] {
        assert!(last_login.is_null(), "{name}");
    }
    let renamed = admin(&app, ("PATCH", "/users/johndoe"), &json!({"full_name": "John"}));
    assert_eq!(renamed.json()["last_login"], day.as_str());
    let table = app.command(&["users", "list"], "");
    let table = String::from_utf8(table.stdout).expect("UTF-8");
    assert!(table.lines().next().is_some_and(|head| head.contains("LAST LOGIN")), "{table}");
    assert!(table.contains(&format!("  {day}  ")), "{table}");
    let show = app.command(&["users", "show", "never"], "");
    assert!(String::from_utf8_lossy(&show.stdout).contains("\nlast login -\n"), "{show:?}");
    // A user is written once a day, and no change of users is told.
    let count = "print(database.execute('SELECT max(seq) FROM changed_users').fetchone()[0])";
    let changes = python(&app, count);
    python(&app, "database.execute('UPDATE last_logins SET day = 7')");
    log_in_as(&app, "johndoe", 200);
    log_in_as(&app, "root", 200);
    eventually("the other one", || shown(&app, "root")["last_login"].is_string().then_some(()));
    assert_eq!(shown(&app, "johndoe")["last_login"], "1970-01-08", "was noted before");
    assert_eq!(python(&app, count), changes);
    assert_eq!(admin(&app, ("DELETE", "/users/johndoe"), &Value::Null).status, 204);
    let left = "print(database.execute('SELECT count(*) FROM last_logins').fetchone()[0])";
    assert_eq!(python(&app, left).trim(), "1");
}

#[test]
fn those_who_stay_away_are_listed() {
    let app = administered("");
    let lines: String = (0..2_500)
        .map(|at| {
            json!({"username": format!("user{at:04}"), "hashed_password": HASH}).to_string() + "\n"
        })
        .collect();
    run(&app, &["users", "import", "-"], &lines);
    assert_eq!(listed(&app, &["--inactive", "1d"]), Vec::<String>::new(), "they are new");
    let long_ago = "now = int(__import__('time').time()) // 86400\n\
        sql = database.execute\n\
        sql('UPDATE users SET created_at = (? - 200) * 86400', [now])\n\
        sql('INSERT INTO last_logins SELECT id, ? - 89 FROM users WHERE username < \"user1000\"', [now])\n\
        sql('UPDATE last_logins SET day = ? - 90 WHERE user_id IN (SELECT id FROM users WHERE username = \"user0001\")', [now])\n\
        sql('UPDATE last_logins SET day = ? - 92 WHERE user_id IN (SELECT id FROM users WHERE username = \"user0007\")', [now])";
    python(&app, long_ago);
    let inactive = listed(&app, &["--inactive", "90d"]);
    // `root` has never logged in either.
    assert_eq!((inactive.len(), &*inactive[0]), (1_501, "user0007"));
    assert!(!inactive.contains(&"user0001".to_owned()), "90 days are not more than 90 days");
    assert_eq!(listed(&app, &["--inactive", "90d", "--limit", "2"]), ["user0007", "user1000"]);
    let after = ["--inactive", "90d", "--after", "user2498"];
    assert_eq!(listed(&app, &after), ["user2499"]);
    assert_eq!(listed(&app, &["--inactive", "201d"]), Vec::<String>::new());
    for wrong in ["90", "1h", "36h", "soon", "0d"] {
        let output = app.command(&["users", "list", "--inactive", wrong], "");
        assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
    }
}
