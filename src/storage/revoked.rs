//! The ended tokens in memory: all that count, in every process.

use crate::domain::{Timestamp, TokenId};
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
    until: RwLock<HashMap<TokenId, Timestamp>>,
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
    /// Whether a token has ended.
    pub(in crate::storage) fn holds(&self, token: TokenId) -> bool {
        self.place(token).load(SeqCst) > 0 && self.read().contains_key(&token)
    }

    /// A token has ended.
    pub(in crate::storage) fn add(&self, token: TokenId, until: Timestamp) {
        let mut all = self.write();
        if all.insert(token, until).is_none() {
            self.place(token).fetch_add(1, SeqCst);
        }
    }

    /// Rows of the table. Other versions may have written other kinds.
    pub(in crate::storage) fn add_rows(&self, rows: impl IntoIterator<Item = Row>) {
        for (kind, id, until) in rows {
            if let ("token", Ok(token)) = (kind.as_str(), id.parse()) {
                self.add(token, Timestamp(until));
            }
        }
    }

    /// Forgets the tokens that count until a moment before this one.
    pub(in crate::storage) fn forget(&self, now: Timestamp) {
        self.write().retain(|token, until| {
            let stays = *until >= now;
            if !stays {
                self.place(*token).fetch_sub(1, SeqCst);
            }
            stays
        });
    }

    fn place(&self, token: TokenId) -> &AtomicU32 {
        let hash = usize::try_from(self.hashes.hash_one(token) % PLACES as u64);
        &self.places[hash.unwrap_or_default()]
    }

    /// No code that could panic runs under the lock, so a poisoned one is still good.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<TokenId, Timestamp>> {
        self.until.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<TokenId, Timestamp>> {
        self.until.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_leaves_its_place_to_others() {
        let revoked = Revoked::default();
        let all = 0..3 * PLACES as u128;
        for token in all.clone().map(TokenId) {
            revoked.add(token, Timestamp(i64::from(token.0.is_multiple_of(2))));
            revoked.add(token, Timestamp(i64::from(token.0.is_multiple_of(2))));
        }
        assert!(all.clone().all(|token| revoked.holds(TokenId(token))));
        assert!(!revoked.holds(TokenId(u128::MAX)));
        revoked.forget(Timestamp(1));
        assert!(all.clone().all(|token| revoked.holds(TokenId(token)) == token.is_multiple_of(2)));
        revoked.forget(Timestamp(2));
        assert!(revoked.places.iter().all(|place| place.load(SeqCst) == 0));
        assert!(!all.into_iter().any(|token| revoked.holds(TokenId(token))));
    }

    #[test]
    fn a_row_of_another_version_is_left_out() {
        let revoked = Revoked::default();
        let id = TokenId(7).to_string();
        let row = |kind: &str, id: &str| (kind.to_owned(), id.to_owned(), 1);
        revoked.add_rows([row("planet", &id), row("token", "7"), row("", "")]);
        assert!(revoked.read().is_empty());
        revoked.add_rows([row("token", &id)]);
        assert!(revoked.holds(TokenId(7)));
    }
}
