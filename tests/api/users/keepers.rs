//! An enabled user must keep `users:write`: its last holder cannot lock everyone out.

use crate::harness::App;
use crate::people::{ALL, admin, administered, call, import};
use crate::signer::token;
use serde_json::{Value, json};

const REFUSED: &str = "This would leave no enabled user with the scope `users:write`";

/// Every way to lose the scope, as a request.
fn ways(username: &str) -> [(&'static str, String, Value); 4] {
    let path = |rest: &str| format!("/users/{username}{rest}");
    [
        ("PATCH", path(""), json!({"disabled": true})),
        ("PUT", path("/scopes"), json!({"scopes": ["me", "users:read"]})),
        ("PUT", path("/scopes"), json!({"scopes": []})),
        ("DELETE", path(""), Value::Null),
    ]
}

#[test]
fn the_last_holder_can_be_removed_only_if_there_is_another() {
    let app = administered("");
    // A disabled holder does not count, nor does a reader.
    import(
        &app,
        &[
            json!({"username": "asleep", "scopes": ["users:write"], "disabled": true}),
            json!({"username": "reader", "scopes": ["users:read"]}),
        ],
    );
    for (method, path, body) in ways("root") {
        let answer = admin(&app, (method, &path), &body);
        let refused = (403, json!({"detail": REFUSED}));
        assert_eq!((answer.status, answer.json()), refused, "{method} {path} {body}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    let root = admin(&app, ("GET", "/users/root"), &Value::Null).json();
    assert_eq!((&root["disabled"], &root["scopes"]), (&json!(false), &json!(ALL)));
    // Changes that keep the scope are allowed.
    for (method, path, body) in [
        ("PATCH", "/users/root", json!({"disabled": false, "full_name": "Root"})),
        ("PUT", "/users/root/scopes", json!({"scopes": ["users:write", "me"]})),
        ("PUT", "/users/root/scopes", json!({"scopes": ALL})),
        ("DELETE", "/users/asleep", Value::Null),
        ("PATCH", "/users/reader", json!({"disabled": true})),
    ] {
        let status = admin(&app, (method, path), &body).status;
        assert!(matches!(status, 200 | 204), "{method} {path} {body}: {status}");
    }
    for (number, (method, _, body)) in ways("root").into_iter().enumerate() {
        // With a second holder, each way is allowed.
        let name = format!("second{number}");
        import(&app, &[json!({"username": name, "scopes": ["users:write"]})]);
        let path = ways(&name)[number].1.clone();
        let status = admin(&app, (method, &path), &body).status;
        assert!(matches!(status, 200 | 204), "{method} {path}: {status}");
        assert_eq!(admin(&app, ("PATCH", "/users/root"), &json!({"disabled": true})).status, 403);
    }
}

/// Runs two requests at once.
fn at_once(ask: impl Fn(usize) -> u16 + Sync) -> [u16; 2] {
    std::thread::scope(|scope| {
        let ask = &ask;
        [0, 1].map(|side| scope.spawn(move || ask(side))).map(|it| it.join().expect("an answer"))
    })
}

#[test]
fn of_two_holders_who_remove_each_other_one_stays() {
    let app = administered("");
    let pair = ["a", "b"];
    import(&app, &pair.map(|name| json!({"username": name, "scopes": ["users:write"]})));
    // From here on, a and b are the only holders.
    let give_up = json!({"scopes": ["users:read"]});
    assert_eq!(admin(&app, ("PUT", "/users/root/scopes"), &give_up).status, 200);
    let enabled = |app: &App| {
        let root = token("root", &["users:read"]);
        pair.map(|name| {
            let user = call(app, ("GET", &format!("/users/{name}")), &root, &Value::Null);
            let user = user.json();
            user["disabled"] == false && user["scopes"] == json!(["users:write"])
        })
    };
    for round in 0..30 {
        let statuses = at_once(|side| {
            let (method, path, body) = &ways(pair[1 - side])[round % 3];
            call(&app, (method, path), &token(pair[side], &["users:write"]), body).status
        });
        let stay: Vec<_> = enabled(&app).into_iter().filter(|stays| *stays).collect();
        assert_eq!(stay.len(), 1, "round {round}: {statuses:?}");
        assert!(statuses.contains(&200), "{statuses:?}");
        // The late one is refused: it is no longer a holder, or by the rule.
        assert!(statuses.iter().any(|status| matches!(status, 400 | 401 | 403)), "{statuses:?}");
        // The one that stayed re-admits the other.
        let winner = usize::from(enabled(&app)[1]);
        let access = token(pair[winner], &["users:write"]);
        let other = format!("/users/{}", pair[1 - winner]);
        let back = call(&app, ("PATCH", &other), &access, &json!({"disabled": false}));
        assert_eq!(back.status, 200);
        let scopes = json!({"scopes": ["users:write"]});
        assert_eq!(call(&app, ("PUT", &format!("{other}/scopes")), &access, &scopes).status, 200);
    }
    // Each removes itself at the same time: only the rule decides.
    for round in 0..10 {
        let statuses = at_once(|side| {
            let (method, path, body) = &ways(pair[side])[round % 3];
            call(&app, (method, path), &token(pair[side], &["users:write"]), body).status
        });
        let stay: Vec<_> = enabled(&app).into_iter().filter(|stays| *stays).collect();
        assert_eq!(stay.len(), 1, "round {round}: {statuses:?}");
        let mut sorted = statuses;
        sorted.sort_unstable();
        assert_eq!(sorted, [200, 403], "round {round}");
        let winner = usize::from(enabled(&app)[1]);
        let access = token(pair[winner], &["users:write"]);
        let other = format!("/users/{}", pair[1 - winner]);
        call(&app, ("PATCH", &other), &access, &json!({"disabled": false}));
        call(
            &app,
            ("PUT", &format!("{other}/scopes")),
            &access,
            &json!({"scopes": ["users:write"]}),
        );
    }
}
