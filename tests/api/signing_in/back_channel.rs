//! Back-channel logout: clients hear that a session has ended, whoever has ended it, and across restarts.

use super::{Client, done, verify, with_pages};
use crate::browser_sessions::visitor::Visitor;
use crate::harness::eventually;
use crate::refresh::execute;
use crate::site::{Asked, Site};
use jsonwebtoken::decode_header;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

const ALLOWED: &str = "[outgoing]\nallow = ['127.0.0.1']\n";

/// The token of a request that a client got.
fn token(asked: &Asked) -> String {
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/out"));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    asked.body.strip_prefix("logout_token=").unwrap_or_else(|| panic!("{asked:?}")).to_owned()
}

/// A client that responds with this status.
fn listening(status: &Arc<AtomicU16>) -> Site {
    let status = Arc::clone(status);
    Site::start(move |_| (status.load(SeqCst), String::new(), String::new()))
}

#[test]
fn a_client_hears_of_the_end_of_a_session() {
    let app = with_pages(ALLOWED);
    let status = Arc::new(AtomicU16::new(200));
    let site = listening(&status);
    let uri = format!("{}/out", site.url);
    let web = Client::add(&app, "web", &["--backchannel-logout-uri", &uri]);
    let quiet = Client::add(&app, "quiet", &[]);
    for (count, end) in [(1, "browser"), (2, "operator")] {
        let mut browser = Visitor::of(&app);
        let first = web.verified(&web.sign_in(&mut browser, &[]));
        web.sign_in(&mut browser, &[]);
        quiet.sign_in(&mut browser, &[]);
        match end {
            "browser" => browser.sign_out(),
            _ => done(&app, &["users", "sign-out", "bob"]),
        }
        eventually("the client to be told", || (site.asked().len() >= count).then_some(()));
        let told = token(&site.asked()[count - 1]);
        assert_eq!(decode_header(&told).expect("a header").typ.as_deref(), Some("logout+jwt"));
        let read = verify(&app, "web", &told);
        assert_eq!((&read["sub"], &read["sid"]), (&first["sub"], &first["sid"]));
        let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
        assert_eq!(read["events"], event);
        assert!(read["jti"].is_string() && read.get("nonce").is_none(), "{read}");
        // It is told once, and opens nothing.
        execute(&app, "UPDATE logout_notices SET due = 0");
        assert_eq!(app.get_as("/users/me", &told).status, 401);
        assert_eq!(site.asked().len(), count);
    }
}

#[test]
fn a_client_that_is_away_hears_of_it_later() {
    let app = with_pages(ALLOWED);
    let status = Arc::new(AtomicU16::new(503));
    let site = listening(&status);
    let uri = format!("{}/out", site.url);
    let web = Client::add(&app, "web", &["--backchannel-logout-uri", &uri]);
    let mut browser = Visitor::of(&app);
    let first = web.verified(&web.sign_in(&mut browser, &[]));
    browser.sign_out();
    eventually("the first try", || (!site.asked().is_empty()).then_some(()));
    app.stderr.wait_for("is not told of a logout yet: its status is 503");
    // Other processes go on with it.
    let before = app.get("/users/me").status;
    app.signal("HUP");
    status.store(204, SeqCst);
    let sid = |asked: &Asked| verify(&app, "web", &token(asked))["sid"].clone();
    eventually("another try", || {
        execute(&app, "UPDATE logout_notices SET due = 0");
        (site.asked().len() > 1).then_some(())
    });
    let asked = site.asked();
    assert_eq!(
        [sid(&asked[0]), sid(asked.last().expect("it"))],
        [first["sid"].clone(), first["sid"].clone()]
    );
    assert_eq!(before, 401);
}

/// Who says that a logout is wrong does not hear of it for ever, and an address that must not be asked is not.
#[test]
fn a_client_that_refuses_is_left_alone_and_private_addresses_are_not_asked() {
    let app = with_pages("");
    let status = Arc::new(AtomicU16::new(200));
    let site = listening(&status);
    let uri = format!("{}/out", site.url);
    let web = Client::add(&app, "web", &["--backchannel-logout-uri", &uri]);
    let mut browser = Visitor::of(&app);
    web.sign_in(&mut browser, &[]);
    browser.sign_out();
    app.stderr.wait_for("the client web is not told of a logout yet: ");
    assert!(site.asked().is_empty());

    let app = with_pages(ALLOWED);
    status.store(400, SeqCst);
    let web = Client::add(&app, "web", &["--backchannel-logout-uri", &uri]);
    let mut browser = Visitor::of(&app);
    let tokens: Value = web.sign_in(&mut browser, &[]);
    browser.sign_out();
    app.stderr.wait_for("the client web refuses to be told of a logout");
    assert!(tokens["access_token"].is_string() && site.asked().len() == 1);
}
