//! The recorded responses: every case of `tests/golden/cases.json`, requested with curl.

use crate::harness::{App, repository, run_tool};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn every_recorded_response_is_repeated() {
    let text = fs::read_to_string(repository("tests/golden/cases.json")).expect("the cases");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let secret = golden["secret_key"].as_str().expect("a secret");
    let demo = || App::demo().env("BAILIWICK__TOKENS__SECRET", secret);
    let strict = demo().env("BAILIWICK__OAUTH__REQUIRE_GRANT_TYPE", "true").spawn();
    let cases = golden["cases"].as_array().expect("a list");

    let mut report = String::new();
    // With `server.public_url` all is as without.
    for app in [demo().spawn(), demo().at_a_known_port().spawn()] {
        for case in cases {
            let path = case["path"].as_str().expect("a path");
            let url = match path.strip_prefix("/token-strict") {
                Some(rest) => strict.url(&format!("/token{rest}")),
                None => app.url(path),
            };
            let faults = Case { case, tokens: &golden["tokens"] }.ask(&url);
            if !faults.is_empty() {
                writeln!(report, "{} | {}", case["section"], case["name"]).unwrap();
                writeln!(report, "    {}", faults.join("\n    ")).unwrap();
            }
        }
    }
    assert!(report.is_empty(), "of {} cases, these differ:\n{report}", cases.len());
}

struct Case<'a> {
    case: &'a Value,
    tokens: &'a Value,
}

impl Case<'_> {
    /// The faults of the response.
    fn ask(&self, url: &str) -> Vec<String> {
        let before = now();
        let mut curl = Command::new("curl");
        curl.args(["-s", "-i", "--path-as-is"]);
        let arguments = self.case["curl"].as_array().expect("a list");
        curl.args(arguments.iter().map(|arg| self.with_tokens(arg.as_str().expect("a text"))));
        let answer = run_tool(curl.arg(self.with_tokens(url)));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");

        let mut faults = Vec::new();
        let mut expect = |what: &str, expected: &Value, found: &Value| {
            if expected != found {
                faults.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        let status: u16 =
            head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        expect("status", &self.case["status"], &status.into());
        let challenge = header(head, "www-authenticate").map_or(Value::Null, Value::from);
        expect("WWW-Authenticate", &self.case["www_authenticate"], &challenge);

        let json = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
        faults.extend(subset("body", &self.case["json"], &json));
        let token = json["access_token"].as_str().unwrap_or_default();
        for (key, part) in [("jwt_header", 0), ("jwt_payload", 1)] {
            if !self.case[key].is_null() {
                faults.extend(subset(key, &self.case[key], &part_of(token, part)));
            }
        }
        if let Some(seconds) = self.case["exp_in_s"].as_u64() {
            let exp = part_of(token, 1)["exp"].as_u64().unwrap_or_default();
            if !(before + seconds..=now() + seconds).contains(&exp) {
                faults.push(format!("exp: {exp} is not {seconds} seconds from now"));
            }
        }
        faults
    }

    /// Replaces `$T_…` in the text; longest names first, as one may begin with another.
    fn with_tokens(&self, text: &str) -> String {
        let tokens = self.tokens.as_object().expect("tokens");
        let mut names: Vec<_> = tokens.keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, name| {
            text.replace(&format!("${name}"), tokens[*name].as_str().expect("a token"))
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the server is another process with its own clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

/// A part of a JWT, decoded.
fn part_of(token: &str, part: usize) -> Value {
    let decoded =
        token.split('.').nth(part).and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
    decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null)
}

/// Where the found value lacks something; additional keys are fine.
fn subset(place: &str, expected: &Value, found: &Value) -> Vec<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .flat_map(|(key, value)| {
                subset(&format!("{place}.{key}"), value, found.get(key).unwrap_or(&Value::Null))
            })
            .collect(),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            pairs.flat_map(|(i, (a, b))| subset(&format!("{place}[{i}]"), a, b)).collect()
        }
        (Value::Null, _) if place == "body" => Vec::new(),
        (expected, found) if expected == found => Vec::new(),
        _ => vec![format!("{place}: expected {expected}, found {found}")],
    }
}
