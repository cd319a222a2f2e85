//! All tokens of a user end: by a new password, and by signing out everywhere.

use super::passwords::stored_hash;
use crate::harness::{App, eventually};
use crate::people::{HASH, PASSWORD, call, can_log_in, import, log_in, run, server};
use crate::signer::{SECRET, claims, now, sign, token};
use serde_json::{Value, json};

const LATER: &str = "green-heron-43";

/// A server with `bob` and `joe`, and `root` who may change them.
fn people(config: &str) -> App {
    let app = App::bare()
        .env("BAILIWICK__TOKENS__SECRET", SECRET)
        .env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4")
        .env("BAILIWICK__LOGINS__THROTTLE", "false")
        .config(config)
        .spawn();
    import(&app, &["bob", "joe"].map(|name| json!({"username": name, "scopes": ["me"]})));
    import(&app, &[json!({"username": "root", "scopes": ["me", "users:write"]})]);
    app
}

fn login(app: &App, username: &str, password: &str, scope: &str) -> String {
    let fields = [("username", username), ("password", password), ("scope", scope)];
    let answer = log_in(app, &fields);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

fn me(app: &App, token: &str) -> u16 {
    app.get_as("/users/me", token).status
}

/// Each way to end bob's tokens, and the password afterwards: his own two, an administrator's, and
/// commands, which are another process.
const WAYS: [(&str, &str); 6] = [
    ("PUT /users/me/password", LATER),
    ("DELETE /users/me/sessions", PASSWORD),
    ("PUT /users/bob/password", LATER),
    ("DELETE /users/bob/sessions", PASSWORD),
    ("set-password", LATER),
    ("sign-out", PASSWORD),
];

fn end(app: &App, way: &str, bob: &str, root: &str) {
    let Some((method, path)) = way.split_once(' ') else {
        let stdin = if way == "sign-out" {
            &["users", way, "bob"][..]
        } else {
            &["users", way, "bob", "--password-stdin"]
        };
        return run(app, stdin, &format!("{LATER}\n"));
    };
    let own = json!({"old_password": PASSWORD, "password": LATER});
    let body = match (method, path) {
        ("DELETE", _) => Value::Null,
        (_, "/users/me/password") => own,
        _ => json!({"password": LATER}),
    };
    let answer = call(app, (method, path), if path.contains("me/") { bob } else { root }, &body);
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{way}");
}

#[test]
fn a_new_password_and_signing_out_end_the_users_tokens_and_nobody_elses() {
    for (way, password) in WAYS {
        let app = people("");
        let bobs = [(); 2].map(|()| login(&app, "bob", PASSWORD, "me"));
        let joe = login(&app, "joe", PASSWORD, "me");
        let root = login(&app, "root", PASSWORD, "me users:write");
        for token in bobs.iter().chain([&joe, &root]) {
            assert_eq!(me(&app, token), 200, "{way}");
            assert_eq!(claims(token).get("bailiwick_epoch"), None, "nothing has ended yet");
        }
        end(&app, way, &bobs[0], &root);
        for token in &bobs {
            eventually(way, || (me(&app, token) == 401).then_some(()));
        }
        let answer = app.get_as("/users/me", &bobs[0]);
        assert_eq!(answer.json(), json!({"detail": "Could not validate credentials"}), "{way}");
        assert_eq!((me(&app, &joe), me(&app, &root)), (200, 200), "{way}");
        let next = login(&app, "bob", password, "me");
        assert_eq!(claims(&next)["bailiwick_epoch"], 1, "{way}");
        assert_eq!((me(&app, &next), me(&app, &bobs[1])), (200, 401), "{way}");
        assert_eq!(can_log_in(&app, "bob", PASSWORD), password == PASSWORD, "{way}");
    }
}

/// Tokens of another application: what counts is when they were issued.
#[test]
fn tokens_of_other_applications_end_as_well() {
    let all = |app: &App, at: i64| {
        let bob = |rest: Value| {
            let mut all = json!({"sub": "bob", "scopes": ["me"], "exp": now() + 600});
            all.as_object_mut().expect("an object").extend(rest.as_object().expect("one").clone());
            me(app, &sign(&all))
        };
        [
            bob(json!({"iat": at - 100})),
            bob(json!({"iat": at + 5})),
            bob(json!({"exp": at + 500})),
            bob(json!({"exp": at + 605})),
        ]
    };
    for (config, then) in
        [("", [401, 200, 401, 401]), ("[tokens]\nforeign_lifetime = 600\n", [401, 200, 401, 200])]
    {
        let app = people(config);
        let start = now();
        assert_eq!(all(&app, start), [200; 4]);
        run(&app, &["users", "sign-out", "bob"], "");
        let joe = json!({"sub": "joe", "scopes": ["me"], "exp": now() + 600});
        eventually("bob to be signed out", || (all(&app, start)[0] == 401).then_some(()));
        // From a token's point of view, five seconds after the end.
        assert_eq!(all(&app, now()), then, "{config}");
        assert_eq!(me(&app, &sign(&joe)), 200, "{config}");
    }
}

/// A renewed hash is no new password.
#[test]
fn a_renewed_hash_ends_no_token() {
    let bearer = token("bob", &["me"]);
    let app = server("")
        .env("BAILIWICK__PASSWORDS__BCRYPT_COST", "5")
        .env("BAILIWICK__TOKENS__FOREIGN_LIFETIME", "600")
        .spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me"]})]);
    assert_eq!((me(&app, &bearer), stored_hash(&app, "bob").as_str()), (200, HASH));
    let next = login(&app, "bob", PASSWORD, "me");
    assert!(stored_hash(&app, "bob").starts_with("$2b$05"), "renewed");
    assert_eq!((me(&app, &bearer), me(&app, &next)), (200, 200));
    assert_eq!(claims(&next).get("bailiwick_epoch"), None);
}

#[test]
fn whom_nobody_knows_cannot_be_signed_out() {
    let app = people("");
    let root = login(&app, "root", PASSWORD, "users:write");
    let answer = call(&app, ("DELETE", "/users/nobody/sessions"), &root, &Value::Null);
    assert_eq!((answer.status, answer.json()), (404, json!({"detail": "User not found"})));
    let output = app.command(&["users", "sign-out", "nobody"], "");
    assert!(!output.status.success());
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(line, "bailiwick: nobody: no such user\n");
    // A disabled user's tokens end, too: they would count again.
    let bob = login(&app, "bob", PASSWORD, "me");
    run(&app, &["users", "disable", "bob"], "");
    run(&app, &["users", "sign-out", "bob"], "");
    run(&app, &["users", "enable", "bob"], "");
    eventually("bob to be enabled", || can_log_in(&app, "bob", PASSWORD).then_some(()));
    eventually("the end", || (me(&app, &bob) == 401).then_some(()));
    assert_eq!(me(&app, &login(&app, "bob", PASSWORD, "me")), 200);
}

/// Absent and null are the first.
#[test]
fn a_token_counts_in_its_own_epoch_only() {
    let app = people("");
    let bob = claims(&login(&app, "bob", PASSWORD, "me"));
    for (epoch, expected) in
        [(json!(0), 200), (json!(null), 200), (json!(1), 401), (json!(-1), 401)]
    {
        let mut all = bob.clone();
        all["bailiwick_epoch"] = epoch.clone();
        assert_eq!(me(&app, &sign(&all)), expected, "{epoch}");
    }
    for wrong in [json!("0"), json!(0.5), json!([0]), json!(true)] {
        let mut all = bob.clone();
        all["bailiwick_epoch"] = wrong.clone();
        assert_eq!(me(&app, &sign(&all)), 401, "{wrong}");
    }
}
