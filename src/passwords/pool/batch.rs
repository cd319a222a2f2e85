//! The digests a thread works on: up to [`LANES`](eksblowfish::LANES), advanced together.

use crate::domain::Secret;
use crate::passwords::error::PasswordError;
use crate::passwords::queue::Key;
use eksblowfish::{Digest, SALT_LENGTH, advance};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A bcrypt digest to compute.
pub(in crate::passwords) struct Bcrypt {
    pub(in crate::passwords) password: Secret,
    pub(in crate::passwords) salt: [u8; SALT_LENGTH],
    /// 2 to its power rounds, at most 31.
    pub(in crate::passwords) cost: u32,
    /// Rounds to do in any case: missing ones are done after the digest.
    pub(in crate::passwords) at_least: u32,
}

pub(super) type DigestResult = Result<Vec<u8>, PasswordError>;

/// What a thread takes from the queue.
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) answer: oneshot::Sender<DigestResult>,
    pub(super) since: Instant,
    pub(super) task: Task,
}

pub(super) enum Task {
    Bcrypt(Bcrypt),
    /// A finished digest that was this many rounds too cheap.
    Cheaper {
        found: Vec<u8>,
        missing: u32,
    },
}

/// The digests that a thread works on, and what it knows about each.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) digests: Vec<Digest>,
    callers: Vec<Caller>,
}

struct Caller {
    key: Key,
    answer: oneshot::Sender<DigestResult>,
    since: Instant,
    /// Rounds to do after the digest.
    missing: u32,
    found: Option<Vec<u8>>,
}

impl Batch {
    pub(super) fn begin(&mut self, Job { key, answer, since, task }: Job) {
        let (digest, missing, found) = match task {
            Task::Bcrypt(Bcrypt { password, salt, cost, at_least }) => {
                let digest = Digest::new(password.expose(), &salt, cost);
                (digest, at_least.saturating_sub(1 << cost), None)
            }
            Task::Cheaper { found, missing } => {
                let mut digest = Digest::new("", &[0; _], 0);
                digest.go_on(missing);
                (digest, 0, Some(found))
            }
        };
        self.digests.push(digest);
        self.callers.push(Caller { key, answer, since, missing, found });
    }

    /// Advances all, delivers finished ones, and drops those whose callers have gone. Returns the
    /// number of rounds.
    pub(super) fn advance(&mut self, ended: impl Fn(Key, Option<Duration>)) -> u64 {
        let rounds = u64::from(advance(&mut self.digests)) * self.digests.len() as u64;
        for lane in (0..self.digests.len()).rev() {
            let (digest, caller) = (&mut self.digests[lane], &mut self.callers[lane]);
            if digest.is_ready() && caller.missing > 0 {
                caller.found = Some(digest.finish().to_vec());
                digest.go_on(std::mem::take(&mut caller.missing));
            }
            if digest.is_ready() || caller.answer.is_closed() {
                let digest = self.digests.swap_remove(lane);
                let caller = self.callers.swap_remove(lane);
                ended(caller.key, digest.is_ready().then(|| caller.since.elapsed()));
                if digest.is_ready() {
                    let found = caller.found.unwrap_or_else(|| digest.finish().to_vec());
                    // Fails if the caller has gone.
                    let _ = caller.answer.send(Ok(found));
                }
            }
        }
        rounds
    }
}
