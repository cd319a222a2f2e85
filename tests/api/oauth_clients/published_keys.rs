//! `jwks_uri`: clients publish their keys, and the server fetches them.

use super::keys::{claims, jwks, key, signed};
use super::{assert_error, done, issuing, jane};
use crate::harness::{App, Response, eventually};
use crate::site::Site;
use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;

const ALLOWED: &str = "[outgoing]\nallow = [\"127.0.0.1\"]\n";

/// A server of a client's keys; an empty text is a status 503.
fn publisher() -> (Site, Arc<Mutex<String>>) {
    let mut keys = jwks();
    keys["keys"][1]["kid"] = json!("ed");
    let shown = Arc::new(Mutex::new(keys.to_string()));
    let of_site = Arc::clone(&shown);
    let site = Site::start(move |_| {
        let body = of_site.lock().expect("unpoisoned").clone();
        (if body.is_empty() { 503 } else { 200 }, "Cache-Control: max-age=600\r\n".to_owned(), body)
    });
    (site, shown)
}

fn with_client(app: &App, name: &str, uri: &str) {
    let add = ["clients", "add", name, "--grant-type", "password", "--scope", "me"];
    let keys = ["--auth-method", "private_key_jwt", "--jwks-uri", uri];
    done(app, &[&add[..], &keys].concat(), "");
}

fn shown(app: &App, assertion: &str) -> Response {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    jane(app, None, &[("client_assertion", assertion), ("client_assertion_type", kind)])
}

/// An assertion whose header names a key.
fn naming(kid: &str, name: &str) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    encode(&header, &claims(name), &key(Algorithm::EdDSA)).expect("signed")
}

#[test]
fn keys_are_fetched_once_and_again_for_a_key_that_is_new() {
    let (site, keys) = publisher();
    let app = issuing(ALLOWED);
    with_client(&app, "signer", &format!("{}/keys", site.url));
    let record: Value =
        serde_json::from_str(&done(&app, &["clients", "show", "signer", "--json"], ""))
            .expect("JSON");
    assert_eq!(record["jwks_uri"], json!(format!("{}/keys", site.url)));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let answer = shown(&app, &signed(Algorithm::ES256, &claims("signer")));
                assert_eq!(answer.status, 200, "{}", answer.body);
            });
        }
    });
    assert_eq!(site.asked().len(), 1, "they share one request, and its keys are kept");
    assert_eq!((&*site.asked()[0].method, &*site.asked()[0].target), ("GET", "/keys"));

    // The next key is published beside the old one, and used.
    let mut next = jwks();
    next["keys"][1]["kid"] = json!("next");
    *keys.lock().expect("unpoisoned") = next.to_string();
    eventually("the next key", || {
        (shown(&app, &naming("next", "signer")).status == 200).then_some(())
    });
    assert_eq!(site.asked().len(), 2);
    for _ in 0..3 {
        assert_error(&shown(&app, &naming("nobodys", "signer")), 401, "invalid_client");
    }
    assert!(site.asked().len() <= 3, "not for each that is unknown");

    // The publisher is away: what is kept counts.
    keys.lock().expect("unpoisoned").clear();
    let before = site.asked().len();
    eventually("another try", || {
        assert_error(&shown(&app, &naming("nobodys", "signer")), 401, "invalid_client");
        (site.asked().len() > before).then_some(())
    });
    assert_eq!(shown(&app, &naming("next", "signer")).status, 200);
}

#[test]
fn keys_that_cannot_be_fetched_prove_nothing_and_the_logs_say_why() {
    let (site, keys) = publisher();
    keys.lock().expect("unpoisoned").clear();
    let app = issuing(ALLOWED);
    let elsewhere = Site::start({
        let target = format!("Location: {}/keys\r\n", site.url);
        move |_| (302, target.clone(), String::new())
    });
    let nonsense =
        Site::start(|_| (200, String::new(), "{\"keys\": [{\"kty\": \"oct\"}]}".to_owned()));
    let huge = Site::start(|_| (200, String::new(), "x".repeat(300 * 1024)));
    for (name, uri, why) in [
        ("away", &site.url, "the status is 503"),
        ("moved", &elsewhere.url, "the status is 302"),
        ("nonsense", &nonsense.url, "the document cannot be used: keys[0]: "),
        ("huge", &huge.url, "the response is larger than 256 KiB"),
        ("private", &"https://10.0.0.1/keys".to_owned(), "no public address, and outgoing.allow"),
    ] {
        with_client(&app, name, uri);
        let answer = shown(&app, &signed(Algorithm::ES256, &claims(name)));
        assert_error(&answer, 401, "invalid_client");
        let told = format!("the keys of client {name} cannot be fetched from its jwks_uri: ");
        let line = app.stderr.wait_for(&told);
        assert!(line.contains(why), "{line}");
        let line = app.stderr.wait_for(&format!("who={name} "));
        assert!(line.contains("reason=keys_unavailable"), "{line}");
    }
    assert!(site.asked().iter().all(|asked| asked.target == "/"), "no redirect is followed");
}

/// Only clients that sign make the server ask anybody.
#[test]
fn nobody_else_makes_the_server_ask() {
    let (site, _keys) = publisher();
    let secret = "a-secret-of-at-least-thirty-two-bytes";
    let app = issuing(ALLOWED);
    let uri = format!("{}/keys", site.url);
    let add = ["clients", "add", "plain", "--grant-type", "password", "--secret-stdin"];
    done(&app, &[&add[..], &["--jwks-uri", &uri]].concat(), &format!("{secret}\n"));
    assert_error(&shown(&app, &signed(Algorithm::ES256, &claims("plain"))), 401, "invalid_client");
    assert_eq!(site.asked().len(), 0);
    fs::write(app.folder().join("jwks.json"), jwks().to_string()).expect("written");
    done(&app, &["clients", "set", "plain", "--jwks", "jwks.json"], "");
    let record = done(&app, &["clients", "show", "plain", "--json"], "");
    let record: Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(
        (&record["jwks"], record.get("jwks_uri")),
        (&jwks(), None),
        "one takes the other's place"
    );
}
