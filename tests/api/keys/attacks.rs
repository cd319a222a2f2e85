//! Attacks on tokens of asymmetric keys. The test holds the private key, so that only one thing is
//! wrong at a time.

use super::{ISSUER, admits, config, keys, login, published};
use crate::harness::{App, FORM, eventually, run_tool};
use crate::signer::{claims, encode, forge, now};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A new private key in PEM, and to sign with.
fn private(folder: &Path, kind: &[&str]) -> (String, EncodingKey, Algorithm) {
    let file = folder.join("key.pem");
    run_tool(
        Command::new("openssl").args(["genpkey", "-algorithm"]).args(kind).arg("-out").arg(&file),
    );
    let pem = fs::read_to_string(&file).expect("a key");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    match kind[0] {
        "ed25519" => (pem, EncodingKey::from_ed_der(&der), Algorithm::EdDSA),
        "RSA" => {
            let convert = ["pkey", "-traditional", "-outform", "DER", "-out", "key.der", "-in"];
            run_tool(Command::new("openssl").args(convert).arg(&file).current_dir(folder));
            let der = fs::read(folder.join("key.der")).expect("a key");
            (pem, EncodingKey::from_rsa_der(&der), Algorithm::RS256)
        }
        _ => (pem, EncodingKey::from_ec_der(&der), Algorithm::ES256),
    }
}

struct Attacked {
    app: App,
    key: EncodingKey,
    by: Algorithm,
    kid: String,
    good: Value,
}

impl Attacked {
    fn new(generate: &[&str], algorithm: &str) -> Self {
        let app = App::demo()
            .config(&config(algorithm).replace("[passwords]", "leeway = 5\n[passwords]"))
            .spawn();
        let good = claims(&login(&app));
        let (pem, key, by) = private(app.folder(), generate);
        fs::write(app.folder().join("import.pem"), pem).expect("written");
        let line = keys(&app, &["import", "--now", "import.pem"]);
        let kid = line.split(':').next().expect("a name").to_owned();
        eventually("the key", || published(&app).contains(&kid).then_some(()));
        Self { app, key, by, kid, good }
    }

    fn header(&self, changes: &Value) -> String {
        let alg = format!("{:?}", self.by);
        changed(&json!({"typ": "at+jwt", "alg": alg, "kid": self.kid}), changes).to_string()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_by(&self.key, header, claims)
    }

    fn sign_by(&self, key: &EncodingKey, header: &Value, claims: &Value) -> String {
        let claims = changed(&self.good, claims).to_string();
        let message = format!("{}.{}", encode(self.header(header)), encode(claims));
        let signature = crypto::sign(message.as_bytes(), key, self.by).expect("signed");
        format!("{message}.{signature}")
    }

    fn admits(&self, token: &str) -> bool {
        admits(&self.app, token)
    }
}

/// Null removes.
fn changed(object: &Value, changes: &Value) -> Value {
    let mut all = object.as_object().expect("an object").clone();
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(all.remove(name)),
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
    all.into()
}

#[test]
fn only_what_a_key_of_ours_signed_as_an_access_token_for_us_is_accepted() {
    let none = json!({});
    for (kind, algorithm) in
        [(&["ed25519"][..], "EdDSA"), (&["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ES256")]
    {
        let it = Attacked::new(kind, algorithm);
        assert!(it.admits(&it.sign(&none, &none)));
        for (header, is_good) in [
            (json!({"typ": "application/at+jwt"}), true),
            (json!({"typ": "AT+JWT"}), true),
            (json!({"typ": null}), false),
            (json!({"typ": "JWT"}), false),
            (json!({"typ": "refresh+jwt"}), false),
            (json!({"typ": "logout+jwt"}), false),
            (json!({"alg": "none"}), false),
            (json!({"alg": "HS256"}), false),
            (json!({"alg": "RS256"}), false),
            (json!({"alg": "ES384"}), false),
            (json!({"kid": null}), false),
            (json!({"kid": 7}), false),
            (json!({"crit": ["b64"], "b64": false}), false),
            // The rest of a header says nothing.
            (json!({"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x"}), true),
        ] {
            assert_eq!(it.admits(&it.sign(&header, &none)), is_good, "{algorithm} {header}");
        }
        let at = now();
        for (claims, is_good) in [
            (json!({"aud": ["https://api.example.com", ISSUER]}), true),
            (json!({"aud": ["https://api.example.com"]}), false),
            (json!({"aud": "https://api.example.com"}), false),
            (json!({"aud": null}), false),
            (json!({"aud": {}}), false),
            (json!({"aud": []}), false),
            (json!({"aud": [[ISSUER]]}), false),
            (json!({"aud": [ISSUER, 7]}), false),
            (json!({"aud": ISSUER.to_uppercase()}), false),
            (json!({"iss": null}), false),
            (json!({"iss": "https://auth.example.com/"}), false),
            (json!({"iss": [ISSUER]}), false),
            (json!({"iss": "https://evil.example"}), false),
            (json!({"sub": null}), false),
            (json!({"sub": "johndoe"}), false),
            (json!({"sub": "1"}), false),
            (json!({"sub": format!("0{}", it.good["sub"].as_str().expect("a text"))}), false),
            (json!({"sub": format!("+{}", it.good["sub"].as_str().expect("a text"))}), false),
            (json!({"sub": "-1"}), false),
            (json!({"sub": "99999999999999999999"}), false),
            (json!({"username": null}), false),
            (json!({"username": 7}), false),
            // The id decides whose it is.
            (json!({"username": "alice"}), true),
            (json!({"bailiwick_epoch": 1}), false),
            (json!({"bailiwick_epoch": "0"}), false),
            (json!({"bailiwick_epoch": -1}), false),
            (json!({"bailiwick_id": -1}), false),
            (json!({"cnf": {"jkt": "x"}}), false),
            (json!({"nonce": "x"}), false),
            (json!({"token_type": "refresh"}), false),
            (json!({"type": "refresh"}), false),
            (json!({"scope": ["me"]}), false),
            (json!({"scope": "items"}), false),
            (json!({"exp": null}), false),
            (json!({"exp": "9999999999"}), false),
            (json!({"exp": -1}), false),
            (json!({"exp": true}), false),
            (json!({"exp": at - 60}), false),
            (json!({"exp": at - 2}), true),
            (json!({"nbf": at + 60}), false),
            (json!({"nbf": at + 2}), true),
            (json!({"iat": at + 60}), true),
        ] {
            assert_eq!(it.admits(&it.sign(&none, &claims)), is_good, "{algorithm} {claims}");
        }
        for alg in ["none", "None", "NONE", "nOnE", ""] {
            let unsigned = it.sign(&json!({"alg": alg}), &none);
            let (message, signature) = unsigned.rsplit_once('.').expect("three parts");
            for token in
                [format!("{message}."), message.to_owned(), format!("{message}.{signature}")]
            {
                assert!(!it.admits(&token), "{alg} {token}");
            }
        }
        let mut other = it.sign(&none, &none);
        let end = other.len() - 10;
        other.replace_range(end.., "AAAAAAAAAA");
        assert!(!it.admits(&other), "another signature");
        let (message, signature) = other.rsplit_once('.').expect("three parts");
        for signature in ["", "AAAA", &signature[..20], &"A".repeat(4000)] {
            assert!(!it.admits(&format!("{message}.{signature}")), "{algorithm} {signature}");
        }
    }
}

#[test]
fn another_key_is_refused_whatever_the_header_says() {
    let none = json!({});
    let it = Attacked::new(&["ed25519"], "EdDSA");
    let (_, evil, _) = private(it.app.folder(), &["ed25519"]);
    let jwk = it.app.get("/oauth/jwks").json()["keys"][0].clone();
    let mut kids =
        ["../../../../dev/null", "/etc/passwd", "https://evil.example/key", "", "HS256", "\u{0}"]
            .map(str::to_owned)
            .to_vec();
    kids.extend(["' OR 1=1 --", "a' UNION SELECT 'HS256", "$(id)"].map(str::to_owned));
    kids.extend([it.kid.clone(), it.kid.to_lowercase(), it.kid.clone() + " ", "k".repeat(4_000)]);
    for kid in kids {
        for more in [
            json!({}),
            json!({"jku": "http://127.0.0.1:1/jwks"}),
            json!({"x5u": "http://127.0.0.1:1/x5u", "x5c": ["AAAA"]}),
            json!({"jwk": jwk}),
        ] {
            let header = changed(&json!({"kid": kid}), &more);
            assert!(!it.admits(&it.sign_by(&evil, &header, &none)), "{header}");
        }
    }
    assert!(it.admits(&it.sign(&none, &none)), "the server is well");
}

/// In a head as long as it may be, and in a body, which may be longer.
#[test]
fn a_huge_name_of_a_key_is_refused() {
    let it = Attacked::new(&["ed25519"], "EdDSA");
    let none = json!({});
    let named = |length| it.sign(&json!({"kid": "k".repeat(length)}), &none);
    assert!(!it.admits(&named(11_000)));
    for (length, status) in [(11_000, 200), (1 << 20, 413)] {
        let form = format!("token={}", named(length));
        let answer = it.app.send("POST", "/oauth/revoke", &[("content-type", FORM)], &form);
        assert_eq!(answer.status, status, "{length}: {}", answer.body);
    }
    assert!(it.admits(&it.sign(&none, &none)), "the server is well");
}

/// Each published key signs only with its own name and algorithm.
#[test]
fn no_key_signs_in_the_name_of_another() {
    let it = Attacked::new(&["ed25519"], "EdDSA");
    let on_p256 = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let (pem, key, by) = private(it.app.folder(), &on_p256);
    fs::write(it.app.folder().join("ec.pem"), pem).expect("written");
    let line = keys(&it.app, &["import", "--now", "ec.pem"]);
    let kid = line.split(':').next().expect("a name").to_owned();
    eventually("the key", || published(&it.app).contains(&kid).then_some(()));
    let signed = |key: &EncodingKey, by: Algorithm, kid: &str, alg: &str| {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": kid}).to_string();
        let message = format!("{}.{}", encode(header), encode(it.good.to_string()));
        let signature = crypto::sign(message.as_bytes(), key, by).expect("signed");
        format!("{message}.{signature}")
    };
    for (key, by, own) in [(&it.key, it.by, "EdDSA"), (&key, by, "ES256")] {
        for named in [&it.kid, &kid] {
            for alg in ["EdDSA", "ES256", "RS256", "PS256", "ES384", "HS256", "none"] {
                let is_its = alg == own && (*named == it.kid) == (own == "EdDSA");
                assert_eq!(it.admits(&signed(key, by, named, alg)), is_its, "{own} {named} {alg}");
            }
        }
    }
}

/// Whoever has one signature of ECDSA knows another one, (r, n - s). It is no way around the end of a
/// token.
#[test]
fn the_twin_of_a_signature_ends_with_its_token() {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let app = App::demo().config(&config("ES256")).spawn();
    let token = login(&app);
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let (r, s) = bytes.split_at(32);
    let order: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&ORDER[2 * at..2 * at + 2], 16).expect("digits"))
        .collect();
    let mut twin = vec![0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        twin[at] = u8::try_from(difference.rem_euclid(256)).expect("a byte");
    }
    let with = |signature: &[u8]| format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    let twin = with(&[r, &twin].concat());
    assert!(twin != token && admits(&app, &twin), "it verifies");
    // Other lengths, the form of ASN.1, and numbers out of range.
    let der = [&[0x30, 70, 2, 33, 0], r, &[2, 33, 0], s].concat();
    for bad in [
        &bytes[..63],
        &[&bytes[..], &[0]].concat(),
        &[&[0][..], &bytes].concat(),
        &der,
        &[0; 64],
        &[0xff; 64],
        &[r, &[0; 32]].concat(),
        &[&[0; 32], s].concat(),
        &[r, &order].concat(),
        &[s, r].concat(),
    ] {
        assert!(!admits(&app, &with(bad)), "{bad:?}");
    }
    let form = format!("token={token}");
    let ended = app.send("POST", "/oauth/revoke", &[("content-type", FORM)], &form);
    assert_eq!(ended.status, 200);
    for one in [&token, &twin] {
        eventually("the end", || (!admits(&app, one)).then_some(()));
    }
}

/// The public key is no secret, however it is written.
#[test]
fn a_public_key_is_never_a_secret() {
    for (kind, algorithm) in [
        (&["ed25519"][..], "EdDSA"),
        (&["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ES256"),
        (&["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RS256"),
    ] {
        let it = Attacked::new(kind, algorithm);
        let set = it.app.get("/oauth/jwks").json();
        let jwk = set["keys"].as_array().expect("keys").iter().find(|key| key["kid"] == it.kid);
        let jwk = jwk.expect("the key");
        let openssl = |args: &[&str]| {
            let input = ["pkey", "-in", "import.pem", "-pubout", "-out", "public"];
            run_tool(Command::new("openssl").args(input).args(args).current_dir(it.app.folder()));
            fs::read(it.app.folder().join("public")).expect("a key")
        };
        let (pem, der) = (openssl(&[]), openssl(&["-outform", "DER"]));
        let text = String::from_utf8(pem.clone()).expect("PEM");
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let mut secrets = vec![
            text.trim_end().into(),
            text.replace('\n', "\r\n").into(),
            body.into(),
            pem,
            der,
            jwk.to_string().into(),
            set.to_string().into(),
            it.kid.clone().into(),
        ];
        for part in ["x", "y", "n"].into_iter().filter_map(|name| jwk[name].as_str()) {
            secrets.push(URL_SAFE_NO_PAD.decode(part).expect("base64"));
            secrets.push(part.into());
        }
        let hs256 = json!({"sub": "johndoe", "scopes": ["me"], "exp": now() + 600}).to_string();
        for secret in &secrets {
            for typ in ["JWT", "at+jwt"] {
                for kid in [json!(it.kid), Value::Null] {
                    let header = it.header(&json!({"alg": "HS256", "typ": typ, "kid": kid}));
                    for claims in [&hs256, &it.good.to_string()] {
                        assert!(!it.admits(&forge(&header, claims, secret)), "{header} {claims}");
                    }
                }
            }
        }
        // Nor does the shared secret sign what only keys may.
        let secret = b"a-secret-of-the-tests-that-is-long-enough";
        let at_jwt = json!({"alg": "HS256", "typ": "at+jwt"}).to_string();
        assert!(!it.admits(&forge(&at_jwt, &it.good.to_string(), secret)));
        assert!(!it.admits(&forge(&it.header(&json!({"alg": "HS256"})), &hs256, secret)));
        assert!(it.admits(&it.sign(&json!({}), &json!({}))), "the server is well");
    }
}

#[test]
fn a_retired_key_signs_for_nobody() {
    let none = json!({});
    let it = Attacked::new(&["ed25519"], "EdDSA");
    let (seen, unseen) = (it.sign(&none, &none), it.sign(&none, &json!({"jti": "another"})));
    assert!(it.admits(&seen));
    keys(&it.app, &["retire", &it.kid]);
    eventually("its end", || (!it.admits(&seen)).then_some(()));
    assert!(!it.admits(&unseen), "not even from memory");
    assert!(!published(&it.app).contains(&it.kid));
    let again = it.app.command(&["keys", "import", "--now", "import.pem"], "");
    assert!(!again.status.success(), "it does not come back");
}
