//! URLs; one file per resource, each mounts itself.

mod api_keys;
mod basic;
mod client_form;
mod clients;
pub mod docs;
mod fields;
mod form;
mod introspect;
mod me;
pub mod oauth;
pub mod pages;
mod parameters;
mod patterns;
mod profile;
mod register;
mod revoke;
mod service_form;
mod sessions;
mod shown_token;
mod status;
mod token;
mod users;

pub use form::{PasswordRequestForm, PasswordRequestFormStrict};

use crate::routes::patterns::together;
use crate::security::{Resolve, guard as behind};
use crate::settings::Settings;
use actix_web::guard::{self, GuardContext, fn_guard};
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::{HttpResponse, HttpResponseBuilder};
use paperclip::actix::web::{Route, ServiceConfig, resource};

/// Mounts every documented route of the server that the settings ask for.
pub fn mount(routes: &mut ServiceConfig, settings: &Settings) {
    let demo = settings.demo.routes;
    // The router tries routes in order: the most requested ones first.
    me::mount(routes);
    if demo {
        me::mount_items(routes);
    }
    token::mount(routes, settings.tokens.password_refresh);
    let public = settings.server.public_url.is_some();
    if public {
        introspect::mount(routes);
        revoke::mount(routes);
    }
    if settings.registration.enabled {
        register::mount(routes);
    }
    users::mount_root(routes);
    together(routes, "/users", |routes| {
        api_keys::mount(routes);
        if public {
            sessions::mount(routes);
        }
        users::mount(routes);
    });
    if public {
        clients::mount_root(routes);
        together(routes, "/oauth/clients", clients::mount);
    }
    if demo {
        status::mount(routes);
        basic::mount(routes);
    }
}

/// A response about tokens: no cache may store it (RFC 6749 §5.1).
fn not_stored() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    response
}

/// Mounts a route with and without a trailing slash: no redirect, which would have to trust the
/// `Host` header.
pub fn route_with_slash(routes: &mut ServiceConfig, path: &str, route: impl Fn() -> Route) {
    routes.route(path, route());
    routes.route(&format!("{path}/"), route());
}

/// Mounts a route behind a guard, with and without a slash at its end. The guard stands before this
/// method only: any other gets 405 without being asked for a token.
fn guarded<D: Resolve>(
    routes: &mut ServiceConfig,
    path: &str,
    method: &Method,
    route: impl Fn() -> Route,
) {
    for path in [path, &format!("{path}/")] {
        let resource = resource(path).guard(guard::Method(method.clone())).guard(fn_guard(not_me));
        routes.service(behind::<D>(resource.route(route())));
    }
}

/// `/users/me` is not the path of a user called me: a method that it lacks is 405.
fn not_me(request: &GuardContext<'_>) -> bool {
    !matches!(request.head().uri.path(), "/users/me" | "/users/me/")
}
