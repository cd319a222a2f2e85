//! State: what an application opens once in each process, and its handlers share.

use crate::api_error::ApiError;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw, SecurityScheme};
use paperclip::v2::schema::Apiv2Schema;
use std::any::{Any, TypeId, type_name};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

/// What [`Server::state`](crate::Server::state) has opened, and the settings of
/// [`Server::settings`](crate::Server::settings): FastAPI's `app.state`.
///
/// A handler takes it as an argument, a [`Dependency`](crate::security::Dependency) by
/// [`Call::state`](crate::security::Call::state). Cloning it is cheap. A handler that takes one nobody opens
/// stops the start.
///
/// ```
/// use bailiwick::prelude::*;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Visitors(AtomicU64);
///
/// /// How often this was asked
/// #[api_v2_operation]
/// async fn visitors(all: State<Visitors>) -> Json<u64> {
///     Json(all.0.fetch_add(1, Ordering::Relaxed))
/// }
///
/// let server = Server::new("shop")
///     .state(async |_| Ok::<_, std::io::Error>(Visitors::default()))
///     .mount(|routes| { routes.route("/visitors", get().to(visitors)); });
/// ```
pub struct State<T>(Arc<T>);

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// State may hold secrets.
impl<T> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State<{}>", type_name::<T>())
    }
}

/// All state of a process, by type.
#[derive(Clone, Default)]
pub struct States(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl States {
    /// The state of a type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let found = Arc::clone(self.0.get(&TypeId::of::<T>())?);
        found.downcast().ok().map(State)
    }

    /// The same, borrowed.
    #[must_use]
    pub fn look<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// Adds state, which replaces that of its type.
    pub fn add(&mut self, id: TypeId, state: Arc<dyn Any + Send + Sync>) {
        let all = Arc::make_mut(&mut self.0);
        all.insert(id, state);
    }

    /// Adds all of others.
    pub fn add_all(&mut self, others: &Self) {
        others.0.iter().for_each(|(id, state)| self.add(*id, Arc::clone(state)));
    }

    /// Whether there is state of a type.
    #[must_use]
    pub fn has(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States").field("count", &self.0.len()).finish_non_exhaustive()
    }
}

/// The state of a request's server, borrowed.
pub(super) fn look<T: Send + Sync + 'static>(request: &HttpRequest) -> Option<&T> {
    request.app_data::<States>().and_then(States::look)
}

/// The state of a request's server.
pub(super) fn state<T: Send + Sync + 'static>(request: &HttpRequest) -> Result<State<T>, ApiError> {
    let found = request.app_data::<States>().and_then(States::get);
    found.ok_or_else(|| {
        ApiError::internal(&format_args!("no Server::state opens a {}", type_name::<T>()))
    })
}

impl<T: Send + Sync + 'static> FromRequest for State<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(state(request))
    }
}

impl<T> Apiv2Schema for State<T> {}

/// It is not in the document; which state the handlers take is noted.
impl<T: Send + Sync + 'static> OperationModifier for State<T> {
    fn update_parameter(_: &mut DefaultOperationRaw) {
        TAKEN.with_borrow_mut(|taken| {
            if let Some(taken) = taken {
                taken.push((TypeId::of::<T>(), type_name::<T>()));
            }
        });
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}

    fn update_security(_: &mut DefaultOperationRaw) {}

    fn update_security_definitions(_: &mut BTreeMap<String, SecurityScheme>) {}
}

/// Types of state, with their names.
pub type Taken = Vec<(TypeId, &'static str)>;

thread_local! {
    /// Noted while routes are mounted for the document.
    static TAKEN: RefCell<Option<Taken>> = const { RefCell::new(None) };
}

/// The state that handlers take which `mount` mounts.
pub fn taken_by<R>(mount: impl FnOnce() -> R) -> (R, Taken) {
    TAKEN.replace(Some(Vec::new()));
    let result = mount();
    (result, TAKEN.take().unwrap_or_default())
}
