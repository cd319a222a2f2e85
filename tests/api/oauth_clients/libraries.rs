//! Services with clients that others have written, unmodified.

use super::done;
use crate::clients::python_tool;
use crate::harness::{App, repository, run_tool};
use std::net::TcpListener;
use std::process::Command;

/// The secrets of the clients that have one.
pub(super) struct Secrets {
    pub(super) svc: String,
    pub(super) web: String,
    pub(super) api: String,
}

/// A server that is reached where its issuer says, with clients for services: `svc`, which has a secret,
/// `signer`, whose key is in its folder, and `api`, which explains tokens; and for users: `web`, which has
/// a secret, and `spa`, which has none.
pub(super) fn reachable() -> (App, Secrets) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let config = format!(
        "[server]\npublic_url = \"http://{address}\"\n[tokens]\nalgorithm = \"EdDSA\"\n\
         password_refresh = true\n"
    );
    let app = App::demo().config(&config).args(["-b", &address]).spawn();
    let file = |name: &str| app.folder().join(name);
    let made = run_tool(python_tool("python").args(["-c", MAKE_KEY]).arg(app.folder()));
    assert!(file("jwks.json").exists() && file("key.pem").exists(), "{made}");
    let add = |id: &str, flags: &[&str]| {
        let secret = done(&app, &[&["clients", "add", id], flags].concat(), "");
        secret.trim_end().to_owned()
    };
    let service = ["--grant-type", "client_credentials", "--scope", "items"];
    let signer =
        ["--auth-method", "private_key_jwt", "--jwks", "jwks.json", "--token-endpoint-audience"];
    add("signer", &[&service[..], &signer].concat());
    let users = ["--grant-type", "password", "--grant-type", "refresh_token"];
    let users = [&users[..], &["--scope", "me", "--scope", "items"]].concat();
    add("spa", &[&users[..], &["--auth-method", "none"]].concat());
    let svc = add("svc", &service);
    let api = add("api", &[&service[..], &["--introspect"]].concat());
    let web = add("web", &users);
    (app, Secrets { svc, web, api })
}

const MAKE_KEY: &str = "
import json, pathlib, sys
from jwt.algorithms import ECAlgorithm
from cryptography.hazmat.primitives import serialization as to
from cryptography.hazmat.primitives.asymmetric import ec
key, folder = ec.generate_private_key(ec.SECP256R1()), pathlib.Path(sys.argv[1])
pem = key.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, to.NoEncryption())
(folder / 'key.pem').write_bytes(pem)
public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
(folder / 'jwks.json').write_text(json.dumps({'keys': [public]}))
";

#[test]
fn requests_oauthlib_authlib_and_requests_oauth2client_get_tokens_of_services() {
    let (app, secrets) = reachable();
    let script = repository("tests/clients/services.py");
    run_tool(python_tool("python").arg(script).arg(app.url("")).arg(secrets.svc).arg(app.folder()));
}

#[test]
fn oauth4webapi_and_openid_client_get_tokens_of_services() {
    let (app, secrets) = reachable();
    let mut script = Command::new("node");
    script.arg(repository("tests/clients/services.mjs")).arg(app.url("")).arg(secrets.svc);
    run_tool(script.arg(app.folder()));
}

#[test]
fn oauth4webapi_openid_client_and_oidc_client_ts_renew_tokens() {
    let (app, secrets) = reachable();
    let mut script = Command::new("node");
    script.arg(repository("tests/clients/refresh.mjs")).arg(app.url(""));
    run_tool(script.arg(secrets.web));
}

#[test]
fn authlib_protects_resources_by_introspection() {
    let (app, secrets) = reachable();
    let script = repository("tests/clients/protected.py");
    run_tool(python_tool("python").arg(script).arg(app.url("")).arg(secrets.api));
}
