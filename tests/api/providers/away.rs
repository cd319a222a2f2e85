//! Providers that do not respond, or not in time.

use super::idp::{Idp, Says};
use super::{ALLOW, back, depart, log_in, table, with};
use crate::browser_sessions::visitor::Visitor;
use crate::browser_sessions::with_pages;
use crate::harness::eventually;
use crate::people::admin;
use crate::refresh::execute;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::thread;

#[test]
fn a_provider_that_is_away_is_told_on_a_page() {
    let idp = Idp::start();
    let away = "[providers.away]\nissuer = 'http://127.0.0.1:8'\nclient_id = 'b'\ntoken_endpoint_auth_method = 'none'\n";
    // As an address, it would stop the start; as a name, it is one once somebody has looked it up.
    let private = "[providers.private]\nissuer = 'https://0x7f.1'\nclient_id = 'b'\ntoken_endpoint_auth_method = 'none'\n";
    let app =
        with_pages(&format!("{ALLOW}{}{away}{private}", table("idp", &idp, "signup = 'anyone'")));
    for name in ["away", "private"] {
        let page = depart(&mut Visitor::of(&app), name);
        assert!(page.status == 502 && page.body.contains("did not respond"), "{}", page.body);
        let line = app
            .stderr
            .wait_for(&format!("login at the provider {name}: the provider's metadata: "));
        assert!(!line.contains("panicked"), "{line}");
    }
    app.stderr.wait_for("reason=provider_unavailable");
    let mut browser = Visitor::of(&app);
    assert_eq!(log_in(&mut browser, &idp).status, 303, "the other one is there");
    let page = Visitor::of(&app).get("/auth/login");
    let buttons: Vec<_> = page.body.match_indices("class=\"provider\"").collect();
    assert_eq!(buttons.len(), 3);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        !policy.contains("form-action"),
        "browsers check where a form's redirect leads: {policy}"
    );
}

/// Nobody is sent to a provider whose metadata are another's (OpenID Connect Discovery §4.3).
#[test]
fn metadata_of_another_issuer_lead_nowhere() {
    let idp = Idp::start();
    let poses_as = Some("https://accounts.example.com".to_owned());
    idp.says(Says { poses_as, ..Says::default() });
    let app = with(&idp, "signup = 'anyone'");
    let page = depart(&mut Visitor::of(&app), "idp");
    assert!(page.status == 400 && page.body.contains("does not fit"), "{}", page.body);
    app.stderr.wait_for("reason=wrong_issuer");
}

/// Wherever it hangs, its login ends in time with a page and a line, nobody is half signed up, and others are
/// served meanwhile.
#[test]
fn a_slow_provider_costs_only_its_own_login() {
    let gate = Arc::new(Mutex::new(()));
    let places = ["/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"];
    let providers: Vec<_> = (1..)
        .zip(places)
        .map(|(number, place)| {
            let idp = Idp::start();
            let hangs = Some((place, Arc::clone(&gate)));
            idp.says(Says { claims: json!({"email": null}), hangs, ..Says::default() });
            (format!("slow{number}"), place, idp)
        })
        .collect();
    let tables = providers.iter().map(|(name, _, idp)| table(name, idp, "signup = 'anyone'"));
    // More of them than there are workers.
    let app = with_pages(&format!("{ALLOW}timeout = 5\n{}", tables.collect::<String>()));
    let held = gate.lock().expect("unpoisoned");
    thread::scope(|scope| {
        let app = &app;
        let logins: Vec<_> = providers
            .iter()
            .map(|(name, place, idp)| {
                scope.spawn(move || {
                    let mut browser = Visitor::of(app);
                    let departed = depart(&mut browser, name);
                    let page = if *place == "/.well-known/openid-configuration" {
                        departed
                    } else {
                        browser.get(&back(idp, name, &departed))
                    };
                    (page, browser.cookie("bailiwick-9").map(str::to_owned))
                })
            })
            .collect();
        for (name, place, idp) in &providers {
            let is_asked = || idp.site.asked().iter().any(|it| it.target == *place).then_some(());
            eventually(&format!("{name} at {place}"), is_asked);
        }
        for _ in 0..4 {
            assert_eq!(app.get("/auth/login").status, 200);
        }
        let unfinished = logins.iter().filter(|it| !it.is_finished()).count();
        assert!(unfinished > 0, "the others were served meanwhile");
        for ((name, ..), login) in providers.iter().zip(logins) {
            let (page, session) = login.join().expect("a page");
            assert!(page.status == 502 && page.body.contains("did not respond"), "{}", page.body);
            assert_eq!(session, None, "{name}");
            app.stderr.wait_for(&format!("login at the provider {name}: "));
            let line = app.stderr.wait_for(&format!("provider={name}"));
            assert!(line.contains("reason=provider_unavailable"), "{line}");
        }
    });
    drop(held);
    assert_eq!(admin(&app, ("GET", "/users/jane"), &Value::Null).status, 404);

    // It has caught its breath.
    let (name, _, idp) = &providers[1];
    idp.says(Says::default());
    let mut browser = Visitor::of(&app);
    let departed = depart(&mut browser, name);
    assert_eq!(browser.get(&back(idp, name, &departed)).status, 303);
}

/// Ten minutes are enough for a login; what comes later counts for nothing.
#[test]
fn a_login_that_took_too_long_is_over() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'");
    let mut browser = Visitor::of(&app);
    let departed = depart(&mut browser, "idp");
    let place = back(&idp, "idp", &departed);
    execute(&app, "UPDATE journeys SET until = until - 601");
    let page = browser.get(&place);
    assert!(page.status == 400 && page.body.contains("sign-in is over"), "{}", page.body);
    app.stderr.wait_for("reason=unknown_state");
    assert!(idp.site.asked().iter().all(|it| it.target != "/token"), "its code stays unused");
    assert_eq!(browser.cookie("bailiwick-9"), None);
}
