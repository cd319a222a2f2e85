//! Every metric: name, help, and how several processes' figures are combined.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The type of a metric in Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Never decreases.
    Counter,
    Gauge,
    /// Never decreases either.
    Histogram,
}

/// How the figures of living processes are combined. Counters are summed, including those of ended
/// processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Sum,
    Min,
    Max,
}

/// A metric.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) aggregation: Aggregation,
}

impl Family {
    const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: Kind::Counter, aggregation: Aggregation::Sum }
    }

    const fn gauge(name: &'static str, help: &'static str, aggregation: Aggregation) -> Self {
        Self { name, help, kind: Kind::Gauge, aggregation }
    }

    /// Whether it never decreases.
    pub(super) fn only_grows(&self) -> bool {
        self.kind != Kind::Gauge
    }

    /// The word after `# TYPE`.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }

    /// The series with these labels in Prometheus's syntax; no value needs escaping.
    pub(crate) fn series(&self, label: Option<(&str, &str)>) -> String {
        label.map_or_else(
            || self.name.to_owned(),
            |(label, value)| format!("{}{{{label}=\"{value}\"}}", self.name),
        )
    }
}

macro_rules! families {
    ($($constant:ident = $family:expr;)+) => {
        $(pub(crate) const $constant: Family = $family;)+

        /// All of them, in the order of `/metrics`.
        pub(crate) const ALL: &[Family] = &[$($constant),+];
    };
}

families! {
    BUILD = Family::gauge(
        "bailiwick_build_info",
        "1, with the version of the program that the master runs.",
        Aggregation::Max,
    );
    PROCESSES = Family::gauge(
        "bailiwick_worker_processes",
        "Worker processes by state: starting, serving, draining or stopping.",
        Aggregation::Sum,
    );
    SILENT = Family::gauge(
        "bailiwick_worker_processes_silent",
        "Worker processes that have not told their figures in time; their last ones count.",
        Aggregation::Sum,
    );
    RESTARTS = Family::counter(
        "bailiwick_worker_restarts_total",
        "Worker processes that were replaced, and starts that failed, by reason.",
    );
    RELOADED = Family::gauge(
        "bailiwick_last_reload_successful",
        "Whether the last reload was put in force; 1 before the first.",
        Aggregation::Min,
    );
    CONNECTIONS =
        Family::gauge("bailiwick_http_connections", "Open connections of clients.", Aggregation::Sum);
    IN_FLIGHT = Family::gauge(
        "bailiwick_http_requests_in_flight",
        "Requests that are being answered now.",
        Aggregation::Sum,
    );
    REQUESTS = Family::counter(
        "bailiwick_http_requests_total",
        "Requests answered, by route, method and status; 499: the client went away before.",
    );
    SECONDS = Family {
        name: "bailiwick_http_request_duration_seconds",
        help: "From a request's head to that of its response, by route and method.",
        kind: Kind::Histogram,
        aggregation: Aggregation::Sum,
    };
    LOGINS = Family::counter(
        "bailiwick_logins_total",
        "Logins at /token and by HTTP Basic, by outcome; abandoned: the client went away before.",
    );
    REFUSED = Family::counter(
        "bailiwick_tokens_refused_total",
        "Access tokens refused, by reason; no_user: it is gone, no_scope: one is missing.",
    );
    HASH_QUEUE = Family::gauge(
        "bailiwick_password_hash_queue",
        "Passwords that wait for a thread to be hashed.",
        Aggregation::Sum,
    );
    HASH_OPERATIONS =
        Family::counter("bailiwick_password_hash_operations_total", "Password hashes begun.");
    HASH_ROUNDS = Family::counter(
        "bailiwick_password_hash_rounds_total",
        "Rounds of bcrypt done: 2 to the power of the cost for each password.",
    );
    CACHE_ENTRIES = Family::gauge(
        "bailiwick_user_cache_entries",
        "Users in memory, of all processes together.",
        Aggregation::Sum,
    );
    CACHE_EVICTIONS = Family::counter(
        "bailiwick_user_cache_evictions_total",
        "Users forgotten to make room for others.",
    );
    CACHE_HITS = Family::counter("bailiwick_user_cache_hits_total", "Users found in memory.");
    CACHE_MISSES =
        Family::counter("bailiwick_user_cache_misses_total", "Users asked of the database.");
    OTHER_SECRETS = Family::gauge(
        "bailiwick_other_signing_secrets",
        "Other signing secrets that servers on the same database use.",
        Aggregation::Max,
    );
    DATABASE_UP = Family::gauge(
        "bailiwick_database_up",
        "Whether the database answers every worker process that watches it.",
        Aggregation::Min,
    );
    POOL_IN_USE = Family::gauge(
        "bailiwick_database_pool_in_use",
        "Connections to the database that are at work, by pool.",
        Aggregation::Sum,
    );
    POOL_WAITING = Family::gauge(
        "bailiwick_database_pool_waiting",
        "Operations that wait for a connection to the database, by pool.",
        Aggregation::Sum,
    );
    POOL_MAX = Family::gauge(
        "bailiwick_database_pool_max",
        "Connections to the database that there may be, by pool.",
        Aggregation::Sum,
    );
    AUDIT_WAITING = Family::gauge(
        "bailiwick_audit_events_waiting",
        "Events of the audit log that wait to be kept in the database.",
        Aggregation::Sum,
    );
    AUDIT_LOST = Family::counter(
        "bailiwick_audit_events_lost_total",
        "Events of the audit log that only the log has: the database did not take them in time.",
    );
    LOG_DROPPED = Family::counter(
        "bailiwick_log_lines_dropped_total",
        "Lines of the log that were dropped: nobody read them fast enough, or they could not be written.",
    );
    CPU = Family::counter(
        "process_cpu_seconds_total",
        "Time of all processors spent by all processes, in seconds.",
    );
    MEMORY = Family::gauge(
        "process_resident_memory_bytes",
        "Resident memory of all processes, in bytes; what they share counts for each.",
        Aggregation::Sum,
    );
    OPEN_FILES = Family::gauge(
        "process_open_fds",
        "Open file descriptors of the process that has most.",
        Aggregation::Max,
    );
    MOST_FILES = Family::gauge(
        "process_max_fds",
        "File descriptors that a process may have open.",
        Aggregation::Min,
    );
}

/// The metric of a series, with its position among all.
pub(super) fn of(series: &str) -> Option<(usize, &'static Family)> {
    static BY_NAME: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
        let mut names = HashMap::new();
        for (at, family) in ALL.iter().enumerate() {
            if family.kind == Kind::Histogram {
                let parts = ["_bucket", "_sum", "_count"];
                names.extend(parts.map(|part| (format!("{}{part}", family.name), at)));
            } else {
                names.insert(family.name.to_owned(), at);
            }
        }
        names
    });
    let name = series.split_once('{').map_or(series, |(name, _)| name);
    BY_NAME.get(name).map(|at| (*at, &ALL[*at]))
}
