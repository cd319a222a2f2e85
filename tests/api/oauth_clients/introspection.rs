//! What a token is worth, asked by clients: RFC 7662.

use super::{ISSUER, PUBLIC, ask, assert_error, done, form};
use crate::harness::{App, FORM, Response, eventually};
use crate::people::{ALL, PASSWORD, import, run, server};
use base64::Engine as _;
use serde_json::{Value, json};

const SERVICE: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// An authorization server, and the secrets of `gateway`, which may know all tokens, and of `reports`.
fn issuing(config: &str) -> (App, [String; 2]) {
    let app = server(&format!("{PUBLIC}{config}")).spawn();
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    import(&app, &[json!({"username": "jane", "scopes": ["me", "items"]})]);
    let service = ["--grant-type", "client_credentials", "--scope", "me", "--scope", "items"];
    let add = |id: &str, more: &[&str]| {
        let secret = done(&app, &[&["clients", "add", id], more, &service].concat(), "");
        secret.trim_end().to_owned()
    };
    let secrets = [add("gateway", &["--introspect"]), add("reports", &[])];
    (app, secrets)
}

const KEYS: &str = "[tokens]\nalgorithm = \"ES256\"\n";

/// `POST /oauth/introspect` by a client.
fn look(app: &App, client: (&str, &str), fields: &[(&str, &str)]) -> Response {
    let pair =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", client.0, client.1));
    let headers = [("content-type", FORM), ("authorization", &*format!("Basic {pair}"))];
    app.send("POST", "/oauth/introspect", &headers, &form(fields))
}

fn seen(app: &App, client: (&str, &str), token: &str) -> Value {
    let answer = look(app, client, &[("token", token)]);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    answer.json()
}

fn token_of(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

fn janes(app: &App) -> String {
    let login = [("username", "jane"), ("password", PASSWORD), ("scope", "me items")];
    token_of(&ask(app, None, &login))
}

#[test]
fn a_client_is_told_what_a_token_is_worth_now() {
    for config in ["", KEYS] {
        let (app, [gateway, reports]) = issuing(config);
        let (gateway, reports) = (("gateway", &*gateway), ("reports", &*reports));
        let token = janes(&app);
        let claims = crate::signer::claims(&token);
        let found = seen(&app, gateway, &token);
        assert_eq!(
            (&found["active"], &found["username"], &found["scope"], &found["token_type"]),
            (&json!(true), &json!("jane"), &json!("me items"), &json!("Bearer")),
            "{config}: {found}"
        );
        for name in ["sub", "exp", "iat", "jti", "iss", "aud", "client_id"] {
            assert_eq!(found[name], claims[name], "{name}");
        }
        assert!(found.get("bailiwick_id").is_none(), "{found}");
        let inactive = json!({"active": false});
        assert_eq!(seen(&app, reports, &token), inactive, "it is not meant for it");
        let twisted = format!("{}x", &token[..token.len() - 1]);
        let long = "x".repeat(20_000);
        for other in ["x", "a.b.c", &twisted, &long, "bwk_x", "null"] {
            assert_eq!(seen(&app, gateway, other), inactive, "{other}");
        }
        // As a guard sees it: what its holder has lost meanwhile is not in it.
        run(&app, &["users", "set-scopes", "jane", "me"], "");
        eventually("the scope is lost", || {
            (seen(&app, gateway, &token)["scope"] == "me").then_some(())
        });
        run(&app, &["users", "rename", "jane", "janet"], "");
        eventually("the name", || {
            (seen(&app, gateway, &token)["username"] == "janet").then_some(())
        });
        run(&app, &["users", "disable", "janet"], "");
        eventually("disabled", || (seen(&app, gateway, &token) == inactive).then_some(()));
        run(&app, &["users", "enable", "janet"], "");
        eventually("enabled", || (seen(&app, gateway, &token)["active"] == true).then_some(()));
        let end = app.send(
            "POST",
            "/oauth/revoke",
            &[("content-type", FORM)],
            &form(&[("token", token.as_str())]),
        );
        assert_eq!(end.status, 200);
        assert_eq!(seen(&app, gateway, &token), inactive, "ended");
    }
}

#[test]
fn a_service_sees_its_own_tokens_and_those_meant_for_it() {
    let (app, [gateway, reports]) = issuing(&format!("{KEYS}audience = \"reports\"\n"));
    let own = token_of(&ask(&app, Some(("reports", &reports)), &SERVICE));
    let found = seen(&app, ("reports", &reports), &own);
    assert_eq!(
        (&found["active"], &found["client_id"], &found["sub"], &found["iss"]),
        (&json!(true), &json!("reports"), &json!("reports"), &json!(ISSUER)),
        "{found}"
    );
    assert!(found.get("username").is_none(), "{found}");
    assert_eq!(seen(&app, ("gateway", &gateway), &own)["active"], true);
    let others = token_of(&ask(&app, Some(("gateway", &gateway)), &SERVICE));
    let found = seen(&app, ("reports", &reports), &others);
    assert_eq!((&found["active"], &found["aud"][1]), (&json!(true), &json!("reports")), "{found}");
    done(&app, &["clients", "set", "reports", "--scope", "me"], "");
    eventually("the scope is lost", || {
        (seen(&app, ("gateway", &gateway), &own)["scope"] == "me").then_some(())
    });
    done(&app, &["clients", "delete", "reports"], "");
    eventually("deleted", || {
        (seen(&app, ("gateway", &gateway), &own) == json!({"active": false})).then_some(())
    });
}

#[test]
fn a_client_sees_what_its_users_got_by_it() {
    for config in ["", KEYS] {
        let (app, [_, reports]) = issuing(&format!(
            "{}password_refresh = true\n",
            if config.is_empty() { "[tokens]\n" } else { config }
        ));
        let web = super::registered(&app, "web", &["--grant-type", "refresh_token"]);
        let (web, reports) = (("web", &*web), ("reports", &*reports));
        let login = super::jane(&app, Some(web), &[("scope", "me items")]);
        let kept = login.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
        let renew = [("grant_type", "refresh_token"), ("refresh_token", &*kept)];
        for token in [token_of(&login), token_of(&ask(&app, Some(web), &renew))] {
            let found = seen(&app, web, &token);
            assert_eq!(
                (&found["active"], &found["username"], &found["client_id"]),
                (&json!(true), &json!("jane"), &json!("web")),
                "{config}: {found}"
            );
            assert_eq!(seen(&app, reports, &token), json!({"active": false}));
            assert_eq!(app.get_as("/users/me/items", &token).status, 200);
        }
        let unregistered = seen(&app, web, &janes(&app));
        assert_eq!(unregistered, json!({"active": false}), "another's");
    }
}

#[test]
fn a_refresh_token_is_worth_something_as_long_as_it_renews() {
    let (app, [gateway, reports]) = issuing("[tokens]\npassword_refresh = true\n");
    let more = ["--grant-type", "refresh_token"];
    let web = super::registered(&app, "web", &more);
    let (gateway, web) = (("gateway", &*gateway), ("web", &*web));
    let inactive = json!({"active": false});
    let refresh_token = |answer: &Response| {
        answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned()
    };
    let first = refresh_token(&super::jane(&app, None, &[("scope", "me items")]));
    let found = seen(&app, gateway, &first);
    assert_eq!(
        (&found["active"], &found["username"], &found["scope"]),
        (&json!(true), &json!("jane"), &json!("me items")),
        "{found}"
    );
    assert!(found["exp"].as_i64() > found["auth_time"].as_i64() && found["client_id"].is_null());
    assert_eq!(seen(&app, web, &first), inactive, "it is not its own");
    let renew = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
    let second = refresh_token(&ask(&app, None, &renew));
    assert_eq!(
        (seen(&app, gateway, &first), seen(&app, gateway, &second)["active"].clone()),
        (inactive.clone(), json!(true))
    );
    assert_eq!(refresh_token(&ask(&app, None, &renew)), second, "looking uses nothing up");

    let own = refresh_token(&super::jane(&app, Some(web), &[("scope", "me")]));
    for by in [web, gateway] {
        let found = seen(&app, by, &own);
        assert_eq!(
            (&found["active"], &found["client_id"]),
            (&json!(true), &json!("web")),
            "{found}"
        );
    }
    assert_eq!(seen(&app, ("reports", &reports), &own), inactive);
    let damaged = format!("{}A", &own[..own.len() - 1]);
    let other = format!("{}B", &own[..own.len() - 1]);
    assert!(
        [damaged, other].iter().any(|text| *text != own && seen(&app, gateway, text) == inactive)
    );
    let scopes = |token: &str| seen(&app, gateway, token)["scope"].clone();
    let both = refresh_token(&super::jane(&app, Some(web), &[("scope", "me items")]));
    assert_eq!(scopes(&both), json!("me items"));
    done(&app, &["clients", "set", "web", "--scope", "me"], "");
    eventually("what a renewal would give", || (scopes(&both) == json!("me")).then_some(()));
    done(&app, &["clients", "delete", "web"], "");
    eventually("the client's login ends", || (seen(&app, gateway, &own) == inactive).then_some(()));
    run(&app, &["users", "sign-out", "jane"], "");
    eventually("signed out", || (seen(&app, gateway, &second) == inactive).then_some(()));
}

#[test]
fn who_does_not_prove_it_is_told_nothing() {
    let (app, [gateway, _]) = issuing("");
    let token = janes(&app);
    done(&app, &["clients", "add", "web", "--auth-method", "none", "--grant-type", "password"], "");
    let send = |fields: &[(&str, &str)]| {
        app.send("POST", "/oauth/introspect/", &[("content-type", FORM)], &form(fields))
    };
    let shown = [("token", token.as_str())];
    for answer in [
        send(&shown),
        send(&[shown[0], ("client_id", "web")]),
        send(&[shown[0], ("client_id", "gateway")]),
        send(&[shown[0], ("client_id", "gateway"), ("client_secret", "wrong")]),
        send(&[shown[0], ("client_id", "nobody"), ("client_secret", &gateway)]),
    ] {
        assert_error(&answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    let answer = look(&app, ("gateway", "wrong"), &shown);
    assert_error(&answer, 401, "invalid_client");
    assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Basic")));
    let bearer = [("authorization", &*format!("Bearer {token}")), ("content-type", FORM)];
    let answer = app.send("POST", "/oauth/introspect", &bearer, &form(&shown));
    assert_error(&answer, 401, "invalid_client");
    let by_form = [shown[0], ("client_id", "gateway"), ("client_secret", &gateway)];
    assert_eq!(send(&by_form).json()["active"], true);
    let gateway = ("gateway", &*gateway);
    for fields in [
        &[][..],
        &[("token", "")],
        &[shown[0], shown[0]],
        &[shown[0], ("token_type_hint", "a"), ("token_type_hint", "b")],
        &[shown[0], ("client_id", "gateway"), ("client_id", "gateway")],
        &[shown[0], ("client_secret", gateway.1)],
        &[shown[0], ("client_id", "reports")],
    ] {
        assert_error(&look(&app, gateway, fields), 400, "invalid_request");
    }
    let hinted = look(&app, gateway, &[shown[0], ("token_type_hint", "refresh_token")]);
    assert_eq!(hinted.json()["active"], true, "a hint is no more than that");
    let huge = "x".repeat(1 << 20);
    assert_eq!(look(&app, gateway, &[("token", &huge)]).status, 413);
    assert_eq!(app.send("GET", "/oauth/introspect", &[], "").status, 405);
    let without = server("").spawn();
    assert_eq!(without.send("POST", "/oauth/introspect", &[], "").status, 404);
}
