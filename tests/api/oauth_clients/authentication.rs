//! Secrets: in HTTP Basic or in the form, once, and only those that count.

use super::{PUBLIC, ask, assert_error, done, form, issuing, jane, registered};
use crate::harness::{App, FORM, eventually};
use crate::people::{PASSWORD, import, server};
use serde_json::json;

const BASIC: &str = r#"Basic realm="clients", charset="UTF-8""#;

/// Refused, and told of Basic only if that was tried.
#[track_caller]
fn assert_unproven(app: &App, basic: Option<(&str, &str)>, fields: &[(&str, &str)]) {
    let answer = jane(app, basic, fields);
    assert_error(&answer, 401, "invalid_client");
    assert_eq!(answer.header("www-authenticate"), basic.map(|_| BASIC));
}

#[test]
fn a_secret_is_shown_in_basic_or_in_the_form() {
    let app = issuing("");
    let secret = registered(&app, "app", &[]);
    for method in ["client_secret_basic", "client_secret_post"] {
        done(&app, &["clients", "set", "app", "--auth-method", method], "");
        let answers = [
            jane(&app, Some(("app", &secret)), &[]),
            jane(&app, None, &[("client_id", "app"), ("client_secret", &secret)]),
            jane(&app, Some(("app", &secret)), &[("client_id", "app"), ("client_secret", "")]),
        ];
        for answer in answers {
            assert_eq!(answer.status, 200, "{method}: {}", answer.body);
        }
    }
    for wrong in ["", "wrong", &secret[1..], &secret.to_lowercase(), &format!("{secret} ")] {
        assert_unproven(&app, Some(("app", wrong)), &[]);
    }
    assert_unproven(&app, None, &[("client_id", "app"), ("client_secret", "wrong")]);
    assert_unproven(&app, None, &[("client_id", "app"), ("client_secret", "")]);
    assert_unproven(&app, None, &[("client_id", "app")]);
}

/// As RFC 6749 §2.3.1 wants it, and as many clients do it.
#[test]
fn a_secret_in_basic_is_form_encoded_or_as_it_is() {
    let app = issuing("");
    for (id, secret, encoded) in [
        (
            "plus",
            "a+secret+with+plus+signs+that+is+long",
            "a%2Bsecret%2Bwith%2Bplus%2Bsigns%2Bthat%2Bis%2Blong",
        ),
        (
            "percent",
            "100%-of-a-secret-that-is-long-enough",
            "100%25-of-a-secret-that-is-long-enough",
        ),
        (
            "colon",
            "a:secret:with:colons:and a space in it",
            "a%3Asecret%3Awith%3Acolons%3Aand+a+space+in+it",
        ),
        ("한국", "", ""),
    ] {
        if secret.is_empty() {
            // No client can be called so.
            assert_eq!(jane(&app, Some((id, "x")), &[]).status, 200);
            continue;
        }
        let add = ["clients", "add", id, "--grant-type", "password", "--secret-stdin"];
        assert_eq!(done(&app, &add, &format!("{secret}\n")), "", "it is known already");
        for shown in [secret, encoded] {
            assert_eq!(jane(&app, Some((id, shown)), &[]).status, 200, "{shown}");
        }
        let in_form = [("client_id", id), ("client_secret", secret)];
        assert_eq!(jane(&app, None, &in_form).status, 200);
        assert_unproven(&app, None, &[("client_id", id), ("client_secret", encoded)]);
    }
}

#[test]
fn two_ways_at_once_are_refused_whether_right_or_wrong() {
    let app = issuing("");
    let secret = registered(&app, "app", &[]);
    registered(&app, "other", &[]);
    let assertion = [
        ("client_assertion", "x.y.z"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ];
    for (basic, fields) in [
        (Some(("app", &*secret)), vec![("client_secret", &*secret)]),
        (Some(("app", &secret)), vec![("client_id", "app"), ("client_secret", &secret)]),
        (Some(("app", &secret)), vec![("client_id", "other")]),
        (Some(("app", "wrong")), vec![("client_secret", "wrong")]),
        (Some(("app", &secret)), assertion.to_vec()),
        (None, [&[("client_id", "app"), ("client_secret", &*secret)][..], &assertion].concat()),
        (None, vec![("client_id", "app"), ("client_assertion", "x.y.z")]),
        (None, vec![("client_id", "app"), assertion[1]]),
    ] {
        assert_error(&jane(&app, basic, &fields), 400, "invalid_request");
    }
    let answer = jane(&app, Some(("app", &secret)), &[("client_id", "app")]);
    assert_eq!(answer.status, 200, "an equal id is fine");
}

#[test]
fn the_registered_way_counts() {
    let app = issuing("");
    let public = registered(&app, "spa", &["--auth-method", "none"]);
    assert_eq!(public, "", "it has no secret");
    let secret = registered(&app, "app", &[]);
    assert_eq!(jane(&app, None, &[("client_id", "spa")]).status, 200);
    assert_unproven(&app, None, &[("client_id", "spa"), ("client_secret", &secret)]);
    assert_unproven(&app, Some(("spa", "")), &[]);
    assert_unproven(&app, None, &[("client_id", "app")]);
    // Another client's secret.
    let other = registered(&app, "other", &[]);
    assert_unproven(&app, Some(("app", &other)), &[]);
    done(&app, &["clients", "set", "app", "--auth-method", "none"], "");
    eventually("the change", || {
        (jane(&app, None, &[("client_id", "app")]).status == 200).then_some(())
    });
    assert_unproven(&app, Some(("app", &secret)), &[]);
    // What is no Basic at all.
    let headers = [("content-type", FORM), ("authorization", "Basic !")];
    let body = form(&[("username", "jane"), ("password", PASSWORD), ("client_id", "spa")]);
    let answer = app.send("POST", "/token", &headers, &body);
    assert_error(&answer, 401, "invalid_client");
    assert_eq!(answer.header("www-authenticate"), Some(BASIC));
}

#[test]
fn two_secrets_count_while_they_change_and_none_afterwards() {
    let app = issuing("");
    let first = registered(&app, "app", &[]);
    let rotate = |more: &[&str]| {
        let rotate = [&["clients", "rotate-secret", "app"], more].concat();
        done(&app, &rotate, "").trim_end().to_owned()
    };
    let second = rotate(&[]);
    let counts = |secret: &str| jane(&app, Some(("app", secret)), &[]).status == 200;
    let wait_for = |secret: &str| eventually("the secret", || counts(secret).then_some(()));
    wait_for(&second);
    assert!(first != second && counts(&first));
    let third = rotate(&["--keep", "1h"]);
    wait_for(&third);
    assert!(!counts(&first) && counts(&second));
    let last = rotate(&["--at-once"]);
    wait_for(&last);
    assert!(![&first, &second, &third].into_iter().any(|secret| counts(secret)));
    done(&app, &["clients", "delete", "app"], "");
    // Nobody's id counts for nothing, as with FastAPI's form.
    wait_for("anything");
}

#[test]
fn a_password_is_taken_from_clients_that_may_send_it() {
    let app = issuing("");
    let add = ["clients", "add", "batch", "--grant-type", "client_credentials", "--scope", "me"];
    let batch = done(&app, &add, "").trim_end().to_owned();
    assert_error(&jane(&app, Some(("batch", &batch)), &[]), 400, "unauthorized_client");
    let small = ["clients", "add", "small", "--grant-type", "password", "--scope", "me"];
    let small = done(&app, &small, "").trim_end().to_owned();
    let asked = |scope| jane(&app, Some(("small", &small)), &[("scope", scope)]);
    assert_eq!(asked("me").status, 200);
    assert_error(&asked("me items"), 400, "invalid_scope");
    // Who the client is comes first, and a wrong password is told to no stranger.
    let fields = [("username", "jane"), ("password", "wrong")];
    assert_error(&ask(&app, Some(("small", "wrong")), &fields), 401, "invalid_client");
    assert_error(&ask(&app, Some(("small", &small)), &fields), 400, "invalid_grant");
}

/// What FastAPI's clients send without being registered counts for nothing.
#[test]
fn an_unregistered_client_is_ignored_unless_one_is_required() {
    let app = issuing("");
    let strict = server(PUBLIC).config("[oauth]\nrequire_client = true\n").spawn();
    import(&strict, &[json!({"username": "jane", "scopes": ["me"]})]);
    let secret = registered(&strict, "app", &[]);
    for (basic, fields) in [
        (None, vec![]),
        (None, vec![("client_id", "anything")]),
        (None, vec![("client_id", "123"), ("client_secret", "string")]),
        (None, vec![("client_id", "a b"), ("client_id", "é")]),
        (Some(("anything", "x")), vec![]),
        (Some(("anything", "x")), vec![("client_id", "y"), ("client_secret", "z")]),
    ] {
        let answer = jane(&app, basic, &fields);
        assert_eq!(answer.status, 200, "{basic:?} {fields:?}: {}", answer.body);
        let answer = jane(&strict, basic, &fields);
        assert!(matches!(answer.status, 400 | 401), "{basic:?} {fields:?}: {}", answer.body);
        assert!(
            ["invalid_client", "invalid_request"]
                .contains(&answer.json()["error"].as_str().unwrap_or(""))
        );
    }
    assert_eq!(jane(&strict, Some(("app", &secret)), &[]).status, 200);
    // The last of several counts in this form, and in no other.
    let twice = [("client_id", "anything"), ("client_id", "app"), ("client_secret", &secret)];
    assert_eq!(jane(&strict, None, &twice).status, 200);
}
