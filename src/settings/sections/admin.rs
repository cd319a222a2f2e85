//! `[admin]`

use crate::settings::bind::Bind;
use crate::settings::declaration::settings;

settings! {
    /// `[admin]`: health and metrics.
    pub struct AdminSettings in admin {
        /// Where /healthz (the process lives), /readyz (it takes requests: not while it drains, nor
        /// while the database does not answer) and /metrics (for Prometheus) are served. Nobody is
        /// asked for a token there, so name an address that only the monitoring reaches. With
        /// `server.processes` above 1, one process answers, for itself alone: its figures, not their
        /// sum. Empty: nowhere.
        bind: Vec<Bind> = [];

        /// Whether they are served at the addresses of `server.bind`, too, where every client sees
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
