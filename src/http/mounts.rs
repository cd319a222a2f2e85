//! An application's routes and middleware, and how they reach the server of each thread.

use crate::http::around::{Around, Next};
use crate::http::error::ServeError;
use crate::http::route_limits::rate_id::numbered;
use crate::security::Taken;
use actix_service::Transform;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use std::any::TypeId;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Where an application puts its routes.
pub type Routes<'a> = paperclip::actix::web::ServiceConfig<'a>;

type Mount = Arc<dyn Fn(&mut Routes<'_>) + Send + Sync>;

/// What an application mounts, in order.
#[derive(Clone, Default)]
pub struct Mounts {
    routes: Vec<Mount>,
    pub(super) around: Around,
    /// The types of its state.
    state: HashSet<TypeId>,
}

impl Mounts {
    /// Adds routes; `mount` is called once in each worker thread.
    pub(crate) fn add(&mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) {
        self.routes.push(Arc::new(mount));
    }

    /// Adds middleware around all routes; `make` is called once in each worker thread.
    pub(crate) fn wrap<M, B>(&mut self, make: impl Fn() -> M + Send + Sync + 'static)
    where
        M: Transform<
                Next,
                ServiceRequest,
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        self.around.add(make);
    }

    /// Adds a type of state that handlers may take.
    pub(crate) fn add_state(&mut self, id: TypeId) {
        self.state.insert(id);
    }

    /// Refuses handlers whose state nobody opens.
    pub(super) fn check_state(&self, taken: &Taken) -> Result<(), ServeError> {
        match taken.iter().find(|(id, _)| !self.state.contains(id)) {
            Some((_, name)) => Err(ServeError::Application(format!(
                "a handler takes State<{name}>, and no Server::state opens it"
            ))),
            None => Ok(()),
        }
    }

    /// Whether nothing is mounted.
    pub(super) fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Mounts everything.
    pub(super) fn configure(&self, routes: &mut Routes<'_>) {
        numbered(|| self.routes.iter().for_each(|mount| mount(routes)));
    }
}

impl fmt::Debug for Mounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounts")
            .field("routes", &self.routes.len())
            .field("around", &self.around)
            .finish_non_exhaustive()
    }
}
