//! Tokens in requests: what they contain, which are refused, where the secret comes from.

mod attacks;
mod dates;
mod form;
mod kinds;
mod revoke;
mod secrets;

use crate::harness::App;
use crate::people::{PASSWORD, import, log_in, server};
use crate::signer::{HEADER, SECRET, claims, forge, now, sign, token};
use serde_json::{Value, json};
use std::thread;

fn with_bob(config: &str) -> App {
    let app = server(config).spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
    app
}

fn bobs_login(app: &App) -> Value {
    let fields = [("username", "bob"), ("password", PASSWORD), ("scope", "items me")];
    let answer = log_in(app, &fields);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn status(app: &App, claims: &Value) -> u16 {
    app.get_as("/users/me", &sign(claims)).status
}

#[test]
fn a_login_gives_a_token_for_half_an_hour() {
    let app = with_bob("");
    let fields = [("username", "bob"), ("password", PASSWORD), ("scope", "items me")];
    let before = now();
    let answer = log_in(&app, &fields);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-encoding"), None);
    let answer = answer.json();
    let access = answer["access_token"].as_str().expect("a token");
    assert_eq!(
        answer,
        json!({"access_token": access, "token_type": "bearer", "expires_in": 1800, "scope": "items me"}),
    );
    let held = claims(access);
    let issued = held["iat"].as_i64().expect("seconds");
    assert!((before..=now()).contains(&issued));
    let jti = held["jti"].as_str().expect("a text");
    assert_eq!(jti.len(), 32);
    let id = held["bailiwick_id"].as_i64().expect("a number");
    assert_eq!(
        held,
        json!({
            "sub": "bob", "scopes": ["items", "me"], "scope": "items me",
            "iat": issued, "exp": issued + 1800, "jti": jti,
            "bailiwick_id": id,
        }),
    );
    // The tests' own signer makes the same token of these claims: header and key are the known
    // ones.
    let other = claims(bobs_login(&app)["access_token"].as_str().expect("a token"));
    assert_ne!(other["jti"], held["jti"]);
    assert_eq!(
        app.get_as("/users/me/items/", access).json(),
        json!([{"item_id": "Foo", "owner": "bob"}])
    );
}

#[test]
fn the_lifetime_is_a_setting() {
    let app = with_bob("[tokens]\naccess_token_expire_minutes = 2\n");
    let answer = bobs_login(&app);
    assert_eq!(answer["expires_in"], 120);
    let held = claims(answer["access_token"].as_str().expect("a token"));
    assert_eq!(held["exp"].as_i64(), held["iat"].as_i64().map(|at| at + 120));
}

#[test]
fn leeway_lets_clocks_differ() {
    for (leeway, allowed) in [("", 0), ("[tokens]\nleeway = 300\n", 300)] {
        let app = with_bob(leeway);
        let bob = |exp: i64, nbf: i64| {
            status(&app, &json!({"sub": "bob", "scopes": ["me"], "exp": exp, "nbf": nbf}))
        };
        // Far enough from the limits for the slowest machine.
        assert_eq!(bob(now() - allowed - 1, 0), 401);
        assert_eq!(bob(now() - allowed + 100, 0), 200);
        assert_eq!(bob(now() + 600, now() + allowed + 100), 401);
        assert_eq!(bob(now() + 600, now() + allowed - 1), 200);
    }
}

#[test]
fn issuer_and_audience_are_written_and_required() {
    let app = with_bob("[tokens]\nissuer = \"https://auth.example.com\"\naudience = \"api\"\n");
    let answer = bobs_login(&app);
    let access = answer["access_token"].as_str().expect("a token");
    let held = claims(access);
    assert_eq!((&held["iss"], &held["aud"]), (&json!("https://auth.example.com"), &json!("api")));
    assert_eq!(app.get_as("/users/me", access).status, 200);
    let with = |iss: Value, aud: Value| {
        let mut all = json!({"sub": "bob", "scopes": ["me"], "exp": now() + 600});
        for (name, value) in [("iss", iss), ("aud", aud)] {
            if !value.is_null() {
                all[name] = value;
            }
        }
        status(&app, &all)
    };
    let (iss, aud) = (json!("https://auth.example.com"), json!("api"));
    assert_eq!(with(iss.clone(), aud.clone()), 200);
    assert_eq!(with(iss.clone(), json!(["other", "api"])), 200, "RFC 7519 §4.1.3");
    for (iss, aud) in [
        (Value::Null, aud.clone()),
        (iss.clone(), Value::Null),
        (json!("https://auth.example.com/"), aud.clone()),
        (iss.clone(), json!("apis")),
        (iss.clone(), json!([])),
        (json!(7), aud),
        (iss, json!({"api": true})),
    ] {
        assert_eq!(with(iss.clone(), aud.clone()), 401, "{iss} {aud}");
    }
}

/// A token of a Python application with the same secret is accepted unconditionally.
#[test]
fn a_token_of_the_python_application_is_accepted() {
    let app = with_bob("");
    let text = format!(r#"{{"sub":"bob","scopes":["me"],"exp":{}}}"#, now() + 60);
    assert_eq!(app.get_as("/users/me", &forge(HEADER, &text, SECRET.as_bytes())).status, 200);
    let reordered = r#"{"typ": "JWT", "alg": "HS256"}"#;
    assert_eq!(app.get_as("/users/me", &forge(reordered, &text, SECRET.as_bytes())).status, 200);
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let value = format!("{scheme} {}", token("bob", &["me"]));
        let headers = [("authorization", value.as_str())];
        assert_eq!(app.send("GET", "/users/me", &headers, "").status, 200, "{scheme}");
    }
}

/// Logins beyond the queue are refused at once; everything else continues.
#[test]
fn a_flood_of_logins_is_refused_and_blocks_nothing_else() {
    let config = "[passwords]\nhash_threads = 1\nhash_queue = 2\n";
    let app = server(config).env("BAILIWICK__PASSWORDS__BCRYPT_COST", "10").spawn();
    // Expensive enough to keep the queue full while twenty arrive.
    let dear = "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";
    let bob = json!({"username": "bob", "scopes": ["me"], "hashed_password": dear});
    import(&app, &[bob]);
    let bearer = token("bob", &["me"]);
    let answers = thread::scope(|scope| {
        let login = || log_in(&app, &[("username", "bob"), ("password", "1234")]);
        let logins: Vec<_> = (0..20).map(|_| scope.spawn(login)).collect();
        for _ in 0..20 {
            assert_eq!(app.get_as("/users/me", &bearer).status, 200);
        }
        logins.into_iter().map(|login| login.join().expect("an answer")).collect::<Vec<_>>()
    });
    let mut busy = 0;
    for answer in &answers {
        match answer.status {
            200 => {}
            503 => {
                busy += 1;
                let seconds = answer.header("retry-after").expect("Retry-After");
                assert!(seconds.parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{seconds}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
                let detail = "Too many logins at once, try again later";
                assert_eq!(answer.json()["detail"], detail);
            }
            other => panic!("{other} {}", answer.body),
        }
    }
    assert!((1..20).contains(&busy), "{busy} of 20 were turned away");
    assert_eq!(log_in(&app, &[("username", "bob"), ("password", "1234")]).status, 200);
}
