//! The form that shows a token, for what is asked about it or done to it: RFC 7009, RFC 7662.

use crate::api_error::ApiError;
use crate::domain::Secret;
use crate::extract::{FormFields, document_form, form_schema};
use crate::oauth::{ClientCredentials, GrantError};
use crate::routes::client_form;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::pin::Pin;

/// A token has at most 16 KiB.
const MOST_BYTES: usize = 32 * 1024;

/// What the document says of the form.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ShownToken", description = "The form of RFC 7009 and RFC 7662")]
#[expect(dead_code, reason = "read as RFC 6749 says: a parameter must not be repeated")]
struct ShownTokenForm {
    /// The token.
    #[schemars(with = "String", length(min = 1))]
    token: Secret,
    /// Not needed: a token shows what it is.
    #[schemars(extend("example" = "access_token"))]
    #[serde(default)]
    token_type_hint: String,
    /// The client that asks, unless HTTP Basic or an assertion says it.
    #[serde(default)]
    client_id: String,
    /// Its secret.
    #[schemars(with = "String", extend("format" = "password"))]
    #[serde(default)]
    client_secret: Option<Secret>,
}

/// The token, and what is shown of the client that sends it.
pub(super) struct ShownToken {
    pub(super) token: Secret,
    pub(super) client: ClientCredentials,
}

impl FromRequest for ShownToken {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let fields = FormFields::read(&request, payload, MOST_BYTES).await?;
            match fields.once("token") {
                Some(token) if !fields.repeats("token_type_hint") => Ok(Self {
                    token: Secret::new(token),
                    client: client_form::shown(&request, &fields)?,
                }),
                _ => Err(GrantError::InvalidRequest.into()),
            }
        })
    }
}

impl Apiv2Schema for ShownToken {}

impl OperationModifier for ShownToken {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        document_form(operation, &form_schema::<ShownTokenForm>());
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}
