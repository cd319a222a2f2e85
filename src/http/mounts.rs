//! An application's routes, and how they reach the server of each thread.

use std::fmt;
use std::sync::Arc;

/// Where an application puts its routes.
pub type Routes<'a> = paperclip::actix::web::ServiceConfig<'a>;

type Mount = Arc<dyn Fn(&mut Routes<'_>) + Send + Sync>;

/// What an application mounts, in order.
#[derive(Clone, Default)]
pub struct Mounts(Vec<Mount>);

impl Mounts {
    /// Adds routes; `mount` is called once in each worker thread.
    pub(crate) fn add(&mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) {
        self.0.push(Arc::new(mount));
    }

    /// Whether nothing is mounted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Mounts everything.
    pub(super) fn configure(&self, routes: &mut Routes<'_>) {
        for mount in &self.0 {
            mount(routes);
        }
    }
}

impl fmt::Debug for Mounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mounts").field(&self.0.len()).finish()
    }
}
