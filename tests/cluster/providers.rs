//! A login at a provider over three replicas on PostgreSQL: it begins at one and comes back to another.

use crate::harness::{App, Response};
use crate::postgres::shared;
use crate::sign_in::{Browser, REDIRECT, URL, request};
use crate::{PASSWORD, config, done};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;

/// Another bailiwick as the provider, on a database of its own, with Ann; and this server's secret there.
fn provider() -> (App, String) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let config = format!(
        "[server]\nworkers = 1\npublic_url = 'http://{free}'\n[passwords]\nbcrypt_cost = 4\npolicy = false\n"
    );
    let app = App::bare().config(&config).args(["-b", &free.to_string()]).spawn();
    let run = |args: &[&str]| {
        let output = app.command(args, PASSWORD);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    };
    run(&["users", "add", "ann", "--password-stdin", "--scope", "me"]);
    let callback = format!("{URL}/auth/up/corp/callback");
    let add = ["clients", "add", "relying", "--redirect-uri", &callback];
    let secret = run(&[&add[..], &["--grant-type", "authorization_code"]].concat());
    (app, secret)
}

fn start(url: &str, provider: &App, folder: &Path) -> App {
    let more = format!(
        "[server]\nworkers = 1\npublic_url = '{URL}'\n[outgoing]\nallow = ['127.0.0.1']\n[providers.corp]\n\
         issuer = '{}'\nclient_id = 'relying'\nclient_secret_file = '{}'\nsignup = 'anyone'\nscope_rules = ['*: me']\n",
        provider.url(""),
        folder.join("secret").display(),
    );
    App::bare().config(&config(url)).config(&more).spawn()
}

fn location(answer: &Response) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").expect("a redirect").to_owned()
}

/// Logs Ann in at the provider, who allows what is asked; returns where that leads.
fn through(there: &mut Browser, base: &str, start: &str) -> String {
    let mut place = start.to_owned();
    for _ in 0..10 {
        let Some(path) = place.strip_prefix(base) else { return place };
        let page = there.send("GET", path, "");
        place = location(&if page.body.contains("action=\"/auth/login") {
            there.submit(&page.body, "/auth/login", &[("username", "ann"), ("password", PASSWORD)])
        } else if page.body.contains("action=\"/auth/consent") {
            there.submit(&page.body, "/auth/consent", &[("decision", "allow")])
        } else {
            page
        });
    }
    panic!("the provider goes round in circles at {place}")
}

#[test]
fn each_step_of_a_login_at_a_provider_may_meet_another_replica() {
    let url = shared().url(&shared().database());
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (provider, secret) = provider();
    std::fs::write(folder.join("secret"), secret).expect("written");
    let base = provider.url("");
    let replicas = (0..3).map(|_| start(&url, &provider, folder)).collect();
    let add = ["clients", "add", "web", "--redirect-uri", REDIRECT, "--scope", "me"];
    let add = [&add[..], &["--grant-type", "authorization_code", "--skip-consent"]].concat();
    done(folder, &url, &add, "");
    let (mut browser, mut there) = (Browser::of(replicas), Browser::of(vec![provider]));

    // Twice, so that it also begins at another one.
    for round in 0..2 {
        let asked = request();
        let here = |answer: &Response| {
            let place = location(answer);
            place.strip_prefix(URL).unwrap_or_else(|| panic!("{place}")).to_owned()
        };
        let login = here(&browser.send("GET", &asked, ""));
        let page = browser.send("GET", &login, "");
        let place = location(&browser.submit(&page.body, "/auth/up/corp", &[]));
        let back = through(&mut there, &base, &place);
        let back = back.strip_prefix(URL).unwrap_or_else(|| panic!("{back}"));
        let on = here(&browser.send("GET", back, ""));
        let told = location(&browser.send("GET", &on, ""));
        assert!(told.starts_with(REDIRECT) && told.contains("code="), "{told}");
        // On none of them it counts again.
        for _ in 0..3 {
            assert_eq!(browser.send("GET", back, "").status, 400);
        }
        let account = browser.send("GET", "/auth/account", "");
        assert!(account.status == 200 && account.body.contains("ann"), "{}", account.body);
        browser.forget();
        assert_eq!(browser.send("GET", "/auth/account", "").status, 303, "round {round}");
    }
    let users: Value = serde_json::from_str(&done(folder, &url, &["users", "list", "--json"], ""))
        .expect("a list");
    assert_eq!(users.as_array().map(Vec::len), Some(1), "{users}");
}
