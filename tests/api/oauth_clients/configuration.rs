//! Clients of the configuration.

use super::{PUBLIC, done, issuing, jane, refused};
use crate::harness::{bailiwick, eventually, run};
use crate::people::{admin, import, server};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const SECRET: &str = "a-secret-of-a-configured-client-that-is-long";

const CLIENT: &str = "[clients.web]\nclient_name = \"The web\"\ngrant_types = [\"password\"]\n\
    scope = \"me items\"\nclient_secret_files = [\"web.secret\"]\n";

#[test]
fn a_client_of_the_configuration_counts_and_is_changed_there_only() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("web.secret"), format!("{SECRET}\n")).expect("written");
    let app = server(PUBLIC).config(CLIENT).spawn_in(folder);
    import(&app, &[json!({"username": "root", "scopes": crate::people::ALL})]);
    import(&app, &[json!({"username": "jane", "scopes": ["me", "items"]})]);
    assert_eq!(jane(&app, Some(("web", SECRET)), &[]).status, 200);
    assert_eq!(jane(&app, Some(("web", "wrong")), &[]).status, 401);
    let path = "/oauth/clients/web";
    let web = admin(&app, ("GET", path), &Value::Null);
    let record = web.json();
    assert_eq!(
        (&record["source"], &record["scope"]),
        (&json!("configuration"), &json!("me items"))
    );
    assert!(!web.body.contains(SECRET), "{}", web.body);
    let body = json!({"client_id": "web", "grant_types": ["password"]});
    for (method, path, body) in [
        ("POST", "/oauth/clients", &body),
        ("PUT", path, &body),
        ("DELETE", path, &Value::Null),
        ("POST", "/oauth/clients/web/secret", &json!({})),
    ] {
        let answer = admin(&app, (method, path), body);
        assert_eq!(answer.status, 409, "{method}: {}", answer.body);
        assert_eq!(
            answer.json()["detail"],
            "The client is in the configuration, and is changed there"
        );
    }
    for command in [
        &["add", "web", "--grant-type", "password"][..],
        &["set", "web", "--name", "x"],
        &["rotate-secret", "web"],
        &["delete", "web"],
    ] {
        let line = refused(&app, &[&["clients"], command].concat(), "");
        let told = "bailiwick: web: the client is in the configuration: change [clients.web] there";
        assert_eq!(line, told, "{command:?}");
    }
    // Beside those of the database.
    done(&app, &["clients", "add", "zzz", "--grant-type", "password"], "");
    done(&app, &["clients", "add", "aaa", "--grant-type", "password"], "");
    let ids = |query: &str| {
        let page = admin(&app, ("GET", &format!("/oauth/clients{query}")), &Value::Null).json();
        let clients = page["clients"].as_array().expect("a list").clone();
        let ids =
            clients.iter().map(|client| client["client_id"].as_str().expect("an id").to_owned());
        (ids.collect::<Vec<_>>(), page["next"].as_str().map(str::to_owned))
    };
    assert_eq!(ids(""), (["aaa", "web", "zzz"].map(str::to_owned).to_vec(), None));
    assert_eq!(ids("?limit=2"), (vec!["aaa".into(), "web".into()], Some("web".into())));
    assert_eq!(ids("?limit=2&after=web"), (vec!["zzz".into()], None));
    let listed: Value =
        serde_json::from_str(&done(&app, &["clients", "list", "--json"], "")).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    // Its secret is changed by the file and a reload.
    fs::write(app.folder().join("web.secret"), SECRET.to_uppercase()).expect("written");
    app.signal("HUP");
    eventually("the new secret", || {
        (jane(&app, Some(("web", &SECRET.to_uppercase())), &[]).status == 200).then_some(())
    });
    let all = app.stdout.text() + &app.stderr.text();
    assert!(!all.contains(SECRET) && !all.contains(&SECRET.to_uppercase()), "{all}");
    let printed = done(&app, &["print-config"], "");
    assert!(printed.contains("clients.web") && !printed.contains(SECRET), "{printed}");
}

#[test]
fn a_client_that_the_database_has_too_stops_the_start() {
    let mut app = issuing("");
    done(&app, &["clients", "add", "web", "--grant-type", "password"], "");
    fs::write(app.folder().join("web.secret"), SECRET).expect("written");
    app.signal("TERM");
    assert!(app.wait().success());
    let config = app.folder().join("config.toml");
    let text = fs::read_to_string(&config).expect("the configuration") + "\n" + CLIENT;
    fs::write(config, text).expect("written");
    let line = refused(&app, &["serve", "-b", "127.0.0.1:0"], "");
    assert!(line.contains("clients.web: the database has a client of this id as well"), "{line}");
    assert!(line.contains("bailiwick clients delete web"), "{line}");
    // It does what it says, once: then there is none left but that of the configuration.
    done(&app, &["clients", "delete", "web"], "");
    let line = refused(&app, &["clients", "delete", "web"], "");
    assert!(line.contains("the client is in the configuration"), "{line}");
}

#[test]
fn every_fault_stops_the_start_with_its_line() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("good"), SECRET).expect("written");
    fs::write(folder.path().join("short"), "short").expect("written");
    let check = |config: &str| {
        let file = folder.path().join("config.toml");
        fs::write(&file, config).expect("written");
        let mut command = bailiwick(folder.path());
        command.arg("--config").arg(file).arg("check-config");
        command.env("BAILIWICK__TOKENS__SECRET", "a-secret-of-the-tests-that-is-long-enough");
        let output = run(&mut command, "");
        (output.status.success(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let service = "[clients.c]\ngrant_types = [\"password\"]\n";
    let good = format!("{PUBLIC}{service}client_secret_files = [\"good\", \"good\"]\n");
    let public = format!("{PUBLIC}{service}token_endpoint_auth_method = \"none\"\n");
    for config in [good, public] {
        let (is_good, lines) = check(&config);
        assert!(is_good, "{config}: {lines}");
    }
    for (more, line) in [
        (String::new(), "clients.c.client_secret_files: expected one file"),
        ("client_secret_files = [\"short\"]".into(), "short: expected at least 32 bytes"),
        ("client_secret_files = [\"absent\"]".into(), "absent: No such file"),
        (
            "client_secret_files = [\"good\", \"good\", \"good\"]".into(),
            "expected one file, or two",
        ),
        (
            "token_endpoint_auth_method = \"none\"\nclient_secret_files = [\"good\"]".into(),
            "a client with none has no secret",
        ),
        (
            "token_endpoint_auth_method = \"secret\"".into(),
            "clients.c.token_endpoint_auth_method = \"secret\": expected one of client_secret_basic",
        ),
        ("scope = \"root\"".into(), "clients.c.scope: `root` is not a declared scope"),
        ("scope = \"a\\\"b\"".into(), "expected scopes, separated by single spaces"),
        ("redirect_uris = [\"/cb\"]".into(), "clients.c.redirect_uris: `/cb` is not absolute"),
        (
            "redirect_uris = [\"intent://x\"]".into(),
            "clients.c.redirect_uris: `intent://x` has a scheme that is no domain name",
        ),
        (
            "post_logout_redirect_uris = [\"https://a.example/?iss=x\"]".into(),
            "clients.c.post_logout_redirect_uris: `https://a.example/?iss=x` has the query parameter `iss`",
        ),
        ("jwks = \"{\"".into(), "clients.c.jwks = ***: expected a JWK Set as JSON"),
        ("jwks = \"{}\"".into(), "clients.c.jwks: expected a JWK Set"),
        ("jwks_uri = \"http://x\"".into(), "clients.c.jwks_uri: `http://x` is http"),
        ("introspect = 7".into(), "clients.c.introspect = 7: expected true or false"),
        ("[clients.0123]".into(), "is not a number, `bailiwick` or `me`"),
        ("[clients.\"a b\"]".into(), "a client's id is 1 to 128 letters"),
    ] {
        let (is_good, lines) = check(&format!("{PUBLIC}{service}{more}\n"));
        assert!(!is_good && lines.contains(line), "{more}: {lines}");
        assert!(!lines.contains(SECRET), "{lines}");
    }
    // Where a secret was written that belongs elsewhere.
    for more in [
        format!("client_secret = \"{SECRET}\""),
        format!("client_secret_files = [\"{SECRET}\"]"),
        format!("jwks = '{{\"keys\":[{{\"d\":\"{SECRET}\"}}'"),
        format!("keys = {{ d = [\"{SECRET}\"] }}"),
    ] {
        let (is_good, lines) = check(&format!("{PUBLIC}{service}{more}\n"));
        assert!(!is_good && lines.contains("clients.c.") && !lines.contains(SECRET), "{lines}");
    }
    let (is_good, lines) = check(&format!("{service}client_secret_files = [\"good\"]\n"));
    assert!(
        !is_good && lines.contains("clients.c (file ") && lines.contains("needs server.public_url"),
        "{lines}"
    );
    let (is_good, lines) = check("[oauth]\nrequire_client = true\n");
    assert!(!is_good && lines.contains("needs server.public_url"), "{lines}");
    let (is_good, lines) = check("clients = 7\n");
    assert!(!is_good && lines.contains("expected a section: [clients]"), "{lines}");
}
