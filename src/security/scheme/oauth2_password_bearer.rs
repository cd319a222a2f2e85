//! OAuth2 password flow: the client logs in at a token URL and sends the token as a bearer token.

use super::{Malformed, Scheme, bearer, secret};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use actix_web::HttpRequest;
use serde_json::{Value, json};

/// FastAPI's `OAuth2PasswordBearer(tokenUrl=…, refreshUrl=…)` (RFC 6749 §4.3, RFC 6750 §2.1).
///
/// As there, `Bearer` without a token gives an empty one.
#[derive(Clone, Copy, Debug)]
pub struct OAuth2PasswordBearer {
    token_url: &'static str,
    refresh_url: Option<&'static str>,
}

impl OAuth2PasswordBearer {
    /// With the URL to log in at, relative to the server's root or absolute.
    #[must_use]
    pub const fn new(token_url: &'static str) -> Self {
        Self { token_url, refresh_url: None }
    }

    /// With the URL to refresh at.
    #[must_use]
    pub const fn refresh_url(mut self, url: &'static str) -> Self {
        self.refresh_url = Some(url);
        self
    }
}

impl Scheme for OAuth2PasswordBearer {
    type Credentials = Secret;

    fn find(&self, request: &HttpRequest) -> Result<Option<Secret>, Malformed> {
        Ok(bearer(request).map(secret))
    }

    fn challenge(&self) -> AuthScheme {
        AuthScheme::Bearer
    }

    fn document(&self) -> Value {
        let mut flow = json!({"tokenUrl": self.token_url, "scopes": {}});
        if let Some(url) = self.refresh_url {
            flow["refreshUrl"] = json!(url);
        }
        json!({"type": "oauth2", "flows": {"password": flow}})
    }
}
