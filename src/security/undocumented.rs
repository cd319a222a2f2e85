//! Services of actix-web's own, beside documented routes.

use crate::security::dependency::Resolve;
use crate::security::guard::{Guardable, admission};
use actix_web::body::MessageBody;
use actix_web::dev::{
    AppService, HttpServiceFactory, ServiceFactory, ServiceRequest, ServiceResponse,
};
use actix_web::{Error, Resource, Scope};
use paperclip::actix::Mountable;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw, HttpMethod, SecurityScheme};
use std::collections::BTreeMap;

/// Any service of actix-web (`actix_files::Files`, a scope with its own middleware, a resource), for
/// [`Routes::service`](crate::Routes). The document does not show it, so that a method which it lacks is 404 unless the
/// service itself says 405, as a `web::resource` does.
///
/// ```
/// use actix_web::web;
/// use bailiwick::prelude::*;
///
/// async fn hello() -> &'static str {
///     "hello"
/// }
///
/// # fn mount(routes: &mut Routes) {
/// let scope = web::scope("/plain").route("/hello", web::get().to(hello));
/// routes.service(guard::<ActiveUser>(undocumented(scope)));
/// # }
/// ```
///
/// [`guard`](crate::security::guard()) takes scopes and resources of actix-web; what is neither goes into a
/// scope: `web::scope("/private").service(Files::new("", "private"))`.
#[must_use = "routes.service(…) mounts it"]
pub fn undocumented<S: HttpServiceFactory + 'static>(service: S) -> Undocumented<S> {
    Undocumented(service)
}

/// What [`undocumented`] wraps.
#[derive(Debug)]
pub struct Undocumented<S>(S);

impl<S> Undocumented<S> {
    /// The service.
    pub(crate) fn into_inner(self) -> S {
        self.0
    }
}

impl<S: HttpServiceFactory> HttpServiceFactory for Undocumented<S> {
    fn register(self, config: &mut AppService) {
        self.0.register(config);
    }
}

macro_rules! guardable {
    ($($name:ident)+) => {$(
        impl<T, B> Guardable for Undocumented<$name<T>>
        where
            T: ServiceFactory<
                    ServiceRequest,
                    Config = (),
                    Response = ServiceResponse<B>,
                    Error = Error,
                    InitError = (),
                > + 'static,
            B: MessageBody + 'static,
        {
            fn register_behind<D: Resolve>(self, config: &mut AppService) {
                self.0.wrap(admission::<D>()).register(config);
            }
        }
    )+};
}

guardable! { Scope Resource }

impl<S> Mountable for Undocumented<S> {
    fn path(&self) -> &'static str {
        ""
    }

    fn operations(&mut self) -> BTreeMap<HttpMethod, DefaultOperationRaw> {
        BTreeMap::new()
    }

    fn definitions(&mut self) -> BTreeMap<String, DefaultSchemaRaw> {
        BTreeMap::new()
    }

    fn security_definitions(&mut self) -> BTreeMap<String, SecurityScheme> {
        BTreeMap::new()
    }
}
