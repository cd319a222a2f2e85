//! What the settings say of the master itself: renewed with each plan that is put in force.

use super::{ERROR, Master, Phase, control, identity};
use crate::logging;
use crate::process::cores;
use std::sync::Arc;

impl Master {
    /// Makes of this process and its files what the plan in force wants.
    pub(super) fn renew(&mut self) {
        let settings = Arc::clone(&self.plan.settings);
        identity::set_umask(&settings.server);
        cores::settle(settings.server.core_dumps);
        self.renew_log();
        // As long as there is a predecessor, both are its own.
        if self.predecessor.is_none() {
            self.take_pidfile(&settings, None);
            self.renew_control();
        }
        self.renew_sockets();
        self.watch_files();
    }

    /// The sockets that stayed become what a start would have made of them.
    pub(super) fn renew_sockets(&self) {
        self.plan.listeners.renew(&self.plan.settings.server, self.plan.socket_owner());
    }

    /// Exchanges the log of this process, if its settings have changed.
    fn renew_log(&mut self) {
        let wanted = (&self.plan.settings.logging, self.plan.identity);
        if (&self.log.0, self.log.1) == wanted {
            return;
        }
        match logging::exchange(wanted.0, self.plan.identity.log_opener()) {
            Ok(()) => self.log = (wanted.0.clone(), wanted.1),
            Err(error) => log::error!(target: ERROR, "The master's log stays as it was: {error}"),
        }
    }

    /// The control socket moves to its new place; one whose file is gone is made again.
    fn renew_control(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        let path = control::path(&self.plan.settings);
        if self.control.as_ref().is_some_and(|control| control.is_at(&path)) {
            self.control_due = None;
        } else {
            // Until it is had, the old one stays.
            self.take_control(false);
        }
    }
}
