//! The master's own settings, applied with each plan that takes effect.

use super::{ERROR, Master, Phase, control, identity};
use crate::logging;
use crate::process::cores;
use std::sync::Arc;

impl Master {
    /// Applies the current plan to this process and its files.
    pub(super) fn renew(&mut self) {
        let settings = Arc::clone(&self.plan.settings);
        identity::set_umask(&settings.server);
        cores::settle(settings.server.core_dumps);
        self.renew_log();
        // While the predecessor lives, it keeps both.
        if self.predecessor.is_none() {
            self.take_pidfile(&settings, None);
            self.renew_control();
        }
        self.renew_sockets();
        self.watch_files();
    }

    /// Gives the kept sockets what a start would have given them.
    pub(super) fn renew_sockets(&self) {
        self.plan.listeners.renew(&self.plan.settings.server, self.plan.socket_owner());
    }

    /// Replaces this process's log if its settings have changed.
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

    /// Moves the control socket to its new place, and binds it again if its file is gone.
    fn renew_control(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        let path = control::path(&self.plan.settings);
        if self.control.as_ref().is_some_and(|control| control.is_at(&path)) {
            self.control_due = None;
        } else {
            // The old one stays until the new one is bound.
            self.take_control(false);
        }
    }
}
