//! OAuth2 authorization code flow: another server logs the user in, we get a bearer token.

use super::{Malformed, Scheme, bearer, secret};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use actix_web::HttpRequest;
use serde_json::{Value, json};

/// FastAPI's `OAuth2AuthorizationCodeBearer(authorizationUrl=…, tokenUrl=…)` (RFC 6749 §4.1): login
/// with a third party. The application checks the token in a
/// [`Dependency`](crate::security::Dependency) of its own.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "the names of OpenAPI 3.0.3 §4.7.25")]
pub struct OAuth2AuthorizationCodeBearer {
    authorization_url: &'static str,
    token_url: &'static str,
    refresh_url: Option<&'static str>,
}

impl OAuth2AuthorizationCodeBearer {
    /// With the URLs of the authorization and the token endpoint.
    #[must_use]
    pub const fn new(authorization_url: &'static str, token_url: &'static str) -> Self {
        Self { authorization_url, token_url, refresh_url: None }
    }

    /// With the URL to refresh at.
    #[must_use]
    pub const fn refresh_url(mut self, url: &'static str) -> Self {
        self.refresh_url = Some(url);
        self
    }
}

impl Scheme for OAuth2AuthorizationCodeBearer {
    type Credentials = Secret;

    fn find(&self, request: &HttpRequest) -> Result<Option<Secret>, Malformed> {
        Ok(bearer(request).map(secret))
    }

    fn challenge(&self) -> AuthScheme {
        AuthScheme::Bearer
    }

    fn document(&self) -> Value {
        let mut flow = json!({
            "authorizationUrl": self.authorization_url,
            "tokenUrl": self.token_url,
            "scopes": {},
        });
        if let Some(url) = self.refresh_url {
            flow["refreshUrl"] = json!(url);
        }
        json!({"type": "oauth2", "flows": {"authorizationCode": flow}})
    }
}
