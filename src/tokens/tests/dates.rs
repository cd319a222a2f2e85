//! `exp`, `nbf` and `iat`: when they count, and how the Python libraries treat odd ones.

use super::*;
use serde_json::from_str;

/// Tokens of `PyJWT`, and whether the two libraries accept them at the time of these tests.
const RECORDED: &str = include_str!("../../../tests/clients/numeric_dates.json");

#[test]
fn times_are_numbers_in_order() {
    let at = |changes| tokens().verify(&claims(&changes)).err();
    assert_eq!(at(json!({})), None);
    assert_eq!(at(json!({"exp": 4_102_444_800.5, "nbf": 0.5, "iat": 1e9})), None);
    assert_eq!(at(json!({"exp": u64::MAX})), None);
    assert_eq!(at(json!({"iat": NOW + 1000})), None);
    assert_eq!(at(json!({"nbf": NOW})), None);
    assert_eq!(at(json!({"nbf": NOW + 1})), Some(TokenError::NotYetValid));
    assert_eq!(at(json!({"exp": NOW})), Some(TokenError::Expired));
    assert_eq!(at(json!({"exp": 0})), Some(TokenError::Expired));
    assert_eq!(at(json!({"exp": -1})), Some(TokenError::Expired));
    for bad in [json!("4102444800"), json!(null), json!(true), json!([1]), json!({})] {
        for name in ["exp", "nbf", "iat"] {
            assert_eq!(at(json!({name: bad})), Some(TokenError::Malformed), "{name} {bad}");
        }
    }
    let lenient = with(&TokenSettings { leeway: 5, ..TokenSettings::default() });
    assert!(lenient.verify(&claims(&json!({"nbf": NOW + 5}))).is_ok());
    assert!(lenient.verify(&claims(&json!({"nbf": NOW + 6}))).is_err());
    assert!(
        with(&TokenSettings { leeway: u64::MAX, ..TokenSettings::default() })
            .verify(&claims(&json!({})))
            .is_ok()
    );
}

#[test]
fn fractions_negative_and_large_numbers_count_as_in_python() {
    let cases: Vec<Value> = from_str(RECORDED).unwrap();
    assert!(cases.len() > 60, "{}", cases.len());
    for case in cases {
        let claim = case["claim"].as_str().unwrap();
        // The two differ on an `iat` in the future, which python-jose accepts, as we do.
        let judge = if claim.starts_with("iat") { "jose" } else { "pyjwt" };
        let verdict = tokens().verify(case["token"].as_str().unwrap());
        assert_eq!(verdict.is_ok(), case[judge].as_bool().unwrap(), "{claim}: {verdict:?}");
    }
}

/// Python's integers are unbounded; no date exceeds an `f64`.
#[test]
fn numbers_beyond_all_dates_are_refused() {
    for name in ["exp", "nbf", "iat"] {
        for number in ["1e999".to_owned(), "-1e999".to_owned(), format!("1{}", "0".repeat(400))] {
            let marker = json!({name: "here"});
            let token = claims_with(&marker, &number);
            assert_eq!(refusal(&token), TokenError::Malformed, "{name} {number}");
        }
    }
}

/// A valid token in which the text `here` is replaced by a number that Rust has no type for.
fn claims_with(marker: &Value, number: &str) -> String {
    let token = claims(marker);
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let payload = String::from_utf8(payload).unwrap().replace("\"here\"", number);
    signed(HEADER, &payload)
}
