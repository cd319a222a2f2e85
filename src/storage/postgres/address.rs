//! The address of a PostgreSQL server, and how to connect to it.

use crate::domain::Secret;
use crate::settings::{
    DatabaseSettings, DatabaseUrl, Host, NamedFile, PostgresServer, PostgresUrl, SslMode, SslRoot,
};
use crate::storage::StorageError;
use crate::storage::postgres::servers::Servers;
use form_urlencoded::Serializer;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long an idle session may take to prove that it lives; then another one is opened.
const ALIVE: Duration = Duration::from_secs(1);

/// The servers, and a database on them.
#[derive(Clone)]
pub(in crate::storage) struct Address {
    pub(super) servers: Arc<Servers>,
    /// For messages; without user and password.
    pub(super) label: String,
    /// The servers' hosts, or the folders of their sockets.
    pub(super) hosts: String,
    /// The files that TLS needs, by parameter.
    pub(super) files: Vec<(&'static str, NamedFile)>,
    pub(super) connect_timeout: Duration,
    pub(super) acquire_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) pool_size: u32,
    pub(super) write_pool_size: u32,
}

impl Address {
    /// For messages; without user and password.
    pub(in crate::storage) fn label(&self) -> &str {
        &self.label
    }

    /// The address in the settings, or `None` if they name no PostgreSQL.
    pub(in crate::storage) fn of(
        settings: &DatabaseSettings,
    ) -> Result<Option<Self>, StorageError> {
        let DatabaseUrl::Postgres(url) = &settings.url else { return Ok(None) };
        let password = match &settings.password_file {
            Some(file) => Some(read_password(file)?),
            None => url.password.clone(),
        };
        let options = |server| options(url, server, password.as_ref());
        let all = url.servers.iter().map(options).collect::<Result<Vec<_>, _>>();
        let all = all.map_err(|_| StorageError::unusable("database.url", "cannot be used"))?;
        let hosts: Vec<_> = url.servers.iter().map(|server| server.host.to_string()).collect();
        let places = url.servers.iter().zip(&all).map(|(server, options)| match &server.host {
            Host::Socket(_) => server.host.to_string(),
            Host::Tcp(host) if host.contains(':') => format!("[{host}]:{}", options.get_port()),
            Host::Tcp(host) => format!("{host}:{}", options.get_port()),
        });
        let places = places.collect::<Vec<_>>().join(",");
        let root = match &url.ssl_root {
            SslRoot::File(file) => Some(("sslrootcert", file.clone())),
            SslRoot::Public => None,
        };
        let client = url.client_certificate.iter();
        let client = client.flat_map(|(certificate, key)| {
            [("sslcert", certificate.clone()), ("sslkey", key.clone())]
        });
        let seconds = |number: std::num::NonZeroU32| Duration::from_secs(number.get().into());
        Ok(Some(Self {
            servers: Arc::new(Servers::new(all, url.target_session)),
            label: format!("postgres://{places}/{}", url.name),
            hosts: hosts.join(", "),
            files: root.into_iter().chain(client).collect(),
            connect_timeout: seconds(url.connect_timeout.unwrap_or(settings.connect_timeout)),
            acquire_timeout: seconds(settings.acquire_timeout),
            statement_timeout: seconds(settings.statement_timeout),
            pool_size: settings.pool_size.get(),
            write_pool_size: settings.write_pool_size.get(),
        }))
    }

    /// Sent at the start of every session. As parameters of the connection, poolers would refuse
    /// them.
    ///
    /// A statement waiting for others' locks gives up well before one that is merely slow. The last
    /// four end sessions of a replica whose machine or network is gone: its locks would block the
    /// others.
    pub(super) async fn prepare(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let statement_timeout = self.statement_timeout.as_millis();
        let lock_timeout = statement_timeout / 5;
        let statement = format!(
            "SET statement_timeout = {statement_timeout};
             SET lock_timeout = {lock_timeout};
             SET idle_in_transaction_session_timeout = '60s';
             SET tcp_keepalives_idle = 10;
             SET tcp_keepalives_interval = 5;
             SET tcp_keepalives_count = 3"
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
    }

    /// A pool's options, with prepared sessions. Before each use a session is checked, which on a
    /// dead network would last until the pool's patience ends.
    pub(super) fn pool(&self) -> PgPoolOptions {
        let (address, servers) = (self.clone(), Arc::clone(&self.servers));
        PgPoolOptions::new()
            .after_connect(move |connection, _| -> BoxFuture<'_, _> {
                let address = address.clone();
                Box::pin(async move {
                    address.servers.check(&mut *connection).await?;
                    address.prepare(connection).await
                })
            })
            .test_before_acquire(false)
            .before_acquire(move |connection, session| -> BoxFuture<'_, _> {
                let is_former = servers.is_former(session.age);
                Box::pin(async move {
                    let answers = timeout(ALIVE, connection.ping());
                    Ok(!is_former && matches!(answers.await, Ok(Ok(()))))
                })
            })
    }
}

fn read_password(file: &NamedFile) -> Result<Secret, StorageError> {
    let failed = |cause: io::Error| StorageError::Password { file: file.path().to_owned(), cause };
    let content = file.read().map_err(failed)?;
    let password = content.to_text().map_err(failed)?;
    Ok(Secret::new(password.expose().trim_end_matches(['\n', '\r'])))
}

/// The file's content when the settings were accepted. Without it, the driver reads the file.
fn held(file: &NamedFile) -> Option<&[u8]> {
    Some(file.held()?.text()?.expose().as_bytes())
}

/// The driver's options. It reads `~/.pgpass` only when it parses a URL, so it gets one without
/// special characters.
fn options(
    url: &PostgresUrl,
    server: &PostgresServer,
    password: Option<&Secret>,
) -> Result<PgConnectOptions, sqlx::Error> {
    let mut text = Serializer::new(String::new());
    if let Host::Tcp(host) = &server.host {
        text.append_pair("host", host);
    }
    if let Some(port) = server.port {
        text.append_pair("port", &port.to_string());
    }
    text.append_pair("dbname", &url.name);
    for (name, value) in [
        ("user", url.user.as_deref()),
        ("password", password.map(Secret::expose)),
        ("options", url.options.as_deref()),
        ("application_name", url.application_name.as_deref()),
    ] {
        if let Some(value) = value {
            text.append_pair(name, value);
        }
    }
    let mut options: PgConnectOptions = format!("postgres:///?{}", text.finish()).parse()?;
    if let Host::Socket(folder) = &server.host {
        options = options.socket(folder);
    }
    if options.get_application_name().is_none() {
        options = options.application_name("bailiwick");
    }
    if let SslRoot::File(file) = &url.ssl_root {
        options = match held(file) {
            Some(pem) => options.ssl_root_cert_from_pem(pem.to_vec()),
            None => options.ssl_root_cert(file.path()),
        };
    }
    if let Some((certificate, key)) = &url.client_certificate {
        options = match held(certificate) {
            Some(pem) => options.ssl_client_cert_from_pem(pem),
            None => options.ssl_client_cert(certificate.path()),
        };
        options = match held(key) {
            Some(pem) => options.ssl_client_key_from_pem(pem),
            None => options.ssl_client_key(key.path()),
        };
    }
    let environment = std::env::var("PGSSLMODE").ok();
    let mode = match url.ssl_mode(environment.as_deref()) {
        SslMode::Disable => PgSslMode::Disable,
        SslMode::Allow => PgSslMode::Allow,
        SslMode::Prefer => PgSslMode::Prefer,
        SslMode::Require => PgSslMode::Require,
        SslMode::VerifyCa => PgSslMode::VerifyCa,
        SslMode::VerifyFull => PgSslMode::VerifyFull,
    };
    // Nothing here uses floats; poolers refuse the parameter.
    Ok(options.ssl_mode(mode).extra_float_digits(None).disable_statement_logging())
}
