//! Operations in progress when the server falls silent: they are not waited for as long as a slow
//! statement.

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The watcher's knowledge of the server, for operations in progress.
#[derive(Clone, Default)]
pub(super) struct Connectivity(watch::Sender<State>);

#[derive(Clone, Copy, Default)]
struct State {
    is_down: bool,
    /// How often the server was lost.
    losses: u64,
}

impl Connectivity {
    /// The watcher has lost the server.
    pub(super) fn lose(&self) {
        self.0.send_modify(|state| {
            state.is_down = true;
            state.losses += 1;
        });
    }

    /// The watcher has it again. Operations begun before may be waiting for another server that has
    /// gone, or behind a network that has forgotten their connection.
    pub(super) fn restore(&self) {
        self.0.send_modify(|state| state.is_down = false);
    }

    /// The timeout of an operation that begins now, while the server is lost and while it is
    /// there.
    pub(super) fn timeout(&self, lost: Duration, there: Duration) -> OperationTimeout {
        let (begun, states) = (Instant::now(), self.0.subscribe());
        let losses = states.borrow().losses;
        OperationTimeout { lost: begun + lost, there, losses, states }
    }
}

/// How long to wait for an operation.
pub(super) struct OperationTimeout {
    lost: Instant,
    there: Duration,
    losses: u64,
    states: watch::Receiver<State>,
}

impl OperationTimeout {
    /// Waits for something that begins now; `None` if it takes too long.
    pub(super) async fn wait<T>(mut self, work: impl Future<Output = T>) -> Option<T> {
        let deadline = Instant::now() + self.there;
        let lost = async {
            sleep_until(self.lost).await;
            let is_lost = |state: &State| state.is_down || state.losses != self.losses;
            // The watcher ends with the driver, before any operation does.
            let _ = self.states.wait_for(is_lost).await;
        };
        tokio::select! {
            biased;
            result = work => Some(result),
            () = lost => None,
            () = sleep_until(deadline) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::future::pending;

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn a_slow_server_is_waited_for_and_a_lost_one_is_not() {
        let connectivity = Connectivity::default();
        let timeout = connectivity.timeout(Duration::ZERO, LONG);
        let mut slow = Box::pin(timeout.wait(pending::<()>()));
        assert!(slow.as_mut().now_or_never().is_none(), "it is there");
        connectivity.lose();
        assert_eq!(slow.await, None);
        let timeout = connectivity.timeout(Duration::ZERO, LONG);
        assert_eq!(timeout.wait(pending::<()>()).await, None, "it is still away");
    }

    #[tokio::test]
    async fn what_was_under_way_in_a_loss_has_no_answer_after_it_either() {
        let connectivity = Connectivity::default();
        let [begun_before, quick] = [0; 2].map(|_| connectivity.timeout(Duration::ZERO, LONG));
        connectivity.lose();
        connectivity.restore();
        assert_eq!(begun_before.wait(pending::<()>()).await, None);
        assert_eq!(quick.wait(async { 1 }).await, Some(1));
        let mut begun_after =
            Box::pin(connectivity.timeout(Duration::ZERO, LONG).wait(pending::<()>()));
        assert!(begun_after.as_mut().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_lost_server_has_its_time_too() {
        let connectivity = Connectivity::default();
        connectivity.lose();
        let mut patient = Box::pin(connectivity.timeout(LONG, LONG).wait(pending::<()>()));
        assert!(patient.as_mut().now_or_never().is_none());
        assert_eq!(connectivity.timeout(LONG, Duration::ZERO).wait(pending::<()>()).await, None);
    }
}
