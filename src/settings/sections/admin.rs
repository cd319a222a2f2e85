//! `[admin]`

use crate::settings::bind::Bind;
use crate::settings::declaration::settings;

settings! {
    /// `[admin]`: health and metrics.
    pub struct AdminSettings in admin {
        /// Where to serve /healthz (the process is alive), /readyz (it accepts requests: not while
        /// it drains, nor while the database does not respond) and /metrics (for Prometheus). They
        /// require no token, so name an address that only your monitoring can reach. Empty:
        /// nowhere.
        bind: Vec<Bind> = [];

        /// Whether to serve them at the addresses of `server.bind` as well, where every client sees
        /// them.
        public: bool = false;
    }
}

impl AdminSettings {
    /// Whether they are served anywhere.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.public || !self.bind.is_empty()
    }
}
