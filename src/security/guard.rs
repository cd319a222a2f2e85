//! A guard around a whole scope of URLs, on actix-web-httpauth's middleware.

use crate::security::dependency::{Depends, Resolve};
use crate::security::requirements::Requirements;
use actix_web::Error;
use actix_web::dev::{AppService, HttpServiceFactory, ServiceRequest};
use actix_web_httpauth::middleware::HttpAuthentication;
use paperclip::actix::Mountable;
use paperclip::actix::web::Scope;
use paperclip::v2::models::{
    DefaultOperationRaw, DefaultPathItemRaw, DefaultSchemaRaw, HttpMethod, SecurityScheme,
};
use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::marker::PhantomData;

/// Lets into `scope` only who `D` admits; the document shows a lock on each of its operations.
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
pub fn guard<D: Resolve>(scope: Scope) -> Guarded<D> {
    Guarded { scope, dependency: PhantomData }
}

/// A scope of URLs behind a guard; made by [`guard`].
pub struct Guarded<D> {
    scope: Scope,
    dependency: PhantomData<D>,
}

fn admit<D: Resolve>(
    request: ServiceRequest,
    _: Depends<D>,
) -> Ready<Result<ServiceRequest, (Error, ServiceRequest)>> {
    ready(Ok(request))
}

impl<D: Resolve> HttpServiceFactory for Guarded<D> {
    fn register(self, config: &mut AppService) {
        self.scope.wrap(HttpAuthentication::with_fn(admit::<D>)).register(config);
    }
}

impl<D: Resolve> Mountable for Guarded<D> {
    fn path(&self) -> &str {
        self.scope.path()
    }

    fn operations(&mut self) -> BTreeMap<HttpMethod, DefaultOperationRaw> {
        self.scope.operations()
    }

    fn definitions(&mut self) -> BTreeMap<String, DefaultSchemaRaw> {
        self.scope.definitions()
    }

    fn security_definitions(&mut self) -> BTreeMap<String, SecurityScheme> {
        let mut map = self.scope.security_definitions();
        Requirements::of::<D>().document_schemes(&mut map);
        map
    }

    fn update_operations(&mut self, map: &mut BTreeMap<String, DefaultPathItemRaw>) {
        let mut inside = BTreeMap::new();
        self.scope.update_operations(&mut inside);
        let requirements = Requirements::of::<D>();
        for (path, mut item) in inside {
            for operation in item.methods.values_mut() {
                requirements.document_answers(operation);
                requirements.document_security(operation);
            }
            map.entry(path).or_default().methods.extend(item.methods);
        }
    }
}
