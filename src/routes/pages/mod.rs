//! Pages for people: login and account. Only with `server.public_url`.
//!
//! A page's handler takes a [`Visit`], which knows the browser, its language and its session, and makes
//! every response.

mod account;
mod account_clients;
mod account_keys;
mod account_profile;
mod authorize;
mod consents;
mod elsewhere;
mod fields;
mod files;
mod login;
mod logout;
mod paths;
mod providers;
mod upstream;
mod visit;

pub(in crate::routes) use fields::Fields;
pub(in crate::routes) use visit::{Follows, Visit};

pub use crate::pages::Brand;

use crate::settings::Settings;
use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, post, resource};
use actix_web::{Handler, HttpResponse};

/// Pages that are shown, and take a form.
const FORMS: [&str; 3] = [paths::LOGIN, paths::AUTHORIZE, logout::PATH];

/// Pages and files that are shown.
const SHOWN: [&str; 5] =
    [logout::SIGNED_OUT, paths::ACCOUNT, paths::STYLE, paths::ICON, paths::LOGO];

/// Those of other providers.
const OF_PROVIDERS: [(&str, &[Method]); 3] = [
    (paths::PROVIDER, &[Method::POST]),
    (paths::PROVIDER_CALLBACK, &[Method::GET, Method::HEAD, Method::POST]),
    (paths::PROVIDER_UNLINK, &[Method::POST]),
];

/// Where forms are sent to.
const TAKEN: [&str; 9] = [
    paths::SIGN_OUT,
    paths::PROFILE,
    paths::WITHDRAW,
    paths::PASSWORD,
    paths::SESSIONS,
    paths::KEYS,
    paths::REVOKE,
    authorize::CONSENT,
    logout::CONFIRM,
];

/// Their paths, with or without a slash at the end, and what each takes.
pub fn paths(settings: &Settings) -> Vec<(String, Vec<Method>)> {
    let shown = [Method::GET, Method::HEAD];
    let both = [&shown[..], &[Method::POST]].concat();
    let forms = FORMS.map(|path| (path.to_owned(), both.clone()));
    let others = SHOWN.map(|path| (path.to_owned(), shown.to_vec()));
    let taken = TAKEN.map(|path| (path.to_owned(), vec![Method::POST]));
    let providers = OF_PROVIDERS.iter().filter(|_| !settings.providers.is_empty());
    let providers = providers.map(|(path, methods)| ((*path).to_owned(), methods.to_vec()));
    forms.into_iter().chain(others).chain(taken).chain(providers).collect()
}

/// Mounts them.
pub fn mount(routes: &mut ServiceConfig, brand: &Data<Brand>, settings: &Settings) {
    routes.app_data(brand.clone());
    login::mount(routes);
    account::mount(routes);
    account_profile::mount(routes);
    account_clients::mount(routes);
    account_keys::mount(routes);
    authorize::mount(routes);
    logout::mount(routes);
    files::mount(routes);
    if !settings.providers.is_empty() {
        upstream::mount(routes);
    }
}

/// A page that is shown: GET and HEAD, at the public address.
fn shown<F, Args>(routes: &mut ServiceConfig, path: &str, handler: &F)
where
    F: Handler<Args, Output = HttpResponse>,
    Args: actix_web::FromRequest + 'static,
{
    for path in [path, &format!("{path}/")] {
        let page = resource(path).guard(Any(Get()).or(Head())).to(handler.clone());
        routes.service(page.wrap(from_fn(elsewhere::at_home)));
    }
}

/// Where a form is sent to.
fn taken<F, Args>(routes: &mut ServiceConfig, path: &str, handler: &F)
where
    F: Handler<Args, Output = HttpResponse>,
    Args: actix_web::FromRequest + 'static,
{
    for path in [path, &format!("{path}/")] {
        routes.route(path, post().to(handler.clone()));
    }
}
