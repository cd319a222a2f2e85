//! `/oauth/clients`: registration of clients, for administrators. Only with `server.public_url`.

mod bodies;
mod metadata;

use crate::accounts::{Registrar, Registration};
use crate::api_error::ApiError;
use crate::domain::{Client, OauthClients, Scopes};
use crate::extract::Query;
use crate::routes::parameters::PathClientId;
use crate::routes::route_with_slash;
use crate::security::{Authorized, EnabledUser, Scoped};
use crate::services::Services;
use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use bodies::{
    ClientBody, ClientJson, ClientPage, ClientRecord, ClientsQuery, RegisteredClient, RotationBody,
    RotationJson,
};
use paperclip::actix::web::{ServiceConfig, delete, get, post, put};
use paperclip::actix::{CreatedJson, NoContent, api_v2_operation};
use std::time::Duration;

type Administrator = Scoped<EnabledUser, OauthClients>;

crate::failures! {
    RegisterFailure {
        400: "redirect_uris: `/callback` is not absolute",
        403: "Whoever changes a client must hold all its scopes, by the token as well: not `items`",
        409: "Client already exists",
    }
    ShowFailure {
        404: "Client not found",
    }
    ChangeFailure {
        400: "redirect_uris: `/callback` is not absolute",
        403: "Whoever changes a client must hold all its scopes, by the token as well: not `items`",
        404: "Client not found",
        409: "The client is in the configuration, and is changed there",
    }
    DeleteFailure {
        403: "Whoever changes a client must hold all its scopes, by the token as well: not `items`",
        404: "Client not found",
        409: "The client is in the configuration, and is changed there",
    }
}

/// Mounts `/oauth/clients` itself.
pub(super) fn mount_root(routes: &mut ServiceConfig) {
    let all = "/oauth/clients";
    route_with_slash(routes, all, || get().to(list));
    route_with_slash(routes, all, || post().to(register));
}

/// Mounts the routes below `/oauth/clients`.
pub(super) fn mount(routes: &mut ServiceConfig) {
    let one = "/{client_id}";
    route_with_slash(routes, one, || get().to(show));
    route_with_slash(routes, one, || put().to(replace));
    route_with_slash(routes, one, || delete().to(remove));
    route_with_slash(routes, &format!("{one}/secret"), || post().to(rotate_secret));
}

/// The caller's scopes, which bound those of clients.
fn scopes(caller: &Administrator) -> Scopes {
    caller.principal().scopes()
}

/// List clients
///
/// A page in the order of the ids, with those of the configuration; `next` is the `after` of the
/// following page.
#[api_v2_operation(operation_id = "list_clients", tags("clients"))]
async fn list(
    Authorized(_, query): Authorized<Administrator, Query<ClientsQuery>>,
    services: Data<Services>,
) -> Result<Json<ClientPage>, ApiError> {
    let ClientsQuery { after, limit } = query.into_inner();
    // One more than asked for tells whether there is a next page.
    let mut clients = services.clients.list(after.as_ref(), limit + 1).await?;
    let more = clients.len() > limit as usize;
    clients.truncate(limit as usize);
    let next = clients.last().filter(|_| more).map(|client| client.id.to_string());
    Ok(Json(ClientPage { clients: clients.iter().map(ClientRecord::of).collect(), next }))
}

/// Register a client
///
/// In the words of RFC 7591; what is not known is ignored. Without `client_id`, the client gets a random
/// one. The response is the only place where a secret made here is ever shown.
#[api_v2_operation(operation_id = "register_client", tags("clients"))]
async fn register(
    Authorized(caller, body): Authorized<Administrator, ClientJson<ClientBody>>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<CreatedJson<RegisteredClient>, RegisterFailure> {
    let ClientBody { client_id: id, client_secret: secret, metadata } = body.into_inner();
    let new = Registration { id, metadata: metadata.try_into()?, secret };
    let (author, among) = (caller.author(&request), scopes(&caller));
    let by = Registrar { author: &author, among: Some(&among) };
    let added = services.clients.add(new, by).await;
    let (client, secret) = added.map_err(|error| caller.failed(error, &services))?;
    Ok(CreatedJson(RegisteredClient::of(&client, secret.as_ref())))
}

/// Show a client
///
/// Its secrets are stored nowhere.
#[api_v2_operation(operation_id = "show_client", tags("clients"))]
async fn show(
    Authorized(_, (id,)): Authorized<Administrator, (PathClientId,)>,
    services: Data<Services>,
) -> Result<Json<ClientRecord>, ShowFailure> {
    let client = services.clients.find(id.0.as_str()).await?;
    let client = client.ok_or(ApiError::NotFound("Client not found"))?;
    Ok(Json(ClientRecord::of(&client)))
}

/// Replace what is registered of a client
///
/// All of it: what is absent gets its default (RFC 7592 §2.2). The secrets stay.
#[api_v2_operation(operation_id = "replace_client", tags("clients"))]
async fn replace(
    Authorized(caller, (id, body)): Authorized<
        Administrator,
        (PathClientId, ClientJson<ClientBody>),
    >,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<Json<ClientRecord>, ChangeFailure> {
    let ClientBody { client_id, client_secret, metadata } = body.into_inner();
    if client_id.is_some_and(|said| said != id.0) || client_secret.is_some() {
        return Err(ApiError::BadRequest(
            "client_id is the one of the path, and client_secret is changed by POST …/secret",
        )
        .into());
    }
    let new = metadata.try_into()?;
    let (author, among) = (caller.author(&request), scopes(&caller));
    let by = Registrar { author: &author, among: Some(&among) };
    let changed = services.clients.change(&id.0, |_| new, by).await;
    let client: Client = changed.map_err(|error| caller.failed(error, &services))?;
    Ok(Json(ClientRecord::of(&client)))
}

/// Give a client another secret
///
/// The one before it counts for a while, so that the client's servers change one after the other. With 0
/// seconds it ends at once, and with it all tokens of the client.
#[api_v2_operation(operation_id = "rotate_client_secret", tags("clients"))]
async fn rotate_secret(
    Authorized(caller, (id, body)): Authorized<
        Administrator,
        (PathClientId, RotationJson<RotationBody>),
    >,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<CreatedJson<RegisteredClient>, ChangeFailure> {
    let RotationBody { client_secret, keep_old_seconds } = body.into_inner();
    let keep = Some(keep_old_seconds).filter(|keep| *keep > 0);
    let keep = keep.map(|seconds| Duration::from_secs(seconds.into()));
    let (author, among) = (caller.author(&request), scopes(&caller));
    let by = Registrar { author: &author, among: Some(&among) };
    let rotated = services.clients.rotate_secret(&id.0, client_secret, keep, by).await;
    let (client, secret) = rotated.map_err(|error| caller.failed(error, &services))?;
    Ok(CreatedJson(RegisteredClient::of(&client, secret.as_ref())))
}

/// Delete a client
///
/// Its secrets and its tokens are refused everywhere within a second.
#[api_v2_operation(operation_id = "delete_client", tags("clients"))]
async fn remove(
    Authorized(caller, (id,)): Authorized<Administrator, (PathClientId,)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, DeleteFailure> {
    let (author, among) = (caller.author(&request), scopes(&caller));
    let by = Registrar { author: &author, among: Some(&among) };
    let deleted = services.clients.delete(&id.0, by).await;
    deleted.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}
