//! The basic certification profile of the OpenID Foundation, case by case, by the names of its test suite
//! (`oidcc-basic-certification-test-plan`, and the one case of `oidcc-config-certification-test-plan`). Each case asks what the suite's module asks.

use super::{
    CHALLENGE, Client, assert_error, decide, local, log_in_at, login_page, sent, walk, with_pages,
};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::Visitor;
use crate::harness::{App, FORM, eventually};
use crate::people::{PASSWORD, import};
use jsonwebtoken::{Algorithm, decode_header};
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What every case has: a server, and the two clients that the suite registers.
struct World {
    app: App,
    secrets: [String; 2],
}

impl World {
    fn first(&self) -> Client<'_> {
        Client { app: &self.app, id: "first", secret: Some(self.secrets[0].clone()) }
    }

    fn second(&self) -> Client<'_> {
        Client { app: &self.app, id: "second", secret: Some(self.secrets[1].clone()) }
    }

    fn userinfo(&self, tokens: &Value) -> Value {
        let answer =
            self.app.get_as("/oauth/userinfo", tokens["access_token"].as_str().expect("it"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

type Case = fn(&World);

/// The cases that apply; each must pass.
const CASES: [(&str, Case); 39] = [
    ("oidcc-server", server),
    ("oidcc-response-type-missing", response_type_missing),
    ("oidcc-idtoken-signature", idtoken_signature),
    ("oidcc-idtoken-unsigned", idtoken_unsigned),
    ("oidcc-userinfo-get", userinfo_get),
    ("oidcc-userinfo-post-header", userinfo_post_header),
    ("oidcc-userinfo-post-body", userinfo_post_body),
    ("oidcc-ensure-request-without-nonce-succeeds-for-code-flow", without_nonce),
    ("oidcc-scope-profile", scope_profile),
    ("oidcc-scope-email", scope_email),
    ("oidcc-scope-address", scope_address),
    ("oidcc-scope-phone", scope_phone),
    ("oidcc-scope-all", scope_all),
    ("oidcc-ensure-other-scope-order-succeeds", other_scope_order),
    ("oidcc-display-page", display_page),
    ("oidcc-display-popup", display_popup),
    ("oidcc-prompt-login", prompt_login),
    ("oidcc-prompt-none-not-logged-in", prompt_none_not_logged_in),
    ("oidcc-prompt-none-logged-in", prompt_none_logged_in),
    ("oidcc-max-age-1", max_age_1),
    ("oidcc-max-age-10000", max_age_10000),
    ("oidcc-ensure-request-with-unknown-parameter-succeeds", unknown_parameter),
    ("oidcc-id-token-hint", id_token_hint),
    ("oidcc-login-hint", login_hint),
    ("oidcc-ui-locales", ui_locales),
    ("oidcc-claims-locales", claims_locales),
    ("oidcc-ensure-request-with-acr-values-succeeds", acr_values),
    ("oidcc-codereuse", codereuse),
    ("oidcc-codereuse-30seconds", codereuse_30seconds),
    ("oidcc-ensure-registered-redirect-uri", registered_redirect_uri),
    ("oidcc-ensure-post-request-succeeds", post_request),
    ("oidcc-server-client-secret-post", client_secret_post),
    (
        "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
        unsigned_request_object,
    ),
    ("oidcc-request-uri-unsigned", request_uri_unsigned),
    ("oidcc-claims-essential", claims_essential),
    ("oidcc-ensure-request-object-with-redirect-uri", request_object_with_redirect_uri),
    ("oidcc-refresh-token", refresh_token),
    ("oidcc-ensure-request-with-valid-pkce-succeeds", valid_pkce),
    ("oidcc-discovery-endpoint-verification", discovery),
];

#[test]
fn all_cases_of_the_basic_profile_pass() {
    let app = with_pages("");
    import(
        &app,
        &[json!({"username": "carol", "email": "carol@example.com", "full_name": "Carol C",
        "scopes": ["me", "items"]})],
    );
    // The suite sends no challenge.
    let secrets = ["first", "second"].map(|id| {
        let client = Client::add(&app, id, &["--require-pkce=false", "--skip-consent"]);
        client.secret.expect("a secret")
    });
    let world = World { app, secrets };
    let mut failed = Vec::new();
    for (name, case) in CASES {
        let passes = catch_unwind(AssertUnwindSafe(|| case(&world))).is_ok();
        println!("{name}: {}", if passes { "passed" } else { "FAILED" });
        if !passes {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// As the suite sends requests.
const PLAIN: [(&str, &str); 3] =
    [("code_challenge", ""), ("code_challenge_method", ""), ("scope", "openid")];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    PLAIN.into_iter().chain(more.iter().copied()).collect()
}

/// A browser in which carol is logged in.
fn browser(world: &World) -> Visitor<'_> {
    let mut browser = Visitor::of(&world.app);
    browser.log_in("carol", PASSWORD);
    browser
}

fn code(browser: &mut Visitor<'_>, client: &Client<'_>, more: &[(&str, &str)]) -> String {
    let told = sent(&walk(browser, &client.request(&with(more))));
    told.get("code").unwrap_or_else(|| panic!("{told:?}")).clone()
}

fn tokens(browser: &mut Visitor<'_>, client: &Client<'_>, more: &[(&str, &str)]) -> Value {
    let code = code(browser, client, more);
    let answer = client.redeem(&code, &[("code_verifier", "")]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// A whole flow with this parameter, whose ID token and userinfo belong together.
fn succeeds(world: &World, more: &[(&str, &str)]) -> Value {
    let (mut browser, client) = (browser(world), world.first());
    let tokens = tokens(&mut browser, &client, more);
    let read = client.verified(&tokens);
    assert_eq!(world.userinfo(&tokens)["sub"], read["sub"]);
    read
}

fn server(world: &World) {
    let client = world.first();
    let mut browser = browser(world);
    let more = [("nonce", "n1"), ("state", "s1")];
    let told = sent(&walk(&mut browser, &client.request(&with(&more))));
    assert_eq!((told["state"].as_str(), told["iss"].as_str()), ("s1", URL));
    let answer = client.redeem(&told["code"], &[("code_verifier", "")]);
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    let tokens = answer.json();
    assert!(tokens["token_type"].as_str().expect("it").eq_ignore_ascii_case("bearer"));
    let read = client.verified(&tokens);
    assert_eq!((&read["nonce"], &read["aud"]), (&json!("n1"), &json!("first")));
    assert!(read["at_hash"].is_string() && read["exp"].is_i64() && read["iat"].is_i64());
}

fn response_type_missing(world: &World) {
    let answer = browser(world).get(&world.first().request(&with(&[("response_type", "")])));
    assert_eq!(sent(&answer)["error"], "invalid_request");
}

/// Of a key that is published under its `kid`, by the algorithm that clients expect.
fn idtoken_signature(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let tokens = tokens(&mut browser, &client, &[]);
    let head = decode_header(tokens["id_token"].as_str().expect("it")).expect("a header");
    assert_eq!(head.alg, Algorithm::RS256);
    let kid = head.kid.expect("a kid");
    let keys = world.app.get("/oauth/jwks").json();
    let is_it = |key: &&Value| key["kid"] == *kid && key["kty"] == "RSA";
    assert_eq!(keys["keys"].as_array().expect("keys").iter().filter(is_it).count(), 1, "{keys}");
    client.verified(&tokens);
}

/// Not supported, and so not in `id_token_signing_alg_values_supported`: no client can be registered for it.
fn idtoken_unsigned(world: &World) {
    let found = world.app.get("/.well-known/openid-configuration").json();
    let signs = found["id_token_signing_alg_values_supported"].as_array().expect("a list");
    assert!(!signs.contains(&json!("none")), "{signs:?}");
    let refused = world.app.command(&["clients", "set", "first", "--id-token-alg", "none"], "");
    assert!(!refused.status.success(), "{refused:?}");
}

fn userinfo_get(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let tokens = tokens(&mut browser, &client, &[]);
    assert_eq!(world.userinfo(&tokens)["sub"], client.verified(&tokens)["sub"]);
}

fn userinfo_post_header(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let tokens = tokens(&mut browser, &client, &[]);
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("it"));
    let answer = world.app.send("POST", "/oauth/userinfo", &[("authorization", &bearer)], "");
    assert_eq!(answer.json()["sub"], client.verified(&tokens)["sub"]);
}

fn userinfo_post_body(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let tokens = tokens(&mut browser, &client, &[]);
    let form = format!("access_token={}", tokens["access_token"].as_str().expect("it"));
    let answer = world.app.send("POST", "/oauth/userinfo", &[("content-type", FORM)], &form);
    assert_eq!(answer.json()["sub"], client.verified(&tokens)["sub"]);
}

fn without_nonce(world: &World) {
    assert!(succeeds(world, &[]).get("nonce").is_none());
}

fn told_by(world: &World, scope: &str) -> Value {
    let (mut browser, client) = (browser(world), world.first());
    let tokens = tokens(&mut browser, &client, &[("scope", scope)]);
    world.userinfo(&tokens)
}

fn scope_profile(world: &World) {
    let told = told_by(world, "openid profile");
    assert_eq!((&told["name"], &told["preferred_username"]), (&json!("Carol C"), &json!("carol")));
    assert!(told["updated_at"].is_i64() && told.get("email").is_none());
}

fn scope_email(world: &World) {
    let told = told_by(world, "openid email");
    assert_eq!(
        (&told["email"], told["email_verified"].is_boolean()),
        (&json!("carol@example.com"), true)
    );
}

/// Not supported, and so not in `scopes_supported`: it counts for nothing.
fn scope_address(world: &World) {
    assert!(told_by(world, "openid address").get("address").is_none());
}

/// The same.
fn scope_phone(world: &World) {
    assert!(told_by(world, "openid phone").get("phone_number").is_none());
}

fn scope_all(world: &World) {
    let told = told_by(world, "openid profile email address phone");
    assert!(told["name"].is_string() && told["email"].is_string());
}

fn other_scope_order(world: &World) {
    let told = told_by(world, "email openid");
    assert!(told["email"].is_string());
}

fn display_page(world: &World) {
    succeeds(world, &[("display", "page")]);
}

fn display_popup(world: &World) {
    succeeds(world, &[("display", "popup")]);
}

fn prompt_login(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let first = client.verified(&tokens(&mut browser, &client, &[]));
    let page = login_page(&mut browser, &client.request(&with(&[("prompt", "login")])));
    let back = local(&log_in_at(&mut browser, &page, "carol")).expect("back");
    let code = sent(&browser.get(&back)).remove("code").expect("a code");
    let second = client.verified(&client.redeem(&code, &[("code_verifier", "")]).json());
    assert_eq!(second["sub"], first["sub"]);
    assert!(second["auth_time"].as_i64() >= first["auth_time"].as_i64());
}

fn prompt_none_not_logged_in(world: &World) {
    let answer = Visitor::of(&world.app).get(&world.first().request(&with(&[("prompt", "none")])));
    assert_eq!(sent(&answer)["error"], "login_required");
}

fn prompt_none_logged_in(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let first = client.verified(&tokens(&mut browser, &client, &[]));
    let second = client.verified(&tokens(&mut browser, &client, &[("prompt", "none")]));
    assert_eq!((&second["sub"], &second["auth_time"]), (&first["sub"], &first["auth_time"]));
}

fn max_age_1(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let path = client.request(&with(&[("max_age", "1")]));
    let login = eventually("a login that is too old", || {
        local(&browser.get(&path)).filter(|it| it.starts_with("/auth/login"))
    });
    let page = browser.get(&login);
    let back = local(&log_in_at(&mut browser, &page, "carol")).expect("back");
    let code = sent(&browser.get(&back)).remove("code").expect("a code");
    let read = client.verified(&client.redeem(&code, &[("code_verifier", "")]).json());
    assert!(read["auth_time"].is_i64());
}

fn max_age_10000(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let first = client.verified(&tokens(&mut browser, &client, &[]));
    let second = client.verified(&tokens(&mut browser, &client, &[("max_age", "10000")]));
    assert_eq!(second["auth_time"], first["auth_time"]);
}

fn unknown_parameter(world: &World) {
    succeeds(world, &[("extra", "foobar")]);
}

fn id_token_hint(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let first = tokens(&mut browser, &client, &[]);
    let hint = first["id_token"].as_str().expect("it");
    let more = [("prompt", "none"), ("id_token_hint", hint)];
    let second = client.verified(&tokens(&mut browser, &client, &more));
    assert_eq!(second["sub"], client.verified(&first)["sub"]);
}

fn login_hint(world: &World) {
    let mut browser = Visitor::of(&world.app);
    let path = world.first().request(&with(&[("login_hint", "carol")]));
    assert!(login_page(&mut browser, &path).body.contains("value=\"carol\""));
}

fn ui_locales(world: &World) {
    succeeds(world, &[("ui_locales", "se")]);
}

fn claims_locales(world: &World) {
    succeeds(world, &[("claims_locales", "se")]);
}

fn acr_values(world: &World) {
    succeeds(world, &[("acr_values", "1 2")]);
}

fn codereuse(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let code = code(&mut browser, &client, &[]);
    assert_eq!(client.redeem(&code, &[("code_verifier", "")]).status, 200);
    assert_error(&client.redeem(&code, &[("code_verifier", "")]), 400, "invalid_grant");
}

/// The suite waits for 30 seconds; here the database's rows are older. The tokens end, too.
fn codereuse_30seconds(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let code = code(&mut browser, &client, &[]);
    let tokens = client.redeem(&code, &[("code_verifier", "")]).json();
    world.userinfo(&tokens);
    let statement =
        "UPDATE codes SET used_at = used_at - 30, expires = expires - 30 WHERE used_at IS NOT NULL";
    crate::refresh::execute(&world.app, statement);
    assert_error(&client.redeem(&code, &[("code_verifier", "")]), 400, "invalid_grant");
    let token = tokens["access_token"].as_str().expect("it");
    assert_eq!(world.app.get_as("/oauth/userinfo", token).status, 401);
}

fn registered_redirect_uri(world: &World) {
    let more = with(&[("redirect_uri", "https://app.example.com/cb/unregistered")]);
    let answer = browser(world).get(&world.first().request(&more));
    assert_eq!((answer.status, answer.header("location")), (400, None));
}

fn post_request(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let path = client.request(&with(&[]));
    let (_, query) = path.split_once('?').expect("a query");
    let answer = browser.send("POST", "/oauth/authorize", &[("content-type", FORM)], query);
    let told = sent(&walk(&mut browser, &local(&answer).expect("on")));
    assert!(told.contains_key("code"), "{told:?}");
}

fn client_secret_post(world: &World) {
    let (mut browser, client) = (browser(world), world.second());
    let code = code(&mut browser, &client, &[]);
    let secret = client.secret.clone().expect("it");
    let posted = Client { secret: None, ..world.second() };
    let more = [("code_verifier", ""), ("client_secret", secret.as_str())];
    let answer = posted.redeem(&code, &more);
    assert_eq!(answer.status, 200, "{}", answer.body);
    client.verified(&answer.json());
}

fn unsigned_request_object(world: &World) {
    let more = with(&[("request", "eyJhbGciOiJub25lIn0.e30.")]);
    let answer = browser(world).get(&world.first().request(&more));
    assert_eq!(sent(&answer)["error"], "request_not_supported");
}

/// `request_uri_parameter_supported` is false: nothing is fetched.
fn request_uri_unsigned(world: &World) {
    let more = with(&[("request_uri", "https://app.example.com/request.jwt")]);
    let answer = browser(world).get(&world.first().request(&more));
    assert_eq!(sent(&answer)["error"], "request_uri_not_supported");
}

/// `claims_parameter_supported` is false: it counts for nothing.
fn claims_essential(world: &World) {
    succeeds(world, &[("claims", "{\"userinfo\":{\"name\":{\"essential\":true}}}")]);
}

/// Where to go back to is in the object alone: that is nobody's request.
fn request_object_with_redirect_uri(world: &World) {
    let more = with(&[("request", "eyJhbGciOiJub25lIn0.e30."), ("redirect_uri", "")]);
    let answer = browser(world).get(&world.first().request(&more));
    assert_eq!((answer.status, answer.header("location")), (400, None));
}

fn refresh_token(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let more = [("scope", "openid offline_access"), ("prompt", "consent")];
    let page = browser.get(&client.request(&with(&more)));
    let code = sent(&decide(&mut browser, &page, "allow")).remove("code").expect("a code");
    let first = client.redeem(&code, &[("code_verifier", "")]).json();
    let answer = client.refresh(&first["refresh_token"], &[]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let second = answer.json();
    assert_ne!(second["access_token"], first["access_token"]);
    let [before, after] = [&first, &second].map(|tokens| client.verified(tokens));
    for claim in ["iss", "sub", "aud", "auth_time", "azp"] {
        assert_eq!(after[claim], before[claim], "{claim}");
    }
    let stolen = world.second().refresh(&second["refresh_token"], &[]);
    assert_error(&stolen, 400, "invalid_grant");
}

fn valid_pkce(world: &World) {
    let (mut browser, client) = (browser(world), world.first());
    let more = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let code = code(&mut browser, &client, &more);
    assert_eq!(client.redeem(&code, &[]).status, 200);
}

fn discovery(world: &World) {
    let found = world.app.get("/.well-known/openid-configuration").json();
    assert_eq!(found["issuer"], URL);
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
        assert!(found[name].as_str().is_some_and(|url| url.starts_with(URL)), "{name}");
    }
    let supports = |name: &str, value: &str| {
        found[name].as_array().is_some_and(|all| all.contains(&json!(value)))
    };
    assert!(supports("response_types_supported", "code") && supports("scopes_supported", "openid"));
    assert!(supports("id_token_signing_alg_values_supported", "RS256"));
    assert!(supports("subject_types_supported", "public"));
}
