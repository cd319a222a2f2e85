//! `[server]`

use crate::settings::bind::Bind;
use crate::settings::checks;
use crate::settings::declaration::{bytes, mebibytes, seconds, settings, whole, words};
use crate::settings::file_mode::FileMode;
use crate::settings::flag::{FlagPlace, flag, switch};
use crate::settings::key::Kind;
use crate::settings::public_url::PublicUrl;
use crate::settings::root_path::RootPath;
use crate::settings::units::DAY;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

settings! {
    /// `[server]`: listeners, workers, limits.
    pub struct ServerSettings in server {
        /// Where to listen: `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.
        ///
        /// `0.0.0.0` is every IPv4 address of this machine. `[::]` is every address, including
        /// IPv4, unless an IPv4 address with the same port is listed too. Port 0 lets the system
        /// pick one. The folder of a unix socket must exist. The flags `--host` and `--port` do the
        /// same.
        bind: Vec<Bind> = ["127.0.0.1:8000"] => Kind::Binds(true),
            flag("--bind", "ADDR").short('b').repeated().shown(FlagPlace::First);

        /// Worker threads per worker process. Absent: one for each core that the CPU affinity and
        /// the container's quota allow. gunicorn's 2 * cores + 1 is for workers that block while a
        /// request waits for the database or a password is hashed. These never block: more threads
        /// than cores only take turns.
        #[example = 4]
        workers: Option<NonZeroUsize> => whole(1, 1024),
            flag("--workers", "N").short('w').shown(FlagPlace::First);

        /// Worker processes, each with `workers` threads.
        ///
        /// One is enough for speed. With two, a process that crashes takes down only its own
        /// requests.
        processes: NonZeroUsize = 1 => whole(1, 1024),
            flag("--processes", "N").shown(FlagPlace::First);

        /// Connections that may wait to be accepted, per listener.
        ///
        /// The kernel's `net.core.somaxconn` is a limit too.
        backlog: NonZeroU32 = 2048 => whole(1, 65_535), flag("--backlog", "N");

        /// Connections that each worker thread serves at once; more wait.
        ///
        /// Each takes a file descriptor: see `ulimit -n`.
        worker_connections: NonZeroUsize = 10000 => whole(1, 1_000_000),
            flag("--worker-connections", "N");

        /// Connections that one address (IPv6: one network of 64 bits) keeps when all of
        /// `worker_connections` are taken. Of the address with the most connections above this
        /// number, the newest is closed, so no client can shut out the others. 0: no limit. Peers
        /// in `forwarded_allow_ips`, which send for many clients, and peers on unix sockets are
        /// not counted.
        connections_per_address: usize = 100 => whole(0, 1_000_000);

        /// Seconds that an idle connection is kept for another request; 0 closes it after each
        /// response.
        ///
        /// Behind a proxy, this must be longer than the proxy keeps its idle connections.
        keepalive: u64 = 75 => seconds(0, DAY), flag("--keep-alive", "SECONDS");

        /// Seconds that requests in flight have to finish after SIGTERM.
        ///
        /// Before that, clients are sent away for at most 5 s, or, when a worker process is
        /// replaced while the server runs on, for `keepalive`.
        graceful_timeout: u64 = 30 => seconds(0, DAY), flag("--graceful-timeout", "SECONDS");

        /// Old worker processes that may drain at once for each one that serves.
        ///
        /// After more reloads in a row, the oldest makes room: it closes its idle connections, and
        /// its requests in flight have 5 s more, or `graceful_timeout` if that is shorter.
        max_draining: NonZeroUsize = 4 => whole(1, 1000);

        /// Seconds that a worker thread may stall before its process is replaced; 0: never replaced
        /// for that.
        ///
        /// Also the time that a worker process has to start.
        timeout: u64 = 30 => seconds(0, DAY), flag("--timeout", "SECONDS").short('t');

        /// Requests after which a worker process is replaced; 0: never.
        ///
        /// Processes are replaced one at a time.
        max_requests: u64 = 0 => whole(0, i64::MAX), flag("--max-requests", "N");

        /// Adds up to this many requests to `max_requests`, at random for each process.
        max_requests_jitter: u64 = 0 => whole(0, 1 << 32), flag("--max-requests-jitter", "N");

        /// Resident memory in MiB above which a worker process is replaced; 0: any amount.
        max_memory: u64 = 0 => mebibytes(0, 1 << 32);

        /// Requests in flight in one worker process; more get a 503 with `Retry-After` at once. 0:
        /// any number.
        limit_concurrency: usize = 0 => whole(0, 1 << 32), flag("--limit-concurrency", "N");

        /// Seconds that a client has to send the head of a request.
        client_header_timeout: NonZeroU64 = 5 => seconds(1, DAY);

        /// Seconds that a client has to send the body of a request.
        client_body_timeout: NonZeroU64 = 30 => seconds(1, DAY);

        /// Seconds that a client may leave a response unread before its connection is cut. Starts
        /// again whenever the client reads.
        send_timeout: NonZeroU64 = 60 => seconds(1, DAY);

        /// Longest path and query of a request in bytes; a longer one gets a 414.
        limit_request_line: NonZeroUsize = 8190 => bytes(1, 65_536);

        /// Most header fields of a request; more get a 431.
        limit_request_fields: NonZeroUsize = 96 => whole(1, 96);

        /// Longest header field in bytes, name and value; a longer one gets a 431. A head of more
        /// than 128 KiB is always refused unread.
        limit_request_field_size: NonZeroUsize = 32768 => bytes(1, 65_536);

        /// Largest body of a request in bytes; a larger one gets a 413. Logins and the server's
        /// other forms take at most 16 KiB, its JSON documents 64 KiB.
        limit_request_body: NonZeroUsize = 1048576 => bytes(1, 1 << 30);

        /// Bytes of bodies that one worker process holds at once; 0: any number. Requests above 16
        /// KiB count, so logins are not affected, and so do responses until their client has read
        /// them. Beyond this, or beyond half of it from one address, requests get a 503 with
        /// `Retry-After`, and clients that have not read for a second are cut off. It is never less
        /// than twice `limit_request_body`.
        limit_buffered: usize = 67108864 => bytes(0, 1 << 40);

        /// Where clients reach this server: the issuer of its tokens and the base of its links.
        /// `https`, or `http` on this machine only. With `tokens.issuer`, both must be the same.
        /// Absent: nothing needs it.
        #[example = "https://auth.example.com"]
        public_url: Option<PublicUrl>;

        /// The path prefix that a proxy in front strips.
        ///
        /// It appears in the URLs of the API's documentation. Empty: none.
        root_path: RootPath = "", flag("--root-path", "PATH");

        /// Whether the proxy passes `root_path` on, so that this server has to strip it. Paths
        /// without it are served too, so health checks need no prefix. nginx's locations for /token
        /// and /docs (config/nginx/server.inc) then need the prefix as well.
        strip_root_path: bool = false;

        /// The peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted; `unix` is every
        /// peer on a unix socket.
        ///
        /// Empty: none. `*`: all, with a warning; safe only if nothing but the proxy can reach this
        /// server.
        forwarded_allow_ips: Vec<String> = ["127.0.0.1", "::1", "unix"] => Kind::List(
            checks::is_peer,
            "a list of IP addresses, networks such as 10.0.0.0/8, or unix; * for everybody",
        ), flag("--forwarded-allow-ips", "PEERS");

        /// The file that holds the master's process id while it runs.
        ///
        /// It is locked, so a file left behind by a killed server does no harm. For a master that
        /// runs as root, no other user may be able to write in its folder or in one above it; the
        /// same goes for `control_socket` and the unix sockets in `bind` and `admin.bind`.
        #[example = "/run/bailiwick.pid"]
        pidfile: Option<PathBuf>, flag("--pid", "FILE").short('p');

        /// Permissions withheld from new files, in octal.
        ///
        /// Absent: as the server was started. Unix sockets always have `socket_mode` and the data
        /// folder 0700.
        #[example = "027"]
        umask: Option<FileMode>, flag("--umask", "OCTAL").short('m');

        /// The mode of the unix sockets in `bind` and `admin.bind`. Write permission allows connecting.
        /// They belong to `user` and `group` if those are set.
        socket_mode: FileMode = "660";

        /// The user that worker processes run as, by name or number.
        ///
        /// Only root can change it. The master keeps its user, so that it can open ports below 1024
        /// and read this file again. Supplementary groups are dropped. Log files belong to this
        /// user, too. Absent: as the server was started.
        #[example = "bailiwick"]
        user: Option<String>, flag("--user", "USER").short('u');

        /// The group that worker processes run as, by name or number.
        ///
        /// Works like `user`.
        #[example = "bailiwick"]
        group: Option<String>, flag("--group", "GROUP").short('g');

        /// Whether USR2 and `bailiwick ctl upgrade` may replace the master with another process.
        /// auto: if a shell started it, if its parent has gone, or if systemd is notified
        /// (Type=notify). Other parents (supervisord, runit, s6, a container's init) take the end
        /// of the process for the end of the server, and stop it or start a second one. Process 1
        /// is never replaced.
        upgrade: Upgrade = "auto";

        /// For debugging: whether a crashing process may leave a core dump, which contains the
        /// signing secret and the passwords of users logging in at that moment, and whether its
        /// user may attach a debugger. A change takes effect at the next start.
        core_dumps: bool = false;

        /// For development: replace the workers, as SIGHUP does, when the configuration or the
        /// program changes.
        ///
        /// Watches the files of `--config`, `--env-file` and `logging.config`, and the program's
        /// own file.
        reload: bool = false, switch("--reload");

        /// With `reload`: the sources, paths of folders and files.
        ///
        /// Folders are watched with everything in them; do not list folders that a build writes to.
        reload_dirs: Vec<PathBuf> = [], flag("--reload-dir", "PATH").repeated();

        /// With `reload`: the shell command that builds the program when something in `reload_dirs`
        /// changes.
        ///
        /// The workers are replaced if the program's file has changed; if the command fails, the
        /// old ones continue. Absent: a change in `reload_dirs` replaces the workers directly.
        #[example = "cargo build"]
        reload_command: Option<String>, flag("--reload-command", "COMMAND");

        /// The socket of `bailiwick ctl`, mode 0600. Absent: `control.sock` in `data_dir`; for
        /// root, if another user can write there, one in /run/bailiwick-control named after
        /// `data_dir`.
        #[example = "/run/bailiwick/control.sock"]
        control_socket: Option<PathBuf>;
    }
}

words! {
    /// Whether USR2 may replace the master with another process.
    pub enum Upgrade {
        /// If its parent does not take the end of the process for the end of the server.
        Auto = "auto",
        /// Whatever its parent.
        Always = "always",
        /// Not at all.
        Never = "never",
    }
}
