//! Changes take effect on issued tokens: at once over HTTP, within a second from the commands.

use crate::harness::{App, Response, eventually};
use crate::people::{PASSWORD, admin, administered, can_log_in, import, run};
use crate::signer::token;
use serde_json::{Value, json};

fn me(app: &App) -> Response {
    app.get_as("/users/me/items", &token("bob", &["me", "items"]))
}

fn with_bob() -> App {
    let app = administered("");
    import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
    assert_eq!(me(&app).status, 200);
    app
}

/// The status and `detail` once bob's token is refused.
const DISABLED: (u16, &str) = (400, "Inactive user");
const SHRUNK: (u16, &str) = (401, "Not enough permissions");
const UNKNOWN: (u16, &str) = (401, "Could not validate credentials");

fn is(answer: &Response, (status, detail): (u16, &str)) -> bool {
    answer.status == status && answer.json() == json!({ "detail": detail })
}

#[test]
fn over_http_a_change_takes_effect_at_the_next_request() {
    let app = with_bob();
    let scopes = |scopes: Value| json!({ "scopes": scopes });
    for (route, body, then) in [
        (("PATCH", "/users/bob"), json!({"disabled": true}), Some(DISABLED)),
        (("PATCH", "/users/bob"), json!({"disabled": false}), None),
        (("PUT", "/users/bob/scopes"), scopes(json!(["me"])), Some(SHRUNK)),
        (("PUT", "/users/bob/scopes"), scopes(json!(["items"])), Some(SHRUNK)),
        (("PUT", "/users/bob/scopes"), scopes(json!(["items", "me"])), None),
        (("DELETE", "/users/bob"), Value::Null, Some(UNKNOWN)),
    ] {
        let answer = admin(&app, route, &body);
        assert!(matches!(answer.status, 200 | 204), "{route:?}: {}", answer.body);
        // Reaches both workers.
        for _ in 0..8 {
            let answer = me(&app);
            match then {
                Some(refusal) => assert!(is(&answer, refusal), "{route:?}: {}", answer.body),
                None => assert_eq!(answer.status, 200, "{route:?}: {}", answer.body),
            }
        }
    }
}

#[test]
fn from_the_commands_a_change_takes_effect_within_a_second() {
    let app = with_bob();
    for (args, then) in [
        (vec!["disable", "bob"], Some(DISABLED)),
        (vec!["enable", "bob"], None),
        (vec!["set-scopes", "bob", "me"], Some(SHRUNK)),
        (vec!["set-scopes", "bob", "me", "items"], None),
        (vec!["delete", "bob", "--yes"], Some(UNKNOWN)),
    ] {
        let args: Vec<&str> = ["users"].into_iter().chain(args).collect();
        run(&app, &args, &format!("{PASSWORD}\n"));
        eventually(&format!("{args:?} to bite"), || {
            let answer = me(&app);
            let done = then.map_or(answer.status == 200, |refusal| is(&answer, refusal));
            done.then_some(())
        });
    }
    let add = ["users", "add", "bob", "--scope", "me", "--scope", "items", "--password-stdin"];
    run(&app, &add, &format!("{PASSWORD}\n"));
    eventually("the new bob", || can_log_in(&app, "bob", PASSWORD).then_some(()));
    assert!(is(&me(&app), UNKNOWN), "a token that says nothing but the name was the earlier bob's");
    run(&app, &["users", "set-password", "bob", "--password-stdin"], "green-heron-43\n");
    eventually("the new password", || can_log_in(&app, "bob", "green-heron-43").then_some(()));
    assert!(!can_log_in(&app, "bob", PASSWORD));
}

/// Each side reads what the other writes.
#[test]
fn commands_and_http_see_the_same_users() {
    let app = with_bob();
    let change = json!({"email": "bob@example.com", "disabled": true});
    admin(&app, ("PATCH", "/users/bob"), &change);
    let shown = app.command(&["users", "show", "bob", "--json"], "");
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let over_http = admin(&app, ("GET", "/users/bob"), &Value::Null).json();
    for field in ["username", "email", "full_name", "disabled", "scopes"] {
        assert_eq!(shown[field], over_http[field], "{field}");
    }
    let list = app.command(&["users", "list", "--json"], "");
    let list: Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let names: Vec<_> = list.as_array().expect("a list").iter().map(|u| &u["username"]).collect();
    assert_eq!(names, ["bob", "root"]);
    assert!(
        !String::from_utf8_lossy(&app.command(&["users", "list", "--json"], "").stdout)
            .contains("$2")
    );
}

/// On the command line the machine's owner may remove the last administrator, and can undo it.
#[test]
fn the_command_may_take_the_last_administrator_away() {
    let app = administered("");
    run(&app, &["users", "disable", "root"], "");
    eventually("root to be refused", || {
        let answer = admin(&app, ("GET", "/users"), &Value::Null);
        is(&answer, DISABLED).then_some(())
    });
}
