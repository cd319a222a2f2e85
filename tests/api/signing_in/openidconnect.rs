//! The Rust crate `openidconnect`, unmodified, in a program of its own: `tests/clients/openidconnect`.

use super::{Client, REDIRECT, walk};
use crate::browser_sessions::visitor::Visitor;
use crate::browser_sessions::{URL, with_pages};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Signs a user in; returns what the program says of that.
fn sign_in(client: &Client<'_>) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let program = target.join("openidconnect/debug/openidconnect-client");
    assert!(program.exists(), "{} is missing: run `make tools`", program.display());
    let address = client.app.url("");
    let mut running = Command::new(program)
        .args([URL, &address, REDIRECT, client.id])
        .args(&client.secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut said = BufReader::new(running.stdout.take().expect("piped")).lines();
    let request = said.next().expect("a line").expect("UTF-8");
    let path = request.strip_prefix(URL).expect("on this server");
    let answer = walk(&mut Visitor::of(client.app), path);
    let back = answer.header("location").expect("a redirect");
    writeln!(running.stdin.take().expect("piped"), "{back}").expect("it reads");
    let told = said.next();
    assert!(running.wait().expect("it ends").success(), "{told:?}");
    told.expect("a line").expect("UTF-8")
}

#[test]
fn it_signs_users_in() {
    for (algorithm, name) in [("ES256", "EcdsaP256Sha256"), ("EdDSA", "EdDsa")] {
        let app = with_pages(&format!(
            "[tokens]\nalgorithm = '{algorithm}'\n[clients.own]\nscope = 'me'\n\
             token_endpoint_auth_method = 'none'\nredirect_uris = ['{REDIRECT}']\n\
             grant_types = ['authorization_code', 'refresh_token']\n\
             id_token_signed_response_alg = '{algorithm}'\n"
        ));
        // What a client has that asks for nothing else.
        let rs256 = "RsaSsaPkcs1V15Sha256";
        let own = Client { app: &app, id: "own", secret: None };
        let (web, spa) = (Client::add(&app, "web", &[]), Client::public(&app, "spa", &[]));
        for (client, name) in [(own, name), (web, rs256), (spa, rs256)] {
            assert_eq!(sign_in(&client), format!("bob signed in with {name}"));
        }
    }
}
