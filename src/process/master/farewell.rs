//! Ends the server: clients are sent away, and the sockets close once no process accepts.

use super::workers::Stage;
use super::{Master, Order, Phase};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Longest time to send clients away before the end, in seconds.
const FAREWELL: u64 = 5;

/// How long a worker process may take to stop accepting.
const PATIENCE: Duration = Duration::from_secs(1);

/// The last worker process keeps accepting, so that no connection is lost, and closes the sockets
/// once the others have stopped.
pub(super) struct Closing {
    /// The others that have not yet reported it.
    waiting: BTreeSet<u64>,
    order: Order,
    deadline: Instant,
}

impl Master {
    /// A proxy may just be sending a request on a kept connection that looks idle: so clients are
    /// first asked to close, as far as this time allows.
    pub(super) fn farewell(&self) -> Order {
        let alone = self.predecessor.is_none() && self.successor.is_none();
        let refuse = alone && self.plan.listeners.are_ours();
        Order::Leave { seconds: self.plan.patience().0.min(FAREWELL), refuse }
    }

    /// Ends all worker processes in this way.
    pub(super) fn dismiss(&mut self, order: Order) {
        self.closing = None;
        let serving = self.workers.iter().filter(|worker| worker.stage == Stage::Serving);
        let last = match order {
            Order::Leave { refuse: true, .. } => serving.map(|worker| worker.id).max(),
            _ => None,
        };
        // A starting one may already accept without having reported it.
        let accepting = self.workers.iter().filter(|worker| !worker.is_ending());
        let accepting = accepting.map(|worker| worker.id);
        let waiting: BTreeSet<_> = accepting.filter(|id| Some(*id) != last).collect();
        for worker in self.workers.iter_mut().filter(|worker| Some(worker.id) != last) {
            let order = match (worker.stage, order) {
                // It has already sent clients away for a while.
                (Stage::Draining, Order::Leave { .. }) => Order::Stop,
                (_, Order::Leave { seconds, .. }) => Order::Leave { seconds, refuse: false },
                _ => order,
            };
            worker.order(order);
        }
        if last.is_some() {
            let deadline = Instant::now() + PATIENCE;
            self.closing = Some(Closing { waiting, order, deadline });
            self.close(None);
        }
    }

    /// Orders the last process to close the sockets if no other accepts; `paused` has just stopped
    /// or ended.
    pub(super) fn close(&mut self, paused: Option<u64>) {
        let now = Instant::now();
        let due = self.closing.take_if(|closing| {
            if let Some(id) = paused {
                closing.waiting.remove(&id);
            }
            closing.waiting.is_empty() || now >= closing.deadline
        });
        if let Some(Closing { order, .. }) = due
            && self.phase == Phase::Leaving
        {
            for worker in self.workers.iter_mut().filter(|worker| worker.stage == Stage::Serving) {
                worker.order(order);
            }
        }
    }
}
