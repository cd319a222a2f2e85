//! The end of the server: clients are sent away, and the sockets close once nobody accepts at them.

use super::workers::Stage;
use super::{Master, Order, Phase};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Seconds for which clients are sent away before the end, at most.
const FAREWELL: u64 = 5;

/// How long a worker process may take until it accepts no more.
const PATIENCE: Duration = Duration::from_secs(1);

/// One worker process still accepts, so that no connection is lost; it closes the sockets when the
/// others accept no more.
pub(super) struct Closing {
    /// The others that have not said so.
    waiting: BTreeSet<u64>,
    order: Order,
    deadline: Instant,
}

impl Master {
    /// A proxy that keeps connections may just be sending on one that looks idle: it is told to
    /// close them first, as far as it comes by in this time.
    pub(super) fn farewell(&self) -> Order {
        let alone = self.predecessor.is_none() && self.successor.is_none();
        let refuse = alone && self.plan.listeners.are_ours();
        Order::Leave { seconds: self.plan.patience().0.min(FAREWELL), refuse }
    }

    /// Tells all worker processes to end in this way.
    pub(super) fn dismiss(&mut self, order: Order) {
        self.closing = None;
        let serving = self.workers.iter().filter(|worker| worker.stage == Stage::Serving);
        let last = match order {
            Order::Leave { refuse: true, .. } => serving.map(|worker| worker.id).max(),
            _ => None,
        };
        // One that starts may have begun to accept, which is still to be heard.
        let accepting = self.workers.iter().filter(|worker| !worker.is_ending());
        let accepting = accepting.map(|worker| worker.id);
        let waiting: BTreeSet<_> = accepting.filter(|id| Some(*id) != last).collect();
        for worker in self.workers.iter_mut().filter(|worker| Some(worker.id) != last) {
            let order = match (worker.stage, order) {
                // It has sent its clients away for a while.
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

    /// Orders the last to close the sockets if nobody else accepts; `paused` has just said so, or has
    /// ended.
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
