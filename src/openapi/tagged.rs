//! Tags for the operations of a scope.

use crate::openapi::each::add_each;
use actix_web::dev::{AppService, HttpServiceFactory};
use paperclip::actix::Mountable;
use paperclip::v2::models::{
    DefaultOperationRaw, DefaultPathItemRaw, DefaultSchemaRaw, HttpMethod, SecurityScheme,
};
use std::collections::BTreeMap;

/// Adds a tag to each operation of `service`, a scope of URLs or a resource: FastAPI's
/// `include_router(…, tags=["orders"])`. The pages of the documentation group operations by their tags.
///
/// Without any, an operation of the application's has the first name in its path as its tag.
/// [`Server::tag`](crate::Server::tag) describes a tag, and `#[api_v2_operation(tags("orders"))]` gives one to a
/// single operation.
///
/// ```
/// use bailiwick::prelude::*;
///
/// # fn mount(routes: &mut Routes) {
/// routes.service(guard::<ActiveUser>(tagged("reports", scope("/daily"))));
/// # }
/// ```
#[must_use = "routes.service(…) mounts it"]
pub fn tagged<S: Mountable>(tag: &str, service: S) -> Tagged<S> {
    Tagged { tag: tag.to_owned(), service }
}

/// What [`tagged`] returns.
#[derive(Debug)]
pub struct Tagged<S> {
    tag: String,
    service: S,
}

impl<S> Tagged<S> {
    /// Without the tag, which only the document needs.
    pub(crate) fn into_inner(self) -> S {
        self.service
    }
}

impl<S: HttpServiceFactory> HttpServiceFactory for Tagged<S> {
    fn register(self, config: &mut AppService) {
        self.service.register(config);
    }
}

impl<S: Mountable> Mountable for Tagged<S> {
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
        let Self { tag, service } = self;
        add_each(service, map, |operation| {
            if !operation.tags.contains(tag) {
                operation.tags.push(tag.clone());
            }
        });
    }
}
