//! `POST /token`: every accepted form, and each refused one.

use super::with_bob;
use crate::harness::{App, FORM, Response};
use crate::people::{PASSWORD, log_in};
use serde_json::json;

fn fields<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [("username", "bob"), ("password", PASSWORD)].iter().chain(more).copied().collect()
}

/// Sent field by field, as a browser sends a `FormData`.
fn multipart(app: &App, fields: &[(&str, &str)]) -> Response {
    let parts = fields.iter().map(|(name, value)| {
        format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let body = parts.collect::<String>() + "--frontier--\r\n";
    app.send("POST", "/token", &[("content-type", "multipart/form-data; boundary=frontier")], &body)
}

#[test]
fn every_form_of_the_password_flow_logs_in() {
    let app = with_bob("");
    for more in [
        vec![],
        vec![("grant_type", "password")],
        vec![("grant_type", "")],
        vec![("scope", "")],
        vec![("client_id", ""), ("client_secret", "")],
        vec![("client_id", "anybody"), ("client_secret", "anything")],
        vec![("unknown", "field")],
    ] {
        assert_eq!(log_in(&app, &fields(&more)).status, 200, "{more:?}");
        assert_eq!(multipart(&app, &fields(&more)).status, 200, "multipart {more:?}");
    }
    let answer = multipart(&app, &fields(&[("scope", "me items")]));
    assert_eq!(answer.json()["scope"], "me items");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// Swagger UI sends an empty client, and so do many OAuth libraries.
#[test]
fn a_client_in_the_header_is_ignored() {
    let app = with_bob("");
    let body = format!("grant_type=password&username=bob&password={PASSWORD}");
    for value in ["Basic Og==", "Basic", "Basic !", "Basic Y2xpZW50OnNlY3JldA==", "Bearer x"] {
        for path in ["/token", "/token/"] {
            let headers = [("content-type", FORM), ("authorization", value)];
            let answer = app.send("POST", path, &headers, &body);
            assert_eq!(answer.status, 200, "{value}: {}", answer.body);
        }
    }
}

#[test]
fn scopes_beyond_the_users_own_are_refused() {
    let app = with_bob("");
    for (scope, description) in [
        ("users:write", "Scope not allowed: users:write"),
        ("me users:read items users:write", "Scope not allowed: users:read users:write"),
        ("ME", "Scope not allowed: ME"),
        ("me,items", "Scope not allowed: me,items"),
        ("a\"b", "Malformed scope"),
    ] {
        let answer = log_in(&app, &fields(&[("scope", scope)]));
        assert_eq!(answer.status, 400, "{scope}");
        let body = json!({
            "detail": description, "error": "invalid_scope", "error_description": description,
        });
        assert_eq!(answer.json(), body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("pragma"), Some("no-cache"));
    }
    for (scope, given) in [(" me  items ", "me items"), ("me me", "me"), ("items", "items")] {
        assert_eq!(log_in(&app, &fields(&[("scope", scope)])).json()["scope"], given);
    }
}

/// A scope has at least one character (RFC 6749 §A.4); strict clients reject an empty one.
#[test]
fn without_granted_scopes_the_response_has_no_scope() {
    let app = with_bob("");
    for more in [vec![], vec![("scope", "")], vec![("scope", "  ")]] {
        for answer in [log_in(&app, &fields(&more)), multipart(&app, &fields(&more))] {
            assert_eq!(answer.status, 200, "{more:?}: {}", answer.body);
            let members = answer.json();
            let mut names: Vec<_> = members.as_object().expect("an object").keys().collect();
            names.sort();
            assert_eq!(names, ["access_token", "expires_in", "token_type"], "{more:?}");
        }
    }
    let token = app.get("/openapi.json").json()["components"]["schemas"]["Token"].clone();
    let required = token["required"].as_array().expect("required members");
    assert!(required.contains(&json!("expires_in")) && !required.contains(&json!("scope")));
    assert_eq!(token["properties"]["scope"]["type"], "string", "{token}");
}

#[test]
fn another_grant_is_unsupported_in_the_strict_profile_and_a_bad_field_in_the_other() {
    let unsupported = json!({
        "detail": "The grant type is not supported",
        "error": "unsupported_grant_type",
        "error_description": "The grant type is not supported",
    });
    for demanded in [false, true] {
        let oauth = format!("[oauth]\nrequire_grant_type = {demanded}\n");
        let strict = with_bob(&format!("{oauth}[security]\nprofile = \"strict\"\n"));
        let fastapi = with_bob(&oauth);
        for grant_type in [
            "client_credentials",
            "refresh_token",
            "authorization_code",
            "PASSWORD",
            "password ",
            "passwordx",
            "urn:ietf:params:oauth:grant-type:device_code",
        ] {
            let alone = [("grant_type", grant_type)];
            let beside = fields(&alone);
            for form in [&alone[..], &beside] {
                for answer in [log_in(&strict, form), multipart(&strict, form)] {
                    assert_eq!(
                        (answer.status, answer.json()),
                        (400, unsupported.clone()),
                        "{form:?}"
                    );
                    assert_eq!(answer.header("cache-control"), Some("no-store"));
                    assert_eq!(answer.header("pragma"), Some("no-cache"));
                    assert_eq!(answer.header("www-authenticate"), None);
                }
                for answer in [log_in(&fastapi, form), multipart(&fastapi, form)] {
                    let problem = &answer.json()["detail"][0];
                    assert_eq!((answer.status, &problem["input"]), (422, &json!(grant_type)));
                    assert_eq!(problem["type"], "string_pattern_mismatch");
                }
            }
        }
        assert_eq!(log_in(&strict, &fields(&[("grant_type", "password")])).status, 200);
        for absent in [vec![], vec![("grant_type", "")]] {
            let status = if demanded { 400 } else { 200 };
            assert_eq!(log_in(&strict, &fields(&absent)).status, status, "{absent:?}");
        }
        for missing in [&[][..], &[("username", "bob")], &[("username", ""), ("password", "")]] {
            for answer in [log_in(&strict, missing), multipart(&strict, missing)] {
                let found = answer.json();
                assert_eq!((answer.status, &found["error"]), (400, &json!("invalid_request")));
                assert_eq!(answer.header("cache-control"), Some("no-store"));
            }
            assert_eq!(log_in(&fastapi, missing).status, 422);
        }
    }
}

#[test]
fn a_wrong_login_reveals_nothing() {
    let app = with_bob("");
    let long = "x".repeat(5000);
    for (username, password) in [
        ("bob", "wrong"),
        ("nobody", PASSWORD),
        ("Bob", PASSWORD),
        ("bob ", PASSWORD),
        ("me", PASSWORD),
        ("bob\0", PASSWORD),
        ("bob", "blue-heron-42\0"),
        ("bob", &long),
        (&long, PASSWORD),
    ] {
        // Without the right password, a client does not learn which scopes exist.
        let answer =
            log_in(&app, &[("username", username), ("password", password), ("scope", "no")]);
        let detail = "Incorrect username or password";
        let body = json!({"detail": detail, "error": "invalid_grant", "error_description": detail});
        assert_eq!((answer.status, answer.json()), (400, body), "{username:.20} {password:.20}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[test]
fn anything_but_a_login_form_is_refused() {
    let app = with_bob("");
    let both = json!([
        {"type": "missing", "loc": ["body", "username"], "msg": "Field required", "input": null},
        {"type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null},
    ]);
    let json_body = json!({"username": "bob", "password": PASSWORD}).to_string();
    for (content_type, body) in [
        (FORM, ""),
        (FORM, "username=&password="),
        ("application/json", &json_body),
        ("text/plain", "username=bob"),
    ] {
        let answer = app.send("POST", "/token", &[("content-type", content_type)], body);
        assert_eq!(
            (answer.status, &answer.json()["detail"]),
            (422, &both),
            "{content_type} {body}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for (coding, status) in [("identity", 200), ("gzip", 415), ("br", 415)] {
        let headers = [("content-type", FORM), ("content-encoding", coding)];
        let body = format!("username=bob&password={PASSWORD}");
        assert_eq!(app.send("POST", "/token", &headers, &body).status, status, "{coding}");
    }
    let query = format!("/token?username=bob&password={PASSWORD}");
    assert_eq!(app.send("POST", &query, &[("content-type", FORM)], "a=b").status, 422);

    let other = log_in(&app, &fields(&[("grant_type", "client_credentials")]));
    assert_eq!(
        (other.status, &other.json()["detail"][0]["loc"]),
        (422, &json!(["body", "grant_type"]))
    );
    assert!(!other.body.contains("heron"));

    let file = format!(
        "--f\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nbob\r\n\
         --f\r\nContent-Disposition: form-data; name=\"password\"; filename=\"p\"\r\n\r\n{PASSWORD}\r\n--f--\r\n"
    );
    let headers = [("content-type", "multipart/form-data; boundary=f")];
    let answer = app.send("POST", "/token", &headers, &file);
    assert_eq!(
        (answer.status, &answer.json()["detail"][0]["loc"]),
        (422, &json!(["body", "password"]))
    );
    assert!(!answer.body.contains("heron"));
}

#[test]
fn more_than_a_thousand_fields_are_refused() {
    let app = with_bob("");
    let junk: Vec<String> = (0..999).map(|n| format!("f{n}")).collect();
    let many = |count: usize| {
        let more: Vec<(&str, &str)> =
            junk[..count - 2].iter().map(|name| (name.as_str(), "x")).collect();
        fields(&more)
    };
    let refused = json!({"detail": "Too many fields. Maximum number of fields is 1000."});
    assert_eq!(log_in(&app, &many(1000)).status, 200);
    let answer = log_in(&app, &many(1001));
    assert_eq!((answer.status, answer.json()), (400, refused.clone()));
    // The same name repeated counts as well.
    let same: Vec<_> = (0..1001).map(|_| ("username", "bob")).collect();
    let answer = log_in(&app, &same);
    assert_eq!((answer.status, answer.json()), (400, refused));
    // As parts, a thousand do not fit into the 16 KiB of a form.
    assert_eq!(multipart(&app, &many(200)).status, 200);
    assert_eq!(multipart(&app, &many(1000)).status, 413);
}

/// As python-multipart and Starlette read it: complete parts count, and each refusal has their
/// message.
#[test]
fn multipart_bodies_are_read_strictly() {
    let app = with_bob("");
    let part = |name: &str, value: &str| {
        format!("--f\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let (username, password) = (part("username", "bob"), part("password", PASSWORD));
    let whole = format!("{username}{password}--f--\r\n");
    let send = |content_type: &str, body: &str| {
        app.send("POST", "/token", &[("content-type", content_type)], body)
    };
    let kind = "multipart/form-data; boundary=f";
    for (content_type, body) in [
        (kind, whole.clone()),
        ("Multipart/Form-Data; charset=utf-8; Boundary=\"f\"", whole.clone()),
        (kind, format!("\r\n{whole}epilogue")),
        (kind, whole.replace("form-data;", "attachment;")),
        (kind, format!("{}{whole}", part("username", "alice"))),
    ] {
        let answer = send(content_type, &body);
        assert_eq!(answer.status, 200, "{content_type} {body}: {}", answer.body);
    }
    for (body, missing) in [
        ("--f--", &["username", "password"][..]),
        ("--f--\r\n", &["username", "password"]),
        (&username, &["username", "password"]),
        (&format!("{username}{password}"), &["password"]),
        (&format!("{username}--f--"), &["password"]),
    ] {
        let answer = send(kind, body);
        let problems = answer.json()["detail"].as_array().cloned().unwrap_or_default();
        let found: Vec<_> = problems.iter().map(|p| p["loc"][1].as_str().unwrap()).collect();
        assert_eq!((answer.status, &*found), (422, missing), "{body}: {}", answer.body);
    }
    for (content_type, body, detail) in [
        ("multipart/form-data", &*whole, "Missing boundary in multipart."),
        ("multipart/form-data; boundary=g", &whole, "Invalid multipart data."),
        (kind, "junk", "Invalid multipart data."),
        (kind, &format!("preamble\r\n{whole}"), "Invalid multipart data."),
        (kind, &whole.replace("\r\n", "\n"), "Invalid multipart data."),
        (
            kind,
            "--f\r\nContent-Disposition: form-data\r\n\r\nx\r\n--f--\r\n",
            "The Content-Disposition header field \"name\" must be provided.",
        ),
    ] {
        let answer = send(content_type, body);
        assert_eq!((answer.status, answer.json()), (400, json!({ "detail": detail })), "{body}");
    }
}

#[test]
fn the_strict_form_requires_the_grant_type() {
    let app = with_bob("[oauth]\nrequire_grant_type = true\n");
    assert_eq!(log_in(&app, &fields(&[("grant_type", "password")])).status, 200);
    let answer = log_in(&app, &fields(&[]));
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "grant_type"]));
    assert_eq!(log_in(&app, &fields(&[("grant_type", "passwordx")])).status, 422);
}

/// FastAPI says that every field is missing, even if JSON was sent; we also say why.
#[test]
fn a_body_that_is_not_a_form_is_refused_with_the_expected_content_type() {
    let app = with_bob("");
    let json = format!("{{\"username\": \"bob\", \"password\": \"{PASSWORD}\"}}");
    for (headers, found) in [
        (&[("content-type", "application/json")][..], "application/json"),
        (&[("content-type", "Application/JSON; charset=utf-8")], "Application/JSON"),
        (&[("content-type", "text/plain")], "text/plain"),
        (&[("content-type", "")], "no Content-Type"),
    ] {
        let answer = app.send("POST", "/token", headers, &json);
        assert_eq!(answer.status, 422, "{found}");
        let missing = |name| json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": null});
        assert_eq!(
            answer.json(),
            json!({
                "detail": [missing("username"), missing("password")],
                "error": "invalid_request",
                "error_description": format!("Expected Content-Type application/x-www-form-urlencoded, got {found}"),
            })
        );
        assert!(!answer.body.contains(PASSWORD));
    }
    let answer = app.send("POST", "/token", &[("content-type", FORM)], "username=bob");
    assert!(answer.status == 422 && answer.json().get("error").is_none(), "{}", answer.body);
}
