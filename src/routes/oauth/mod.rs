//! What other services need to verify tokens: the public keys, and where everything is. Only with
//! `server.public_url`.

mod discovery;
mod userinfo;

use crate::services::Services;
use crate::settings::PublicUrl;
use actix_web::http::Method;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, ServiceConfig, get, head, post};
use actix_web::{Handler, HttpResponse, Responder};

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

/// The public keys (RFC 7517).
async fn jwks(services: Data<Services>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, MAX_AGE)).json(services.keeper.jwks())
}
