//! Limits of single routes: how often, how large, how long.

pub(super) mod counters;
mod enforced;
mod rate;
pub(super) mod rate_id;

pub use rate::Rate;

use crate::openapi::{BodyLimit, add_each, document_error, limit_body};
use crate::security::{Guardable, Resolve, Undocumented, admission};
use actix_web::body::MessageBody;
use actix_web::dev::{
    AppService, HttpServiceFactory, ServiceFactory, ServiceRequest, ServiceResponse,
};
use actix_web::middleware::from_fn;
use enforced::{Enforced, enforce};
use paperclip::actix::Mountable;
use paperclip::actix::web::{Resource, Scope};
use paperclip::v2::models::{
    DefaultOperationRaw, DefaultPathItemRaw, DefaultSchemaRaw, HttpMethod, SecurityScheme,
};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Limits a scope of URLs or a resource: how often somebody may ask, how large a body may be, how long a
/// response may take. The document shows it.
///
/// A [`guard`](crate::security::guard()) goes around the limits, so that only callers whom it admits are
/// counted.
///
/// ```
/// use bailiwick::prelude::*;
/// use std::time::Duration;
///
/// /// A large report
/// #[api_v2_operation]
/// async fn report() -> Json<String> {
///     Json("many numbers".to_owned())
/// }
///
/// # fn mount(routes: &mut Routes) {
/// let reports = limits(resource("/reports").route(get().to(report)))
///     .rate(Rate::per_minute(10).by_user())
///     .time_out(Duration::from_secs(20));
/// routes.service(guard::<ActiveUser>(reports));
/// # }
/// ```
#[must_use = "routes.service(…) mounts it"]
pub fn limits<S: Limitable>(service: S) -> Limits<S> {
    Limits { service, enforced: Enforced::default() }
}

/// What [`limits`] returns: a service, to which each method adds a limit.
#[derive(Debug)]
#[must_use = "routes.service(…) mounts it"]
pub struct Limits<S> {
    service: S,
    enforced: Enforced,
}

impl<S> Limits<S> {
    /// Refuses whoever asks more often with 429 `Too Many Requests`; `Retry-After` says when to come back. Several
    /// rates hold together.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.enforced.add(rate);
        self
    }

    /// Refuses larger bodies with 413, instead of those above `server.limit_request_body`.
    ///
    /// It may be larger than that only for operations whose body the document shows: before the routes are
    /// asked, all others have the server's limit. `server.client_body_timeout` counts for each
    /// `server.limit_request_body` of it, and `server.limit_buffered` holds for all bodies together.
    pub fn body(mut self, bytes: usize) -> Self {
        self.enforced.body = Some(bytes);
        self
    }

    /// Gives up a handler that has no response after so long, the reading of the body included: 504 `Gateway
    /// Timeout`, as from a proxy whose server does not respond. (nginx would send a request again, to another
    /// server, after 503.)
    ///
    /// The handler is dropped where it waits. What it has begun in [`blocking`](crate::blocking()) or in a task of its
    /// own goes on. A response that has begun, such as a stream, may last longer.
    pub fn time_out(mut self, after: Duration) -> Self {
        self.enforced.time = Some(after);
        self
    }
}

impl Enforced {
    fn document(&self, operation: &mut DefaultOperationRaw) {
        if self.has_rates() {
            document_error(operation, 429, "Too Many Requests");
        }
        if let Some(bytes) = self.body {
            document_error(operation, 413, "Request body too large");
            limit_body(operation, BodyLimit { bytes: Some(bytes), is_streamed: false });
        }
        if self.time.is_some() {
            document_error(operation, 504, "Gateway Timeout");
        }
    }
}

/// What [`limits`] takes: a scope or a resource, documented or not.
pub trait Limitable: Guardable {
    #[doc(hidden)]
    fn register_limited(self, limits: Enforced, config: &mut AppService);
    #[doc(hidden)]
    fn register_limited_behind<D: Resolve>(self, limits: Enforced, config: &mut AppService);
}

macro_rules! registered {
    (|$this:ident| $service:expr) => {
        fn register_limited(self, limits: Enforced, config: &mut AppService) {
            let ($this, limits) = (self, Rc::new(limits));
            let within = from_fn(move |request, next| enforce(Rc::clone(&limits), request, next));
            $service.wrap(within).register(config);
        }

        fn register_limited_behind<D: Resolve>(self, limits: Enforced, config: &mut AppService) {
            let ($this, limits) = (self, Rc::new(limits));
            let within = from_fn(move |request, next| enforce(Rc::clone(&limits), request, next));
            $service.wrap(within).wrap(admission::<D>()).register(config);
        }
    };
}

impl Limitable for Scope {
    registered! { |scope| scope }
}

impl Limitable for Resource {
    registered! { |resource| resource }
}

macro_rules! undocumented {
    ($($name:ident)+) => {$(
        impl<T, B> Limitable for Undocumented<actix_web::$name<T>>
        where
            T: ServiceFactory<
                    ServiceRequest,
                    Config = (),
                    Response = ServiceResponse<B>,
                    Error = actix_web::Error,
                    InitError = (),
                > + 'static,
            B: MessageBody + 'static,
        {
            registered! { |service| service.into_inner() }
        }
    )+};
}

undocumented! { Scope Resource }

impl<S: Limitable> HttpServiceFactory for Limits<S> {
    fn register(self, config: &mut AppService) {
        self.service.register_limited(self.enforced, config);
    }
}

impl<S: Limitable> Guardable for Limits<S> {
    fn register_behind<D: Resolve>(self, config: &mut AppService) {
        self.service.register_limited_behind::<D>(self.enforced, config);
    }
}

impl<S: Limitable> Mountable for Limits<S> {
    fn path(&self) -> &str {
        self.service.path()
    }

    fn operations(&mut self) -> BTreeMap<HttpMethod, DefaultOperationRaw> {
        self.service.operations()
    }

    fn definitions(&mut self) -> BTreeMap<String, DefaultSchemaRaw> {
        self.service.definitions()
    }

    fn security_definitions(&mut self) -> BTreeMap<String, SecurityScheme> {
        self.service.security_definitions()
    }

    fn update_operations(&mut self, map: &mut BTreeMap<String, DefaultPathItemRaw>) {
        let Self { service, enforced } = self;
        add_each(service, map, |operation| enforced.document(operation));
    }
}
