//! Services with clients that others have written, unmodified.

use super::done;
use crate::clients::python_tool;
use crate::harness::{App, repository, run_tool};
use crate::people::server;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

/// A server that is reached where its issuer says, with the clients `svc`, which has a secret, and
/// `signer`, whose key is in its folder.
fn reachable() -> (App, String) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let config =
        format!("[server]\npublic_url = \"http://{address}\"\n[tokens]\nalgorithm = \"EdDSA\"\n");
    let app = server(&config).args(["-b", &address]).spawn();
    let file = |name: &str| app.folder().join(name);
    let made = run_tool(python_tool("python").args(["-c", MAKE_KEY]).arg(app.folder()));
    assert!(file("jwks.json").exists() && file("key.pem").exists(), "{made}");
    let service = ["--grant-type", "client_credentials", "--scope", "items"];
    let signer =
        ["--auth-method", "private_key_jwt", "--jwks", "jwks.json", "--token-endpoint-audience"];
    done(&app, &[&["clients", "add", "signer"][..], &service, &signer].concat(), "");
    let secret = done(&app, &[&["clients", "add", "svc"][..], &service].concat(), "");
    fs::metadata(file("key.pem")).expect("a key");
    (app, secret.trim_end().to_owned())
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
    let (app, secret) = reachable();
    let script = repository("tests/clients/services.py");
    run_tool(python_tool("python").arg(script).arg(app.url("")).arg(secret).arg(app.folder()));
}

#[test]
fn oauth4webapi_and_openid_client_get_tokens_of_services() {
    let (app, secret) = reachable();
    let mut script = Command::new("node");
    script.arg(repository("tests/clients/services.mjs")).arg(app.url("")).arg(secret);
    run_tool(script.arg(app.folder()));
}
