//! Numbers that are no whole seconds, beside what the Python libraries make of them.

use super::{claims, refusal, tokens};
use crate::tokens::TokenError;
use serde_json::{Value, from_str};

/// Tokens of `PyJWT`, and whether the two libraries accept them at the time of these tests.
const RECORDED: &str = include_str!("../../../tests/clients/numeric_dates.json");

#[test]
fn fractions_negative_and_large_numbers_count_as_in_python() {
    let cases: Vec<Value> = from_str(RECORDED).unwrap();
    assert!(cases.len() > 60, "{}", cases.len());
    for case in cases {
        let claim = case["claim"].as_str().unwrap();
        // The two differ on an `iat` in the future, which python-jose lets pass, as we do.
        let judge = if claim.starts_with("iat") { "jose" } else { "pyjwt" };
        let verdict = tokens().verify(case["token"].as_str().unwrap());
        assert_eq!(verdict.is_ok(), case[judge].as_bool().unwrap(), "{claim}: {verdict:?}");
    }
}

/// Python's integers have no end; no date needs more than an `f64` holds.
#[test]
fn numbers_beyond_all_dates_are_refused() {
    for name in ["exp", "nbf", "iat"] {
        for number in ["1e999".to_owned(), "-1e999".to_owned(), format!("1{}", "0".repeat(400))] {
            let marker = serde_json::json!({name: "here"});
            let token = claims_with(&marker, &number);
            assert_eq!(refusal(&token), TokenError::Malformed, "{name} {number}");
        }
    }
}

/// A good token in which the text `here` is replaced by a number that Rust has no type for.
fn claims_with(marker: &Value, number: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let token = claims(marker);
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let payload = String::from_utf8(payload).unwrap().replace("\"here\"", number);
    super::signed(super::HEADER, &payload)
}
