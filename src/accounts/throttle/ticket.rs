//! An attempt that is under way, until its verdict.

use crate::accounts::throttle::Throttle;
use crate::accounts::throttle::lines::UnderWay;
use crate::domain::{Bucket, KnownPlace, Reservation, UserId};
use std::sync::Arc;
use tokio::runtime::Handle;

/// Allows to verify one password. Dropped without a verdict, it gives back what it has taken.
pub(in crate::accounts) struct Ticket(Option<Taken>);

/// What an attempt has taken.
pub(super) struct Taken {
    pub(super) throttle: Arc<Throttle>,
    pub(super) reservation: Reservation,
    /// Remembered after a login.
    pub(super) place: String,
    /// Whether it is counted in memory only.
    pub(super) is_volatile: bool,
    pub(super) under_way: UnderWay,
}

impl Ticket {
    /// For an attempt that has its room.
    pub(super) fn new(taken: Taken) -> Self {
        Self(Some(taken))
    }

    /// Where nothing is counted.
    pub(in crate::accounts) fn uncounted() -> Self {
        Self(None)
    }

    /// The password was wrong: what was taken stays so. It is given back if no password could have been
    /// right: its user must not be locked out once what is stored can be compared again.
    pub(in crate::accounts) fn failed(mut self, could_be_right: bool) {
        if could_be_right {
            drop(self.0.take());
        }
    }

    /// The password was this user's.
    pub(in crate::accounts) async fn succeeded(mut self, user: UserId) {
        let Some(taken) = self.0.take() else { return };
        let is_fresh = taken.reservation.fresh_places.contains(&taken.place);
        let place = KnownPlace { user, place: taken.place.clone() };
        // A task of its own: also if the client does not wait for the response.
        let giving = tokio::spawn(taken.give_back(Some(place).filter(|_| !is_fresh)));
        if let Err(cause) = giving.await {
            log::debug!("a login's room in the throttle decays: {cause}");
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let (Some(taken), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(taken.give_back(None));
        }
    }
}

impl Taken {
    async fn give_back(self, login: Option<KnownPlace>) {
        let Self {
            throttle, reservation: Reservation { buckets, .. }, is_volatile, under_way, ..
        } = self;
        let buckets: &[Bucket] = &buckets;
        if is_volatile {
            throttle.volatile.give_back(buckets);
        } else if let Err(cause) = throttle.store.give_back(buckets, login).await {
            log::debug!("a login's room in the throttle decays: {cause}");
        }
        // Behind it: whoever waits looks at once.
        drop(under_way);
    }
}
