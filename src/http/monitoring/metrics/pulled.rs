//! Figures counted elsewhere and read on request: logins, users, the database, the process.

use super::families::{self, Family};
use crate::http::monitoring::stats::{WorkerStats, cpu_time, resident_memory};
use crate::logging;
use crate::services::Services;
use rustix::process::{Resource, getrlimit};
use std::fs;

/// Series with their values, as one process reports them.
pub(crate) type Figures = Vec<(String, f64)>;

/// Adds a figure.
pub(crate) fn put(figures: &mut Figures, family: &Family, value: impl Into<Number>) {
    figures.push((family.series(None), value.into().0));
}

/// Adds a figure with a label.
pub(crate) fn put_by(
    figures: &mut Figures,
    family: &Family,
    (label, name): (&str, &str),
    value: impl Into<Number>,
) {
    figures.push((family.series(Some((label, name))), value.into().0));
}

/// Any type of count.
pub(crate) struct Number(f64);

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self(f64::from(u8::from(value)))
    }
}

impl From<u64> for Number {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53; nothing here counts so far")]
    fn from(count: u64) -> Self {
        Self(count as f64)
    }
}

impl From<u32> for Number {
    fn from(count: u32) -> Self {
        Self(count.into())
    }
}

impl From<usize> for Number {
    fn from(count: usize) -> Self {
        (count as u64).into()
    }
}

/// The figures of a worker process's parts.
pub(super) fn of_services(services: &Services, stats: &WorkerStats) -> Figures {
    let mut figures = Figures::new();
    let all = &mut figures;
    put(all, &families::CONNECTIONS, stats.connections());
    for (outcome, count) in services.accounts.logins().counts() {
        put_by(all, &families::LOGINS, ("outcome", outcome), count);
    }
    for (reason, count) in services.tokens.refused().counts() {
        put_by(all, &families::REFUSED, ("reason", reason), count);
    }
    let (waiting, lost) = services.accounts.audit_log().counts();
    put(all, &families::AUDIT_WAITING, waiting);
    put(all, &families::AUDIT_LOST, lost);
    put(all, &families::OTHER_SECRETS, services.signing.others().len());
    let passwords = &services.passwords;
    put(all, &families::HASH_QUEUE, passwords.queued());
    put(all, &families::HASH_OPERATIONS, passwords.operations());
    put(all, &families::HASH_ROUNDS, passwords.rounds());
    let (lookups, store) = (services.users.lookups(), services.users.health());
    put(all, &families::CACHE_HITS, lookups.hits);
    put(all, &families::CACHE_MISSES, lookups.misses);
    put(all, &families::CACHE_ENTRIES, store.cached);
    put(all, &families::CACHE_EVICTIONS, store.evicted);
    if let Some(answers) = store.answers {
        put(all, &families::DATABASE_UP, answers);
    }
    for pool in store.pools {
        let label = ("pool", pool.name);
        put_by(all, &families::POOL_IN_USE, label, pool.in_use);
        put_by(all, &families::POOL_WAITING, label, pool.waiting);
        put_by(all, &families::POOL_MAX, label, pool.most);
    }
    figures
}

/// The system's figures of this process; Prometheus clients share the `process_` names.
pub(crate) fn of_this_process() -> Figures {
    let mut figures = Figures::new();
    let all = &mut figures;
    put(all, &families::LOG_DROPPED, logging::dropped());
    put(all, &families::CPU, cpu_time().as_secs_f64());
    if let Some(bytes) = resident_memory() {
        put(all, &families::MEMORY, bytes);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        put(all, &families::OPEN_FILES, files.count());
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        put(all, &families::MOST_FILES, most);
    }
    figures
}
