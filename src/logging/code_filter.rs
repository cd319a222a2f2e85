//! Filters in an application's own code.

use super::Access;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

static FILTERS: OnceLock<Vec<Arc<dyn LogFilter>>> = OnceLock::new();

/// Decides in code which requests the access log shows, like a filter for Python's `addFilter`.
///
/// A function or closure from `&Access` to `bool` is a filter, and so is a type that implements
/// this trait.
/// [`Server::log_filter`](crate::Server::log_filter) adds them.
///
/// ```
/// use bailiwick::{Access, LogFilter, Server};
/// use std::time::Duration;
///
/// /// Shows only slow requests.
/// struct SlowerThan(Duration);
///
/// impl LogFilter for SlowerThan {
///     fn keeps(&self, request: &Access) -> bool {
///         request.elapsed > self.0
///     }
/// }
///
/// fn is_no_front_page(request: &Access) -> bool {
///     !request.message().contains("GET / HTTP/1.1")
/// }
///
/// let server = Server::new("shop")
///     .log_filter(SlowerThan(Duration::from_millis(50)))
///     .log_filter(is_no_front_page)
///     .log_filter(|request: &Access| request.status != 304);
/// ```
pub trait LogFilter: Send + Sync + 'static {
    /// Whether the request's line is written.
    ///
    /// Called once per request, after the head of the response and on its thread: it must not
    /// block. If it panics, the line is written.
    fn keeps(&self, request: &Access) -> bool;
}

impl<F: Fn(&Access) -> bool + Send + Sync + 'static> LogFilter for F {
    fn keeps(&self, request: &Access) -> bool {
        self(request)
    }
}

/// Activates these filters, once per process.
pub fn filter_by(filters: Vec<Arc<dyn LogFilter>>) {
    // A second server in the same process has no log of its own either.
    let _ = FILTERS.set(filters);
}

impl Access {
    /// Writes the line, if the log wants it.
    pub fn log(self) {
        if !keeps(&self) {
            return;
        }
        self.write_line();
    }
}

/// Whether all filters keep the request.
fn keeps(request: &Access) -> bool {
    FILTERS.get().is_none_or(|filters| keep(filters, request))
}

fn keep(filters: &[Arc<dyn LogFilter>], request: &Access) -> bool {
    // A line may be written during a panic: a second one would abort the process.
    filters
        .iter()
        .all(|filter| catch_unwind(AssertUnwindSafe(|| filter.keeps(request))).unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::super::access::testing::access;
    use super::*;

    #[test]
    fn every_filter_must_keep_a_line_and_one_that_panics_does() {
        let ok = |request: &Access| request.status == 200;
        let get: fn(&Access) -> bool = |request| request.method == "GET";
        let broken = |_: &Access| -> bool { panic!("a filter of the test") };
        let all: [Arc<dyn LogFilter>; 3] = [Arc::new(ok), Arc::new(broken), Arc::new(get)];
        assert!(keep(&[], &access()));
        assert!(keep(&all, &access()));
        assert!(!keep(&all, &Access { status: 404, ..access() }));
        assert!(!keep(&all, &Access { method: "PUT".into(), ..access() }));
    }
}
