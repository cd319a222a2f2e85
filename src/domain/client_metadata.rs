//! What is registered of a client, in the words of RFC 7591 §2.

use crate::domain::client_uri;
use crate::domain::key_algorithm::KeyAlgorithm;
use crate::domain::scope::Scopes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$about:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$about])* #[serde(rename = $name)] $variant,)+
        }

        impl $type {
            /// The names.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The name in a registration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(format!("expected one of {}", Self::NAMES.join(", "))),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// How a client proves at the token endpoint who it is.
    ClientAuthMethod {
        /// By a secret, in HTTP Basic or in the form.
        ClientSecretBasic = "client_secret_basic",
        /// The same.
        ClientSecretPost = "client_secret_post",
        /// By a JWT that it signs (RFC 7523 §2.2).
        PrivateKeyJwt = "private_key_jwt",
        /// Not at all: its secret would be in everybody's hands.
        None = "none",
    }
}

names! {
    /// A grant that a client may redeem.
    ClientGrant {
        /// RFC 6749 §4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 §4.4.
        ClientCredentials = "client_credentials",
        /// RFC 6749 §4.3.
        Password = "password",
        /// RFC 6749 §6.
        RefreshToken = "refresh_token",
    }
}

names! {
    /// What a client verifies ID tokens by.
    IdTokenAlgorithm {
        /// What every client knows.
        Rs256 = "RS256",
        /// On P-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

impl IdTokenAlgorithm {
    /// The algorithm of the key.
    #[must_use]
    pub fn key(self) -> KeyAlgorithm {
        match self {
            Self::Rs256 => KeyAlgorithm::Rs256,
            Self::Es256 => KeyAlgorithm::Es256,
            Self::EdDsa => KeyAlgorithm::EdDsa,
        }
    }
}

/// What is registered of a client. What is absent has the default of RFC 7591.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its registration")]
pub struct ClientMetadata {
    /// What users are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Where its users may be sent back to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// The same after a logout.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where this server tells it that a session has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// What signs its ID tokens.
    #[serde(skip_serializing_if = "is_usual")]
    pub id_token_signed_response_alg: IdTokenAlgorithm,
    /// Whether its requests must have a PKCE challenge; that of a client that does not prove who it is must.
    #[serde(skip_serializing_if = "is_on")]
    pub require_pkce: bool,
    /// Whether it is one of the operator's own, so that its users are not asked what it may do.
    #[serde(skip_serializing_if = "is_off")]
    pub skip_consent: bool,
    /// How it proves who it is.
    pub token_endpoint_auth_method: ClientAuthMethod,
    /// What it may redeem.
    pub grant_types: Vec<ClientGrant>,
    /// The most that its tokens may carry.
    #[serde(with = "as_text")]
    pub scope: Scopes,
    /// The public keys that verify what it signs (RFC 7517 §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where these keys are, if they are fetched from the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Whether it may learn about the tokens of all, as an API does that verifies them here.
    #[serde(skip_serializing_if = "is_off")]
    pub introspect: bool,
    /// Whether what it signs may name the token endpoint as its audience instead of the issuer.
    #[serde(skip_serializing_if = "is_off")]
    pub token_endpoint_audience: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_off(switch: &bool) -> bool {
    !switch
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_on(switch: &bool) -> bool {
    *switch
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual(algorithm: &IdTokenAlgorithm) -> bool {
    *algorithm == IdTokenAlgorithm::Rs256
}

impl Default for ClientMetadata {
    fn default() -> Self {
        Self {
            client_name: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            id_token_signed_response_alg: IdTokenAlgorithm::Rs256,
            require_pkce: true,
            skip_consent: false,
            token_endpoint_auth_method: ClientAuthMethod::ClientSecretBasic,
            grant_types: vec![ClientGrant::AuthorizationCode],
            scope: Scopes::default(),
            jwks: None,
            jwks_uri: None,
            introspect: false,
            token_endpoint_audience: false,
        }
    }
}

/// What is wrong with a registration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {problem}")]
pub struct ClientFault {
    /// Where.
    pub field: &'static str,
    /// What.
    pub problem: String,
}

impl ClientFault {
    /// With its field.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

impl ClientMetadata {
    /// Longest name, in characters.
    pub const LONGEST_NAME: usize = 100;

    /// The most URIs of a kind.
    pub const MOST_URIS: usize = 32;

    /// The largest registration, as JSON, in bytes.
    const LARGEST: usize = 32 * 1024;

    /// Whether it may redeem the grant.
    #[must_use]
    pub fn may_redeem(&self, grant: ClientGrant) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether it proves who it is by a secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        matches!(
            self.token_endpoint_auth_method,
            ClientAuthMethod::ClientSecretBasic | ClientAuthMethod::ClientSecretPost
        )
    }

    /// Whether its users may be sent back there.
    #[must_use]
    pub fn redirects_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| client_uri::is_same(registered, uri))
    }

    /// The same after a logout.
    #[must_use]
    pub fn redirects_after_logout_to(&self, uri: &str) -> bool {
        let registered = &self.post_logout_redirect_uris;
        registered.iter().any(|registered| client_uri::is_same(registered, uri))
    }

    /// The web origins of its pages, if it is an application of pages: one without a secret.
    pub fn page_origins(&self) -> impl Iterator<Item = &str> {
        let is_public = self.token_endpoint_auth_method == ClientAuthMethod::None;
        let uris = self.redirect_uris.iter().filter(move |_| is_public);
        uris.filter_map(|uri| client_uri::page_origin(uri))
    }

    /// What it asks for with a redirect: `code`, or nothing.
    #[must_use]
    pub fn response_types(&self) -> &'static [&'static str] {
        if self.may_redeem(ClientGrant::AuthorizationCode) { &["code"] } else { &[] }
    }

    /// The names of the fields that differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let [Ok(Value::Object(ours)), Ok(Value::Object(theirs))] =
            [self, other].map(serde_json::to_value)
        else {
            return Vec::new();
        };
        let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
    }

    /// Whether the fields are valid and fit together; the keys are for `tokens` to check.
    pub fn check(&self) -> Result<(), ClientFault> {
        let fault = |field, problem: &str| Err(ClientFault::new(field, problem));
        if let Some(name) = &self.client_name {
            let is_good = (1..=Self::LONGEST_NAME).contains(&name.chars().count());
            if !is_good || name.chars().any(char::is_control) {
                return fault("client_name", "expected 1 to 100 characters, no control characters");
            }
        }
        check_uris("redirect_uris", &self.redirect_uris)?;
        check_uris("post_logout_redirect_uris", &self.post_logout_redirect_uris)?;
        if let Some(uri) = &self.backchannel_logout_uri {
            check_uri("backchannel_logout_uri", uri, |uri| {
                client_uri::request_fault(uri).map(Into::into)
            })?;
        }
        if self.grant_types.is_empty() {
            return fault("grant_types", "expected at least one");
        }
        if self.may_redeem(ClientGrant::AuthorizationCode) && self.redirect_uris.is_empty() {
            return fault(
                "redirect_uris",
                "authorization_code, the default of grant_types, needs at least one",
            );
        }
        let is_public = self.token_endpoint_auth_method == ClientAuthMethod::None;
        if is_public && self.may_redeem(ClientGrant::ClientCredentials) {
            return fault(
                "token_endpoint_auth_method",
                "client_credentials needs a client that proves who it is, not `none`",
            );
        }
        if is_public && !self.require_pkce {
            return fault(
                "require_pkce",
                "only a client that proves who it is can do without PKCE",
            );
        }
        if is_public && self.introspect {
            return fault("introspect", "needs a client that proves who it is, not `none`");
        }
        if let Some(uri) = &self.jwks_uri {
            check_uri("jwks_uri", uri, |uri| client_uri::request_fault(uri).map(Into::into))?;
        }
        let has_keys = match (&self.jwks, &self.jwks_uri) {
            (Some(_), Some(_)) => return fault("jwks_uri", "expected this or jwks, not both"),
            (None, None) => false,
            _ => true,
        };
        if self.token_endpoint_auth_method == ClientAuthMethod::PrivateKeyJwt && !has_keys {
            return fault(
                "jwks",
                "private_key_jwt needs the client's public keys here, or their place in jwks_uri",
            );
        }
        if serde_json::to_vec(self).map_or(0, |json| json.len()) > Self::LARGEST {
            return fault("jwks", "the registration is larger than 32 KiB");
        }
        Ok(())
    }
}

fn check_uris(field: &'static str, uris: &[String]) -> Result<(), ClientFault> {
    if uris.len() > ClientMetadata::MOST_URIS {
        return Err(ClientFault::new(field, "expected 32 at most"));
    }
    uris.iter().try_for_each(|uri| check_uri(field, uri, client_uri::redirect_fault))
}

fn check_uri(
    field: &'static str,
    uri: &str,
    fault: impl Fn(&str) -> Option<Cow<'static, str>>,
) -> Result<(), ClientFault> {
    match fault(uri) {
        // What is no URI may be anything, also very long.
        Some(problem) => {
            let shown: String = uri.chars().take(100).filter(|c| !c.is_control()).collect();
            Err(ClientFault::new(field, format!("`{shown}` {problem}")))
        }
        None => Ok(()),
    }
}

/// Scopes as RFC 7591 writes them: separated by spaces.
mod as_text {
    use super::Scopes;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(scopes: &Scopes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(scopes.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Scopes, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(json: Value) -> ClientMetadata {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_absent_has_the_default_of_the_rfc() {
        let metadata = of(json!({"redirect_uris": ["https://app.example.com/cb"]}));
        assert_eq!(metadata.token_endpoint_auth_method, ClientAuthMethod::ClientSecretBasic);
        assert_eq!(metadata.grant_types, [ClientGrant::AuthorizationCode]);
        metadata.check().unwrap();
        let json = serde_json::to_value(&metadata).unwrap();
        assert_eq!(of(json.clone()), metadata);
        assert_eq!(
            json,
            json!({
                "redirect_uris": ["https://app.example.com/cb"],
                "token_endpoint_auth_method": "client_secret_basic",
                "grant_types": ["authorization_code"],
                "scope": "",
            })
        );
    }

    #[test]
    fn what_does_not_fit_together_is_told_by_its_field() {
        let service = json!({"grant_types": ["client_credentials"], "scope": "me items"});
        of(service.clone()).check().unwrap();
        for (more, field) in [
            (json!({"client_name": ""}), "client_name"),
            (json!({"client_name": "x".repeat(101)}), "client_name"),
            (json!({"client_name": "a\nb"}), "client_name"),
            (json!({"grant_types": []}), "grant_types"),
            (json!({"grant_types": ["authorization_code"]}), "redirect_uris"),
            (json!({"redirect_uris": ["https://a/#"]}), "redirect_uris"),
            (json!({"post_logout_redirect_uris": ["x"]}), "post_logout_redirect_uris"),
            (json!({"redirect_uris": vec!["https://a/"; 33]}), "redirect_uris"),
            (json!({"token_endpoint_auth_method": "none"}), "token_endpoint_auth_method"),
            (json!({"token_endpoint_auth_method": "private_key_jwt"}), "jwks"),
            (json!({"jwks": {"keys": ["x".repeat(33_000)]}}), "jwks"),
            (json!({"jwks_uri": "http://app.example.com/keys"}), "jwks_uri"),
            (json!({"jwks_uri": "com.example.app:/keys"}), "jwks_uri"),
            (json!({"jwks_uri": ""}), "jwks_uri"),
            (json!({"jwks": {}, "jwks_uri": "https://app.example.com/keys"}), "jwks_uri"),
            (
                json!({"token_endpoint_auth_method": "none", "grant_types": ["password"], "introspect": true}),
                "introspect",
            ),
            (
                json!({"token_endpoint_auth_method": "none", "grant_types": ["password"], "require_pkce": false}),
                "require_pkce",
            ),
            (json!({"backchannel_logout_uri": "http://a.example/out"}), "backchannel_logout_uri"),
            (json!({"backchannel_logout_uri": "app:/out"}), "backchannel_logout_uri"),
        ] {
            let mut metadata = service.clone();
            metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(of(metadata).check().unwrap_err().field, field, "{more}");
        }
    }
}
