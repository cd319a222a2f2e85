//! What this server can do, for clients that configure themselves (RFC 8414, OpenID Connect Discovery).

use crate::api_error::ApiError;
use crate::domain::{ClientAuthMethod, ClientGrant, OPENID_SCOPES};
use crate::oauth::ResponseMode;
use crate::routes::introspect::INTROSPECT;
use crate::routes::oauth::{AUTHORIZE, JWKS, LOGOUT, USERINFO, document};
use crate::routes::revoke::REVOKE;
use crate::routes::token::TOKEN;
use crate::services::Services;
use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Value, json};

/// Of assertions by which clients prove who they are; their keys decide.
const ASSERTION_ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// How clients prove who they are where it is required.
const CONFIDENTIAL: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

/// What ID tokens and the userinfo endpoint tell.
const CLAIMS: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "amr",
    "azp",
    "sid",
    "at_hash",
    "name",
    "preferred_username",
    "updated_at",
    "email",
    "email_verified",
];

/// The metadata of the authorization server.
pub(super) async fn oauth(services: Data<Services>) -> Result<HttpResponse, ApiError> {
    let metadata = metadata(&services)?;
    Ok(document(&metadata))
}

/// The same for OpenID Connect, once there are keys for ID tokens: clients read the keys next.
pub(super) async fn openid(services: Data<Services>) -> Result<HttpResponse, ApiError> {
    if !services.keeper.starts_signing_in().await {
        return Err(ApiError::Unavailable);
    }
    oauth(services).await
}

fn metadata(services: &Services) -> Result<Value, ApiError> {
    let url = services.settings.server.public_url.as_ref();
    let url = url.ok_or(ApiError::NotFound("Not Found"))?.as_str();
    let at = |path: &str| format!("{url}{path}");
    let declared = services.scopes.iter().map(|(name, _)| name);
    let openid = OPENID_SCOPES.iter().map(|(name, _)| *name);
    let undeclared = openid.filter(|name| !services.scopes.contains(name));
    let scopes: Vec<_> = undeclared.chain(declared).collect();
    let service = services.tokens.issues_to_clients().then_some(ClientGrant::ClientCredentials);
    let grants = [ClientGrant::AuthorizationCode, ClientGrant::RefreshToken, ClientGrant::Password];
    let grants: Vec<_> = grants.into_iter().chain(service).map(ClientGrant::as_str).collect();
    let signs: Vec<_> = services.tokens.id_token_algorithms().iter().map(|it| it.name()).collect();
    Ok(json!({
        "issuer": url,
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "userinfo_endpoint": at(USERINFO),
        "jwks_uri": at(JWKS),
        "end_session_endpoint": at(LOGOUT),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::NAMES,
        "grant_types_supported": grants,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signs,
        "claims_supported": CLAIMS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["en", "ko"],
        "token_endpoint_auth_methods_supported": ClientAuthMethod::NAMES,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint": at(INTROSPECT),
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint": at(REVOKE),
        "revocation_endpoint_auth_methods_supported": ClientAuthMethod::NAMES,
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }))
}
