//! How often somebody may ask.

use crate::http::route_limits::counters::Allowance;
use crate::http::route_limits::rate_id::RateId;
use crate::security::{Counted, counted_address, counted_user};
use actix_web::HttpRequest;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How often somebody may ask, for [`Limits::rate`](crate::Limits::rate).
///
/// `per_minute(60)` allows 60 requests at once, and then one a second: what is left of the allowance comes back
/// evenly. Each address has its own (of IPv6, each network of 64 bits), the one that the access log shows;
/// behind a proxy that is not in `server.forwarded_allow_ips`, all are one. See [`by_user`](Self::by_user)
/// and [`by`](Self::by).
///
/// All threads of a process count together; processes (`server.processes`) and replicas count apart, so
/// with two of them twice as much may pass. A restart or reload forgets. What must hold exactly belongs into a
/// database. Memory is bounded: 16,384 parties each, 300 KiB; of more, those are forgotten that have used the
/// least of their allowance.
///
/// Clones count together: two routes with clones of one `Rate` share its allowance.
#[derive(Clone)]
pub struct Rate {
    pub(super) id: RateId,
    most: u32,
    within: Duration,
    burst: u32,
    by: By,
}

type MakeKey = dyn Fn(&HttpRequest) -> Option<String> + Send + Sync;

#[derive(Clone)]
enum By {
    Address,
    User,
    Key(Arc<MakeKey>),
}

impl Rate {
    /// So many in a second.
    ///
    /// # Panics
    ///
    /// If it is none; that stops the start.
    #[must_use]
    pub fn per_second(most: u32) -> Self {
        Self::within(most, Duration::from_secs(1))
    }

    /// So many in a minute.
    ///
    /// # Panics
    ///
    /// If it is none; that stops the start.
    #[must_use]
    pub fn per_minute(most: u32) -> Self {
        Self::within(most, Duration::from_mins(1))
    }

    /// So many in an hour.
    ///
    /// # Panics
    ///
    /// If it is none; that stops the start.
    #[must_use]
    pub fn per_hour(most: u32) -> Self {
        Self::within(most, Duration::from_hours(1))
    }

    fn within(most: u32, within: Duration) -> Self {
        assert!(most > 0, "a Rate of 0 would admit nobody");
        Self { id: RateId::next(), most, within, burst: most, by: By::Address }
    }

    /// At most so many at once, instead of all.
    ///
    /// # Panics
    ///
    /// If it is none; that stops the start.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Self {
        assert!(burst > 0, "a burst of 0 would admit nobody");
        self.burst = burst;
        self
    }

    /// Counts by user, or by client of the authorization server: whom a [`guard`](crate::security::guard())
    /// around the limits has found, or whose token or API key the request carries. All others are counted by address.
    #[must_use]
    pub fn by_user(mut self) -> Self {
        self.by = By::User;
        self
    }

    /// Counts by a text that is made of the request, for example of a header; by address where there is none.
    #[must_use]
    pub fn by(
        mut self,
        key: impl Fn(&HttpRequest) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.by = By::Key(Arc::new(key));
        self
    }

    /// Whom a request counts for.
    pub(super) async fn party(&self, request: &HttpRequest) -> Counted {
        let found = match &self.by {
            By::Address => None,
            By::User => counted_user(request).await,
            By::Key(key) => key(request).map(Counted::Key),
        };
        found.unwrap_or_else(|| counted_address(request))
    }

    pub(super) fn allowance(&self) -> Allowance {
        Allowance::new(self.most, self.within, self.burst)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rate({} per {:?}, burst {})", self.most, self.within, self.burst)
    }
}
