//! The system's limits on this process and its children (`ulimit`, systemd's `Limit…=`).

use rustix::process::{Resource, getrlimit};

/// What is limited, its `ulimit` letter and unit, and the value below which a limit is unusual.
const LIMITS: [(Resource, char, u64, &str, u64); 7] = [
    (Resource::Cpu, 't', 1, " s", u64::MAX),
    (Resource::Fsize, 'f', 1024, " KiB", u64::MAX),
    (Resource::As, 'v', 1024, " KiB", u64::MAX),
    (Resource::Data, 'd', 1024, " KiB", u64::MAX),
    (Resource::Stack, 's', 1024, " KiB", 1 << 20),
    (Resource::Nproc, 'u', 1, "", 1024),
    (Resource::Nofile, 'n', 1, "", 256),
];

/// Suffix for a line about a failed process: the limits that may be the reason.
pub(super) fn hint() -> String {
    let set = LIMITS.iter().filter_map(|(resource, letter, size, unit, usual)| {
        let limit = getrlimit(*resource).current.filter(|limit| limit < usual)?;
        Some(format!("ulimit -{letter} {}{unit}", limit / size))
    });
    match set.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        all => format!(" (this process has limits: {all})"),
    }
}

/// Seconds of CPU time after which a worker process is replaced, before the system kills it.
pub(super) fn cpu_time() -> Option<u64> {
    let limit = getrlimit(Resource::Cpu);
    limit.current.map(|soft| before_the_end(soft, limit.maximum))
}

fn before_the_end(soft: u64, hard: Option<u64>) -> u64 {
    let last = hard.map_or(soft, |hard| hard.saturating_sub((hard / 10).max(2)));
    soft.min(last).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_replaced_before_the_system_ends_it() {
        assert_eq!(before_the_end(60, None), 60);
        assert_eq!(before_the_end(60, Some(3600)), 60);
        assert_eq!(before_the_end(60, Some(60)), 54);
        assert_eq!(before_the_end(4, Some(4)), 2);
        assert_eq!(before_the_end(1, Some(1)), 1);
    }
}
