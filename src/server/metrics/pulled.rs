//! What somebody else counts, read when `/metrics` is asked for: passwords, users, the process.

use crate::services::Services;
use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};
use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::fs;
use std::time::Duration;

type Read = Box<dyn Fn() -> Option<f64> + Send + Sync>;

/// A number that is read where it lives; absent where the system does not tell it.
struct Pulled {
    desc: Desc,
    kind: MetricType,
    read: Read,
}

impl Collector for Pulled {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(value) = (self.read)() else { return Vec::new() };
        let mut metric = Metric::default();
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(self.kind);
        family.set_metric(vec![metric]);
        vec![family]
    }
}

/// Adds all of them; the `process_` names are those of every Prometheus client.
pub(super) fn register(registry: &Registry, services: &Services) -> prometheus::Result<()> {
    let add = |kind, name: &str, help: &str, read: Read| {
        let desc = Desc::new(name.to_owned(), help.to_owned(), Vec::new(), HashMap::new())?;
        registry.register(Box::new(Pulled { desc, kind, read }))
    };
    let counter = MetricType::COUNTER;
    let gauge = MetricType::GAUGE;
    let passwords = services.passwords.clone();
    add(
        gauge,
        "bailiwick_password_hash_queue",
        "Passwords that wait for a thread to be hashed.",
        Box::new(move || Some(exact(passwords.queued() as u64))),
    )?;
    let passwords = services.passwords.clone();
    add(
        counter,
        "bailiwick_password_hash_operations_total",
        "bcrypt operations begun.",
        Box::new(move || Some(exact(passwords.operations()))),
    )?;
    let passwords = services.passwords.clone();
    add(
        counter,
        "bailiwick_password_hash_rounds_total",
        "Rounds of bcrypt done: 2 to the power of the cost for each password.",
        Box::new(move || Some(exact(passwords.rounds()))),
    )?;
    let users = services.users.clone();
    add(
        counter,
        "bailiwick_user_cache_hits_total",
        "Users found in memory.",
        Box::new(move || Some(exact(users.lookups().hits))),
    )?;
    let users = services.users.clone();
    add(
        counter,
        "bailiwick_user_cache_misses_total",
        "Users asked of the database.",
        Box::new(move || Some(exact(users.lookups().misses))),
    )?;
    add(
        counter,
        "process_cpu_seconds_total",
        "Time of all processors spent, in seconds.",
        Box::new(|| Some(cpu_time().as_secs_f64())),
    )?;
    add(
        gauge,
        "process_resident_memory_bytes",
        "Memory in use, in bytes.",
        Box::new(|| resident_pages().map(|pages| exact(pages * page_size() as u64))),
    )?;
    add(
        gauge,
        "process_open_fds",
        "Open file descriptors.",
        Box::new(|| fs::read_dir("/proc/self/fd").ok().map(|files| exact(files.count() as u64))),
    )?;
    add(
        gauge,
        "process_max_fds",
        "Most file descriptors that may be open.",
        Box::new(|| getrlimit(Resource::Nofile).current.map(exact)),
    )
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and nothing here counts so far")]
fn exact(count: u64) -> f64 {
    count as f64
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// The second number of `/proc/self/statm` (proc(5)).
fn resident_pages() -> Option<u64> {
    fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()
}
