//! `[database]`

use crate::settings::database_url::DatabaseUrl;
use crate::settings::declaration::{seconds, settings, whole};
use crate::settings::key::Kind;
use crate::settings::named_file::NamedFile;
use std::num::NonZeroU32;

settings! {
    /// `[database]`
    pub struct DatabaseSettings in database {
        /// The database: `sqlite:PATH`, for example `sqlite:/srv/users.db`, for one machine; or
        /// `postgres://USER@HOST:PORT/NAME` for several. Empty: `bailiwick.db` in `data_dir`.
        ///
        /// SQLAlchemy's spellings work too: `sqlite:///users.db` is relative to the working
        /// directory, `sqlite:////srv/users.db` is absolute, and a driver (`postgresql+asyncpg://`) is
        /// ignored.
        ///
        /// In a user name or password, special characters are percent-encoded: %40 for @, %3A for :,
        /// %2F for /, %3F for ?, %23 for #, %25 for %. After a `?`, parameters may follow, joined by `&`:
        /// - sslmode: disable, allow, prefer, require, verify-ca or verify-full. Without it (and
        ///   PGSSLMODE) verify-full; on this machine (localhost, 127.0.0.1, `[::1]`, a unix socket)
        ///   prefer.
        /// - sslrootcert: a file with the authority that signed the server's certificate, in addition
        ///   to those that browsers know; sslcert and sslkey: a client certificate and its key.
        /// - `options`, for example `-c%20search_path%3Dauth` for tables in a schema of that name.
        /// - `target_session_attrs`, for several servers: HOST1:PORT,HOST2:PORT, tried in this order.
        ///   any: the first that responds; read-write: the first that takes writes; primary: the first
        ///   that is no standby.
        /// - `application_name`, `connect_timeout` (instead of the key below), and host, port,
        ///   user, password, dbname: `postgres:///users?host=/run/postgresql` is a unix socket.
        ///
        /// libpq's other parameters are refused, with what to use instead.
        url: DatabaseUrl = "";

        /// A file with the password for PostgreSQL; not together with a password in the URL.
        #[example = "/run/secrets/database"]
        password_file: Option<NamedFile> => Kind::SecretFile;

        /// Connections in the pool, per process. On PostgreSQL these read; the next key's
        /// connections write, and one more listens for changes. All processes together must stay
        /// below the server's `max_connections`.
        pool_size: NonZeroU32 = 4 => whole(1, 1000);

        /// PostgreSQL: connections that write, per process. They are separate so that writes
        /// waiting for a locked row hold up no reader.
        write_pool_size: NonZeroU32 = 2 => whole(1, 1000);

        /// PostgreSQL: seconds to keep trying to reach the server at the start.
        connect_timeout: NonZeroU32 = 5 => seconds(1, 3600);

        /// PostgreSQL: seconds that a request may wait for a connection, free or new, and for a
        /// response if the server or the network fails meanwhile. After that it gets a 503. A write
        /// waits once more as long while others write to the same user.
        acquire_timeout: NonZeroU32 = 3 => seconds(1, 3600);

        /// PostgreSQL: seconds that one operation of a request may take in the database before it
        /// gets a 503. It waits a fifth of that for others' locks. Commands on all users
        /// (`bailiwick db`, `users import`) take as long as they need.
        statement_timeout: NonZeroU32 = 5 => seconds(1, 3600);
    }
}
