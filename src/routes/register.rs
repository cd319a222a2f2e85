//! `POST /register`: strangers make an account for themselves, with `registration.enabled`.

use crate::accounts::{AccountError, NewAccount};
use crate::api_error::ApiError;
use crate::domain::{RepositoryError, ScopeName};
use crate::extract::Json;
use crate::routes::fields::{NewName, NewPassword, PRINTABLE};
use crate::routes::profile::Profile;
use crate::routes::route_with_slash;
use crate::security::sender;
use crate::services::Services;
use actix_web::HttpRequest;
use actix_web::web::Data;
use paperclip::actix::web::{ServiceConfig, post};
use paperclip::actix::{CreatedJson, api_v2_operation};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, "/register", || post().to(register));
}

/// What strangers say of themselves. Scopes are not theirs to choose.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "Registration",
    extend("x-strict" = true),
    extend("example" = json!({
        "username": "bob",
        "password": "correct horse battery",
        "email": "bob@example.com",
        "full_name": "Bob Builder",
    }))
)]
struct RegistrationBody {
    username: NewName,
    password: NewPassword,
    #[schemars(length(max = 254), regex(pattern = PRINTABLE), extend("x-rule" = "email"))]
    email: Option<String>,
    #[schemars(length(max = 256), regex(pattern = PRINTABLE), extend("x-rule" = "full-name"))]
    full_name: Option<String>,
}

const TAKEN: &str = "The username or e-mail address is taken";

crate::failures! {
    RegistrationFailure {
        409: "The username or e-mail address is taken",
        429: "Too many attempts, try again later",
    }
}

/// Register
///
/// Makes an account for you. The name must be free and not look like another one. Log in with `POST
/// /token` then.
#[api_v2_operation(operation_id = "register", tags("me"))]
async fn register(
    body: Json<RegistrationBody, { 16 * 1024 }>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<CreatedJson<Profile>, RegistrationFailure> {
    let RegistrationBody { username, password, email, full_name } = body.into_inner();
    let scopes = services.settings.registration.scopes.iter();
    let scopes = scopes.filter_map(|scope| scope.parse::<ScopeName>().ok()).collect();
    let account = NewAccount {
        username: username.0,
        password: Some(password.0),
        email,
        full_name,
        disabled: false,
        scopes,
    };
    match services.accounts.register(account, sender(&request)).await {
        Ok(user) => Ok(CreatedJson(Profile::of(user))),
        // One text for both: an address is less public than a name.
        Err(AccountError::Repository(RepositoryError::Exists | RepositoryError::EmailExists)) => {
            Err(ApiError::Conflict(TAKEN))?
        }
        Err(error) => Err(error)?,
    }
}
