//! Refresh tokens of registered clients: each has its own, and those that prove who they are keep them.

use super::{PUBLIC, ask, assert_error, done, jane, registered};
use crate::harness::{App, FORM, Response, eventually};
use crate::people::{ALL, import, server};
use serde_json::{Value, json};

fn refreshing() -> App {
    let app = server(PUBLIC).config("[tokens]\npassword_refresh = true\n").spawn();
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    import(&app, &[json!({"username": "jane", "scopes": ["me", "items"]})]);
    app
}

fn token(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned()
}

fn refresh(app: &App, basic: Option<(&str, &str)>, token: &str, more: &[(&str, &str)]) -> Response {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    ask(app, basic, &[&fields, more].concat())
}

fn me(app: &App, answer: &Value) -> u16 {
    app.get_as("/users/me", answer["access_token"].as_str().expect("a token")).status
}

#[test]
fn each_client_renews_its_own_logins_only() {
    let app = refreshing();
    let more = ["--grant-type", "refresh_token"];
    let (one, other) = (registered(&app, "one", &more), registered(&app, "other", &more));
    let public = [&more[..], &["--auth-method", "none"]].concat();
    registered(&app, "public", &public);
    let one = Some(("one", one.as_str()));
    let other = Some(("other", other.as_str()));
    let public: &[(&str, &str)] = &[("client_id", "public")];

    // It proves who it is, so its token stays, however often it is used.
    let held = token(&jane(&app, one, &[("scope", "me")]));
    for _ in 0..3 {
        let answer = refresh(&app, one, &held, &[]);
        assert_eq!((token(&answer), me(&app, &answer.json())), (held.clone(), 200));
    }
    // Nobody else's.
    for (basic, more) in
        [(other, &[][..]), (None, public), (None, &[]), (None, &[("client_id", "x")])]
    {
        assert_error(&refresh(&app, basic, &held, more), 400, "invalid_grant");
    }
    assert_error(&refresh(&app, Some(("one", "wrong")), &held, &[]), 401, "invalid_client");
    let named = [("client_id", "one")];
    assert_error(&refresh(&app, None, &held, &named), 401, "invalid_client");
    let twice = [("client_id", "one"), ("client_id", "one")];
    assert_error(&refresh(&app, one, &held, &twice), 400, "invalid_request");
    assert_eq!(token(&refresh(&app, one, &held, &[])), held, "and nothing has ended it");

    // A public one gets the next one each time.
    let first = token(&jane(&app, None, public));
    let second = token(&refresh(&app, None, &first, public));
    assert_ne!(second, first);
    assert_error(&refresh(&app, None, &second, &[]), 400, "invalid_grant");
    let third = token(&refresh(&app, None, &second, public));
    assert_error(&refresh(&app, None, &first, public), 400, "invalid_grant");
    assert_error(&refresh(&app, None, &third, public), 400, "invalid_grant");

    // One that is not registered is none.
    let anybodys = token(&jane(&app, None, &[("client_id", "x")]));
    assert_error(&refresh(&app, one, &anybodys, &[]), 400, "invalid_grant");
    assert_ne!(token(&refresh(&app, None, &anybodys, &[])), anybodys);
}

#[test]
fn what_a_client_may_not_have_it_does_not_get() {
    let app = refreshing();
    let secret = registered(&app, "plain", &[]);
    let plain = Some(("plain", secret.as_str()));
    let answer = jane(&app, plain, &[]).json();
    assert!(answer["access_token"].is_string() && answer.get("refresh_token").is_none());
    assert_error(&refresh(&app, plain, "bwr_x", &[]), 400, "unauthorized_client");

    let secret = registered(&app, "less", &["--grant-type", "refresh_token"]);
    let less = Some(("less", secret.as_str()));
    let held = token(&jane(&app, less, &[("scope", "me items")]));
    assert_eq!(refresh(&app, less, &held, &[]).json()["scope"], "me items");
    done(&app, &["clients", "set", "less", "--scope", "me"], "");
    eventually("the client's own scopes", || {
        (refresh(&app, less, &held, &[]).json()["scope"] == "me").then_some(())
    });
    // Another of its name is another one.
    done(&app, &["clients", "delete", "less"], "");
    let secret = registered(&app, "less", &["--grant-type", "refresh_token"]);
    eventually("the other one", || {
        (refresh(&app, Some(("less", &secret)), &held, &[]).status == 400).then_some(())
    });
}

/// Its secret, if it has one.
#[test]
fn a_clients_login_is_ended_by_the_client() {
    let app = refreshing();
    let secret = registered(&app, "one", &["--grant-type", "refresh_token"]);
    let one = Some(("one", secret.as_str()));
    let login = jane(&app, one, &[("scope", "me")]);
    let held = token(&login);
    let form = format!("token={held}");
    let revoke = |more: &str| {
        app.send("POST", "/oauth/revoke", &[("content-type", FORM)], &format!("{form}{more}"))
    };
    let other = registered(&app, "other", &["--grant-type", "refresh_token"]);
    for who in ["", &format!("&client_id=other&client_secret={other}")] {
        assert_error(&revoke(who), 400, "invalid_grant");
    }
    assert_error(&revoke("&client_id=one&client_secret=wrong"), 401, "invalid_client");
    assert_error(&revoke("&client_id=one&client_id=one"), 400, "invalid_request");
    assert_eq!(me(&app, &login.json()), 200);
    let right = revoke(&format!("&client_id=one&client_secret={secret}"));
    assert_eq!((right.status, me(&app, &login.json())), (200, 401));
    assert_error(&refresh(&app, one, &held, &[]), 400, "invalid_grant");
}

#[test]
fn the_metadata_says_what_clients_can_do() {
    for app in [refreshing(), server(PUBLIC).spawn()] {
        let metadata = app.get("/.well-known/oauth-authorization-server").json();
        let grants = json!(["authorization_code", "refresh_token", "password"]);
        assert_eq!(metadata["grant_types_supported"], grants);
        let methods = &metadata["revocation_endpoint_auth_methods_supported"];
        assert_eq!(methods, &metadata["token_endpoint_auth_methods_supported"]);
        assert!(methods.to_string().contains("private_key_jwt"), "{methods}");
        let introspection = &metadata["introspection_endpoint_auth_methods_supported"];
        assert!(!introspection.to_string().contains("none"), "{introspection}");
    }
}

#[test]
fn what_users_got_by_a_client_ends_with_it() {
    for (name, more) in [("plain", &[][..]), ("renewing", &["--grant-type", "refresh_token"])] {
        let app = refreshing();
        let other = registered(&app, "other", more);
        for end in [&["delete"][..], &["rotate-secret", "--at-once"]] {
            let name = format!("{name}-{}", end[0]);
            let secret = registered(&app, &name, more);
            let got = jane(&app, Some((&name, &secret)), &[("scope", "me")]).json();
            let others = jane(&app, Some(("other", &other)), &[("scope", "me")]).json();
            let own = jane(&app, None, &[("scope", "me")]).json();
            assert_eq!([&got, &others, &own].map(|answer| me(&app, answer)), [200; 3]);
            let (what, options) = (end[0], &end[1..]);
            done(&app, &[&["clients", what, &name], options].concat(), "");
            eventually("its end", || (me(&app, &got) == 401).then_some(()));
            assert_eq!([&others, &own].map(|answer| me(&app, answer)), [200; 2]);
            // Another client of this name is another client.
            if what == "delete" {
                let secret = registered(&app, &name, more);
                let new = eventually("the new client", || {
                    let answer = jane(&app, Some((&name, &secret)), &[("scope", "me")]);
                    (answer.status == 200).then(|| answer.json())
                });
                assert_eq!([&new, &got].map(|answer| me(&app, answer)), [200, 401]);
            }
        }
    }
}
