//! Callers that another service knows: login with a third party, API keys, a user type of your own.
//!
//! ```sh
//! cargo run --example schemes -- --demo
//! ```

use actix_web::web::Json;
use bailiwick::prelude::get;
use bailiwick::security::{
    ActiveUser, ApiKeyCookie, ApiKeyHeader, ApiKeyQuery, Call, DeclaredScheme, Dependency, Depends,
    HttpBasic, HttpBearer, Maybe, OAuth2AuthorizationCodeBearer, OpenIdConnect, Reason, Resolve,
    Scheme as _, Scoped, Secret,
};
use bailiwick::{ApiError, Routes, Server, extractor, schemes, scopes};
use paperclip::actix::{Apiv2Schema, api_v2_operation};
use serde::Serialize;
use std::ops::Deref;
use std::process::ExitCode;

schemes! {
    /// Log in with the provider and come back with its token.
    pub ThirdParty = OAuth2AuthorizationCodeBearer::new(
        "https://login.example.com/authorize",
        "https://login.example.com/token"
    ).refresh_url("https://login.example.com/refresh");
    /// Sign in here.
    pub Here = OAuth2AuthorizationCodeBearer::own();
    /// The same provider, which says by itself how to log in.
    pub Discovered =
        OpenIdConnect::new("https://login.example.com/.well-known/openid-configuration");
    /// A token that you got elsewhere.
    pub Machine = HttpBearer::new().bearer_format("JWT");
    /// The key that we sent you.
    pub Key as "PartnerKey" = ApiKeyHeader::new("X-API-Key");
    /// The key, for what can send no headers.
    pub KeyInQuery = ApiKeyQuery::new("api_key");
    /// The key, from a browser.
    pub KeyInCookie = ApiKeyCookie::new("session");
    /// A door of its own.
    pub Desk = HttpBasic::new().realm("front desk");
}

scopes! {
    /// Read what partners read.
    pub PartnersRead = "partners:read";
}

/// Who is calling: no user of the shipped database.
struct Partner {
    name: &'static str,
    scopes: &'static [&'static str],
}

/// Stands in for the provider's introspection or a table of keys.
fn look_up(token: &Secret) -> Option<Partner> {
    if token.equals("token-of-acme") {
        Some(Partner { name: "acme", scopes: &["partners:read"] })
    } else if token.equals("token-of-umbrella") {
        Some(Partner { name: "umbrella", scopes: &[] })
    } else {
        None
    }
}

/// A partner who identified itself by the scheme `S`.
struct By<S>(Partner, std::marker::PhantomData<S>);

impl<S> Dependency for By<S>
where
    S: DeclaredScheme + Resolve + Deref<Target = Secret>,
{
    type Needs = S;

    async fn build(credentials: S, call: &Call<'_>) -> Result<Self, ApiError> {
        let refuse = |reason| call.refuse(S::SCHEME.challenge(), reason);
        // OpenID Connect gives the whole header.
        let text = credentials.expose();
        let token = Secret::new(text.strip_prefix("Bearer ").unwrap_or(text));
        let partner = look_up(&token).ok_or_else(|| refuse(Reason::Invalid))?;
        if call.scopes().iter().all(|scope| partner.scopes.contains(scope)) {
            Ok(Self(partner, std::marker::PhantomData))
        } else {
            Err(refuse(Reason::InsufficientScope))
        }
    }
}

extractor!(impl<S> By<S> where S: DeclaredScheme + Resolve + Deref<Target = Secret>);

/// Who is calling.
#[derive(Serialize, Apiv2Schema)]
struct Shown {
    /// Null for an anonymous caller.
    partner: Option<&'static str>,
}

type JsonResult = Result<Json<Shown>, ApiError>;

impl<S> By<S> {
    fn show(&self) -> Json<Shown> {
        Json(Shown { partner: Some(self.0.name) })
    }
}

const ANONYMOUS: Json<Shown> = Json(Shown { partner: None });

macro_rules! handlers {
    ($($required:ident $optional:ident by $scheme:ident;)+) => {$(
        /// Only with credentials
        #[api_v2_operation]
        async fn $required(caller: By<$scheme>) -> JsonResult {
            Ok(caller.show())
        }

        /// With credentials or without
        #[api_v2_operation]
        async fn $optional(caller: Maybe<By<$scheme>>) -> JsonResult {
            Ok(caller.as_ref().map_or(ANONYMOUS, By::show))
        }
    )+};
}

handlers! {
    third_party third_party_optional by ThirdParty;
    discovered discovered_optional by Discovered;
    machine machine_optional by Machine;
    key key_optional by Key;
    query query_optional by KeyInQuery;
    cookie cookie_optional by KeyInCookie;
}

/// With a scope that the provider granted
#[api_v2_operation]
async fn scoped(caller: Scoped<By<ThirdParty>, PartnersRead>) -> JsonResult {
    Ok(caller.show())
}

/// With both the provider's token and the key; the scope is asked of the token only
#[api_v2_operation]
async fn two(caller: Scoped<By<ThirdParty>, PartnersRead>, _: By<Key>) -> JsonResult {
    Ok(caller.show())
}

/// Who stands at the desk.
#[derive(Serialize, Apiv2Schema)]
struct Visitor {
    /// Null for an anonymous one.
    name: Option<String>,
}

type JsonVisitor = Result<Json<Visitor>, ApiError>;

/// With a token of this server: the scheme says where it is from, the guard whether it counts
#[api_v2_operation]
async fn here(_: Depends<Here>, caller: Scoped<ActiveUser, PartnersRead>) -> JsonVisitor {
    Ok(Json(Visitor { name: Some(caller.username.to_string()) }))
}

/// Any name will do
#[api_v2_operation]
async fn desk(caller: Depends<Desk>) -> JsonVisitor {
    Ok(Json(Visitor { name: Some(caller.username.clone()) }))
}

/// With a name or without
#[api_v2_operation]
async fn desk_optional(caller: Maybe<Desk>) -> JsonVisitor {
    Ok(Json(Visitor { name: caller.as_ref().map(|desk| desk.username.clone()) }))
}

fn mount(routes: &mut Routes) {
    routes
        .route("/third-party", get().to(third_party))
        .route("/third-party/optional", get().to(third_party_optional))
        .route("/third-party/scoped", get().to(scoped))
        .route("/third-party/and-key", get().to(two))
        .route("/here", get().to(here))
        .route("/discovered", get().to(discovered))
        .route("/discovered/optional", get().to(discovered_optional))
        .route("/machine", get().to(machine))
        .route("/machine/optional", get().to(machine_optional))
        .route("/key", get().to(key))
        .route("/key/optional", get().to(key_optional))
        .route("/query", get().to(query))
        .route("/query/optional", get().to(query_optional))
        .route("/cookie", get().to(cookie))
        .route("/cookie/optional", get().to(cookie_optional))
        .route("/desk", get().to(desk))
        .route("/desk/optional", get().to(desk_optional));
}

fn main() -> ExitCode {
    Server::new("schemes").mount(mount).run_from_args()
}
