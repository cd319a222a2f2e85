//! Logins at other providers.

mod away;
pub(crate) mod bailiwick;
mod flow;
mod idp;
mod others;

use crate::audit::audit_action::AuditAction;
use crate::browser_sessions::visitor::{Visitor, at, form};
use crate::browser_sessions::{URL, with_pages};
use crate::example_server::Example;
use crate::harness::{App, FORM, Response, bailiwick, eventually, run};
use crate::newcomers;
use crate::people::{PASSWORD, admin, import, server};
use idp::{Idp, Says};
use serde_json::{Value, json};
use std::fs;
use std::sync::OnceLock;

/// Lets the server ask providers on this machine.
const ALLOW: &str = "[outgoing]\nallow = [\"127.0.0.1\"]\n";

/// The table of a provider.
fn table(name: &str, idp: &Idp, more: &str) -> String {
    let secret = std::env::temp_dir().join("bailiwick-tests-provider-secret");
    fs::write(&secret, "provider:secret+x\n").expect("written");
    format!(
        "[providers.{name}]\nissuer = '{}'\nclient_id = 'bailiwick'\nclient_secret_file = '{}'\n{more}\n",
        idp.site.url,
        secret.display(),
    )
}

/// A server with this provider, called `idp`.
fn with(idp: &Idp, more: &str) -> App {
    with_pages(&format!("{ALLOW}{}", table("idp", idp, more)))
}

/// Presses a provider's button on the login page.
fn depart(browser: &mut Visitor<'_>, name: &str) -> Response {
    let page = browser.get("/auth/login");
    let (action, token) = form(&page.body, &format!("/auth/up/{name}"));
    browser.post(&action, &[("form_token", &token)])
}

/// The path and query by which the provider sends the browser back.
fn back(idp: &Idp, name: &str, departed: &Response) -> String {
    let location = departed.header("location").unwrap_or_else(|| panic!("{}", departed.body));
    let query = idp.visited(location);
    let callback = format!("/auth/up/{name}/callback");
    assert!(query["redirect_uri"].ends_with(&callback), "{location}");
    let state = &query["state"];
    format!("/auth/up/{name}/callback?code=code-1&state={state}&iss={}", idp.site.url)
}

/// To the provider and back.
fn log_in(browser: &mut Visitor<'_>, idp: &Idp) -> Response {
    let departed = depart(browser, "idp");
    let back = back(idp, "idp", &departed);
    browser.get(&back)
}

fn claims(claims: Value) -> Says {
    Says { claims, ..Says::default() }
}

fn is_in(browser: &mut Visitor<'_>, name: &str) {
    let account = browser.get("/auth/account");
    assert!(account.status == 200 && account.body.contains(name), "{}", account.body);
}

/// Waits until a user has these scopes: a server may know the user for a second.
fn wait_for_scopes(app: &App, name: &str, scopes: &Value) {
    let now = || admin(app, ("GET", &format!("/users/{name}")), &Value::Null).json();
    eventually("the scopes", || (now()["scopes"] == *scopes).then_some(()));
}

/// One for the tests of the audit log.
fn shared() -> &'static Idp {
    static SHARED: OnceLock<Idp> = OnceLock::new();
    SHARED.get_or_init(Idp::start)
}

/// What a server needs for [`provoke`].
pub(crate) fn config() -> String {
    format!("{ALLOW}{}", table("idp", shared(), ""))
}

/// Somebody logs in at a provider, or johndoe links and unlinks; returns what the audit log says of it.
pub(crate) fn provoke(app: &App, action: AuditAction) -> Vec<(&'static str, &'static str)> {
    let mut browser = Visitor::of(app);
    if action == AuditAction::ProviderLogin {
        assert_eq!(log_in(&mut browser, shared()).status, 403, "nobody is linked");
        return vec![("outcome", "refused"), ("reason", "unknown_identity"), ("provider", "idp")];
    }
    browser.log_in("johndoe", PASSWORD);
    if action == AuditAction::IdentityLink {
        assert_eq!(link(&mut browser, shared()).status, 303);
    } else {
        let page = browser.get("/auth/account");
        let (path, token) = form(&page.body, "/auth/up/idp/unlink");
        browser.post(&path, &[("form_token", &token), ("subject", "248289")]);
    }
    vec![("outcome", "accepted"), ("who", "johndoe"), ("provider", "idp"), ("subject", "248289")]
}

/// Links on the account page.
fn link(browser: &mut Visitor<'_>, idp: &Idp) -> Response {
    let page = browser.get("/auth/account");
    let (action, token) = form(&page.body, "/auth/up/idp\"");
    let departed = browser.post(&action, &[("form_token", &token), ("link", "1")]);
    let back = back(idp, "idp", &departed);
    browser.get(&back)
}

#[test]
fn somebody_new_gets_an_account_and_comes_back_to_it() {
    let idp = Idp::start();
    let rules = "signup = 'anyone'\nscope_rules = ['*: me', 'groups=staff: items']";
    let app = with(&idp, rules);
    idp.says(claims(json!({"groups": ["staff"]})));
    let mut browser = Visitor::of(&app);
    let arrived = log_in(&mut browser, &idp);
    assert_eq!((arrived.status, arrived.header("location")), (303, Some(&*at("/auth/account"))));
    is_in(&mut browser, "jane");
    let jane = admin(&app, ("GET", "/users/jane"), &Value::Null).json();
    assert_eq!(
        (&jane["email"], &jane["full_name"]),
        (&json!("jane@example.com"), &json!("Jane Doe"))
    );
    assert_eq!(jane["scopes"], json!(["me", "items"]));
    app.stderr.wait_for("what=user_create outcome=accepted");
    app.stderr.wait_for("what=provider_login outcome=accepted");

    // The secret is form-encoded in HTTP Basic, and the code comes with its verifier.
    let asked = idp.site.asked().into_iter().find(|it| it.target == "/token").expect("redeemed");
    let basic = "Basic YmFpbGl3aWNrOnByb3ZpZGVyJTNBc2VjcmV0JTJCeA==";
    assert_eq!(asked.header("authorization"), Some(basic));
    assert!(asked.body.contains("code_verifier=") && !asked.body.contains("secret"), "{asked:?}");

    // The rules are looked at again; another name at the provider is the same user.
    idp.says(claims(json!({"preferred_username": "janet", "email": "janet@example.com"})));
    let mut elsewhere = Visitor::of(&app);
    assert_eq!(log_in(&mut elsewhere, &idp).status, 303);
    is_in(&mut elsewhere, "jane");
    wait_for_scopes(&app, "jane", &json!(["me"]));

    // A name that is taken is not taken over.
    let taken = claims(json!({"sub": "7", "preferred_username": "bob", "email": null}));
    idp.says(Says { userinfo: json!({"sub": "7"}), ..taken });
    let mut other = Visitor::of(&app);
    assert_eq!(log_in(&mut other, &idp).status, 303);
    is_in(&mut other, "bob2");

    // Nor is a user who is disabled let in.
    assert_eq!(admin(&app, ("PATCH", "/users/jane"), &json!({"disabled": true})).status, 200);
    idp.says(Says::default());
    let refused = log_in(&mut Visitor::of(&app), &idp);
    assert!(refused.status == 403 && refused.body.contains("disabled"), "{}", refused.body);
}

/// Each is a page and a line of the audit log, and leaves nothing behind.
#[test]
fn what_a_provider_says_wrongly_counts_for_nothing() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'trusted-domains'\ntrusted_domains = ['example.com']");
    let nothing = Value::Null;
    let of = |name: &str, value: Value| claims(json!({name: value}));
    let token = |status: u16, text: &str| Says {
        token: Some((status, text.to_owned())),
        ..Says::default()
    };
    for (says, reason, status) in [
        (of("iss", json!("https://other.example.com")), "wrong_issuer", 400),
        (of("aud", json!("other")), "wrong_id_token", 400),
        (of("aud", json!(["bailiwick", "other"])), "wrong_id_token", 400),
        (of("azp", json!("other")), "wrong_id_token", 400),
        (of("exp", json!(1_000_000_000)), "wrong_id_token", 400),
        (of("iat", json!(1_000_000_000)), "wrong_id_token", 400),
        (of("nonce", json!("another")), "wrong_id_token", 400),
        (of("nonce", nothing.clone()), "wrong_id_token", 400),
        (of("at_hash", json!("another")), "wrong_id_token", 400),
        (Says { signs_otherwise: true, ..Says::default() }, "wrong_id_token", 400),
        (Says { lacks_id_token: true, ..Says::default() }, "provider_unavailable", 502),
        (token(500, "oops"), "provider_unavailable", 502),
        (token(400, "{\"error\": \"invalid_grant\"}"), "provider_refused", 400),
        (token(200, "{\"error\": \"bad_verification_code\"}"), "provider_refused", 400),
        (token(400, "{\"error\": \"invalid_client\"}"), "provider_unavailable", 502),
        (token(302, "{}"), "provider_unavailable", 502),
        (of("email_verified", json!(false)), "email_unverified", 403),
        (of("email", json!("jane@example.com.evil")), "unknown_identity", 403),
        (of("sub", json!("x".repeat(256))), "provider_unavailable", 502),
        (
            Says {
                claims: json!({"email": null}),
                userinfo: json!({"sub": "other", "email": "jane@example.com", "email_verified": true}),
                ..Says::default()
            },
            "provider_unavailable",
            502,
        ),
    ] {
        let what = format!("{says:?}");
        // Keys are kept: a server of its own for other ones.
        let own = says.signs_otherwise.then(Idp::start);
        let own_app = own.as_ref().map(|idp| with(idp, "signup = 'anyone'"));
        let (idp, app) = (own.as_ref().unwrap_or(&idp), own_app.as_ref().unwrap_or(&app));
        idp.says(says);
        let mut browser = Visitor::of(app);
        let told = || app.stderr.text().matches(&format!("reason={reason}")).count();
        let before = told();
        let page = log_in(&mut browser, idp);
        assert_eq!(page.status, status, "{what}: {}", page.body);
        assert!(page.body.contains("<h1>") && page.body.contains("/auth/login"), "{}", page.body);
        assert_eq!(browser.cookie("bailiwick-9"), None, "{what}");
        eventually("its own line", || (told() == before + 1).then_some(()));
        assert_eq!(admin(app, ("GET", "/users/jane"), &Value::Null).status, 404, "{what}");
    }
}

#[test]
fn a_response_counts_once_in_its_browser_for_its_provider() {
    let (idp, other) = (Idp::start(), Idp::start());
    let tables = format!(
        "{}{}",
        table("idp", &idp, "signup = 'anyone'"),
        table("other", &other, "signup = 'anyone'")
    );
    let app = with_pages(&format!("{ALLOW}{tables}"));
    let is_over = |page: &Response| {
        assert!(page.status == 400 && page.body.contains("sign-in is over"), "{}", page.body);
    };
    let mut browser = Visitor::of(&app);
    let departed = depart(&mut browser, "idp");
    let first = back(&idp, "idp", &departed);
    // Somebody else's browser, such as a victim that is to be logged in as the attacker.
    is_over(&Visitor::of(&app).get(&first));
    is_over(&browser.get(&first));

    let departed = depart(&mut browser, "idp");
    let second = back(&idp, "idp", &departed);
    assert_eq!(browser.get(&second).status, 303);
    is_over(&browser.get(&second));
    app.stderr.wait_for("reason=unknown_state");

    // Mix-up: a response of one provider at the other's address, or in the other's name.
    let departed = depart(&mut Visitor::of(&app), "idp");
    let mixed = back(&idp, "idp", &departed).replace("/up/idp/", "/up/other/");
    is_over(&browser.get(&mixed));
    for iss in [&*other.site.url, ""] {
        let mut browser = Visitor::of(&app);
        let departed = depart(&mut browser, "idp");
        let back = back(&idp, "idp", &departed);
        let (rest, _) = back.split_once("&iss=").expect("an issuer");
        let page = browser.get(&format!("{rest}&iss={iss}"));
        assert!(page.status == 400 && page.body.contains("does not fit"), "{}", page.body);
        app.stderr.wait_for("reason=wrong_issuer");
    }
    assert!(other.site.asked().iter().all(|it| it.target != "/token"), "no code goes to the other");

    for query in ["", "?state=", "?state=x&code=code-1", "?state=x&state=x", "?code=code-1"] {
        let page = browser.get(&format!("/auth/up/idp/callback{query}"));
        assert_eq!(page.status, 400, "{query}: {}", page.body);
    }
    for path in ["/auth/up/nobody/callback?state=x", "/auth/up/NOBODY/callback"] {
        assert_eq!(browser.get(path).status, 404, "{path}");
    }
    assert_eq!(browser.get("/auth/up/idp").status, 405);
}

#[test]
fn a_refusal_is_told_and_a_form_comes_back_once_more() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'");
    let mut browser = Visitor::of(&app);
    let departed = depart(&mut browser, "idp");
    let back_to = back(&idp, "idp", &departed);
    let denied = back_to.replace("code=code-1", "error=access_denied&error_description=%3Cb%3E");
    let page = browser.get(&denied);
    assert!(page.status == 400 && page.body.contains("did not sign you in"), "{}", page.body);
    assert!(!page.body.contains("<b>"), "{}", page.body);
    app.stderr.wait_for("reason=provider_refused");

    // response_mode=form_post: across sites, the browser sends no cookies with it.
    let departed = depart(&mut browser, "idp");
    let back_to = back(&idp, "idp", &departed);
    let (path, query) = back_to.split_once('?').expect("a query");
    let mut without_cookies = Visitor::of(&app);
    without_cookies.site = Some("cross-site");
    let headers = [("content-type", FORM)];
    let bounced = without_cookies.send("POST", path, &headers, query);
    assert_eq!(bounced.status, 303, "{}", bounced.body);
    let location = bounced.header("location").expect("a location");
    let target = location.strip_prefix(&at("")).expect("here").to_owned();
    assert_eq!(browser.get(&target).status, 303);
    is_in(&mut browser, "jane");
}

#[test]
fn a_user_links_and_unlinks_and_keeps_a_way_in() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'\nscope_rules = ['*: users:read']");
    let mut bob = Visitor::of(&app);
    bob.log_in("bob", PASSWORD);
    let linked = link(&mut bob, &idp);
    assert_eq!((linked.status, linked.header("location")), (303, Some(&*at("/auth/account"))));
    is_in(&mut bob, "jane@example.com");
    wait_for_scopes(&app, "bob", &json!(["me", "items", "users:read"]));
    let mut elsewhere = Visitor::of(&app);
    assert_eq!(log_in(&mut elsewhere, &idp).status, 303);
    is_in(&mut elsewhere, "bob");

    // It is one user's.
    let mut root = Visitor::of(&app);
    root.log_in("root", PASSWORD);
    let others = link(&mut root, &idp);
    assert!(others.status == 409 && others.body.contains("somebody else"), "{}", others.body);

    // Only a form of this session links and unlinks.
    let forged = [("form_token", "x"), ("link", "1"), ("subject", "248289")];
    assert_eq!(bob.post("/auth/up/idp", &forged).status, 403);
    assert_eq!(bob.post("/auth/up/idp/unlink", &forged).status, 403);
    assert_eq!(bob.post("/auth/up/idp", &[("form_token", "x")]).status, 403);
    let unlink = |browser: &mut Visitor<'_>| {
        let page = browser.get("/auth/account");
        let (path, token) = form(&page.body, "/auth/up/idp/unlink");
        browser.post(&path, &[("form_token", &token), ("subject", "248289")])
    };
    assert_eq!(unlink(&mut bob).status, 303);
    wait_for_scopes(&app, "bob", &json!(["me", "items"]));
    app.stderr.wait_for("what=identity_unlink outcome=accepted");

    // Somebody new has no password.
    let mut jane = Visitor::of(&app);
    assert_eq!(log_in(&mut jane, &idp).status, 303);
    is_in(&mut jane, "jane");
    let account = jane.get("/auth/account");
    assert!(!account.body.contains("old_password"), "there is none to change: {}", account.body);
    let last = unlink(&mut jane);
    assert!(last.status == 409 && last.body.contains("only way"), "{}", last.body);
    app.stderr.wait_for("reason=last_way_in");
}

#[test]
fn a_link_that_another_user_finishes_links_nothing() {
    let idp = Idp::start();
    let app = with(&idp, "");
    let mut browser = Visitor::of(&app);
    browser.log_in("bob", PASSWORD);
    let page = browser.get("/auth/account");
    let (action, token) = form(&page.body, "/auth/up/idp\"");
    let departed = browser.post(&action, &[("form_token", &token), ("link", "1")]);
    let back = back(&idp, "idp", &departed);
    browser.log_in("root", PASSWORD);
    assert_eq!(browser.get(&back).status, 400);
    assert!(!browser.get("/auth/account").body.contains("jane@example.com"));
}

/// Otherwise whoever signs in first with the address would be in the other's account.
#[test]
fn nobody_chooses_an_address_that_is_trusted() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'\ntrusted_domains = ['example.com']");
    import(&app, &[json!({"username": "mallory", "scopes": ["me"]})]);
    let mut browser = Visitor::of(&app);
    browser.log_in("mallory", PASSWORD);
    for (email, status) in
        [("ceo@example.com", 400), ("ceo@EXAMPLE.com", 400), ("m@other.example", 303)]
    {
        let page = browser.get("/auth/account").body;
        let (action, token) = form(&page, "/auth/account/profile");
        let action = action.split('#').next().unwrap_or_default();
        let answer = browser.post(action, &[("form_token", &token), ("email", email)]);
        assert_eq!(answer.status, status, "{email}: {}", answer.body);
        assert!(status == 303 || answer.body.contains("Only an administrator"), "{}", answer.body);
    }
    idp.says(claims(json!({"email": "ceo@example.com", "email_verified": true, "sub": "ceo"})));
    let mut other = Visitor::of(&app);
    log_in(&mut other, &idp);
    is_in(&mut other, "ceo");
}

/// A trusted domain's verified address leads to its account; any other does not, and a name never.
#[test]
fn an_address_links_only_if_its_domain_is_trusted() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'\ntrusted_domains = ['example.com']");
    import(
        &app,
        &[
            json!({"username": "jdoe", "email": "Jane@example.com", "scopes": ["me"]}),
            json!({"username": "else", "email": "jane@other.example", "scopes": ["me"]}),
        ],
    );
    for (email, verified, result) in [
        ("jane@other.example", true, Err(409)),
        ("jane@example.com", false, Ok("jane")),
        ("jane@example.com", true, Ok("jdoe")),
    ] {
        let sub = format!("{email}{verified}");
        idp.says(claims(json!({"email": email, "email_verified": verified, "sub": sub})));
        let mut browser = Visitor::of(&app);
        let page = log_in(&mut browser, &idp);
        match result {
            Ok(name) => is_in(&mut browser, name),
            Err(status) => assert_eq!(page.status, status, "{email} {verified}: {}", page.body),
        }
    }
    app.stderr.wait_for("what=identity_link outcome=accepted");
    let line = app.stderr.wait_for("by=email");
    assert!(line.contains("whom=jdoe"), "{line}");
}

#[test]
fn github_names_users_by_number_and_shows_their_verified_address() {
    let idp = Idp::start();
    let url = &idp.site.url;
    let more = format!(
        "[providers.github]\npreset = 'github'\nclient_id = 'bailiwick'\nsignup = 'trusted-domains'\n\
         trusted_domains = ['example.com']\ntoken_endpoint_auth_method = 'none'\n\
         authorization_endpoint = '{url}/authorize'\ntoken_endpoint = '{url}/token'\nuserinfo_endpoint = '{url}/user'\n"
    );
    let app = with_pages(&format!("{ALLOW}{more}"));
    let user = |id: Value, verified: bool| Says {
        lacks_id_token: true,
        userinfo: json!({
            "id": id, "login": "octocat", "name": "The Octocat", "email": "unverified@example.com",
            "emails": [
                {"email": "cat@example.com", "primary": true, "verified": verified},
                {"email": "old@example.com", "primary": false, "verified": true},
            ],
        }),
        ..Says::default()
    };
    let log_in = |browser: &mut Visitor<'_>| {
        let departed = depart(browser, "github");
        let back = back(&idp, "github", &departed);
        browser.get(back.split("&iss=").next().expect("a path"))
    };
    idp.says(user(json!(583_231), false));
    let page = log_in(&mut Visitor::of(&app));
    assert!(page.status == 403 && page.body.contains("not verified"), "{}", page.body);
    idp.says(user(json!("583231"), true));
    assert_eq!(log_in(&mut Visitor::of(&app)).status, 502, "an id is a number");
    idp.says(user(json!(583_231), true));
    let mut browser = Visitor::of(&app);
    assert_eq!(log_in(&mut browser).status, 303);
    is_in(&mut browser, "octocat");
    is_in(&mut browser, "cat@example.com");
    let page = Visitor::of(&app).get("/auth/login");
    assert!(page.body.contains("Continue with GitHub"), "{}", page.body);
    // GitHub's errors come with the status 200.
    idp.says(Says {
        token: Some((200, "{\"error\": \"bad_verification_code\"}".to_owned())),
        ..Says::default()
    });
    assert_eq!(log_in(&mut Visitor::of(&app)).status, 400);
}

#[test]
fn settings_of_providers_are_checked_by_their_keys() {
    let check = |table: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("[server]\npublic_url = 'https://auth.example.com'\n{table}");
        fs::write(folder.path().join("c.toml"), text).expect("written");
        let mut command = bailiwick(folder.path());
        let output = run(command.args(["--config", "c.toml", "check-config"]), "");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let good = "issuer = 'https://idp.example.com'\nclient_id = 'b'\ntoken_endpoint_auth_method = 'none'\n";
    let (is_good, lines) = check(&format!("[providers.idp]\n{good}"));
    assert!(is_good, "{lines}");
    for (table, line) in [
        ("[providers.idp]\nclient_id = 'b'", "providers.idp.issuer: is missing"),
        ("[providers.idp]\npreset = 'google'", "providers.idp.client_id: is missing"),
        (
            "[providers.idp]\npreset = 'google'\nclient_id = 'b'",
            "providers.idp.client_secret_file: is missing",
        ),
        (
            "[providers.idp]\npreset = 'myspace'",
            "providers.idp.preset = \"myspace\": expected one of google, github",
        ),
        (
            "[providers.idp]\nissuer = 'idp'",
            "providers.idp.issuer = \"idp\": expected an http or https URL",
        ),
        (
            "[providers.idp]\npreset = 'google'\nissuer = 'https://idp.example.com'\nclient_id = 'b'",
            "providers.idp.issuer: `https://idp.example.com`: expected none beside preset = \"google\"",
        ),
        ("[providers.Idp]\npreset = 'google'", "lower-case letters, digits and hyphens"),
        ("[providers.idp]\nsecret = 'x'", "providers.idp.secret"),
        ("[outgoing]\nallow = ['https://x']", "outgoing.allow"),
        ("[outgoing]\nca_file = '/absent.pem'", "/absent.pem"),
    ] {
        let (is_good, lines) = check(table);
        assert!(!is_good && lines.contains(line), "{table}: {lines}");
    }
    for (more, line) in [
        ("scope_rules = ['groups: x']", "providers.idp.scope_rules"),
        (
            "scope_rules = ['groups=x: root']",
            "providers.idp.scope_rules: `root` is not a declared scope",
        ),
        ("signup = 'trusted-domains'", "providers.idp.trusted_domains: is empty"),
        ("signup = 'all'", "expected one of never, trusted-domains, anyone"),
        ("trusted_domains = ['@example.com']", "providers.idp.trusted_domains"),
        ("scopes = 'email'", "providers.idp.scopes: lacks `openid`"),
    ] {
        let (is_good, lines) = check(&format!("[providers.idp]\n{good}{more}\n"));
        assert!(!is_good && lines.contains(line), "{more}: {lines}");
    }

    let empty = tempfile::NamedTempFile::new().expect("a file");
    fs::write(empty.path(), "\n").expect("written");
    let secret = format!("client_secret_file = '{}'\n", empty.path().display());
    let more = "issuer = 'https://idp.example.com'\nclient_id = 'b'\n";
    let (is_good, lines) = check(&format!("[providers.idp]\n{more}{secret}"));
    let told = format!("providers.idp.client_secret_file: {}: is empty", empty.path().display());
    assert!(!is_good && lines.contains(&told), "{lines}");
}

/// What the server would never ask does not wait for the first user to say so.
#[test]
fn providers_at_addresses_that_are_not_asked_stop_the_start() {
    let check = |issuer: &str, more: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "[server]\npublic_url = 'https://auth.example.com'\n[providers.idp]\nissuer = '{issuer}'\n\
             client_id = 'b'\ntoken_endpoint_auth_method = 'none'\n{more}"
        );
        fs::write(folder.path().join("c.toml"), text).expect("written");
        let mut command = bailiwick(folder.path());
        let output = run(command.args(["--config", "c.toml", "check-config"]), "");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for issuer in [
        "https://10.0.0.7",
        "https://127.0.0.1:8443/realm",
        "https://localhost",
        "https://[::1]",
        "https://[fd00::7]/x",
        "https://169.254.169.254",
        "http://8.8.8.8",
    ] {
        let (is_good, lines) = check(issuer, "");
        let told = format!("c.toml: providers.idp.issuer: `{issuer}`: ");
        assert!(!is_good && lines.contains(&told) && lines.contains("outgoing.allow"), "{lines}");
    }
    let allow = "[outgoing]\nallow = ['10.0.0.0/8', 'localhost']\n";
    for (issuer, more) in [
        ("https://10.0.0.7", allow),
        ("http://localhost:9000", allow),
        ("https://8.8.8.8", ""),
        ("https://idp.internal", ""),
    ] {
        let (is_good, lines) = check(issuer, more);
        assert!(is_good, "{issuer}: {lines}");
    }
    let (is_good, lines) = check("https://idp.example.com", "jwks_uri = 'https://10.0.0.7/keys'\n");
    assert!(
        !is_good && lines.contains("providers.idp.jwks_uri: `https://10.0.0.7/keys`"),
        "{lines}"
    );
    for own in ["https://auth.example.com", "https://auth.example.com/"] {
        let (is_good, lines) = check(own, "");
        assert!(
            !is_good && lines.contains("providers.idp.issuer: `https://auth.example.com` is"),
            "{lines}"
        );
    }
}

/// Servers on one database; their processes share nothing else.
#[test]
fn each_request_of_a_login_may_meet_another_server() {
    let idp = Idp::start();
    let config = format!("{ALLOW}{}", table("idp", &idp, "signup = 'anyone'"));
    let first = with_pages(&config);
    let data = first.data_dir().display().to_string();
    let more = || {
        let config = format!("[server]\npublic_url = '{URL}'\n{config}");
        server(&config).env("BAILIWICK__DATA_DIR", &data).spawn()
    };
    let (second, third) = (more(), more());
    let mut browser = Visitor::of(&first);
    let page = browser.get("/auth/login");
    let (action, token) = form(&page.body, "/auth/up/idp");
    browser.meets(&second);
    let departed = browser.post(&action, &[("form_token", &token)]);
    let back = back(&idp, "idp", &departed);
    browser.meets(&third);
    assert_eq!(browser.get(&back).status, 303);
    for app in [&first, &second, &third] {
        browser.meets(app);
        assert_eq!(browser.get(&back).status, 400, "it counts once on all of them");
        is_in(&mut browser, "jane");
    }
}

/// `Server::on_user_created` in `examples/orders`, for a user who has just come from the provider.
#[test]
fn an_application_knows_who_signs_up() {
    let idp = Idp::start();
    let signup = "signup = 'anyone'\nscope_rules = ['*: me']";
    let config = format!("[server]\npublic_url = '{URL}'\n{ALLOW}{}", table("idp", &idp, signup));
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("c.toml"), config).expect("written");
    let app = Example::spawn_in("orders", folder, &["--config", "c.toml"], &[]);
    assert_eq!(log_in(&mut Visitor::of_example(&app), &idp).status, 303);
    let set = ["users", "set-password", "jane", "--password-stdin"];
    let set = app.command(&set, newcomers::PASSWORD);
    assert!(set.status.success(), "{set:?}");
    assert!(newcomers::is_known(&app, "jane"));
}
