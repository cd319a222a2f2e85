//! Gives freed memory back to the system. glibc keeps what lies below the top of an arena until it
//! is told otherwise: after a burst, a process keeps its largest size.

/// Gives back every free page of all arenas, and says whether there were any (`malloc_trim(3)`).
///
/// Each arena is locked while it is searched, for as long as it takes to walk its free chunks:
/// call this after a burst, not during one. With another C library than glibc it does nothing.
#[must_use]
pub fn malloc_trim() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: it takes no pointer, is safe to call from any thread (MT-Safe), and touches only
        // memory that nobody has allocated.
        #[expect(unsafe_code, reason = "the C library's function has no safe wrapper")]
        unsafe {
            libc::malloc_trim(0) != 0
        }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
