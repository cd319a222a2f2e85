//! A guard around a resource or a whole scope of URLs, on actix-web-httpauth's middleware.

use crate::api_error::ApiError;
use crate::openapi::{Requirements, Tagged, add_each};
use crate::security::dependency::{Resolve, extract};
use crate::security::principal;
use actix_web::dev::{AppService, HttpServiceFactory, Payload, ServiceRequest};
use actix_web::{Error, FromRequest, HttpRequest};
use actix_web_httpauth::middleware::HttpAuthentication;
use paperclip::actix::Mountable;
use paperclip::actix::web::{Resource, Scope};
use paperclip::v2::models::{
    DefaultOperationRaw, DefaultPathItemRaw, DefaultSchemaRaw, HttpMethod, SecurityScheme,
};
use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;

/// Admits only callers that satisfy `D` to `service`, a scope of URLs or a resource; the document
/// shows a lock on each of its operations.
///
/// The caller is resolved once: the handlers' extractors behind the guard only check their own
/// scopes.
///
/// ```
/// use bailiwick::security::{ActiveUser, guard};
/// use paperclip::actix::web;
///
/// # fn mount(routes: &mut bailiwick::Routes) {
/// routes.service(guard::<ActiveUser>(web::scope("/reports")));
/// # }
/// ```
#[must_use]
pub fn guard<D: Resolve>(service: impl Guardable) -> impl HttpServiceFactory + Mountable {
    Guarded::<D, _> { service, dependency: PhantomData }
}

/// What a [`guard()`] can wrap: a scope or a resource, documented or not, and with [`limits`](crate::limits()).
pub trait Guardable: Mountable + Sized + 'static {
    #[doc(hidden)]
    fn register_behind<D: Resolve>(self, config: &mut AppService);
}

impl Guardable for Scope {
    fn register_behind<D: Resolve>(self, config: &mut AppService) {
        self.wrap(admission::<D>()).register(config);
    }
}

impl Guardable for Resource {
    fn register_behind<D: Resolve>(self, config: &mut AppService) {
        self.wrap(admission::<D>()).register(config);
    }
}

impl<S: Guardable> Guardable for Tagged<S> {
    fn register_behind<D: Resolve>(self, config: &mut AppService) {
        self.into_inner().register_behind::<D>(config);
    }
}

struct Guarded<D, S> {
    service: S,
    dependency: PhantomData<D>,
}

/// The caller that `D` admits, kept with the request.
pub struct Admitted<D>(PhantomData<D>);

impl<D: Resolve> FromRequest for Admitted<D> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        principal::keep(request);
        let admitted = extract::<D>(request);
        Box::pin(async { admitted.await.map(|_| Self(PhantomData)) })
    }
}

type Admit<D> =
    fn(ServiceRequest, Admitted<D>) -> Ready<Result<ServiceRequest, (Error, ServiceRequest)>>;

/// The middleware of a guard.
pub(crate) fn admission<D: Resolve>() -> HttpAuthentication<Admitted<D>, Admit<D>> {
    HttpAuthentication::with_fn(admit::<D>)
}

fn admit<D: Resolve>(
    request: ServiceRequest,
    _: Admitted<D>,
) -> Ready<Result<ServiceRequest, (Error, ServiceRequest)>> {
    ready(Ok(request))
}

impl<D: Resolve, S: Guardable> HttpServiceFactory for Guarded<D, S> {
    fn register(self, config: &mut AppService) {
        self.service.register_behind::<D>(config);
    }
}

impl<D: Resolve, S: Guardable> Mountable for Guarded<D, S> {
    fn path(&self) -> &str {
        self.service.path()
    }

    fn operations(&mut self) -> BTreeMap<HttpMethod, DefaultOperationRaw> {
        self.service.operations()
    }

    fn definitions(&mut self) -> BTreeMap<String, DefaultSchemaRaw> {
        let mut map = self.service.definitions();
        Requirements::of::<D>().document_definitions(&mut map);
        map
    }

    fn security_definitions(&mut self) -> BTreeMap<String, SecurityScheme> {
        let mut map = self.service.security_definitions();
        Requirements::of::<D>().document_schemes(&mut map);
        map
    }

    fn update_operations(&mut self, map: &mut BTreeMap<String, DefaultPathItemRaw>) {
        let requirements = Requirements::of::<D>();
        add_each(&mut self.service, map, |operation| {
            requirements.document_operation(operation);
            requirements.document_security(operation);
        });
    }
}
