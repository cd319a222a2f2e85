//! Where a PostgreSQL server is, and how this program connects to it.

use crate::settings::DatabaseSettings;
use crate::storage::StorageError;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use std::fs;
use std::time::Duration;

/// A server and a database on it.
#[derive(Clone)]
pub(in crate::storage) struct Address {
    /// For connections that serve requests.
    pub(super) options: PgConnectOptions,
    pub(super) label: String,
    pub(super) connect_timeout: Duration,
    pub(super) acquire_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) pool_size: u32,
}

impl Address {
    /// For messages; without user and password.
    pub(in crate::storage) fn label(&self) -> &str {
        &self.label
    }

    /// The address that the settings give, or `None` when they name no PostgreSQL.
    pub(in crate::storage) fn of(
        settings: &DatabaseSettings,
    ) -> Result<Option<Self>, StorageError> {
        let url = settings.url.expose();
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Ok(None);
        }
        let mut options: PgConnectOptions = url.parse().map_err(|_| StorageError::Url)?;
        if let Some(file) = &settings.password_file {
            let password = fs::read_to_string(file)
                .map_err(|cause| StorageError::Password { file: file.clone(), cause })?;
            options = options.password(password.trim_end_matches(['\n', '\r']));
        }
        if options.get_application_name().is_none() {
            options = options.application_name("bailiwick");
        }
        let seconds = |number: std::num::NonZeroU32| Duration::from_secs(number.get().into());
        let statement_timeout = seconds(settings.statement_timeout);
        let milliseconds = statement_timeout.as_millis().to_string();
        // The last four end what a replica leaves behind whose machine or network is gone: its
        // locks would stop the others.
        let options = options.disable_statement_logging().options([
            ("statement_timeout", milliseconds.as_str()),
            ("idle_in_transaction_session_timeout", "60s"),
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        let host = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let label = format!("postgres://{host}/{}", options.get_database().unwrap_or_default());
        Ok(Some(Self {
            options,
            label,
            connect_timeout: seconds(settings.connect_timeout),
            acquire_timeout: seconds(settings.acquire_timeout),
            statement_timeout,
            pool_size: settings.pool_size.get(),
        }))
    }
}
