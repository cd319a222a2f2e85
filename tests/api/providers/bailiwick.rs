//! Another bailiwick as the provider, whose client this one is.

use super::{ALLOW, depart, is_in, wait_for_scopes};
use crate::browser_sessions::visitor::{Visitor, at};
use crate::browser_sessions::with_pages;
use crate::harness::App;
use crate::people::{import, server};
use crate::signing_in::{decide, log_in_at};
use serde_json::json;
use std::net::{SocketAddr, TcpListener};
use tempfile::NamedTempFile;

/// A server that is reached where its issuer says.
pub(crate) fn reachable(config: &str) -> App {
    let address = free();
    server(&format!("[server]\npublic_url = 'http://{address}'\n{config}"))
        .args(["-b", &address.to_string()])
        .spawn()
}

/// An address that nobody listens at.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address")
}

/// A provider with Ann, and the file with the secret of its client `relying`.
pub(crate) fn provider(callback: &str) -> (App, NamedTempFile) {
    let provider = reachable("[pages]\nname = 'Corp'\n");
    let ann = json!({
        "username": "ann", "full_name": "Ann Lee", "email": "ann@example.com", "scopes": ["me"],
    });
    import(&provider, &[ann]);
    let add = ["clients", "add", "relying", "--name", "Relying party", "--redirect-uri", callback];
    let added = provider.command(&[&add[..], &["--grant-type", "authorization_code"]].concat(), "");
    assert!(added.status.success(), "{added:?}");
    let secret = NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), added.stdout).expect("written");
    (provider, secret)
}

/// The settings of its client.
pub(crate) fn table(provider: &App, secret: &NamedTempFile) -> String {
    format!(
        "{ALLOW}[providers.corp]\nissuer = '{}'\nclient_id = 'relying'\nclient_secret_file = '{}'\n\
         button = 'Corp'\nsignup = 'anyone'\nscope_rules = ['preferred_username=ann: items']\n",
        provider.url(""),
        secret.path().display()
    )
}

/// Goes where the provider leads: logs Ann in, allows what is asked, until it is sent elsewhere.
fn through(there: &mut Visitor<'_>, provider: &App, start: &str) -> String {
    let base = provider.url("");
    let mut place = start.to_owned();
    for _ in 0..10 {
        let Some(path) = place.strip_prefix(&base) else { return place };
        let mut answer = there.get(path);
        if answer.body.contains("action=\"/auth/login") {
            answer = log_in_at(there, &answer, "ann");
        } else if answer.body.contains("action=\"/auth/consent") {
            assert!(answer.body.contains("Relying party"), "{}", answer.body);
            answer = decide(there, &answer, "allow");
        }
        let next = answer.header("location").unwrap_or_else(|| panic!("{answer:?}"));
        next.clone_into(&mut place);
    }
    panic!("the provider goes round in circles at {place}")
}

#[test]
fn another_bailiwick_signs_ann_in() {
    let (provider, secret) = provider(&at("/auth/up/corp/callback"));
    let app = with_pages(&table(&provider, &secret));
    let mut there = Visitor::of(&provider);
    for _ in 0..2 {
        let mut browser = Visitor::of(&app);
        let departed = depart(&mut browser, "corp");
        let place = departed.header("location").unwrap_or_else(|| panic!("{}", departed.body));
        let back = through(&mut there, &provider, place);
        let arrived = browser.get(back.strip_prefix(&at("")).expect("back here"));
        assert_eq!(arrived.status, 303, "{} {}", arrived.body, app.stderr.text());
        is_in(&mut browser, "Ann Lee");
    }
    wait_for_scopes(&app, "ann", &json!(["items"]));

    // Whoever says no there is not signed in here.
    let mut browser = Visitor::of(&app);
    let departed = depart(&mut browser, "corp");
    let place = departed.header("location").unwrap_or_else(|| panic!("{}", departed.body));
    let page = there.get(place.strip_prefix(&provider.url("")).expect("there"));
    let back = decide(&mut there, &page, "deny");
    let back = back.header("location").expect("back").to_owned();
    let page = browser.get(back.strip_prefix(&at("")).expect("back here"));
    assert!(page.status == 400 && page.body.contains("did not sign you in"), "{}", page.body);
    app.stderr.wait_for("reason=provider_refused");
}
