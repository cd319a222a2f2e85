//! Where cached users lie in memory: side by side.

use super::Entry;
use crate::domain::{Scopes, User};
use std::collections::HashSet;
use std::sync::Arc;

/// How many users move at once: some 0.1 ms of work.
pub(super) const MOVING: usize = 256;
/// How many sets of scopes are remembered, to be shared.
const SCOPES: usize = 256;

/// Entries whose users have not found their place in memory yet.
///
/// A user is read amid buffers that live for one request. Left where it was made it would lie
/// scattered among them; when they go, what is left between the users is too small for the next
/// buffers, and in all larger than the users. So users move: many are copied in one go, next to each
/// other, and what they leave becomes whole again.
#[derive(Default)]
pub(super) struct Newcomers {
    entries: Vec<Entry>,
    scopes: HashSet<Arc<Scopes>>,
}

impl Newcomers {
    /// Takes note of an entry. Once they are enough, copies of all that have come since the last
    /// time; else nothing.
    pub(super) fn arrive(&mut self, entry: Entry) -> Vec<Entry> {
        self.entries.push(entry);
        if self.entries.len() < MOVING {
            return Vec::new();
        }
        let scopes = &mut self.scopes;
        let copies = self.entries.iter().map(|entry| {
            let scopes = shared(scopes, &entry.user.scopes);
            Entry { user: Arc::new(User { scopes, ..User::clone(&entry.user) }), ..*entry }
        });
        let copies = copies.collect();
        self.entries.clear();
        copies
    }
}

/// The one copy of these scopes, for all users that have them.
fn shared(known: &mut HashSet<Arc<Scopes>>, scopes: &Arc<Scopes>) -> Arc<Scopes> {
    if let Some(same) = known.get(scopes) {
        return Arc::clone(same);
    }
    if known.len() == SCOPES {
        known.clear();
    }
    let own = Arc::new(Scopes::clone(scopes));
    known.insert(Arc::clone(&own));
    own
}
