//! Counts by name, for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts events under a few fixed names: no client can add one.
#[derive(Debug)]
pub struct Tally<const N: usize> {
    names: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Tally<N> {
    /// All counts at zero.
    #[must_use]
    pub const fn new(names: [&'static str; N]) -> Self {
        Self { names, counts: [const { AtomicU64::new(0) }; N] }
    }

    /// Counts an event under a name; unknown names are ignored.
    pub fn count(&self, name: &str) {
        if let Some(at) = self.names.iter().position(|known| *known == name) {
            self.counts[at].fetch_add(1, Relaxed);
        }
    }

    /// Each name with its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.names.into_iter().zip(&self.counts).map(|(name, count)| (name, count.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_counted() {
        let tally = Tally::new(["good", "bad"]);
        for name in ["bad", "other", "bad", ""] {
            tally.count(name);
        }
        assert_eq!(tally.counts().collect::<Vec<_>>(), [("good", 0), ("bad", 2)]);
    }
}
