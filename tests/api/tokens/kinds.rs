//! Other kinds of JWT signed with the same secret, and tokens of an application being retired.

use super::{bobs_login, with_bob};
use crate::harness::{App, eventually};
use crate::people::{PASSWORD, assert_refused, log_in};
use crate::signer::{HEADER, SECRET, claims, forge, now, sign};
use serde_json::{Value, json};

fn claims_with(more: &Value) -> Value {
    let mut all = json!({"sub": "bob", "scopes": ["me"], "exp": now() + 600});
    all.as_object_mut().expect("claims").extend(more.as_object().expect("claims").clone());
    all
}

#[track_caller]
fn assert_no_access_token(app: &App, token: &str, what: &str) {
    let answer = app.get_as("/users/me", token);
    assert_eq!(answer.status, 401, "{what}: {}", answer.body);
    assert_refused(&answer, 401, "Bearer scope=\"me\"", "Could not validate credentials");
}

#[test]
fn a_token_with_another_type_in_the_header_is_refused() {
    let app = with_bob("");
    let bobs = claims_with(&json!({})).to_string();
    let of_type = |typ: &Value| {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        forge(&header, &bobs, SECRET.as_bytes())
    };
    for typ in ["JWT", "jwt", "application/jwt", "Application/JWT"] {
        assert_eq!(app.get_as("/users/me", &of_type(&typ.into())).status, 200, "{typ}");
    }
    let absent = forge(r#"{"alg":"HS256"}"#, &bobs, SECRET.as_bytes());
    assert_eq!(app.get_as("/users/me", &absent).status, 200, "none");
    for typ in [
        "refresh+jwt",
        "logout+jwt",
        "dpop+jwt",
        "at+jwt",
        "application/at+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
        "JWE",
        "",
    ] {
        assert_no_access_token(&app, &of_type(&typ.into()), typ);
    }
    for typ in [json!(null), json!(1), json!(["JWT"]), json!({})] {
        assert_no_access_token(&app, &of_type(&typ), &typ.to_string());
    }
}

#[test]
fn claims_tell_other_kinds_from_access_tokens() {
    let app = with_bob("");
    for other in [
        json!({"type": "refresh"}),
        json!({"type": "Refresh"}),
        json!({"type": "password_reset"}),
        json!({"token_type": "refresh"}),
        json!({"token_type": "refresh_token"}),
        json!({"tokenType": "refresh-token"}),
        json!({"token_use": "id"}),
        json!({"typ": "Refresh"}),
        json!({"purpose": "email_verification"}),
        json!({"refresh": true}),
        json!({"scope": "refresh_token", "scopes": ["refresh_token"]}),
        json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
        json!({"nonce": "n-0S6_WzA2Mj"}),
        json!({"nonce": null}),
        json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}),
        json!({"c_hash": "LDktKdoQak3Pk0cnXxCltA"}),
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "sid": "s"}),
        json!({"htm": "GET", "htu": "https://api.example.com/users/me"}),
        json!({"token_introspection": {"active": true}}),
    ] {
        assert_no_access_token(&app, &sign(&claims_with(&other)), &other.to_string());
    }
    for good in [
        json!({"type": "access"}),
        json!({"type": "admin"}),
        json!({"token_type": "bearer"}),
        json!({"token_type": "access"}),
        json!({"token_use": "access"}),
        json!({"typ": "Bearer"}),
        json!({"type": "access", "fresh": true, "csrf": "c", "jti": "j", "nbf": now()}),
        json!({"client_id": "c", "auth_time": now(), "amr": ["pwd"], "azp": "c", "sid": "s"}),
    ] {
        let answer = app.get_as("/users/me", &sign(&claims_with(&good)));
        assert_eq!(answer.status, 200, "{good}: {}", answer.body);
    }
}

/// A date in TOML, as text, and in the environment; far from today, whatever the machine's clock
/// shows.
#[test]
fn tokens_of_the_old_application_end_on_a_date() {
    for (ended, config) in [
        (true, "2001-02-03"),
        (true, "\"2001-02-03\""),
        (true, "2001-02-03T04:05:06Z"),
        (true, "\"2001-02-03T04:05:06+09:00\""),
        (false, "2101-02-03"),
        (false, "2101-02-03 04:05:06Z"),
        (false, "\"\""),
    ] {
        let app = with_bob(&format!("[tokens]\naccept_foreign_until = {config}\n"));
        assert_old_and_new(&app, ended, config);
    }
    assert_old_and_new(&with_bob(""), false, "absent");
    for (ended, value) in [(true, "2001-02-03"), (false, "2101-02-03T04:05:06Z"), (false, "")] {
        let app =
            crate::people::server("").env("BAILIWICK__TOKENS__ACCEPT_FOREIGN_UNTIL", value).spawn();
        crate::people::import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
        assert_old_and_new(&app, ended, value);
    }
}

/// Whether the old application's tokens have ended; ours always continue.
#[track_caller]
fn assert_old_and_new(app: &App, ended: bool, what: &str) {
    let answer = bobs_login(app);
    let own = answer["access_token"].as_str().expect("a token");
    assert_eq!(app.get_as("/users/me", own).status, 200, "{what}");
    let mut foreign = claims(own);
    foreign.as_object_mut().expect("claims").remove("bailiwick_id").expect("ours");
    let mut null = foreign.clone();
    null["bailiwick_id"] = json!(null);
    for foreign in [foreign, null] {
        let foreign = forge(HEADER, &foreign.to_string(), SECRET.as_bytes());
        if ended {
            assert_no_access_token(app, &foreign, what);
        } else {
            assert_eq!(app.get_as("/users/me", &foreign).status, 200, "{what}");
        }
    }
}

/// The old application's tokens identify a user by name alone. A user whose name another user had
/// accepts only tokens with an id.
#[test]
fn a_token_without_an_id_is_not_the_next_users_of_the_name() {
    let app = with_bob("");
    let foreign = forge(HEADER, &claims_with(&json!({})).to_string(), SECRET.as_bytes());
    assert_eq!(app.get_as("/users/me", &foreign).status, 200);
    let deleted = app.command(&["users", "delete", "bob", "--yes"], "");
    assert!(deleted.status.success());
    crate::people::import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
    eventually("the new bob", || {
        // For a moment the server knows only the old one, who gets no token any more.
        let fields = [("username", "bob"), ("password", PASSWORD), ("scope", "me")];
        let answer = log_in(&app, &fields).json();
        let own = answer["access_token"].as_str()?;
        (app.get_as("/users/me", own).status == 200).then_some(())
    });
    eventually("the end of the old token", || {
        (app.get_as("/users/me", &foreign).status != 200).then_some(())
    });
    assert_no_access_token(&app, &foreign, "the name was another user's");
}
