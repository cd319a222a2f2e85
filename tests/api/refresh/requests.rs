//! Requests with refresh tokens that are wrong: RFC 6749's errors, and nothing is used up.

use super::{assert_ended, assert_refused, login, me, refresh, send, text, with_bob};
use crate::harness::{App, FORM, Response};
use crate::people::{PASSWORD, log_in};
use serde_json::json;

const MALFORMED: &str = "A parameter is missing or malformed";

fn post(app: &App, form: &str) -> Response {
    app.send("POST", "/token", &[("content-type", FORM)], form)
}

#[test]
fn a_parameter_is_there_once_and_not_empty() {
    let app = with_bob("refresh_token_reuse_seconds = 0\n");
    let token = login(&app)["refresh_token"].clone();
    let held = text(&token);
    let grant = "grant_type=refresh_token";
    for form in [
        grant.to_owned(),
        format!("{grant}&refresh_token="),
        format!("{grant}&refresh_token={held}&refresh_token={held}"),
        format!("{grant}&refresh_token=&refresh_token={held}"),
        format!("{grant}&{grant}&refresh_token={held}"),
        format!("grant_type=password&{grant}&refresh_token={held}"),
        format!("{grant}&refresh_token={held}&scope=me&scope=me"),
        format!("{grant}&refresh_token={held}&client_id=a&client_id=a"),
        format!("{grant}&refresh_token={held}&client_secret=a&client_secret=a"),
    ] {
        assert_refused(&post(&app, &form), "invalid_request", MALFORMED);
    }
    let large = "x".repeat(1 << 20);
    for form in [
        format!("{grant}&refresh_token={large}"),
        format!("{grant}&refresh_token={held}&scope={large}"),
        format!("{grant}&refresh_token={held}&client_id={large}"),
    ] {
        assert_eq!(post(&app, &form).status, 413);
    }
    let answer = send(&app, held, &format!("&scope={}", "me+".repeat(3_000)));
    assert_refused(&answer, "invalid_scope", "Too many scopes for one token");
    let file = "--x\r\ncontent-disposition: form-data; name=\"grant_type\"\r\n\r\nrefresh_token\r\n\
        --x\r\ncontent-disposition: form-data; name=\"refresh_token\"; filename=\"a\"\r\n\r\n"
        .to_owned()
        + held + "\r\n--x--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    let answer = app.send("POST", "/token", &headers, &file);
    assert_eq!(answer.status, 400, "{}", answer.body);
    let body = json!({"grant_type": "refresh_token", "refresh_token": held}).to_string();
    let answer = app.send("POST", "/token", &[("content-type", "application/json")], &body);
    assert_eq!(answer.status, 422, "{}", answer.body);
    // Empty ones count as missing, and what is not known is ignored.
    let answer = send(&app, held, "&scope=&client_id=&client_secret=&state=a&state=b");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// They are told apart from right ones without the database, and end nothing.
#[test]
fn a_token_that_was_not_made_here_is_worth_nothing() {
    let app = with_bob("");
    let response = login(&app);
    let token = text(&response["refresh_token"]);
    let other = with_bob("");
    let changed = |at: usize| {
        let by = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut changed = token.to_owned();
        changed.replace_range(at..=at, by);
        changed
    };
    let mut wrong: Vec<_> = (0..token.len()).step_by(3).map(changed).collect();
    wrong.extend(["x", "bwr_", &token[4..], &token[..token.len() - 1]].map(str::to_owned));
    wrong.extend([format!("{token}A"), format!("{token}%3D"), format!("+{token}")]);
    wrong.push(text(&login(&other)["refresh_token"]).to_owned());
    wrong.push(text(&response["access_token"]).to_owned());
    for wrong in wrong {
        assert_ended(&app, &json!(wrong));
    }
    assert_eq!(me(&app, &response), 200);
    assert_eq!(me(&app, &refresh(&app, &response["refresh_token"])), 200);
    // It is no access token, and no password.
    assert_eq!(app.get_as("/users/me", token).status, 401);
    assert_eq!(log_in(&app, &[("username", "bob"), ("password", token)]).status, 400);
}

/// Clients of FastAPI's form send whatever they like: an id that is not registered is ignored.
#[test]
fn a_client_that_is_not_registered_is_ignored() {
    let app = with_bob("");
    let fields = [("username", "bob"), ("password", PASSWORD), ("client_id", "mine")];
    let token = log_in(&app, &fields).json()["refresh_token"].clone();
    let next = send(&app, text(&token), "&client_id=another&client_secret=x").json();
    let headers = [("content-type", FORM), ("authorization", "Basic bWluZTpzZWNyZXQ=")];
    let form = format!("grant_type=refresh_token&refresh_token={}", text(&next["refresh_token"]));
    assert_eq!(app.send("POST", "/token", &headers, &form).status, 200);
}

#[test]
fn the_strict_profile_renews_as_well() {
    let app = with_bob("[security]\nprofile = \"strict\"\n[oauth]\nrequire_grant_type = true\n");
    let fields = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD)];
    let response = log_in(&app, &fields).json();
    assert_eq!(refresh(&app, &response["refresh_token"])["token_type"], "bearer");
    let answer = post(&app, "grant_type=authorization_code&code=x");
    assert_eq!(answer.json()["error"], "unsupported_grant_type");
}
