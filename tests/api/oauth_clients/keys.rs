//! Keys of clients that sign assertions, and the assertions.

use super::ISSUER;
use crate::signer::now;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The examples of RFC 7515 §A.3 and RFC 8037 §A.1, as PKCS #8.
const P256: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LKhRANCAAR_zc4ncPbEXUGDy-5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

/// Their public halves.
pub(crate) fn jwks() -> Value {
    json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "ec",
         "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
         "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]})
}

/// The private half.
pub(crate) fn key(algorithm: Algorithm) -> EncodingKey {
    let bytes = |text| URL_SAFE_NO_PAD.decode(text).expect("a key");
    match algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_der(&bytes(ED25519)),
        _ => EncodingKey::from_ec_der(&bytes(P256)),
    }
}

/// Claims that prove this client, each time others.
pub(super) fn claims(client: &str) -> Value {
    let jti = format!("{:032x}", rand::random::<u128>());
    json!({"iss": client, "sub": client, "aud": ISSUER, "exp": now() + 60, "jti": jti})
}

/// An assertion with these claims.
pub(super) fn signed(algorithm: Algorithm, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, &key(algorithm)).expect("signed")
}
