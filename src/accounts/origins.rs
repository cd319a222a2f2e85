//! The web origins of clients that are pages, at hand: each of their requests asks for it.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an origin counts without being read again.
const KEPT: Duration = Duration::from_secs(10);

/// How soon one that is not known is looked for again, however often it is asked for.
const AGAIN: Duration = Duration::from_secs(1);

/// The origins as they were read last.
#[derive(Default)]
pub(super) struct Origins {
    known: RwLock<Known>,
    turn: Mutex<()>,
}

#[derive(Default)]
struct Known {
    origins: HashSet<Box<str>>,
    read: Option<Instant>,
}

impl Origins {
    /// Whether it is the origin of a client; all of them are read if it is not known.
    pub(super) async fn has<E>(
        &self,
        origin: &str,
        read: impl Future<Output = Result<HashSet<Box<str>>, E>>,
    ) -> Result<bool, E> {
        if let Some(is_known) = self.at_hand(origin) {
            return Ok(is_known);
        }
        let _turn = self.turn.lock().await;
        // Others may have read them meanwhile.
        if let Some(is_known) = self.at_hand(origin) {
            return Ok(is_known);
        }
        let started = Instant::now();
        let origins = read.await?;
        let is_known = origins.contains(origin);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { origins, read: Some(started) };
        Ok(is_known)
    }

    fn at_hand(&self, origin: &str) -> Option<bool> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_known = known.origins.contains(origin);
        let most = if is_known { KEPT } else { AGAIN };
        known.read.is_some_and(|read| read.elapsed() < most).then_some(is_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::convert::Infallible;

    #[tokio::test]
    async fn unknown_origins_are_not_looked_for_again_and_again() {
        let origins = Origins::default();
        let reads = Cell::new(0);
        let ask = |origin: &'static str| {
            origins.has(origin, async {
                reads.set(reads.get() + 1);
                Ok::<_, Infallible>(HashSet::from(["https://app.example.com".into()]))
            })
        };
        assert!(ask("https://app.example.com").await.unwrap());
        for _ in 0..100 {
            assert!(!ask("https://evil.example").await.unwrap());
            assert!(ask("https://app.example.com").await.unwrap());
        }
        // One more if the machine has needed more than a second for these.
        assert!(reads.get() <= 2, "{}", reads.get());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_asked_for_again() {
        let origins = Origins::default();
        assert!(origins.has("https://a.example", async { Err(()) }).await.is_err());
        let read = async { Ok::<_, ()>(HashSet::from(["https://a.example".into()])) };
        assert_eq!(origins.has("https://a.example", read).await, Ok(true));
    }
}
