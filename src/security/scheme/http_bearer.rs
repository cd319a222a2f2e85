//! HTTP Bearer: a token of any origin (RFC 6750).

use super::{Malformed, Scheme, bearer, secret};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use actix_web::HttpRequest;
use serde_json::{Value, json};

/// FastAPI's `HTTPBearer(bearerFormat=…)`; as there, `Bearer` without a token counts as absent.
#[derive(Clone, Copy, Debug)]
pub struct HttpBearer {
    format: Option<&'static str>,
}

impl HttpBearer {
    /// Without a hint at the token's format.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "`schemes!` needs a constant")]
    pub const fn new() -> Self {
        Self { format: None }
    }

    /// With a hint at the token's format, for example `JWT`.
    #[must_use]
    pub const fn bearer_format(mut self, format: &'static str) -> Self {
        self.format = Some(format);
        self
    }
}

impl Scheme for HttpBearer {
    type Credentials = Secret;

    fn find(&self, request: &HttpRequest) -> Result<Option<Secret>, Malformed> {
        Ok(bearer(request).filter(|token| !token.is_empty()).map(secret))
    }

    fn challenge(&self) -> AuthScheme {
        AuthScheme::Bearer
    }

    fn document(&self) -> Value {
        match self.format {
            Some(format) => json!({"type": "http", "scheme": "bearer", "bearerFormat": format}),
            None => json!({"type": "http", "scheme": "bearer"}),
        }
    }
}
