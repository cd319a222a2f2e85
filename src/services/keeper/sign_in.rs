//! The keys for ID tokens, made once somebody signs in.

use crate::domain::KeyAlgorithm;
use crate::services::keeper::{ID_TOKENS, Keeper};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long a request waits for the first key for ID tokens.
const FIRST_KEY: Duration = Duration::from_secs(15);

impl Keeper {
    /// Returns once there are keys for ID tokens, and whether there are: they are made when they are wanted
    /// for the first time.
    pub async fn starts_signing_in(&self) -> bool {
        let start = Instant::now();
        if !self.signs_in.swap(true, Ordering::Relaxed) {
            self.wanted.notify_one();
        }
        while !self.tokens.can_sign_in() {
            if start.elapsed() > FIRST_KEY {
                return false;
            }
            sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// What signs ID tokens, if somebody wants them.
    pub(super) fn also(&self) -> Option<KeyAlgorithm> {
        self.signs_in.load(Ordering::Relaxed).then_some(ID_TOKENS)
    }
}
