//! Passwords over HTTP: the policy on every way in, changing one's own, renewing old hashes.

use crate::harness::App;
use crate::people::{
    HASH, PASSWORD, admin, administered, call, can_log_in, import, log_in, server,
};
use crate::signer::token;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Sends a new password on each of the three ways in.
fn every_way(app: &App, password: &Value) -> [crate::harness::Response; 3] {
    let own = json!({"old_password": PASSWORD, "password": password});
    [
        admin(app, ("POST", "/users"), &json!({"username": "new", "password": password})),
        admin(app, ("PUT", "/users/bob/password"), &json!({"password": password})),
        call(app, ("PUT", "/users/me/password"), &token("bob", &["me"]), &own),
    ]
}

fn with_bob(config: &str) -> App {
    let app = administered(config);
    import(&app, &[json!({"username": "bob", "scopes": ["me"]})]);
    app
}

#[test]
fn the_policy_holds_on_every_way_in() {
    let app = with_bob("");
    let (short, long) = (json!({"min_length": 8}), json!({"max_length": 71}));
    for (password, kind, msg, ctx) in [
        (json!(""), "string_too_short", "String should have at least 8 characters", &short),
        (json!("k7!pq2z"), "string_too_short", "String should have at least 8 characters", &short),
        (json!("k".repeat(72)), "string_too_long", "String should have at most 71 bytes", &long),
        (json!("한".repeat(24)), "string_too_long", "String should have at most 71 bytes", &long),
        (json!("k".repeat(5000)), "string_too_long", "String should have at most 71 bytes", &long),
        (
            json!("password1"),
            "value_error",
            "String should not be one of the most common passwords",
            &Value::Null,
        ),
        (
            json!("BASEBALL"),
            "value_error",
            "String should not be one of the most common passwords",
            &Value::Null,
        ),
        (
            json!("blue\u{0}heron-42"),
            "value_error",
            "String should not contain NUL characters",
            &Value::Null,
        ),
        (json!(12_345_678), "string_type", "Input should be a valid string", &Value::Null),
        (json!(null), "string_type", "Input should be a valid string", &Value::Null),
    ] {
        for answer in every_way(&app, &password) {
            assert_eq!(answer.status, 422, "{password}: {}", answer.body);
            let mut problem = json!({
                "type": kind, "loc": ["body", "password"], "msg": msg, "input": null,
            });
            if !ctx.is_null() {
                problem["ctx"] = ctx.clone();
            }
            assert_eq!(answer.json(), json!({"detail": [problem]}), "{password}");
        }
    }
    assert!(can_log_in(&app, "bob", PASSWORD), "nothing was changed");
    let longest = "k7-".repeat(23) + "zz";
    let [created, set, own] = every_way(&app, &json!(longest));
    assert_eq!((created.status, set.status, own.status), (201, 204, 400), "{}", own.body);
    assert!(can_log_in(&app, "bob", &longest) && can_log_in(&app, "new", &longest));
    assert!(!can_log_in(&app, "bob", &longest[..70]));
}

#[test]
fn the_policy_can_be_turned_off_but_not_bcrypts_bounds() {
    let app = with_bob("[passwords]\npolicy = false\n");
    for password in ["k".repeat(72), "a\u{0}b".to_owned()] {
        for answer in every_way(&app, &json!(password)) {
            assert_eq!(answer.status, 422, "{}", answer.body);
        }
    }
    let [created, set, _] = every_way(&app, &json!("1234"));
    assert_eq!((created.status, set.status), (201, 204));
    assert!(can_log_in(&app, "new", "1234") && can_log_in(&app, "bob", "1234"));
}

#[test]
fn ones_own_password_needs_the_old_one() {
    let app = with_bob("");
    let change = |old: &str, new: &str| {
        let body = json!({"old_password": old, "password": new});
        call(&app, ("PUT", "/users/me/password"), &token("bob", &["me"]), &body)
    };
    let wrong = ["", "wrong-heron-42", "blue-heron-42 ", "Blue-heron-42", "a\u{0}b"];
    for old in wrong.iter().map(|&old| old.to_owned()).chain(["x".repeat(5000)]) {
        let answer = change(&old, "green-heron-43");
        assert_eq!((answer.status, answer.json()), (400, json!({"detail": "Incorrect password"})));
    }
    assert!(can_log_in(&app, "bob", PASSWORD));
    let changed = change(PASSWORD, "green-heron-43");
    assert_eq!((changed.status, changed.body.as_str()), (204, ""));
    assert!(can_log_in(&app, "bob", "green-heron-43"));
    assert!(!can_log_in(&app, "bob", PASSWORD));
    let missing = json!({"password": "x-heron-43"});
    let answer = call(&app, ("PUT", "/users/me/password/"), &token("bob", &["me"]), &missing);
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "old_password"]));
    let extra = json!({"old_password": PASSWORD, "password": "x-heron-43", "username": "root"});
    let answer = call(&app, ("PUT", "/users/me/password"), &token("bob", &["me"]), &extra);
    assert_eq!(answer.status, 422);
    assert!(!answer.body.contains("heron"), "{}", answer.body);
}

/// Two changes that both know the old password: one wins, and the other is told.
#[test]
fn of_two_changes_at_once_one_wins() {
    let app = with_bob("");
    let mut now = PASSWORD.to_owned();
    for round in 0..5 {
        let (old, app) = (now.as_str(), &app);
        let answers = std::thread::scope(|scope| {
            let threads = [0, 1].map(|side| {
                scope.spawn(move || {
                    let new = format!("heron-{round}-{side}-x");
                    let body = json!({"old_password": old, "password": new});
                    call(app, ("PUT", "/users/me/password"), &token("bob", &["me"]), &body).status
                })
            });
            threads.map(|thread| thread.join().expect("an answer"))
        });
        let winners: Vec<_> = (0..2)
            .filter(|side| can_log_in(app, "bob", &format!("heron-{round}-{side}-x")))
            .collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert_eq!(answers[winners[0]], 204, "{answers:?}");
        let loser = answers[1 - winners[0]];
        assert!(matches!(loser, 204 | 400 | 404 | 409), "{answers:?}");
        now = format!("heron-{round}-{}-x", winners[0]);
    }
}

/// The stored hash; nothing else shows it.
pub(super) fn stored_hash(app: &App, username: &str) -> String {
    hash_in(&app.data_dir().join("bailiwick.db"), username)
}

pub(super) fn hash_in(database: &Path, username: &str) -> String {
    let script = "import sqlite3, sys\n\
         row = sqlite3.connect(sys.argv[1]).execute(\n\
         'select password_hash from users where username = ?', (sys.argv[2],)).fetchone()\n\
         print(row[0])";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(database).arg(username);
    crate::harness::run_tool(&mut python).trim().to_owned()
}

/// Another program may have stored something that is not a hash.
#[test]
fn an_unreadable_hash_affects_only_its_user() {
    for stored in ["garbage", "", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "$2b$99$x"] {
        let app = with_bob("");
        let script = "import sqlite3, sys\n\
             database = sqlite3.connect(sys.argv[1], timeout=10)\n\
             database.execute(\"update users set password_hash = ? where username = 'bob'\", sys.argv[2:])\n\
             database.commit()";
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(app.data_dir().join("bailiwick.db")).arg(stored);
        crate::harness::run_tool(&mut python);
        crate::harness::eventually("the change", || {
            (!can_log_in(&app, "bob", PASSWORD)).then_some(())
        });
        let form = "username=bob&password=whatever";
        let login = app.send("POST", "/token", &[("content-type", crate::harness::FORM)], form);
        assert_eq!(login.status, 400, "{stored}: {}", login.body);
        let line = app.stderr.wait_for("bob: no password is accepted");
        assert!(!line.contains("argon2id") && !line.contains("garbage"), "{line}");
        let list = admin(&app, ("GET", "/users"), &Value::Null);
        assert_eq!(list.status, 200, "{}", list.body);
        assert_eq!(app.get_as("/users/me", &token("bob", &["me"])).status, 200);

        // Other changes leave it as it is.
        let name = admin(&app, ("PATCH", "/users/bob"), &json!({"full_name": "Bob"}));
        assert_eq!((name.status, stored_hash(&app, "bob").as_str()), (200, stored));
        let check = app.command(&["db", "check"], "");
        assert!(String::from_utf8_lossy(&check.stderr).contains("hash of bob"), "{check:?}");

        let set =
            app.command(&["users", "set-password", "bob", "--password-stdin"], "heron-lake-7");
        assert!(set.status.success(), "{set:?}");
        crate::harness::eventually("the new one", || {
            can_log_in(&app, "bob", "heron-lake-7").then_some(())
        });
    }
}

#[test]
fn a_cheaper_hash_is_renewed_by_the_login() {
    let app = server("").env("BAILIWICK__PASSWORDS__BCRYPT_COST", "6").spawn();
    import(&app, &[json!({"username": "old", "full_name": "O", "scopes": ["me"]})]);
    let before = stored_hash(&app, "old");
    assert!(before.starts_with("$2b$04$"));
    assert!(!can_log_in(&app, "old", "wrong-heron"));
    assert_eq!(stored_hash(&app, "old"), before, "a wrong password renews nothing");
    assert!(can_log_in(&app, "old", PASSWORD));
    let renewed = stored_hash(&app, "old");
    assert!(renewed.starts_with("$2b$06$"), "{renewed}");
    assert!(can_log_in(&app, "old", PASSWORD));
    assert_eq!(stored_hash(&app, "old"), renewed, "once is enough");
    let me = app.get_as("/users/me", &token("old", &["me"])).json();
    assert_eq!(me["full_name"], "O", "nothing else changed");
}

/// bcrypt hashes as other programs wrote them.
#[test]
fn imported_hashes_log_in() {
    let app = administered("");
    let tail = HASH.strip_prefix("$2b").expect("a hash");
    let prefixes = ["$2a", "$2b", "$2y", "$2x"];
    let users: Vec<_> = prefixes
        .iter()
        .map(|prefix| json!({"username": prefix, "hashed_password": format!("{prefix}{tail}")}))
        .collect();
    import(&app, &users);
    for name in prefixes {
        assert!(!can_log_in(&app, name, "green-heron-42"), "{name}");
        assert!(can_log_in(&app, name, PASSWORD), "{name}");
        assert!(can_log_in(&app, name, PASSWORD), "{name}, after its hash was renewed");
        assert!(stored_hash(&app, name).starts_with("$2b$"), "{name}");
    }
    // From the tests of crypt_blowfish, which PHP and the Unixes use.
    let known = [
        ("U*U", "05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("U*U*U", "05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ];
    for (password, tail) in known {
        for prefix in ["$2a", "$2b", "$2y"] {
            let name = format!("{prefix} {password}");
            let hash = format!("{prefix}${tail}");
            import(&app, &[json!({"username": name, "hashed_password": hash})]);
            assert!(!can_log_in(&app, &name, "U*"), "{name}");
            assert!(can_log_in(&app, &name, password), "{name}");
        }
    }
    let basic = [("authorization", "Basic JDJhOmJsdWUtaGVyb24tNDI=")];
    assert_eq!(app.send("GET", "/basic/users/me", &basic, "").json()["username"], "$2a");
}

/// A typed password never appears in responses and logs.
#[test]
fn passwords_never_appear_in_responses_or_logs() {
    let app = with_bob("[logging]\nlevel = \"trace\"\n");
    let secret = "zebra-crossing-77";
    log_in(&app, &[("username", "bob"), ("password", secret)]);
    for answer in every_way(&app, &json!([secret])) {
        assert!(!answer.body.contains("zebra"), "{}", answer.body);
    }
    every_way(&app, &json!(secret));
    app.get("/status?password=zebra");
    app.stdout.wait_for("/status");
    let logged = app.stdout.text() + &app.stderr.text();
    for hidden in ["zebra", "$2b$", "eyJ"] {
        assert!(!logged.contains(hidden), "{hidden} in:\n{logged}");
    }
}
