//! Registrations are limited, too: by network.

use crate::accounts::throttle::places::Place;
use crate::accounts::throttle::{Attempt, Throttle, ThrottleError, Ticket, refused};
use crate::domain::{Bucket, Case, Sender, Try};
use std::sync::Arc;

impl Throttle {
    /// Counts a registration, or refuses it.
    pub(in crate::accounts) async fn admit_registration(
        self: &Arc<Self>,
        sender: &Sender,
    ) -> Result<Ticket, ThrottleError> {
        let place = Place::from(sender.origin);
        let key = format!("register:{}", place.network());
        if let Some(left) = self.known_refusal(&key, &place) {
            return Err(refused(left));
        }
        let buckets = vec![Bucket { key: key.clone(), limit: self.limits.registrations }];
        let of = Try {
            username: None,
            folded: None,
            cases: vec![Case { place: None, buckets }],
            known_for: self.limits.known_for,
        };
        self.admit(Attempt { of, place, name: key }).await
    }
}
