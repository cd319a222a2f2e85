//! What other services need to verify tokens: the public keys, and where everything is. Only with
//! `server.public_url`.

use crate::api_error::ApiError;
use crate::domain::{ClientAuthMethod, ClientGrant};
use crate::routes::introspect::INTROSPECT;
use crate::routes::revoke::REVOKE;
use crate::services::Services;
use crate::settings::PublicUrl;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, ServiceConfig, get, head};
use actix_web::{Handler, HttpResponse, Responder};
use serde_json::json;

/// How long others may keep the keys: the next one is published a day before it signs.
const MAX_AGE: &str = "public, max-age=3600";

/// Of assertions by which clients prove who they are; their keys decide.
const ASSERTION_ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// How clients prove who they are where it is required.
const CONFIDENTIAL: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

const JWKS: &str = "/oauth/jwks";
const METADATA: &str = "/.well-known/oauth-authorization-server";

/// Their paths, with or without a slash at the end.
pub fn paths(url: &PublicUrl) -> Vec<String> {
    [JWKS.to_owned()].into_iter().chain(metadata_paths(url)).collect()
}

/// The metadata is also where a URL with a path has it (RFC 8414 §3.1).
fn metadata_paths(url: &PublicUrl) -> Vec<String> {
    let mut paths = vec![METADATA.to_owned()];
    if !url.path().is_empty() {
        paths.push(format!("{METADATA}{}", url.path()));
    }
    paths
}

/// Mounts them.
pub fn mount(routes: &mut ServiceConfig, url: &PublicUrl) {
    page(routes, JWKS, &jwks);
    for path in metadata_paths(url) {
        page(routes, &path, &metadata);
    }
}

fn page<F, R>(routes: &mut ServiceConfig, path: &str, response: &F)
where
    F: Handler<(Data<Services>,), Output = R>,
    R: Responder + 'static,
{
    for path in [path, &format!("{path}/")] {
        routes.route(path, get().to(response.clone())).route(path, head().to(response.clone()));
    }
}

/// The public keys (RFC 7517).
async fn jwks(services: Data<Services>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, MAX_AGE)).json(services.keeper.jwks())
}

/// What this authorization server can do (RFC 8414).
async fn metadata(services: Data<Services>) -> Result<HttpResponse, ApiError> {
    let url = services.settings.server.public_url.as_ref();
    let url = url.ok_or(ApiError::NotFound("Not Found"))?.as_str();
    let scopes: Vec<_> = services.scopes.iter().map(|(name, _)| name.to_owned()).collect();
    let service = services.tokens.issues_to_clients().then_some(ClientGrant::ClientCredentials);
    let refresh = services.settings.tokens.password_refresh.then_some(ClientGrant::RefreshToken);
    let grants: Vec<_> = [Some(ClientGrant::Password), refresh, service]
        .into_iter()
        .flatten()
        .map(ClientGrant::as_str)
        .collect();
    let metadata = json!({
        "issuer": url,
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}{JWKS}"),
        "scopes_supported": scopes,
        "response_types_supported": [],
        "grant_types_supported": grants,
        "token_endpoint_auth_methods_supported": ClientAuthMethod::NAMES,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint": format!("{url}{INTROSPECT}"),
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint": format!("{url}{REVOKE}"),
        "revocation_endpoint_auth_methods_supported": ClientAuthMethod::NAMES,
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, MAX_AGE)).json(metadata))
}
