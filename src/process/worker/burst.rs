//! Notices the end of a burst of connections, when their memory is returned to the system.

/// Connections that must have closed: fewer take less than a few MiB.
const BURST: usize = 256;

/// The connections of one process, checked from time to time.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// The most since the last burst ended.
    peak: usize,
}

impl Burst {
    /// Whether half of a burst's connections have closed since its peak.
    pub(super) fn has_passed(&mut self, connections: usize) -> bool {
        self.peak = self.peak.max(connections);
        let gone = self.peak - connections;
        let is_over = gone >= BURST && gone >= self.peak / 2;
        if is_over {
            self.peak = connections;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks<const N: usize>(connections: [usize; N]) -> [bool; N] {
        let mut burst = Burst::default();
        connections.map(|connections| burst.has_passed(connections))
    }

    #[test]
    fn a_burst_is_over_when_half_have_gone() {
        assert_eq!(looks([0, 10_000, 9_000, 5_000, 4_000]), [false, false, false, true, false]);
    }

    #[test]
    fn the_rest_of_it_counts_again() {
        assert_eq!(looks([1_000, 500, 244, 0]), [false, true, true, false]);
    }

    #[test]
    fn few_connections_are_no_burst() {
        assert_eq!(looks([255, 0, 255, 0]), [false; 4]);
    }
}
