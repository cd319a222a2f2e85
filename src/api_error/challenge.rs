//! Refusals: status, detail and `WWW-Authenticate` for both profiles.

use crate::domain::program;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use std::fmt::Write as _;

/// The style of a refusal: profile and realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeStyle {
    /// `true`: as the RFCs say; `false`: as a FastAPI application responds.
    pub strict: bool,
    /// The realm of RFC 9110 §11.5; the FastAPI profile omits an empty one.
    pub realm: String,
}

/// The authentication scheme that a challenge names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// RFC 6750.
    Bearer,
    /// RFC 7617, with the scheme's own realm (empty: the server's).
    Basic(&'static str),
    /// An API key; the name is FastAPI's, none is registered.
    ApiKey,
}

/// Why a caller is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No credentials of this scheme.
    Absent,
    /// Malformed credentials of this scheme; the response is the same as for absent ones.
    Malformed,
    /// Credentials that prove nothing: invalid, expired, unknown.
    Invalid,
    /// A username and password that do not match.
    WrongPassword,
    /// Valid credentials that lack a required scope.
    InsufficientScope,
    /// The token of a client, for something that users do in person.
    ClientsToken,
}

/// What a client is told that would manage its user's account.
pub const CLIENTS_TOKEN: &str =
    "An application that the user has signed in to cannot manage the account";

/// A refusal: everything its response consists of.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Which scheme to name.
    pub scheme: AuthScheme,
    /// The required scopes, outermost first, separated by spaces.
    pub scope: String,
    /// The style of the response.
    pub style: ChallengeStyle,
}

impl Refusal {
    /// 401; 403 for the token of a client, and for missing scopes in the strict profile (RFC 6750 §3.1).
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match (self.reason, self.style.strict) {
            (Reason::InsufficientScope, true) | (Reason::ClientsToken, _) => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// FastAPI's `detail`.
    #[must_use]
    pub fn detail(&self) -> &'static str {
        match self.reason {
            Reason::Absent | Reason::Malformed => "Not authenticated",
            Reason::Invalid => "Could not validate credentials",
            Reason::WrongPassword => "Incorrect username or password",
            Reason::InsufficientScope => "Not enough permissions",
            Reason::ClientsToken => CLIENTS_TOKEN,
        }
    }

    /// The value of `WWW-Authenticate`.
    ///
    /// | reason | fastapi | strict (RFC 6750 §3, RFC 7617 §2) |
    /// |---|---|---|
    /// | absent | `Bearer` | `Bearer realm="…", scope="…"` |
    /// | invalid | `Bearer scope="…"` | `Bearer realm="…", error="invalid_token", …` |
    /// | too few scopes | `Bearer scope="…"` | `Bearer realm="…", error="insufficient_scope", …, scope="…"` |
    /// | a client's token | `Bearer` | `Bearer realm="…", error="insufficient_scope", …` |
    /// | any, Basic | `Basic` | `Basic realm="…", charset="UTF-8"` |
    /// | any, API key | `APIKey` | `APIKey realm="…"` |
    #[must_use]
    pub fn challenge(&self) -> HeaderValue {
        let mut value = Challenge::new(match self.scheme {
            AuthScheme::Bearer => "Bearer",
            AuthScheme::Basic(_) => "Basic",
            AuthScheme::ApiKey => "APIKey",
        });
        if let Some(realm) = self.realm() {
            value.add("realm", realm);
        }
        match (self.scheme, self.style.strict) {
            (AuthScheme::Bearer, strict) => self.bearer_parameters(strict, &mut value),
            (AuthScheme::Basic(_), true) => value.add("charset", "UTF-8"),
            (AuthScheme::Basic(_), false) | (AuthScheme::ApiKey, _) => {}
        }
        // Quoting leaves only visible ASCII, so this cannot fail.
        HeaderValue::from_str(&value.0).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
    }

    fn bearer_parameters(&self, strict: bool, value: &mut Challenge) {
        let error = match self.reason {
            Reason::Absent | Reason::Malformed => None,
            Reason::Invalid | Reason::WrongPassword => Some((
                "invalid_token",
                "The access token is malformed, expired, revoked or unknown",
            )),
            Reason::InsufficientScope => {
                Some(("insufficient_scope", "The access token lacks a scope"))
            }
            Reason::ClientsToken => Some(("insufficient_scope", CLIENTS_TOKEN)),
        };
        if let (true, Some((code, description))) = (strict, error) {
            value.add("error", code);
            value.add("error_description", description);
        }
        // No scope would help a client.
        let would_help = self.reason != Reason::ClientsToken && !self.scope.is_empty();
        if would_help && (strict || error.is_some()) {
            value.add("scope", &self.scope);
        }
    }

    fn realm(&self) -> Option<&str> {
        let own = match self.scheme {
            AuthScheme::Basic(realm) if !realm.is_empty() => realm,
            _ => &self.style.realm,
        };
        match (own, self.style.strict) {
            ("", false) => None,
            ("", true) => Some(program().name),
            (own, _) => Some(own),
        }
    }
}

/// A challenge under construction: `Scheme name="value", name="value"` (RFC 9110 §11.6.1).
struct Challenge(String);

impl Challenge {
    fn new(scheme: &str) -> Self {
        Self(scheme.to_owned())
    }

    fn add(&mut self, name: &str, value: &str) {
        let between = if self.0.contains('=') { ", " } else { " " };
        let _ = write!(self.0, "{between}{name}=\"");
        for c in value.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                ' '..='~' => self.0.push(c),
                _ => self.0.push('?'),
            }
        }
        self.0.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(reason: Reason, scheme: AuthScheme, strict: bool) -> (u16, String) {
        let style = ChallengeStyle { strict, realm: String::new() };
        let refusal = Refusal { reason, scheme, scope: "items me".to_owned(), style };
        (refusal.status().as_u16(), refusal.challenge().to_str().unwrap().to_owned())
    }

    #[test]
    fn the_fastapi_table() {
        let is = |reason, scheme, challenge: &str| {
            assert_eq!(refusal(reason, scheme, false), (401, challenge.to_owned()));
        };
        is(Reason::Absent, AuthScheme::Bearer, "Bearer");
        is(Reason::Invalid, AuthScheme::Bearer, r#"Bearer scope="items me""#);
        is(Reason::InsufficientScope, AuthScheme::Bearer, r#"Bearer scope="items me""#);
        let of_client = refusal(Reason::ClientsToken, AuthScheme::Bearer, false);
        assert_eq!(of_client, (403, "Bearer".to_owned()));
        is(Reason::Absent, AuthScheme::Basic(""), "Basic");
        is(Reason::Absent, AuthScheme::Basic("simple"), r#"Basic realm="simple""#);
        is(Reason::Absent, AuthScheme::ApiKey, "APIKey");
    }

    #[test]
    fn the_strict_table() {
        let is = |reason, scheme, status, challenge: &str| {
            assert_eq!(refusal(reason, scheme, true), (status, challenge.to_owned()));
        };
        let bearer = AuthScheme::Bearer;
        is(Reason::Absent, bearer, 401, r#"Bearer realm="bailiwick", scope="items me""#);
        is(
            Reason::Invalid,
            bearer,
            401,
            r#"Bearer realm="bailiwick", error="invalid_token", error_description="The access token is malformed, expired, revoked or unknown", scope="items me""#,
        );
        is(
            Reason::InsufficientScope,
            bearer,
            403,
            r#"Bearer realm="bailiwick", error="insufficient_scope", error_description="The access token lacks a scope", scope="items me""#,
        );
        is(
            Reason::ClientsToken,
            bearer,
            403,
            r#"Bearer realm="bailiwick", error="insufficient_scope", error_description="An application that the user has signed in to cannot manage the account""#,
        );
        is(
            Reason::WrongPassword,
            AuthScheme::Basic(""),
            401,
            r#"Basic realm="bailiwick", charset="UTF-8""#,
        );
        is(Reason::Absent, AuthScheme::ApiKey, 401, r#"APIKey realm="bailiwick""#);
    }

    #[test]
    fn a_realm_is_quoted() {
        let style = ChallengeStyle { strict: false, realm: "a\"b\\c\u{e9}".to_owned() };
        let (reason, scheme) = (Reason::Absent, AuthScheme::Basic(""));
        let refusal = Refusal { reason, scheme, scope: String::new(), style };
        assert_eq!(refusal.challenge(), r#"Basic realm="a\"b\\c?""#);
    }

    /// Parses `Scheme name="value", name="value"` (RFC 9110 §11.6.1).
    fn parsed(challenge: &str) -> Option<(String, Vec<(String, String)>)> {
        let (scheme, mut rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
        let mut parameters = Vec::new();
        while !rest.is_empty() {
            let (name, quoted) = rest.split_once("=\"")?;
            let mut value = String::new();
            let mut characters = quoted.char_indices();
            let end = loop {
                match characters.next()? {
                    (_, '\\') => value.push(characters.next()?.1),
                    (at, '"') => break at + 1,
                    (_, c) => value.push(c),
                }
            };
            parameters.push((name.to_owned(), value));
            let after = &quoted[end..];
            rest = if after.is_empty() { "" } else { after.strip_prefix(", ")? };
        }
        Some((scheme.to_owned(), parameters))
    }

    proptest! {
        #[test]
        fn any_realm_and_scope_can_be_read_back(realm in ".{1,40}", scope in ".{1,40}", strict: bool) {
            let shown = |text: &str| {
                let visible = |c| if matches!(c, ' '..='~') { c } else { '?' };
                text.chars().map(visible).collect::<String>()
            };
            let style = ChallengeStyle { strict, realm: realm.clone() };
            for reason in [Reason::Absent, Reason::Invalid, Reason::InsufficientScope] {
                let (scheme, scope) = (AuthScheme::Bearer, scope.clone());
                let refusal = Refusal { reason, scheme, scope: scope.clone(), style: style.clone() };
                let challenge = refusal.challenge();
                let (name, parameters) = parsed(challenge.to_str().unwrap()).unwrap();
                let value = |name: &str| parameters.iter().find(|(known, _)| known == name);
                prop_assert_eq!(name, "Bearer");
                prop_assert_eq!(&value("realm").unwrap().1, &shown(&realm));
                let has_scope = strict || reason != Reason::Absent;
                let found = value("scope").map(|(_, value)| value.clone());
                prop_assert_eq!(found, has_scope.then(|| shown(&scope)));
            }
        }
    }
}
