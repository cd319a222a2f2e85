//! OpenID Connect: what it says of a provider, and of a user.

use crate::accounts::Arrival;
use crate::tokens::ProviderLogin;
use crate::upstream::error::ProviderFault;
use crate::upstream::provider::Provider;
use crate::upstream::{Places, Proofs, Received, Upstream, arrival};
use serde::Deserialize;
use serde_json::{Map, Value};

impl Upstream {
    /// Who has these tokens at an OpenID provider.
    pub(super) async fn openid_user(
        &self,
        provider: &Provider,
        (issuer, places): (&str, &Places),
        proofs: Proofs<'_>,
        (token, id_token): Received,
    ) -> Result<Arrival, ProviderFault> {
        let id_token = id_token.ok_or_else(|| ProviderFault::nonsense("there is no ID token"))?;
        let jwks = places.jwks.as_deref();
        let jwks = jwks.ok_or_else(|| ProviderFault::nonsense("the metadata has no jwks_uri"))?;
        let away = ProviderFault::away("the provider's keys");
        let mut keys = self.keys.get(jwks).await.map_err(&away)?;
        if !keys.has_key_of(id_token.expose()) && !keys.have_signed(id_token.expose()) {
            keys = self.keys.newer(jwks).await.map_err(&away)?;
        }
        let login = ProviderLogin {
            issuer,
            client_id: &provider.client_id,
            nonce: proofs.nonce,
            access_token: token.expose(),
            since: proofs.demand.since(),
        };
        let verified = keys.verify_id_token(id_token.expose(), login, self.identities.now())?;
        let mut claims = verified.all;
        if let Some(userinfo) = places.userinfo.as_deref().filter(|_| !claims.contains_key("email"))
        {
            let told = self.ask(userinfo, &token, "userinfo").await?;
            let told = told.as_object().cloned().unwrap_or_default();
            // Another user's would be mixed in (OpenID Connect Core §5.3.2).
            if told.get("sub").and_then(Value::as_str) != Some(&verified.sub) {
                return Err(ProviderFault::nonsense("userinfo is about another user"));
            }
            for (name, value) in told {
                claims.entry(name).or_insert(value);
            }
        }
        let email = verified_email(&claims);
        let names = ["preferred_username", "nickname", "email", "name"];
        arrival(provider, &verified.sub, &claims, email, &names)
    }
}

/// A provider's metadata (OpenID Connect Discovery §3, RFC 8414).
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: Option<String>,
    pub(super) token_endpoint: Option<String>,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) jwks_uri: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// RFC 9207
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub(super) names_issuer: bool,
}

impl Metadata {
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// Whether it takes secrets in the form, and not by HTTP Basic.
    pub(super) fn takes_only_post(&self) -> bool {
        let takes =
            |method: &str| self.token_endpoint_auth_methods_supported.iter().any(|it| it == method);
        takes("client_secret_post") && !takes("client_secret_basic")
    }
}

/// Where the metadata of an issuer is (OpenID Connect Discovery §4).
pub(super) fn metadata_url(issuer: &str) -> String {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    format!("{base}/.well-known/openid-configuration")
}

/// The address, if the provider has verified it; some say so by a text.
pub(super) fn verified_email(claims: &Map<String, Value>) -> Option<String> {
    let is_verified = match claims.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    let email = claims.get("email").and_then(Value::as_str).filter(|_| is_verified);
    email.filter(|email| email.contains('@')).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_is_below_the_issuer() {
        for issuer in ["https://idp.example.com/a", "https://idp.example.com/a/"] {
            let url = "https://idp.example.com/a/.well-known/openid-configuration";
            assert_eq!(metadata_url(issuer), url);
        }
        let of = |methods: Value| {
            let text = json!({"issuer": "x", "token_endpoint_auth_methods_supported": methods});
            Metadata::read(text.to_string().as_bytes()).unwrap().takes_only_post()
        };
        assert!(of(json!(["client_secret_post"])) && !of(json!([])));
        assert!(!of(json!(["client_secret_post", "client_secret_basic"])));
        Metadata::read(b"{}").unwrap_err();
    }

    #[test]
    fn an_address_counts_if_it_is_verified() {
        let of = |verified: Value| {
            let claims = json!({"email": "a@example.com", "email_verified": verified});
            verified_email(claims.as_object().unwrap()).is_some()
        };
        assert!(of(json!(true)) && of(json!("true")));
        for verified in [json!(false), json!("false"), json!(1), json!(null), json!("yes")] {
            assert!(!of(verified.clone()), "{verified}");
        }
    }
}
