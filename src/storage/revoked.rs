//! The ended tokens in memory: all that count, in every process.

use crate::domain::{Ended, Timestamp};
use quick_cache::DefaultHashBuilder;
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Number of counters: with ten thousand ended tokens, six of seven others are cleared without a lock.
const PLACES: usize = 1 << 16;

/// What was last read of `revocations`.
pub(in crate::storage) type Row = (String, String, i64);

/// Ended tokens, and until when each counts.
pub(in crate::storage) struct Revoked {
    /// How many of them have their hash here. Where there is none, no lock is taken.
    places: Box<[AtomicU32]>,
    hashes: DefaultHashBuilder,
    until: RwLock<HashMap<Ended, Timestamp>>,
}

impl Default for Revoked {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| 0.into()).collect(),
            hashes: DefaultHashBuilder::default(),
            until: RwLock::default(),
        }
    }
}

impl Revoked {
    /// Whether this has ended.
    pub(in crate::storage) fn holds(&self, what: Ended) -> bool {
        self.place(what).load(SeqCst) > 0 && self.read().contains_key(&what)
    }

    /// This has ended.
    pub(in crate::storage) fn add(&self, what: Ended, until: Timestamp) {
        let mut all = self.write();
        if all.insert(what, until).is_none() {
            self.place(what).fetch_add(1, SeqCst);
        }
    }

    /// Rows of the table. Other versions may have written other kinds.
    pub(in crate::storage) fn add_rows(&self, rows: impl IntoIterator<Item = Row>) {
        for (kind, id, until) in rows {
            if let Some(what) = Ended::of(&kind, &id) {
                self.add(what, Timestamp(until));
            }
        }
    }

    /// Forgets what counts until a moment before this one.
    pub(in crate::storage) fn forget(&self, now: Timestamp) {
        self.write().retain(|what, until| {
            let stays = *until >= now;
            if !stays {
                self.place(*what).fetch_sub(1, SeqCst);
            }
            stays
        });
    }

    fn place(&self, what: Ended) -> &AtomicU32 {
        let hash = usize::try_from(self.hashes.hash_one(what) % PLACES as u64);
        &self.places[hash.unwrap_or_default()]
    }

    /// No code that could panic runs under the lock, so a poisoned one is still good.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<Ended, Timestamp>> {
        self.until.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Ended, Timestamp>> {
        self.until.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FamilyId, TokenId};

    fn token(id: u128) -> Ended {
        Ended::Token(TokenId(id))
    }

    #[test]
    fn what_is_forgotten_leaves_its_place_to_others() {
        let revoked = Revoked::default();
        let all = 0..3 * PLACES as u128;
        for id in all.clone() {
            revoked.add(token(id), Timestamp(i64::from(id.is_multiple_of(2))));
            revoked.add(token(id), Timestamp(i64::from(id.is_multiple_of(2))));
        }
        assert!(all.clone().all(|id| revoked.holds(token(id))));
        assert!(!revoked.holds(token(u128::MAX)));
        revoked.forget(Timestamp(1));
        assert!(all.clone().all(|id| revoked.holds(token(id)) == id.is_multiple_of(2)));
        revoked.forget(Timestamp(2));
        assert!(revoked.places.iter().all(|place| place.load(SeqCst) == 0));
        assert!(!all.into_iter().any(|id| revoked.holds(token(id))));
    }

    #[test]
    fn a_row_of_another_version_is_left_out() {
        let revoked = Revoked::default();
        let id = TokenId(7).to_string();
        let row = |kind: &str, id: &str| (kind.to_owned(), id.to_owned(), 1);
        revoked.add_rows([row("planet", &id), row("token", "7"), row("", "")]);
        assert!(revoked.read().is_empty());
        revoked.add_rows([row("token", &id)]);
        assert!(revoked.holds(token(7)) && !revoked.holds(Ended::Family(FamilyId(7))));
        revoked.add_rows([row("family", &id)]);
        assert!(revoked.holds(Ended::Family(FamilyId(7))));
    }
}
