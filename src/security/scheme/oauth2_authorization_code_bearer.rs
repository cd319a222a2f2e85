//! OAuth2 authorization code flow: a browser logs the user in, here or at another server, and we get a bearer
//! token.

use super::{Malformed, Scheme, bearer, secret};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use crate::openapi::{AUTHORIZATION_URL, TOKEN_URL};
use actix_web::HttpRequest;
use serde_json::{Value, json};

/// FastAPI's `OAuth2AuthorizationCodeBearer(authorizationUrl=…, tokenUrl=…)` (RFC 6749 §4.1): login
/// with a third party, whose token the application checks in a
/// [`Dependency`](crate::security::Dependency) of its own; or, as [`own`](Self::own), login here.
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

    /// With the endpoints of this server, below the setting `server.public_url`, without which they do not
    /// exist. Its tokens are those that [`Scoped`](crate::security::Scoped) takes, too.
    ///
    /// ```
    /// use bailiwick::security::OAuth2AuthorizationCodeBearer;
    ///
    /// bailiwick::schemes! {
    ///     /// Sign in here.
    ///     pub Here = OAuth2AuthorizationCodeBearer::own();
    /// }
    /// ```
    #[must_use]
    pub const fn own() -> Self {
        Self::new(AUTHORIZATION_URL, TOKEN_URL).refresh_url(TOKEN_URL)
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
