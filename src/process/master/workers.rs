//! The worker processes, and the one rule by which they come and go.

use crate::domain::AuditFields;
use crate::http::monitoring::stats::StatsSnapshot;
use crate::process::channel::Order;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// The stage of a worker process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Starting,
    Serving,
    /// Has stopped accepting and sends its clients away.
    Draining,
    /// Has been ordered to end.
    Stopping,
}

impl Stage {
    pub(super) const ALL: [Self; 4] =
        [Self::Starting, Self::Serving, Self::Draining, Self::Stopping];

    /// Its name in status and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
        }
    }
}

/// A message to a child's attendant.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Order(Order),
    /// The figures that a process asked for, with the number of its question.
    Figures(u64, Arc<str>),
    /// What the audit log was told, for the database.
    Audited(AuditFields),
    Terminate,
    Kill,
}

/// Why a worker process was replaced or another one started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It ended by itself.
    Exit,
    /// A signal ended it.
    Signal,
    /// It went silent and was killed.
    Silent,
    /// One of its threads has stalled.
    StandsStill,
    /// `max_requests`.
    Requests,
    /// `max_memory`.
    Memory,
    /// `ulimit -t`.
    Cpu,
    /// It failed to start.
    Start,
}

impl Reason {
    /// Their names in the metrics.
    pub(super) const NAMES: [&str; 8] = [
        "exit",
        "signal",
        "silent",
        "stands_still",
        "max_requests",
        "max_memory",
        "cpu_time",
        "start",
    ];
}

/// One worker process.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    pub(super) id: u64,
    pub(super) pid: u32,
    pub(super) generation: u64,
    pub(super) threads: usize,
    pub(super) stage: Stage,
    pub(super) started: Instant,
    /// When it became ready.
    pub(super) ready: Option<Instant>,
    pub(super) messages: UnboundedSender<Message>,
    pub(super) stats: StatsSnapshot,
    pub(super) heard: Instant,
    /// Requests after which it is replaced.
    pub(super) most_requests: Option<u64>,
    /// Whether it was asked for its figures and has not reported.
    pub(super) is_asked: bool,
    /// Why it is to be replaced.
    pub(super) stale: Option<String>,
    /// Why it was killed, where that is known.
    pub(super) blame: Option<Reason>,
    /// Why it could not start, in its own words.
    pub(super) failure: Option<String>,
    /// Seconds for draining, and for requests in flight after that.
    pub(super) patience: (u64, u64),
    /// How many processes its plan wanted.
    pub(super) beside: usize,
    /// When it is killed if it still lives.
    pub(super) deadline: Option<Instant>,
}

/// Added to the time that a process takes to stop by itself.
pub(super) const OVERTIME: Duration = Duration::from_secs(4);

/// Seconds for requests in flight in a process that makes room for newer ones.
const HASTE: u64 = 5;

impl WorkerProcess {
    /// Orders it to end in this way.
    pub(super) fn order(&mut self, order: Order) {
        let (_, graceful) = self.patience;
        let (stage, seconds) = match order {
            Order::Drain(window) => (Stage::Draining, window + graceful),
            Order::Leave { seconds, .. } => (Stage::Stopping, seconds + graceful),
            Order::Stop => (Stage::Stopping, graceful),
            Order::Finish(seconds) => (Stage::Stopping, seconds),
            Order::Quit => (Stage::Stopping, 0),
            Order::ReopenLogs | Order::AskDatabase(_) | Order::TellFigures(_) => {
                let _ = self.messages.send(Message::Order(order));
                return;
            }
        };
        self.stage = stage;
        self.deadline = Some(Instant::now() + Duration::from_secs(seconds) + OVERTIME);
        // One that has ended cannot receive it; its end will be reported.
        let _ = self.messages.send(Message::Order(order));
    }

    /// Orders it to drain: others have taken over.
    pub(super) fn drain(&mut self) {
        let order = match self.stage {
            // A stalled thread never drains.
            Stage::Serving if self.stale.as_deref() == Some(STANDS_STILL) => Order::Drain(0),
            // A starting one may already accept without having reported it.
            Stage::Starting | Stage::Serving => Order::Drain(self.patience.0),
            Stage::Draining | Stage::Stopping => return,
        };
        self.order(order);
    }

    /// Ends its drain.
    pub(super) fn hurry(&mut self) {
        self.order(Order::Finish(self.patience.1.min(HASTE)));
    }

    pub(super) fn kill(&mut self) {
        let _ = self.messages.send(Message::Kill);
        self.deadline = Some(Instant::now() + OVERTIME);
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::Draining | Stage::Stopping)
    }

    fn slot(&self, generation: u64) -> Slot {
        let fresh = self.generation == generation && self.stale.is_none();
        Slot { id: self.id, stage: self.stage, fresh }
    }
}

/// Why a process with a stalled thread is replaced.
pub(super) const STANDS_STILL: &str = "a worker thread has stalled";

/// The rule's view of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    id: u64,
    stage: Stage,
    /// Of the current generation, and not marked for replacement.
    fresh: bool,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Processes to start.
    pub(super) start: usize,
    /// Processes that have been replaced.
    pub(super) drain: Vec<u64>,
}

/// The one rule: start replacements; when they serve, drain what they replace.
///
/// The first process of a generation starts alone: if it fails, nothing else was tried, and two
/// never prepare the same data folder at once.
pub(super) fn decide(slots: &[Slot], wanted: usize) -> Decision {
    let count =
        |stage, fresh| slots.iter().filter(|s| s.stage == stage && s.fresh == fresh).count();
    let (starting, serving) = (count(Stage::Starting, true), count(Stage::Serving, true));
    let most = if serving == 0 { wanted.min(1) } else { wanted };
    let start = most.saturating_sub(starting + serving);

    let mut drain: Vec<_> = slots
        .iter()
        .filter(|slot| slot.stage == Stage::Starting && !slot.fresh)
        .map(|slot| slot.id)
        .collect();
    let too_many = (starting + serving).saturating_sub(wanted).min(starting);
    let idle = slots.iter().rev().filter(|slot| slot.stage == Stage::Starting && slot.fresh);
    drain.extend(idle.take(too_many).map(|slot| slot.id));
    let mut all: Vec<_> = slots.iter().filter(|slot| slot.stage == Stage::Serving).collect();
    all.sort_by_key(|slot| (slot.fresh, slot.id));
    drain.extend(all.iter().take(all.len().saturating_sub(wanted)).map(|slot| slot.id));
    Decision { start, drain }
}

/// The rule's decision for these worker processes.
pub(super) fn next(workers: &[WorkerProcess], generation: u64, wanted: usize) -> Decision {
    let slots: Vec<_> = workers.iter().map(|worker| worker.slot(generation)).collect();
    decide(&slots, wanted)
}

/// Surplus draining processes: for each place, at most `most` may drain. The oldest go first.
fn too_many(draining: &[(u64, usize)], places: usize, most: usize) -> Vec<u64> {
    let places = draining.iter().map(|(_, beside)| *beside).fold(places, usize::max);
    let excess = draining.len().saturating_sub(places.saturating_mul(most));
    let mut ids: Vec<_> = draining.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.truncate(excess);
    ids
}

/// Ends surplus draining worker processes; returns their process ids.
pub(super) fn make_room(workers: &mut [WorkerProcess], places: usize, most: usize) -> Vec<u32> {
    let drains = |worker: &&WorkerProcess| worker.stage == Stage::Draining;
    let draining = workers.iter().filter(drains).map(|worker| (worker.id, worker.beside));
    let ids = too_many(&draining.collect::<Vec<_>>(), places, most);
    let oldest = workers.iter_mut().filter(|worker| ids.contains(&worker.id));
    oldest
        .map(|worker| {
            worker.hurry();
            worker.pid
        })
        .collect()
}

/// Whether every process is as wanted.
pub(super) fn is_settled(workers: &[WorkerProcess], generation: u64, wanted: usize) -> bool {
    let slots: Vec<_> = workers.iter().map(|worker| worker.slot(generation)).collect();
    let serving = |slot: &&Slot| slot.stage == Stage::Serving;
    slots.iter().all(|slot| slot.stage != Stage::Starting)
        && slots.iter().filter(serving).all(|slot| slot.fresh)
        && slots.iter().filter(serving).count() == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(all: &[(Stage, bool)]) -> Vec<Slot> {
        let slot =
            |(id, (stage, fresh)): (u64, &(Stage, bool))| Slot { id, stage: *stage, fresh: *fresh };
        (0..).zip(all).map(slot).collect()
    }

    fn decided(all: &[(Stage, bool)], wanted: usize) -> (usize, Vec<u64>) {
        let Decision { start, drain } = decide(&slots(all), wanted);
        (start, drain)
    }

    #[test]
    fn the_first_comes_alone_and_the_others_follow() {
        assert_eq!(decided(&[], 3), (1, vec![]));
        assert_eq!(decided(&[(Stage::Starting, true)], 3), (0, vec![]));
        assert_eq!(decided(&[(Stage::Serving, true)], 3), (2, vec![]));
    }

    #[test]
    fn the_old_drain_when_the_new_serve() {
        let old = (Stage::Serving, false);
        assert_eq!(decided(&[old, old], 2), (1, vec![]));
        assert_eq!(decided(&[old, old, (Stage::Starting, true)], 2), (0, vec![]));
        assert_eq!(decided(&[old, old, (Stage::Serving, true)], 2), (1, vec![0]));
        let draining = (Stage::Draining, false);
        assert_eq!(
            decided(&[draining, old, (Stage::Serving, true), (Stage::Serving, true)], 2),
            (0, vec![1])
        );
    }

    #[test]
    fn a_process_outdated_before_it_is_ready_goes_at_once() {
        assert_eq!(decided(&[(Stage::Serving, true), (Stage::Starting, false)], 1), (0, vec![1]));
    }

    #[test]
    fn none_are_wanted() {
        assert_eq!(decided(&[(Stage::Serving, true), (Stage::Starting, true)], 0), (0, vec![1, 0]));
        assert_eq!(decided(&[(Stage::Draining, true)], 0), (0, vec![]));
    }

    #[test]
    fn the_oldest_of_too_many_that_drain_go() {
        let all = [(7, 1), (3, 1), (5, 1), (4, 1)];
        assert_eq!(too_many(&all, 1, 4), [0; 0]);
        assert_eq!(too_many(&all, 1, 2), [3, 4]);
        // Two places, now or then.
        assert_eq!(too_many(&all, 2, 1), [3, 4]);
        assert_eq!(too_many(&[(3, 2), (4, 2), (5, 1)], 1, 1), [3]);
    }

    #[test]
    fn a_dead_one_is_replaced() {
        assert_eq!(decided(&[(Stage::Serving, true), (Stage::Stopping, true)], 2), (1, vec![]));
    }
}
