//! URLs; one file per resource, each mounts itself.

mod basic;
pub mod docs;
mod fields;
mod form;
mod me;
mod missing;
mod profile;
mod status;
mod token;
mod users;

pub use form::{PasswordRequestForm, PasswordRequestFormStrict};
pub use missing::{AllowedMethods, not_found};

use paperclip::actix::web::{Route, ServiceConfig};

/// Mounts every documented route of the server; with `demo`, also the demo routes.
pub fn mount(routes: &mut ServiceConfig, demo: bool) {
    // The router tries routes in order: the most requested ones first.
    me::mount(routes);
    if demo {
        me::mount_items(routes);
    }
    token::mount(routes);
    users::mount(routes);
    if demo {
        status::mount(routes);
        basic::mount(routes);
    }
}

/// Mounts a route with and without a trailing slash: no redirect, which would have to trust the
/// `Host` header.
pub fn route_with_slash(routes: &mut ServiceConfig, path: &str, route: impl Fn() -> Route) {
    routes.route(path, route());
    routes.route(&format!("{path}/"), route());
}
