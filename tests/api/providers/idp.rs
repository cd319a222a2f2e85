//! A provider that says what a test wants: OpenID Connect, or in GitHub's shape.

use crate::oauth_clients::keys::{jwks, key};
use crate::signer::now;
use crate::site::{Asked, Site};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What it says next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Says {
    /// Claims of the ID token that are other than they should be; null: absent.
    pub(crate) claims: Value,
    /// What userinfo says.
    pub(crate) userinfo: Value,
    /// The token endpoint responds so, instead of with tokens.
    pub(crate) token: Option<(u16, String)>,
    /// There is no ID token.
    pub(crate) lacks_id_token: bool,
    /// Signed by another key than those it publishes.
    pub(crate) signs_otherwise: bool,
    /// There it does not respond as long as somebody holds this.
    pub(crate) hangs: Option<(&'static str, Arc<Mutex<()>>)>,
    /// Its metadata says that it is another one.
    pub(crate) poses_as: Option<String>,
    /// The nonces of the logins that began, by their challenges, and whether they asked for `auth_time`.
    pub(crate) begun: BTreeMap<String, (String, bool)>,
}

/// A provider, in this process.
pub(crate) struct Idp {
    pub(crate) site: Site,
    pub(crate) says: Arc<Mutex<Says>>,
}

impl Idp {
    /// One that names itself in each response, as its metadata says.
    pub(crate) fn start() -> Self {
        let says = Arc::<Mutex<Says>>::default();
        let of_site = Arc::clone(&says);
        let site = Site::start(move |asked| {
            let says = of_site.lock().expect("unpoisoned").clone();
            if let Some((_, gate)) = says.hangs.as_ref().filter(|(at, _)| asked.target == *at) {
                drop(gate.lock());
            }
            let (status, body) = respond(asked, &says);
            (status, "Content-Type: application/json\r\n".to_owned(), body)
        });
        Self { site, says }
    }

    /// From now on it says so.
    pub(crate) fn says(&self, says: Says) {
        let mut held = self.says.lock().expect("unpoisoned");
        let begun = held.begun.clone();
        *held = Says { begun, ..says };
    }

    /// Takes a browser in that was sent here; returns the query, by names.
    pub(crate) fn visited(&self, location: &str) -> BTreeMap<String, String> {
        let (place, query) = location.split_once('?').expect("a query");
        assert!(place.starts_with(&self.site.url), "{location}");
        let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut says = self.says.lock().expect("unpoisoned");
        let nonce = query.get("nonce").cloned().unwrap_or_default();
        let begun = (nonce, query.contains_key("max_age"));
        says.begun.insert(query["code_challenge"].clone(), begun);
        assert_eq!((&*query["response_type"], &*query["code_challenge_method"]), ("code", "S256"));
        drop(says);
        query
    }
}

fn respond(asked: &Asked, says: &Says) -> (u16, String) {
    let issuer = format!("http://{}", asked.header("host").expect("a host"));
    let path = asked.target.split('?').next().unwrap_or_default();
    let document = match path {
        "/.well-known/openid-configuration" => json!({
            "issuer": says.poses_as.as_ref().unwrap_or(&issuer),
            "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "jwks_uri": format!("{issuer}/jwks"),
            "authorization_response_iss_parameter_supported": true,
        }),
        "/jwks" => {
            let mut keys = jwks();
            if says.signs_otherwise {
                keys["keys"].as_array_mut().expect("a list").truncate(1);
            }
            keys
        }
        "/token" => return token(asked, says, &issuer),
        "/userinfo" | "/user" if asked.header("authorization") == Some("Bearer at-1") => {
            says.userinfo.clone()
        }
        "/user/emails" if asked.header("authorization") == Some("Bearer at-1") => {
            says.userinfo["emails"].clone()
        }
        _ => return (404, "{}".to_owned()),
    };
    (200, document.to_string())
}

fn token(asked: &Asked, says: &Says, issuer: &str) -> (u16, String) {
    let form: BTreeMap<_, _> = form_urlencoded::parse(asked.body.as_bytes()).collect();
    let verifier = form.get("code_verifier").map(|it| digest(&SHA256, it.as_bytes()));
    let nonce = verifier.and_then(|it| says.begun.get(&URL_SAFE_NO_PAD.encode(it)));
    let is_its = form.get("code").is_some_and(|code| code == "code-1");
    let Some((nonce, is_dated)) = nonce.filter(|_| is_its) else {
        return (400, json!({"error": "invalid_grant"}).to_string());
    };
    if let Some(other) = &says.token {
        return other.clone();
    }
    let mut claims = json!({
        "iss": issuer, "sub": "248289", "aud": "bailiwick", "exp": now() + 60, "iat": now(),
        "nonce": nonce, "email": "jane@example.com", "email_verified": true,
        "preferred_username": "jane", "name": "Jane Doe",
    });
    if *is_dated {
        claims["auth_time"] = json!(now());
    }
    for (name, value) in says.claims.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    let by = Algorithm::EdDSA;
    let id_token = encode(&Header::new(by), &claims, &key(by)).expect("signed");
    let mut tokens = json!({"access_token": "at-1", "token_type": "Bearer", "expires_in": 60});
    if !says.lacks_id_token {
        tokens["id_token"] = json!(id_token);
    }
    (200, tokens.to_string())
}
