//! Tokens with an application's own claims and lifetime.

use super::*;
use std::collections::BTreeMap;
use std::time::Duration;

fn johndoe() -> Username {
    "johndoe".parse().unwrap()
}

/// Issued to johndoe with one claim.
fn with_claim(name: &str, value: Value) -> Result<IssuedToken, TokenError> {
    tokens().create_access_token(NewToken::to_subject(&johndoe()).claim(name, value))
}

#[test]
fn own_claims_are_written_beside_ours_and_read_back() {
    #[derive(serde::Deserialize)]
    struct Data {
        sub: String,
        tenant: String,
        limits: BTreeMap<String, u32>,
    }
    let (subject, scopes) = (johndoe(), "me items".parse().unwrap());
    let new = NewToken::to_subject(&subject)
        .scopes(&scopes)
        .claim("tenant", "old")
        .claim("tenant", "acme")
        .claim("limits", json!({"orders": 7}));
    let issued = tokens().create_access_token(new).unwrap();
    assert_eq!(issued.expires_in, 1800);
    let payload = part(&issued.access_token, 1);
    assert_eq!(
        payload,
        json!({"sub": "johndoe", "scopes": ["me", "items"], "scope": "me items",
               "exp": NOW + 1800, "iat": NOW, "jti": payload["jti"],
               "tenant": "acme", "limits": {"orders": 7}})
    );
    let (claims, data) = tokens().verify_as::<Data>(&issued.access_token).unwrap();
    assert_eq!((claims.subject, claims.scopes), (subject, scopes));
    assert_eq!((&*data.sub, &*data.tenant, data.limits["orders"]), ("johndoe", "acme", 7));
}

#[test]
fn a_token_without_own_claims_is_the_usual_one() {
    let created = tokens().create_access_token(NewToken::to_subject(&johndoe())).unwrap();
    let mut created = part(&created.access_token, 1);
    let mut issued = tokens().issue(&johndoe(), &Scopes::default()).unwrap();
    let mut usual = part(&std::mem::take(&mut issued.access_token), 1);
    (created["jti"], usual["jti"]) = (json!(null), json!(null));
    assert_eq!(created, usual);
}

#[test]
fn claims_that_we_write_cannot_be_taken_over() {
    for name in claims::KNOWN {
        for value in [json!("x"), json!(1), json!(null)] {
            let refused = with_claim(name, value.clone()).err();
            assert_eq!(refused, Some(TokenError::Reserved(name)), "{name} {value}");
        }
    }
    for name in ["SUB", "expires", "exp ", "user_id", "", "한"] {
        assert!(with_claim(name, json!("x")).is_ok(), "{name}");
    }
}

/// It would be refused as an access token.
#[test]
fn another_kind_of_token_is_not_issued() {
    for (name, value) in [
        ("type", json!("refresh")),
        ("token_type", json!("refresh")),
        ("purpose", json!("password_reset")),
        ("cnf", json!({"jkt": "x"})),
        ("nonce", json!("x")),
    ] {
        assert_eq!(with_claim(name, value).err(), Some(TokenError::Claim(name)));
    }
    assert!(with_claim("type", json!("access")).is_ok());
    let large = json!("x".repeat(LARGEST_TOKEN));
    assert_eq!(with_claim("x", large).err(), Some(TokenError::TooLarge));
}

#[test]
fn its_lifetime_may_be_its_own() {
    let subject = johndoe();
    let lasting = |lifetime| {
        let new = NewToken::to_subject(&subject).expires_in(lifetime);
        tokens().create_access_token(new)
    };
    for (lifetime, seconds) in [
        (Duration::from_secs(1), 1),
        (Duration::from_millis(1999), 1),
        (Duration::from_mins(15), 900),
        (Duration::from_hours(10 * 365 * 24), 315_360_000),
    ] {
        let issued = lasting(lifetime).unwrap();
        assert_eq!(issued.expires_in, seconds);
        assert_eq!(
            part(&issued.access_token, 1)["exp"],
            json!(NOW.saturating_add_unsigned(seconds))
        );
        assert!(tokens().verify(&issued.access_token).is_ok());
    }
    for none in [Duration::ZERO, Duration::from_millis(999)] {
        assert_eq!(lasting(none).err(), Some(TokenError::Lifetime));
    }
    let endless = lasting(Duration::MAX).unwrap();
    assert!(tokens().verify(&endless.access_token).is_ok());
}

#[test]
fn claims_are_read_from_good_tokens_only() {
    #[derive(Debug, serde::Deserialize)]
    struct Data {
        #[expect(dead_code, reason = "it must be there")]
        tenant: String,
    }
    let read = |changes: Value| tokens().verify_as::<Data>(&claims(&changes)).map(|_| ());
    assert_eq!(read(json!({"tenant": "acme"})), Ok(()));
    assert_eq!(read(json!({})), Err(TokenError::Malformed));
    assert_eq!(read(json!({"tenant": 7})), Err(TokenError::Malformed));
    assert_eq!(read(json!({"tenant": "acme", "exp": 1})), Err(TokenError::Expired));
    let other = tokens_at(Timestamp(NOW), &Secret::new(SECRET.to_owned() + "!"));
    let forged = other.verify_as::<Data>(&claims(&json!({"tenant": "acme"}))).map(|_| ());
    assert_eq!(forged, Err(TokenError::Signature));
}
