//! State of all workers: settings, services, and whether the server is about to stop.

use crate::http::body_limits::BodyLimits;
use crate::http::budget::Budget;
use crate::http::monitoring::metrics::{FiguresRequest, Metrics};
use crate::http::monitoring::stats::{Heartbeat, WorkerStats};
use crate::http::route_limits::counters::AllCounters;
use crate::http::{Mounts, ServeError, monitoring};
use crate::openapi::AllowedMethods;
use crate::routes::docs::{self, Docs};
use crate::routes::pages::Brand;
use crate::routes::{self, oauth};
use crate::security::{States, TrustedProxies};
use crate::services::Services;
use crate::settings::Settings;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::web::Data;
use serde_json::Value;
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// Shared by all workers; middleware gets it from [`ThreadState::of`].
pub(crate) struct AppState {
    /// The application's routes.
    pub(crate) mounts: Mounts,
    /// The application's state.
    pub(crate) states: States,
    /// Users, tokens, passwords.
    pub(crate) services: Services,
    /// The whole configuration.
    pub(crate) settings: Arc<Settings>,
    /// The proxies whose `X-Forwarded-*` headers count.
    pub(crate) trusted: Data<TrustedProxies>,
    /// The methods of each path.
    pub(crate) allowed_methods: Data<AllowedMethods>,
    /// The pages, unless `docs.enabled` is off.
    pub(crate) docs: Option<Data<Docs>>,
    /// How the pages for people look, with `server.public_url`.
    pub(crate) brand: Option<Data<Brand>>,
    /// Statistics of this process.
    pub(crate) stats: Arc<WorkerStats>,
    /// Operations with limits of their own on their bodies.
    pub(super) body_limits: BodyLimits,
    /// What is counted of routes with a rate.
    pub(super) counters: AllCounters,
    /// Memory for bodies.
    pub(crate) budget: Arc<Budget>,
    /// The metrics, if served.
    pub(crate) metrics: Option<Metrics>,
    /// Requests the figures of all processes.
    pub(crate) figures_request: FiguresRequest,
    draining: AtomicBool,
    /// Wakes those waiting for the drain.
    drain: watch::Sender<bool>,
}

/// What follows from the document of all routes.
pub(crate) struct DocumentData {
    allowed_methods: Data<AllowedMethods>,
    body_limits: BodyLimits,
    docs: Option<Data<Docs>>,
}

impl DocumentData {
    pub(crate) fn of(document: &Value, settings: &Settings) -> Self {
        let enabled = settings.docs.enabled;
        let mut pages = Vec::new();
        if enabled {
            pages.extend(docs::PATHS.map(str::to_owned));
        }
        if settings.admin.public {
            pages.extend(monitoring::PATHS.map(str::to_owned));
        }
        let shown = pages.into_iter().map(|path| (path, vec![Method::GET, Method::HEAD]));
        let people = settings.server.public_url.iter().flat_map(|_| routes::pages::paths(settings));
        let oauth = settings.server.public_url.iter().flat_map(oauth::paths);
        let more: Vec<_> = shown.chain(oauth).chain(people).collect();
        let root_path = settings.server.root_path.as_str();
        Self {
            allowed_methods: Data::new(AllowedMethods::new(document, &more, root_path)),
            body_limits: BodyLimits::of(document),
            docs: enabled.then(|| Data::new(Docs::new(document, settings))),
        }
    }
}

impl AppState {
    pub(crate) fn new(
        (mounts, shared): (Mounts, States),
        DocumentData { allowed_methods, body_limits, docs }: DocumentData,
        services: Services,
        settings: Arc<Settings>,
        figures_request: FiguresRequest,
    ) -> Result<Self, ServeError> {
        let stats = WorkerStats::new();
        let metrics = settings.admin.is_on().then(|| Metrics::new(&services, &stats)).transpose();
        Ok(Self {
            metrics: metrics.map_err(|cause| ServeError::Runtime(io::Error::other(cause)))?,
            allowed_methods,
            body_limits,
            docs,
            brand: brand(&settings)?.map(Data::new),
            trusted: Data::new(TrustedProxies::new(&settings.server.forwarded_allow_ips)?),
            figures_request,
            stats,
            counters: AllCounters::default(),
            budget: Budget::of(&settings.server),
            draining: AtomicBool::new(false),
            drain: watch::Sender::new(false),
            mounts,
            states: shared,
            services,
            settings,
        })
    }

    /// From now on asks for `Connection: close` on every response, ends every WebSocket, and gives
    /// database connections back.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.drain.send_replace(true);
        self.services.users.give_back();
    }

    /// Completes when draining starts.
    pub(crate) fn drain_started(&self) -> impl Future<Output = ()> + use<> {
        let mut drain = self.drain.subscribe();
        async move {
            // The wait also ends with the server.
            let _ = drain.wait_for(|started| *started).await;
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// How the pages for people look, if there are any.
fn brand(settings: &Settings) -> Result<Option<Brand>, ServeError> {
    if settings.server.public_url.is_none() {
        return Ok(None);
    }
    let brand = Brand::new(&settings.pages).map_err(|cause| ServeError::File {
        path: settings.pages.logo.clone().unwrap_or_default(),
        cause: cause.to_string(),
        key: "pages.logo",
    });
    brand.map(Some)
}

/// Checks what the pages need.
pub(crate) fn check_pages(settings: &Settings) -> Result<(), ServeError> {
    brand(settings).map(drop)
}

/// The state for one thread: it has a reference count of its own, because a shared one would make
/// all threads contend.
pub(crate) struct ThreadState {
    pub(crate) state: Data<AppState>,
    /// This thread's.
    pub(crate) heartbeat: Arc<Heartbeat>,
}

impl ThreadState {
    /// The state in which this request arrived.
    ///
    /// # Panics
    /// If the application was built without it, which `app.rs` never does.
    pub(crate) fn of(request: &ServiceRequest) -> Rc<Self> {
        Rc::clone(request.app_data::<Rc<Self>>().expect("app.rs registers it"))
    }
}

impl Deref for ThreadState {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.state
    }
}
