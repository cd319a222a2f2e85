//! The parameters after the `?` of a PostgreSQL URL: libpq's, and those of other programs that
//! people paste.
//!
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>

use crate::settings::database_url::DatabaseUrlProblem;
use crate::settings::database_url::problem::NAMES;

const SECOND_FACTOR: &str = "sslmode=verify-full keeps others out of the connection as well";
const IN_ORDER: &str =
    "leave it out; several hosts are tried in the order in which they are written";
const KEEPALIVES: &str = "leave it out; database.statement_timeout and database.acquire_timeout \
                          bound every wait, and the server is told to end dead connections";
const LEAVE: &str = "leave it out";
const POOL: &str = "use database.pool_size";
const WAIT: &str = "use database.acquire_timeout";
const SCHEMA: &str = "use options=-c%20search_path%3DNAME";
const TLS: &str = "use sslmode (without it, verify-full for any host but this machine)";
const POOLER: &str = "leave it out; a pooler in between must keep sessions (PgBouncer: pool_mode = \
                      session)";
const KERBEROS: &str = "log in with a password or with sslcert and sslkey";
const REVOCATION: &str = "lists of revoked certificates are not read; leave it out";

/// Parameters with a fixed meaning here: these values are accepted, others refused.
const FIXED: [(&str, &[&str], &str); 13] = [
    ("channel_binding", &["disable", "prefer"], SECOND_FACTOR),
    ("client_encoding", &["utf8", "utf-8", "auto"], LEAVE),
    ("gssencmode", &["disable", "prefer"], "sslmode=verify-full encrypts"),
    ("keepalives", &["0"], KEEPALIVES),
    ("load_balance_hosts", &["disable"], IN_ORDER),
    ("max_protocol_version", &["3.0", "latest"], LEAVE),
    ("min_protocol_version", &["3.0"], LEAVE),
    ("ssl_max_protocol_version", &["tlsv1.3"], LEAVE),
    (
        "ssl_min_protocol_version",
        &["tlsv1", "tlsv1.1", "tlsv1.2"],
        "TLSv1.2 is the least; leave it out",
    ),
    ("sslcertmode", &["allow"], "give sslcert and sslkey, or leave them out"),
    ("sslcompression", &["0"], LEAVE),
    ("sslnegotiation", &["postgres"], LEAVE),
    ("sslsni", &["1"], LEAVE),
];

/// Unsupported parameters, with what to do instead.
const UNSUPPORTED: [(&str, &str); 57] = [
    ("hostaddr", "write the address as the host, or let the host's name lead to it"),
    ("passfile", "use database.password_file, or the variable PGPASSFILE"),
    ("service", "write what it holds into the URL"),
    ("servicefile", "write what it holds into the URL"),
    ("require_auth", "the server's pg_hba.conf chooses; sslmode=verify-full keeps others out"),
    ("keepalives_idle", KEEPALIVES),
    ("keepalives_interval", KEEPALIVES),
    ("keepalives_count", KEEPALIVES),
    ("tcp_user_timeout", KEEPALIVES),
    ("replication", LEAVE),
    ("requiressl", TLS),
    ("requirepeer", "use a host and sslmode=verify-full"),
    ("sslpassword", "use a key without a passphrase that only the server's user can read"),
    ("sslcrl", REVOCATION),
    ("sslcrldir", REVOCATION),
    ("krbsrvname", KERBEROS),
    ("gsslib", KERBEROS),
    ("gssdelegation", KERBEROS),
    ("scram_client_key", "use database.password_file"),
    ("scram_server_key", "use database.password_file"),
    ("sslkeylogfile", LEAVE),
    ("oauth_issuer", "use database.password_file"),
    ("oauth_client_id", "use database.password_file"),
    ("oauth_client_secret", "use database.password_file"),
    ("oauth_scope", "use database.password_file"),
    // SQLAlchemy, asyncpg, JDBC, Prisma, Rails, sqlx and others.
    ("ssl", TLS),
    ("sslaccept", TLS),
    ("ssl-mode", TLS),
    ("ssl_mode", TLS),
    ("sslfactory", TLS),
    ("sslidentity", "use sslcert and sslkey"),
    ("pass", "use database.password_file"),
    ("passwd", "use database.password_file"),
    ("pwd", "use database.password_file"),
    ("username", "write the user before the host"),
    ("database", "write the database's name behind the host"),
    ("schema", SCHEMA),
    ("currentschema", SCHEMA),
    ("search_path", SCHEMA),
    ("pool", POOL),
    ("pool_size", POOL),
    ("max_pool_size", POOL),
    ("min_pool_size", POOL),
    ("maxpoolsize", POOL),
    ("connection_limit", POOL),
    ("pool_timeout", WAIT),
    ("pool_recycle", LEAVE),
    ("timeout", WAIT),
    ("connection_timeout", "use connect_timeout"),
    ("logintimeout", "use connect_timeout"),
    ("sockettimeout", "use database.statement_timeout"),
    ("socket_timeout", "use database.statement_timeout"),
    ("command_timeout", "use database.statement_timeout"),
    ("statement_timeout", "use database.statement_timeout"),
    ("pgbouncer", POOLER),
    ("prepared_statements", POOLER),
    ("statement_cache_size", POOLER),
];

/// The known parameter with this name, or `None` if it has no effect with this value.
pub(super) fn known(name: &str, value: &str) -> Result<Option<&'static str>, DatabaseUrlProblem> {
    if let Some(name) = NAMES.into_iter().find(|known| *known == name) {
        return Ok(Some(name));
    }
    let name = name.to_ascii_lowercase();
    if let Some((name, taken, instead)) = FIXED.into_iter().find(|(known, ..)| *known == name) {
        return if taken.contains(&value.to_ascii_lowercase().as_str()) {
            Ok(None)
        } else {
            Err(DatabaseUrlProblem::Unsupported { name, instead })
        };
    }
    if let Some((name, instead)) = UNSUPPORTED.into_iter().find(|(known, _)| *known == name) {
        return Err(DatabaseUrlProblem::Unsupported { name, instead });
    }
    let distance = |known: &&'static str| strsim::damerau_levenshtein(known, &name);
    let nearest = NAMES.into_iter().min_by_key(distance).filter(|known| distance(known) <= 2);
    Err(DatabaseUrlProblem::UnknownParameter { nearest })
}
