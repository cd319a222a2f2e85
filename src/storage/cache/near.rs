//! The users that a thread has just seen, in memory of its own.
//!
//! Who is asked for all the time lies in one place of the shared cache, and each reading counts
//! there: so the cores wait for one another, the longer the more they are. A thread's own copy is
//! read by that thread alone. With two threads on two cores that is 0.4 of 4.5 µs that a request
//! spends outside of the kernel.

use super::Entry;
use crate::domain::User;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many users a thread may have a copy of.
const PLACES: usize = 64;

/// Which cache of the process an entry is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(usize);

impl Owner {
    /// One more.
    pub(super) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self(NEXT.fetch_add(1, Relaxed))
    }
}

thread_local! {
    static PLACED: RefCell<[Place; PLACES]> = RefCell::new(std::array::from_fn(|_| Place::default()));
}

/// One of a thread's places: a user belongs to one by its name.
#[derive(Default)]
struct Place {
    /// The name that was asked for last, hashed.
    last: u64,
    copy: Option<(Owner, Entry)>,
}

/// This thread's copy of an entry of this epoch.
pub(super) fn find(owner: Owner, username: &str, epoch: u64) -> Option<Entry> {
    let hash = hash(username);
    PLACED.with_borrow(|places| {
        let (whose, entry) = places[place(hash)].copy.as_ref()?;
        let same =
            *whose == owner && entry.epoch == epoch && entry.user.username.as_str() == username;
        same.then(|| entry.clone())
    })
}

/// Takes note of an entry found in the shared cache. Who is asked for twice in a row of all that
/// share the place is copied; so users who are many cost no copies.
pub(super) fn saw(owner: Owner, entry: &Entry) {
    let hash = hash(entry.user.username.as_str());
    PLACED.with_borrow_mut(|places| {
        let place = &mut places[place(hash)];
        if place.last == hash {
            let user = Arc::new(User::clone(&entry.user));
            place.copy = Some((owner, Entry { user, ..*entry }));
        }
        place.last = hash;
    });
}

fn place(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or(0) % PLACES
}

/// FNV-1a. Who chooses names so that they meet in one place has them read from the shared cache.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
