//! Every security scheme, in `examples/schemes.rs`: what is read, what is refused, what the
//! document says.

use crate::example_server::Example;
use crate::harness::Response;
use serde_json::{Value, json};

const GOOD: &str = "token-of-acme";
const ABSENT: &str = "Not authenticated";
const INVALID: &str = "Could not validate credentials";

/// A request that carries a value in a scheme's own place.
type Ask = fn(&Example, &str, &str) -> Response;

fn authorization(app: &Example, path: &str, value: &str) -> Response {
    app.get_as(path, value)
}

fn bearer(app: &Example, path: &str, value: &str) -> Response {
    app.get_as(path, &format!("Bearer {value}"))
}

fn header(app: &Example, path: &str, value: &str) -> Response {
    app.send("GET", path, &[("x-api-key", value)], "")
}

fn query(app: &Example, path: &str, value: &str) -> Response {
    app.get(&format!("{path}?other=1&api_key={value}"))
}

fn cookie(app: &Example, path: &str, value: &str) -> Response {
    app.send("GET", path, &[("cookie", &format!("other=1; session={value}"))], "")
}

/// Each scheme: its path, how its credentials are sent, its challenge, and how an empty value is
/// treated.
const SCHEMES: [(&str, Ask, &str, &str); 6] = [
    ("/third-party", bearer, "Bearer", INVALID),
    ("/discovered", bearer, "Bearer", INVALID),
    ("/machine", bearer, "Bearer", ABSENT),
    ("/key", header, "APIKey", ABSENT),
    ("/query", query, "APIKey", ABSENT),
    ("/cookie", cookie, "APIKey", ABSENT),
];

#[track_caller]
fn refused(answer: &Response, challenge: &str, detail: &str) {
    let found = (answer.status, answer.header("www-authenticate"), answer.json());
    assert_eq!(found, (401, Some(challenge), json!({ "detail": detail })));
}

#[track_caller]
fn assert_ok(answer: &Response, body: &Value) {
    assert_eq!((answer.status, &answer.json()), (200, body));
}

#[test]
fn credentials_are_read_from_their_place() {
    let app = Example::spawn("schemes");
    for (path, ask, challenge, _) in SCHEMES {
        assert_ok(&ask(&app, path, GOOD), &json!({"partner": "acme"}));
        refused(&ask(&app, path, "forged"), challenge, INVALID);
    }
    for path in ["/third-party", "/discovered", "/machine"] {
        // Schemes are case-insensitive (RFC 9110 §11.1); OpenID Connect leaves that to the check.
        let lower = authorization(&app, path, &format!("bearer {GOOD}")).status;
        assert_eq!(lower, if path == "/discovered" { 401 } else { 200 }, "{path}");
    }
}

#[test]
fn missing_credentials_are_refused_with_the_scheme_s_challenge() {
    let app = Example::spawn("schemes");
    for (path, ask, challenge, empty) in SCHEMES {
        refused(&app.get(path), challenge, ABSENT);
        refused(&ask(&app, path, ""), challenge, empty);
        // Another scheme's credentials do not count; OpenID Connect takes the whole header.
        let basic = authorization(&app, path, "Basic am9objoxMjM0");
        refused(&basic, challenge, if path == "/discovered" { INVALID } else { ABSENT });
    }
}

#[test]
fn a_maybe_is_null_without_credentials_and_refuses_bad_ones() {
    let app = Example::spawn("schemes");
    for (path, ask, challenge, empty) in SCHEMES {
        let path = format!("{path}/optional");
        assert_ok(&app.get(&path), &json!({"partner": null}));
        assert_ok(&ask(&app, &path, GOOD), &json!({"partner": "acme"}));
        refused(&ask(&app, &path, "forged"), challenge, INVALID);
        match empty {
            ABSENT => assert_ok(&ask(&app, &path, ""), &json!({"partner": null})),
            _ => refused(&ask(&app, &path, ""), challenge, INVALID),
        }
    }
}

#[test]
fn basic_refuses_malformed_credentials_even_where_it_is_optional() {
    let app = Example::spawn("schemes");
    let challenge = r#"Basic realm="front desk""#;
    let john = "Basic am9objoxMjM0";
    refused(&app.get("/desk"), challenge, ABSENT);
    refused(&app.get_as("/desk", "Bearer x"), challenge, ABSENT);
    refused(&app.get_as("/desk", "Basic"), challenge, ABSENT);
    assert_ok(&app.get_as("/desk", john), &json!({"name": "john"}));
    assert_ok(&app.get("/desk/optional"), &json!({"name": null}));
    assert_ok(&app.get_as("/desk/optional", "Bearer x"), &json!({"name": null}));
    assert_ok(&app.get_as("/desk/optional", john), &json!({"name": "john"}));
    // Not base64, not UTF-8, no colon.
    for malformed in ["Basic !", "Basic /zr/", "Basic am9obg=="] {
        refused(&app.get_as("/desk", malformed), challenge, ABSENT);
        refused(&app.get_as("/desk/optional", malformed), challenge, ABSENT);
    }
}

#[test]
fn an_application_s_own_user_type_has_scopes() {
    let app = Example::spawn("schemes");
    let path = "/third-party/scoped";
    let challenge = r#"Bearer scope="partners:read""#;
    assert_ok(&bearer(&app, path, GOOD), &json!({"partner": "acme"}));
    refused(&bearer(&app, path, "token-of-umbrella"), challenge, "Not enough permissions");
    refused(&bearer(&app, path, "forged"), challenge, INVALID);
    refused(&app.get(path), "Bearer", ABSENT);
}

#[test]
fn two_schemes_are_both_required_and_do_not_share_scopes() {
    let app = Example::spawn("schemes");
    let path = "/third-party/and-key";
    let ask = |token: &str, key: &str| {
        let token = format!("Bearer {token}");
        app.send("GET", path, &[("authorization", &token), ("x-api-key", key)], "")
    };
    let (rich, poor) = (GOOD, "token-of-umbrella");
    assert_ok(&ask(rich, rich), &json!({"partner": "acme"}));
    assert_ok(&ask(rich, poor), &json!({"partner": "acme"}));
    refused(&ask(poor, rich), r#"Bearer scope="partners:read""#, "Not enough permissions");
    refused(&ask(rich, "forged"), "APIKey", INVALID);
    refused(&bearer(&app, path, rich), "APIKey", ABSENT);
    refused(&header(&app, path, rich), "Bearer", ABSENT);
    let security = &app.document()["paths"][path]["get"]["security"];
    assert_eq!(security, &json!([{"ThirdParty": ["partners:read"], "PartnerKey": []}]));
}

#[test]
fn the_strict_profile_responds_as_the_rfcs_say() {
    let app = Example::spawn_with("schemes", &[("SCHEMES__SECURITY__PROFILE", "strict")]);
    let challenge = |answer: &Response| answer.header("www-authenticate").map(str::to_owned);
    let few = bearer(&app, "/third-party/scoped", "token-of-umbrella");
    assert_eq!(few.status, 403);
    assert_eq!(
        challenge(&few).as_deref(),
        Some(
            r#"Bearer realm="schemes", error="insufficient_scope", error_description="The access token lacks a scope", scope="partners:read""#
        ),
    );
    assert_eq!(
        challenge(&app.get("/desk")).as_deref(),
        Some(r#"Basic realm="front desk", charset="UTF-8""#),
    );
    assert_eq!(challenge(&app.get("/key")).as_deref(), Some(r#"APIKey realm="schemes""#));
}

#[test]
fn the_document_describes_every_kind() {
    let app = Example::spawn_with("schemes", &[("SCHEMES__SERVER__ROOT_PATH", "/api")]);
    let document = app.document();
    let schemes = &document["components"]["securitySchemes"];
    let login = "https://login.example.com";
    let expected = json!({
        "ThirdParty": {
            "type": "oauth2",
            "description": "Log in with the provider and come back with its token.",
            "flows": {"authorizationCode": {
                "authorizationUrl": format!("{login}/authorize"),
                "tokenUrl": format!("{login}/token"),
                "refreshUrl": format!("{login}/refresh"),
                "scopes": {"partners:read": "Read what partners read."},
            }},
        },
        "Discovered": {
            "type": "openIdConnect",
            "description": "The same provider, which says by itself how to log in.",
            "openIdConnectUrl": format!("{login}/.well-known/openid-configuration"),
        },
        "Machine": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token that you got elsewhere.",
        },
        "PartnerKey": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The key that we sent you.",
        },
        "KeyInQuery": {
            "type": "apiKey",
            "in": "query",
            "name": "api_key",
            "description": "The key, for what can send no headers.",
        },
        "KeyInCookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "session",
            "description": "The key, from a browser.",
        },
        "Desk": {"type": "http", "scheme": "basic", "description": "A door of its own."},
    });
    for (name, scheme) in expected.as_object().unwrap() {
        assert_eq!(&schemes[name], scheme, "{name}");
    }
    let shipped = &schemes["OAuth2PasswordBearer"];
    assert_eq!(shipped["flows"]["password"]["tokenUrl"], "/api/token");

    let needs = |path: &str| document["paths"][path]["get"]["security"].clone();
    assert_eq!(needs("/key"), json!([{"PartnerKey": []}]));
    assert_eq!(needs("/key/optional"), json!([{"PartnerKey": []}, {}]));
    assert_eq!(needs("/third-party/scoped"), json!([{"ThirdParty": ["partners:read"]}]));
    assert_eq!(needs("/third-party"), json!([{"ThirdParty": []}]));
}

#[test]
fn a_scheme_of_this_server_has_the_urls_of_its_settings() {
    let flow = |document: &Value, scheme: &str| {
        document["components"]["securitySchemes"][scheme]["flows"]["authorizationCode"].clone()
    };
    let root = ("SCHEMES__SERVER__ROOT_PATH", "/api");
    let plain = Example::spawn_with("schemes", &[root]).document();
    let here = flow(&plain, "Here");
    assert_eq!(here["authorizationUrl"], "/api/oauth/authorize");
    assert_eq!(flow(&plain, "OAuth2PasswordBearer"), Value::Null);
    assert_eq!(plain["paths"]["/here"]["get"]["security"][0]["Here"], json!([]));
    let url = "https://auth.example.com/api";
    let public = ("SCHEMES__SERVER__PUBLIC_URL", url);
    let app = Example::spawn_with("schemes", &[root, public]);
    let document = app.document();
    let here = flow(&document, "Here");
    assert_eq!(here["authorizationUrl"], format!("{url}/oauth/authorize"));
    assert_eq!(here["tokenUrl"], format!("{url}/token"));
    assert_eq!(here["refreshUrl"], format!("{url}/token"));
    let password = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"];
    assert_eq!(password["password"]["tokenUrl"], "/api/token");
    assert!(here["scopes"]["partners:read"].is_string());
    assert_eq!(here["scopes"], password["password"]["scopes"]);
    // The shipped guards take such tokens as well.
    assert_eq!(flow(&document, "OAuth2PasswordBearer"), here);
    assert_eq!(app.get("/here").status, 401);
}
