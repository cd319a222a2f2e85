//! The content of `/metrics`: requests, counted here by route, method and status, and figures of
//! other parts.
//!
//! Each worker process reports its changes to the master every second and on request; the master
//! sums and keeps them, so that any process can serve the figures of all.

mod families;
mod figures_request;
mod pulled;
mod totals;

pub(crate) use families::{BUILD, PROCESSES, RELOADED, RESTARTS, SILENT};
pub(crate) use figures_request::{FiguresRequest, FiguresRequests};
pub(crate) use pulled::{Figures, of_this_process, put, put_by};
pub(crate) use totals::{Changes, Totals};

use crate::http::monitoring::stats::WorkerStats;
use crate::openapi::AllowedMethods;
use crate::services::Services;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::web::Data;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// nginx's status for a client that disconnected before the response.
pub(in crate::http) const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The route label for unmatched paths: clients choose how many of those there are.
const UNMATCHED: &str = "unmatched";

/// Seconds: verifying a token takes much less than the first, hashing a password about a quarter.
const BUCKETS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Everything counted in this process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGauge,
    services: Services,
    stats: Arc<WorkerStats>,
}

impl Metrics {
    pub(crate) fn new(services: &Services, stats: &Arc<WorkerStats>) -> prometheus::Result<Self> {
        let requests = IntCounterVec::new(
            Opts::new(families::REQUESTS.name, families::REQUESTS.help),
            &["route", "method", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(families::SECONDS.name, families::SECONDS.help)
                .buckets(BUCKETS.to_vec()),
            &["route", "method"],
        )?;
        let in_flight = IntGauge::new(families::IN_FLIGHT.name, families::IN_FLIGHT.help)?;
        let registry = Registry::new();
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        let (services, stats) = (services.clone(), Arc::clone(stats));
        Ok(Self { registry, requests, seconds, in_flight, services, stats })
    }

    /// This process's figures.
    pub(crate) fn figures(&self) -> Figures {
        // Fails only for a metric without a name or values.
        let requests = TextEncoder::new().encode_to_string(&self.registry.gather());
        let mut figures: Figures = totals::parse(&requests.unwrap_or_default()).collect();
        figures.extend(pulled::of_services(&self.services, &self.stats));
        figures.extend(pulled::of_this_process());
        figures
    }
}

/// One thread's access to the counters: it finds those it has used before without a lock.
pub(crate) struct Recorder {
    requests: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGauge,
    /// By template; a route without parameters has its path as template.
    routes: RefCell<HashMap<String, Rc<Route>>>,
}

struct Route {
    template: String,
    counters: RefCell<HashMap<(&'static str, u16), Counters>>,
}

struct Counters {
    requests: IntCounter,
    seconds: Histogram,
}

impl Recorder {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            requests: metrics.requests.clone(),
            seconds: metrics.seconds.clone(),
            in_flight: metrics.in_flight.clone(),
            routes: RefCell::default(),
        }
    }

    fn route(&self, request: &ServiceRequest) -> Rc<Route> {
        if let Some(known) = self.routes.borrow().get(request.path()) {
            return Rc::clone(known);
        }
        let known = || request.app_data::<Data<AllowedMethods>>()?.pattern(request.path());
        let pattern = request.match_pattern().or_else(|| known().map(str::to_owned));
        let pattern = pattern.unwrap_or_else(|| UNMATCHED.to_owned());
        if let Some(known) = self.routes.borrow().get(&pattern) {
            return Rc::clone(known);
        }
        // With or without a trailing slash it is the same route.
        let template = match pattern.trim_end_matches('/') {
            "" => "/".to_owned(),
            trimmed => trimmed.to_owned(),
        };
        let route = Rc::new(Route { template, counters: RefCell::default() });
        self.routes.borrow_mut().insert(pattern, Rc::clone(&route));
        route
    }

    fn count(&self, request: &Request) {
        let mut counters = request.route.counters.borrow_mut();
        let template = request.route.template.as_str();
        let counters = counters.entry((request.method, request.status)).or_insert_with(|| {
            let status = request.status.to_string();
            Counters {
                requests: self.requests.with_label_values(&[template, request.method, &status]),
                seconds: self.seconds.with_label_values(&[template, request.method]),
            }
        });
        counters.requests.inc();
        counters.seconds.observe(request.started.elapsed().as_secs_f64());
    }
}

/// A request in flight; counted on drop, because nothing else happens to an abandoned one.
pub(crate) struct Request {
    recorder: Rc<Recorder>,
    route: Rc<Route>,
    method: &'static str,
    /// The response's status, once there is one.
    pub(crate) status: u16,
    started: Instant,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.recorder.in_flight.dec();
        self.recorder.count(self);
    }
}

/// Starts counting a request, if metrics are on; including one that is later refused, panics or is
/// abandoned.
pub(crate) fn start(request: &ServiceRequest) -> Option<Request> {
    let recorder = request.app_data::<Rc<Recorder>>()?;
    recorder.in_flight.inc();
    Some(Request {
        route: recorder.route(request),
        method: method(request.method()),
        status: CLIENT_CLOSED_REQUEST,
        started: Instant::now(),
        recorder: Rc::clone(recorder),
    })
}

/// A client may invent any number of methods.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
