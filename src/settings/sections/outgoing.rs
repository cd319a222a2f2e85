//! `[outgoing]`

use crate::domain::Secret;
use crate::settings::checks;
use crate::settings::declaration::{seconds, settings, whole};
use crate::settings::key::Kind;
use crate::settings::named_file::NamedFile;
use std::num::{NonZeroU32, NonZeroUsize};

settings! {
    /// `[outgoing]`: requests that the server itself sends: for the keys of clients (`jwks_uri`), to other
    /// providers, and to tell clients of a logout.
    pub struct OutgoingSettings in outgoing {
        /// Addresses, networks and host names that may be asked although they are not public: this
        /// machine, private networks. Only these may be asked by http, without TLS. A name is
        /// believed whatever its address is.
        allow: Vec<String> = [] => Kind::List(
            checks::is_target,
            "a list of addresses, networks and host names, without scheme and port",
        );

        /// A proxy for all requests but those to host names in `allow`. Absent: none, whatever
        /// `HTTPS_PROXY` is. The proxy looks up the names: it should refuse private addresses itself.
        #[example = "http://proxy.example.com:3128"]
        proxy: Option<Secret> => Kind::Secret(
            checks::is_proxy,
            "a URL such as http://proxy.example.com:3128, with USER:PASSWORD@ before the host if need be",
        );

        /// A file with the certificates of the authorities that are trusted, as PEM. Absent: those of
        /// the system.
        #[example = "/etc/ssl/certs/internal-ca.pem"]
        ca_file: Option<NamedFile>;

        /// Seconds that a request may take altogether.
        timeout: NonZeroU32 = 10 => seconds(1, 60);

        /// Requests of each worker process that are under way at once; at most half of them to the same
        /// host. Others wait.
        connections: NonZeroUsize = 16 => whole(2, 256);
    }
}
