//! Other kinds of JWT under the same secret, and which tokens of other applications stay valid.

use super::*;
use crate::settings::Until;

fn verdict_on(claim: &str, value: &Value) -> Result<Claims, TokenError> {
    tokens().verify(&claims(&json!({claim: value})))
}

#[test]
fn claims_of_other_kinds_are_refused_whatever_they_hold() {
    for claim in [
        "cnf",
        "nonce",
        "at_hash",
        "c_hash",
        "s_hash",
        "events",
        "toe",
        "htm",
        "htu",
        "ath",
        "token_introspection",
        "response_type",
        "vc",
        "vp",
    ] {
        for value in [json!("x"), json!({"jkt": "x"}), json!(1), json!(null), json!([])] {
            let refused = verdict_on(claim, &value).err();
            assert_eq!(refused, Some(TokenError::Claim(claim)), "{claim} {value}");
        }
    }
}

#[test]
fn a_claim_about_the_token_alone_must_mean_access() {
    for claim in ["token_type", "tokenType", "token_use", "tokenUse", "TokenUse", "typ"] {
        for good in [
            json!("access"),
            json!("Access"),
            json!("access_token"),
            json!("accessToken"),
            json!("ACCESS-TOKEN"),
            json!("bearer"),
            json!("Bearer"),
            json!("JWT"),
            json!("at+jwt"),
            json!("application/at+jwt"),
            json!("urn:ietf:params:oauth:token-type:access_token"),
            json!(["access"]),
            json!(null),
        ] {
            assert!(verdict_on(claim, &good).is_ok(), "{claim} {good}");
        }
        for other in [
            json!("refresh"),
            json!("REFRESH"),
            json!("refresh_token"),
            json!("refreshToken"),
            json!("Refresh"),
            json!("Offline"),
            json!("ID"),
            json!("id_token"),
            json!("Logout"),
            json!("dpop"),
            json!("reset"),
            json!("something"),
            json!("urn:ietf:params:oauth:token-type:refresh_token"),
            json!(""),
            json!(["access", "refresh"]),
            json!(1),
            json!(true),
            json!({"is": "access"}),
        ] {
            assert!(
                matches!(verdict_on(claim, &other), Err(TokenError::Claim(_))),
                "{claim} {other}"
            );
        }
    }
}

#[test]
fn a_claim_about_the_token_or_its_user_must_not_mean_another_kind() {
    for claim in [
        "type",
        "kind",
        "purpose",
        "use",
        "usage",
        "action",
        "intent",
        "mode",
        "category",
        "class",
        "token",
        "grant_type",
    ] {
        for good in [
            json!("access"),
            json!("bearer"),
            json!("access_token"),
            json!("admin"),
            json!("user"),
            json!("service"),
            json!("verified"),
            json!("identity"),
            json!("estate"),
            json!(7),
            json!(null),
            json!(true),
            json!(["staff", "admin"]),
            json!([1, 2]),
            json!([]),
        ] {
            assert!(verdict_on(claim, &good).is_ok(), "{claim} {good}");
        }
        for other in [
            json!("refresh"),
            json!("Refresh"),
            json!("refresh_token"),
            json!("refreshToken"),
            json!("refresh+jwt"),
            json!("id"),
            json!("id_token"),
            json!("logout"),
            json!("offline"),
            json!("password_reset"),
            json!("reset-password"),
            json!("email_verification"),
            json!("verify-email"),
            json!("2fa"),
            json!("mfa_pending"),
            json!("state"),
            json!("urn:ietf:params:oauth:token-type:refresh_token"),
            json!(["refresh"]),
            json!(["staff", "refresh"]),
            json!([1, "refresh"]),
            json!([["refresh"]]),
            json!({"a": "refresh"}),
            json!({}),
        ] {
            let refused = verdict_on(claim, &other).err();
            assert_eq!(refused, Some(TokenError::Claim(claim)), "{claim} {other}");
        }
    }
}

#[test]
fn a_switch_for_refreshing_must_not_be_on() {
    for claim in ["refresh", "is_refresh", "refresh_token"] {
        let refused = verdict_on(claim, &json!(true)).err();
        assert_eq!(refused, Some(TokenError::Claim(claim)));
        for good in [json!(false), json!(null), json!("a link to it")] {
            assert!(verdict_on(claim, &good).is_ok(), "{claim} {good}");
        }
    }
}

/// Applications without scopes write the kind there.
#[test]
fn a_refresh_token_may_be_told_by_its_scope() {
    for scopes in [
        json!({"scope": "refresh_token"}),
        json!({"scope": "me refresh_token"}),
        json!({"scope": "refreshToken"}),
        json!({"scope": "refresh_token", "scopes": ["me"]}),
        json!({"scopes": ["refresh_token"]}),
        json!({"scopes": ["me", "refresh"]}),
        json!({"scopes": ["offline", "me"], "scope": "me"}),
    ] {
        let mut all = json!({"sub": "johndoe", "exp": NOW + 60});
        all.as_object_mut().unwrap().extend(scopes.as_object().unwrap().clone());
        let token = signed(HEADER, &all.to_string());
        assert_eq!(refusal(&token), TokenError::Claim("scope"), "{scopes}");
        all["bailiwick_id"] = json!(1);
        assert!(tokens().verify(&signed(HEADER, &all.to_string())).is_ok(), "granted by us");
    }
    for scope in ["me", "access_token", "offline_access", "token:refreshed"] {
        let all = json!({"sub": "johndoe", "exp": NOW + 60, "scope": scope});
        assert!(tokens().verify(&signed(HEADER, &all.to_string())).is_ok(), "{scope}");
    }
}

#[test]
fn claims_of_other_issuers_access_tokens_are_accepted() {
    let all = json!({
        "email": "a@b", "name": "A", "role": "admin", "user_id": 7, "fresh": true, "csrf": "x",
        "client_id": "c", "azp": "c", "auth_time": NOW, "acr": "1", "amr": ["pwd"], "sid": "s",
        "act": {"sub": "x"}, "groups": ["g"], "gty": "refresh_token", "refreshable": true,
        "grant_type": "authorization_code", "typ": "Bearer", "type": "access", "token_type": "bearer", "token_use": "access",
    });
    assert_eq!(tokens().verify(&claims(&all)).err(), None);
}

fn ending(at: &str) -> Tokens {
    let until = Until::try_from(at.to_owned()).unwrap();
    with(&TokenSettings { accept_foreign_until: Some(until), ..TokenSettings::default() })
}

#[test]
fn tokens_of_other_applications_end_on_the_configured_date() {
    assert_eq!(Timestamp(NOW).to_string(), "2027-01-15T08:00:00Z");
    let own = claims(&json!({"bailiwick_id": 7}));
    for (end, good) in [
        ("2027-01-15T08:00:01Z", true),
        ("2027-01-15T08:00:00Z", false),
        ("2027-01-15T08:00:00+01:00", false),
        ("2027-01-15", true),
        ("2027-01-14", false),
        ("1970-01-01", false),
    ] {
        let tokens = ending(end);
        let expected = (!good).then_some(TokenError::Foreign);
        assert_eq!(tokens.verify(&claims(&json!({}))).err(), expected, "{end}");
        let null = claims(&json!({"bailiwick_id": null}));
        assert_eq!(tokens.verify(&null).err(), expected, "null counts as absent, {end}");
        assert!(tokens.verify(&own).is_ok(), "{end}");
        assert!(tokens.verify(&issue(&tokens)).is_ok(), "of a user of the application's own");
    }
    for no_id in [json!("7"), json!(true), json!({}), json!(1.5)] {
        assert_eq!(refusal(&claims(&json!({"bailiwick_id": no_id}))), TokenError::Malformed);
    }
}

/// Otherwise they would end with the foreign ones, which look alike.
#[test]
fn tokens_without_a_stored_user_are_marked_only_while_the_date_is_set() {
    let token = issue(&ending("2027-02-01"));
    assert_eq!(part(&token, 1)["bailiwick_id"], json!(-1));
    assert_eq!(tokens().verify(&token).unwrap().id, None);
    assert!(!part(&issue(&tokens()), 1).as_object().unwrap().contains_key("bailiwick_id"));
}
