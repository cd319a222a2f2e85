//! `[server]`

use crate::settings::bind::Bind;
use crate::settings::checks;
use crate::settings::declaration::{bytes, mebibytes, seconds, settings, whole, words};
use crate::settings::file_mode::FileMode;
use crate::settings::flag::{FlagPlace, flag, switch};
use crate::settings::key::Kind;
use crate::settings::root_path::RootPath;
use crate::settings::units::DAY;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

settings! {
    /// `[server]`: listeners, workers, limits.
    pub struct ServerSettings in server {
        /// Where to listen: `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.
        ///
        /// `0.0.0.0` is every IPv4 address of this machine, `[::]` every address, IPv4 too unless
        /// an IPv4 address with the same port stands beside it; port 0: the system picks one. The
        /// folder of a unix socket must be there. The flags `--host` and `--port` say the same.
        bind: Vec<Bind> = ["127.0.0.1:8000"] => Kind::Binds(true),
            flag("--bind", "ADDR").short('b').repeated().shown(FlagPlace::First);

        /// Worker threads of each worker process. Absent: one for each core that this process may
        /// use, by its CPU affinity and its container's quota. gunicorn's 2 * cores + 1 is for
        /// workers that block while a request waits for its database or a password is hashed. Ours
        /// never block: more of them than cores only take turns.
        #[example = 4]
        workers: Option<NonZeroUsize> => whole(1, 1024),
            flag("--workers", "N").short('w').shown(FlagPlace::First);

        /// Worker processes, each with `workers` threads.
        ///
        /// One is enough for speed. With two, a process that crashes takes only its own requests
        /// along while the other goes on.
        processes: NonZeroUsize = 1 => whole(1, 1024),
            flag("--processes", "N").shown(FlagPlace::First);

        /// Connections that may wait to be accepted, for each listener.
        ///
        /// The kernel's `net.core.somaxconn` bounds it too.
        backlog: NonZeroU32 = 2048 => whole(1, 65_535), flag("--backlog", "N");

        /// Connections served at once by each worker thread; more wait.
        ///
        /// Each takes a file descriptor: see `ulimit -n`.
        worker_connections: NonZeroUsize = 10000 => whole(1, 1_000_000),
            flag("--worker-connections", "N");

        /// Connections that one address (IPv6: one network of 64 bits) keeps when all of
        /// `worker_connections` are taken: then the newest of whoever has most above this number is
        /// closed, so that one client cannot shut out all others. 0: any number. Peers in
        /// `forwarded_allow_ips`, which speak for many clients, and those of unix sockets are not
        /// counted.
        connections_per_address: usize = 100 => whole(0, 1_000_000);

        /// Seconds that an idle connection is kept for another request; 0 closes it after each
        /// response.
        ///
        /// Behind a proxy this must be longer than the proxy keeps its idle connections.
        keepalive: u64 = 75 => seconds(0, DAY), flag("--keep-alive", "SECONDS");

        /// Seconds that requests in flight may take to end after SIGTERM.
        ///
        /// Before that, clients are sent away for 5 s at most; when a worker process is replaced
        /// while the server goes on, for the time of `keepalive`.
        graceful_timeout: u64 = 30 => seconds(0, DAY), flag("--graceful-timeout", "SECONDS");

        /// Earlier worker processes that may drain at once for each one that serves.
        ///
        /// After so many reloads in a row the oldest makes room: it closes its idle connections,
        /// and what it has in flight has 5 s more, or `graceful_timeout` if that is shorter.
        max_draining: NonZeroUsize = 4 => whole(1, 1000);

        /// Seconds that a worker thread may stand still before its process is replaced; 0: it is
        /// never replaced for that.
        ///
        /// Also the time that a worker process has for its start.
        timeout: u64 = 30 => seconds(0, DAY), flag("--timeout", "SECONDS").short('t');

        /// Requests after which a worker process is replaced by a new one; 0: never.
        ///
        /// One process is replaced at a time.
        max_requests: u64 = 0 => whole(0, i64::MAX), flag("--max-requests", "N");

        /// Up to so many requests are added to `max_requests`, at random for each process.
        max_requests_jitter: u64 = 0 => whole(0, 1 << 32), flag("--max-requests-jitter", "N");

        /// Resident memory in MiB above which a worker process is replaced; 0: any.
        max_memory: u64 = 0 => mebibytes(0, 1 << 32);

        /// Requests in flight in one worker process; more get a 503 with `Retry-After` at once. 0:
        /// any number.
        limit_concurrency: usize = 0 => whole(0, 1 << 32), flag("--limit-concurrency", "N");

        /// Seconds that a client may take to send the head of a request.
        client_header_timeout: NonZeroU64 = 5 => seconds(1, DAY);

        /// Seconds that a client may take to send the body of a request.
        client_body_timeout: NonZeroU64 = 30 => seconds(1, DAY);

        /// Seconds that a client may leave a response unread, counted anew whenever it reads; then
        /// its connection is cut.
        send_timeout: NonZeroU64 = 60 => seconds(1, DAY);

        /// Longest path and query of a request in bytes; a longer one gets a 414.
        limit_request_line: NonZeroUsize = 8190 => bytes(1, 65_536);

        /// Most header fields of a request; more get a 431.
        limit_request_fields: NonZeroUsize = 96 => whole(1, 96);

        /// Longest header field in bytes, name and value; a longer one gets a 431. Whatever is set
        /// here, a request's head of more than 128 KiB is refused unread.
        limit_request_field_size: NonZeroUsize = 32768 => bytes(1, 65_536);

        /// Largest body of a request in bytes; a larger one gets a 413. Logins and other forms of
        /// the server's own take 16 KiB at most, and its JSON documents 64 KiB.
        limit_request_body: NonZeroUsize = 1048576 => bytes(1, 1 << 30);

        /// Bytes of bodies that one worker process holds at once; 0: any number. Counted are
        /// requests above 16 KiB, so that logins go on, and responses until their client has read
        /// them. Beyond it, or beyond half of it from one address, a request gets a 503 with
        /// `Retry-After`, and clients that have not read for a second are cut. It is never less
        /// than twice `limit_request_body`.
        limit_buffered: usize = 67108864 => bytes(0, 1 << 40);

        /// The path prefix that a proxy in front strips.
        ///
        /// It stands in the URLs of the API's documentation. Empty: none.
        root_path: RootPath = "", flag("--root-path", "PATH");

        /// Whether the proxy passes paths on whole and this server takes `root_path` off them. Paths
        /// without it are served as well, so that health checks need no prefix. nginx's locations
        /// for /token and /docs (config/nginx/server.inc) need the prefix then, too.
        strip_root_path: bool = false;

        /// The peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; `unix` is whoever
        /// connects to a unix socket.
        ///
        /// Empty: nobody's. `*`: everybody's, with a warning; right only where nobody but the proxy
        /// can reach this server.
        forwarded_allow_ips: Vec<String> = ["127.0.0.1", "::1", "unix"] => Kind::List(
            checks::is_peer,
            "a list of IP addresses, networks such as 10.0.0.0/8, or unix; * for everybody",
        ), flag("--forwarded-allow-ips", "PEERS");

        /// The file that holds the master's process id while it runs.
        ///
        /// It is locked: a server that was killed leaves one that stops nobody. Under root no other
        /// user may be able to write in its folder, or in one above it; the same holds for
        /// `control_socket` and the unix sockets in `bind` and `admin.bind`.
        #[example = "/run/bailiwick.pid"]
        pidfile: Option<PathBuf>, flag("--pid", "FILE").short('p');

        /// The permissions that new files do not get, in octal.
        ///
        /// Absent: as the server was started. Unix sockets have `socket_mode` and the data folder
        /// 0700, whatever is set here.
        #[example = "027"]
        umask: Option<FileMode>, flag("--umask", "OCTAL").short('m');

        /// The mode of the unix sockets in `bind` and `admin.bind`. Whoever may write may connect.
        /// They belong to `user` and `group` where these are set.
        socket_mode: FileMode = "660";

        /// The user that worker processes run as, by name or number.
        ///
        /// Only root can change it. The master stays what it is, so that it can open ports below
        /// 1024 and read this file again. Supplementary groups are dropped. The log's files belong
        /// to this user, too. Absent: as the server was started.
        #[example = "bailiwick"]
        user: Option<String>, flag("--user", "USER").short('u');

        /// The group that worker processes run as, by name or number.
        ///
        /// The same holds as for `user`.
        #[example = "bailiwick"]
        group: Option<String>, flag("--group", "GROUP").short('g');

        /// Whether USR2 and `bailiwick ctl upgrade` may put another process in the place of the
        /// master. auto: when a shell or nobody has started it, or a systemd that is told
        /// (Type=notify). Others (supervisord, runit, s6, an init of a container) take the end of
        /// the process for the end of the server, and end or double it. Process 1 is never replaced.
        upgrade: Upgrade = "auto";

        /// For debugging: whether a process that crashes may leave a core dump, which holds the
        /// signing secret and the passwords of those who log in at that moment, and whether its user
        /// may attach a debugger. A change counts from the next start.
        core_dumps: bool = false;

        /// For development: replace the workers, as SIGHUP does, when the configuration or the
        /// program has changed.
        ///
        /// Watched are the files of `--config`, `--env-file` and `logging.config` and the program's
        /// own file.
        reload: bool = false, switch("--reload");

        /// With `reload`: the sources, paths of folders and files.
        ///
        /// Folders are watched with all that is in them; those that a build writes to must not be
        /// among them.
        reload_dirs: Vec<PathBuf> = [], flag("--reload-dir", "PATH").repeated();

        /// With `reload`: the shell command that builds the program when something in `reload_dirs`
        /// has changed.
        ///
        /// The workers are replaced when the program's file has changed by it; if it fails, the old
        /// ones go on. Absent: a change in `reload_dirs` replaces the workers itself.
        #[example = "cargo build"]
        reload_command: Option<String>, flag("--reload-command", "COMMAND");

        /// The socket of `bailiwick ctl`, mode 0600. Absent: `control.sock` in `data_dir`; under root,
        /// where another user can write there, one in /run/bailiwick-control that is named after
        /// `data_dir`.
        #[example = "/run/bailiwick/control.sock"]
        control_socket: Option<PathBuf>;
    }
}

words! {
    /// Whether USR2 may replace the master by another process.
    pub enum Upgrade {
        /// Where whoever started it does not take the end of the process for the end of the server.
        Auto = "auto",
        /// Whoever started it.
        Always = "always",
        /// Not at all.
        Never = "never",
    }
}
