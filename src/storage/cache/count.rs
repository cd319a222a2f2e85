//! A counter that threads increment in different places, so that they do not contend.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

const PARTS: usize = 16;

thread_local! {
    static PART: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed) % PARTS
    };
}

/// Exact once no thread is incrementing.
#[derive(Default)]
pub(super) struct Count([Part; PARTS]);

/// Separated by what cores exchange at a time: a cache line.
#[derive(Default)]
#[repr(align(128))]
struct Part(AtomicU64);

impl Count {
    pub(super) fn add_one(&self) {
        self.0[PART.with(|part| *part)].0.fetch_add(1, Relaxed);
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.iter().map(|part| part.0.load(Relaxed)).sum()
    }
}
