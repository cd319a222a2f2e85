//! What is to run: an accepted configuration, with its sockets.

use super::identity::Identity;
use crate::http::ServeError;
use crate::logging::{self, ERROR};
use crate::process;
use crate::process::listener::Listeners;
use crate::settings::{Contents, Layers, Settings, default_workers};
use std::path::PathBuf;
use std::sync::Arc;

/// The configuration of one generation of workers.
#[derive(Clone)]
pub(super) struct Plan {
    /// Rises with each plan that takes effect.
    pub(super) generation: u64,
    /// With the text of the files, for the workers.
    pub(super) layers: Layers,
    pub(super) settings: Arc<Settings>,
    pub(super) identity: Identity,
    /// Worker threads of each process.
    pub(super) threads: usize,
    pub(super) listeners: Listeners,
    /// Content of the files that the settings name, for the workers.
    pub(super) contents: Contents,
    /// The log's files.
    pub(super) log_files: Vec<PathBuf>,
}

impl Plan {
    /// Reads the settings and opens the sockets that these listeners lack.
    pub(super) fn new(layers: Layers, listeners: &Listeners) -> Result<Self, String> {
        let loaded = layers.clone().load().map_err(|error| error.to_string())?;
        loaded.warnings.iter().for_each(|warning| log::warn!(target: ERROR, "{warning}"));
        let open = |settings: &_, owner| listeners.exchange(settings, owner);
        Self::with(layers, loaded.settings, open).map_err(|error| error.to_string())
    }

    /// The first one, for settings already loaded.
    pub(super) fn first(
        layers: Layers,
        settings: Settings,
        listeners: &Listeners,
    ) -> Result<Self, ServeError> {
        let open = |settings: &_, owner| listeners.exchange_at_start(settings, owner);
        Ok(Self { generation: 1, ..Self::with(layers, settings, open)? })
    }

    fn with(
        layers: Layers,
        mut settings: Settings,
        open: impl Fn(&Settings, (Option<u32>, Option<u32>)) -> Result<Listeners, ServeError>,
    ) -> Result<Self, ServeError> {
        let identity = Identity::of(&settings.server)?;
        identity.hold_files(&mut settings)?;
        process::check(&settings)?;
        for note in logging::notes(&settings.logging)? {
            let level = if note.is_warning { log::Level::Warn } else { log::Level::Info };
            log::log!(target: ERROR, level, "{note}");
        }
        let log_files = logging::make_files(&settings.logging, &identity.log_opener())?;
        let listeners = open(&settings, socket_owner(&settings, identity))?;
        identity.hold_secret(&mut settings);
        Ok(Self {
            generation: 0,
            identity,
            contents: settings.contents(),
            log_files,
            threads: settings.server.workers.unwrap_or_else(default_workers).get(),
            listeners,
            settings: Arc::new(settings),
            layers,
        })
    }

    /// The owner and group of new unix sockets. A user's own group is no reason to take a socket
    /// from the group of its folder.
    pub(super) fn socket_owner(&self) -> (Option<u32>, Option<u32>) {
        socket_owner(&self.settings, self.identity)
    }

    /// The URL of `/docs` in a browser, if served.
    pub(super) fn docs_url(&self) -> Option<String> {
        let enabled = self.settings.docs.enabled;
        let server = &self.settings.server;
        let prefix = server.root_path.as_str();
        let through_proxy = format!("{prefix}/docs, through the proxy");
        let url = match self.listeners.browsable() {
            // The page requests its files below the prefix.
            Some(url) if prefix.is_empty() || server.strip_root_path => {
                format!("{url}{prefix}/docs")
            }
            _ => through_proxy,
        };
        enabled.then_some(url)
    }

    /// The same configuration, read again from files that may have changed.
    pub(super) fn renewed(&self) -> Result<Self, String> {
        Self::new(self.layers.clone().read().map_err(|error| error.to_string())?, &self.listeners)
    }

    /// The seconds for draining, and for stopping after it.
    ///
    /// An idle connection is closed after `keepalive`; any other gets a response with `Connection:
    /// close`. One second later no client can be surprised.
    pub(super) fn patience(&self) -> (u64, u64) {
        let server = &self.settings.server;
        (server.keepalive + 1, server.graceful_timeout)
    }
}

fn socket_owner(settings: &Settings, identity: Identity) -> (Option<u32>, Option<u32>) {
    (identity.user, identity.group.filter(|_| settings.server.group.is_some()))
}
