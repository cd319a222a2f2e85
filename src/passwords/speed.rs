//! How long a round of bcrypt takes on this machine, to compare other hashes with.

use eksblowfish::{Digest, advance};
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use std::time::Duration;

/// Rounds measured at a time, and how often: the fastest counts, as nothing else ran beside it.
const ROUNDS: (u32, usize) = (32, 5);

/// CPU time of this thread alone.
pub(super) fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(now.tv_nsec.unsigned_abs())
}

/// How many rounds of bcrypt take this much CPU time.
pub(super) fn rounds_in(time: Duration) -> u32 {
    static ROUND: OnceLock<Duration> = OnceLock::new();
    let round = ROUND.get_or_init(measure).as_nanos().max(1);
    u32::try_from(time.as_nanos() / round).unwrap_or(u32::MAX)
}

fn measure() -> Duration {
    let (rounds, times) = ROUNDS;
    let mut lane = [Digest::new("", &[0; _], 0)];
    let once = |_| {
        let before = cpu_time();
        lane[0].go_on(rounds);
        while !lane[0].is_ready() {
            advance(&mut lane);
        }
        cpu_time().saturating_sub(before) / rounds
    };
    (0..times).map(once).min().unwrap_or_default()
}
