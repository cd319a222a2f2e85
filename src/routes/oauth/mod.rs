//! What other services need to verify tokens: the public keys, and where everything is. Only with
//! `server.public_url`.

mod discovery;
mod userinfo;

use crate::routes::revoke::REVOKE;
use crate::routes::token::TOKEN;
use crate::services::Services;
use crate::settings::PublicUrl;
use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use actix_web::web::{Data, ServiceConfig, get, head, post};
use actix_web::{Handler, HttpResponse, Responder};
use serde::Serialize;

/// How long others may keep the keys: the next one is published a day before it signs.
const MAX_AGE: &str = "public, max-age=3600";

const JWKS: &str = "/oauth/jwks";
const AUTHORIZE: &str = "/oauth/authorize";
const USERINFO: &str = "/oauth/userinfo";
const LOGOUT: &str = "/oauth/logout";
const METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// Their paths, with or without a slash at the end, and the methods of each.
pub fn paths(url: &PublicUrl) -> Vec<(String, Vec<Method>)> {
    let read = || vec![Method::GET, Method::HEAD];
    let shown =
        [JWKS.to_owned()].into_iter().chain(inserted(METADATA, url)).chain(inserted(OPENID, url));
    let asked = [USERINFO].map(|path| (path.to_owned(), vec![Method::GET, Method::POST]));
    shown.map(|path| (path, read())).chain(asked).collect()
}

/// Which pages of other origins may read a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// All of them: it is public.
    Everybody,
    /// Those of clients.
    Clients,
}

/// Which pages may read what is at a path; others are for `[cors]` to allow.
pub fn readers(path: &str, url: &PublicUrl) -> Option<Readers> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if [TOKEN, USERINFO, REVOKE].contains(&path) {
        return Some(Readers::Clients);
    }
    let is_metadata = [METADATA, OPENID].into_iter().any(|document| {
        let rest = path.strip_prefix(document);
        rest.is_some_and(|rest| rest.is_empty() || rest == url.path())
    });
    (path == JWKS || is_metadata).then_some(Readers::Everybody)
}

/// Metadata is also where a URL with a path has it (RFC 8414 §3.1).
fn inserted(path: &str, url: &PublicUrl) -> Vec<String> {
    let mut paths = vec![path.to_owned()];
    if !url.path().is_empty() {
        paths.push(format!("{path}{}", url.path()));
    }
    paths
}

/// Mounts them.
pub fn mount(routes: &mut ServiceConfig, url: &PublicUrl) {
    page(routes, JWKS, &jwks);
    for path in inserted(METADATA, url) {
        page(routes, &path, &discovery::oauth);
    }
    for path in inserted(OPENID, url) {
        page(routes, &path, &discovery::openid);
    }
    for path in [USERINFO, &format!("{USERINFO}/")] {
        routes.route(path, get().to(userinfo::by_header)).route(path, post().to(userinfo::by_form));
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

/// What everybody may read, pages of other origins, too, and keep for a while.
fn document(content: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, MAX_AGE))
        // Whoever asks: a cache in between may keep the response for others.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    response.json(content)
}

/// The public keys (RFC 7517).
async fn jwks(services: Data<Services>) -> HttpResponse {
    document(&services.keeper.jwks())
}
