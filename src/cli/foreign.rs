//! Flags of gunicorn and uvicorn: what to use instead, or why there is nothing.

/// A group of flags with the remark about them.
struct Entry {
    flags: &'static [&'static str],
    here: &'static str,
}

const fn entry(flags: &'static [&'static str], here: &'static str) -> Entry {
    Entry { flags, here }
}

/// A flag that ends with `-` stands for all with this prefix.
const TABLE: &[Entry] = &[
    entry(&["--uds"], "use `--bind unix:PATH`"),
    entry(&["--fd"], "sockets opened by systemd (LISTEN_FDS) are used without a flag"),
    entry(
        &["--worker-class", "-k", "--threads"],
        "there is one kind of worker: `--workers` sets its threads, `--processes` its processes",
    ),
    entry(
        &[
            "--loop",
            "--http",
            "--interface",
            "--lifespan",
            "--reset-contextvars",
            "--http-parser",
            "--asgi-",
            "--dirty-",
            "--worker-tmp-dir",
        ],
        "there is one kind of worker, without such options",
    ),
    entry(&["--ws", "--ws-", "--websocket-"], "the application's own code sets up its WebSockets"),
    entry(
        &[
            "--factory",
            "--app-dir",
            "--pythonpath",
            "--preload",
            "--paste",
            "--paster",
            "--paste-global",
        ],
        "the application is compiled in: there is nothing to import",
    ),
    entry(&["--chdir"], "start it in that folder; systemd's is `WorkingDirectory=`"),
    entry(
        &["--daemon", "-D"],
        "it stays in the foreground; systemd or a container keeps it running",
    ),
    entry(&["--name", "-n"], "the process has the name of its file"),
    entry(&["--env", "-e"], "use `--env-file FILE`, or set the variable before"),
    entry(&["--initgroups"], "with `--user`, supplementary groups are always dropped"),
    entry(&["--timeout-keep-alive"], "use `--keep-alive SECONDS`"),
    entry(&["--timeout-graceful-shutdown"], "use `--graceful-timeout SECONDS`"),
    entry(&["--timeout-worker-healthcheck"], "use `--timeout SECONDS`"),
    entry(&["--limit-max-requests"], "use `--max-requests N`"),
    entry(&["--limit-max-requests-jitter"], "use `--max-requests-jitter N`"),
    entry(
        &["--limit-request-line"],
        "the key `server.limit_request_line`, or BAILIWICK__SERVER__LIMIT_REQUEST_LINE",
    ),
    entry(
        &["--limit-request-fields"],
        "the key `server.limit_request_fields`, or BAILIWICK__SERVER__LIMIT_REQUEST_FIELDS",
    ),
    entry(
        &[
            "--limit-request-field_size",
            "--limit-request-field-size",
            "--h11-max-incomplete-event-size",
        ],
        "the key `server.limit_request_field_size`, or BAILIWICK__SERVER__LIMIT_REQUEST_FIELD_SIZE",
    ),
    entry(
        &["--access-log", "--no-access-log"],
        "the key `logging.access` (true by default), or BAILIWICK__LOGGING__ACCESS=false",
    ),
    entry(
        &["--access-logfile", "--error-logfile", "--log-file"],
        "requests are logged to standard output, the rest to standard error; files stand in the file \
         of `--log-config`",
    ),
    entry(
        &["--access-logformat"],
        "the key `logging.format`, which takes gunicorn's words, or BAILIWICK__LOGGING__FORMAT",
    ),
    entry(&["--logger-class"], "use `--log-config FILE`"),
    entry(
        &[
            "--log-syslog",
            "--log-syslog-",
            "--disable-redirect-access-to-syslog",
            "--capture-output",
            "--enable-stdio-inheritance",
            "-R",
        ],
        "systemd and containers collect what is written to standard output and standard error",
    ),
    entry(
        &["--statsd-", "--dogstatsd-tags", "--enable-backlog-metric"],
        "the key `admin.bind` serves /metrics for Prometheus",
    ),
    entry(&["--use-colors", "--no-use-colors"], "the log has no colors"),
    entry(
        &["--reload-include", "--reload-exclude", "--reload-delay", "--reload-engine"],
        "use `--reload-dir PATH`; the operating system reports changes",
    ),
    entry(&["--reload-extra-file"], "use `--reload-dir FILE`, which accepts files too"),
    entry(&["--spew"], "a debugger traces"),
    entry(&["--check-config"], "use the command `bailiwick check-config`"),
    entry(&["--print-config"], "use the command `bailiwick print-config`"),
    entry(
        &[
            "--ssl-",
            "--keyfile",
            "--certfile",
            "--cert-reqs",
            "--ca-certs",
            "--ciphers",
            "--suppress-ragged-eofs",
            "--do-handshake-on-connect",
        ],
        "nginx in front terminates TLS: config/nginx/bailiwick-tls.conf",
    ),
    entry(
        &["--http2", "--http2-", "--http-protocols"],
        "nginx in front speaks HTTP/2: config/nginx/bailiwick-tls.conf",
    ),
    entry(
        &["--proxy-headers", "--no-proxy-headers"],
        "`--forwarded-allow-ips PEERS` says whose X-Forwarded-* headers are trusted; empty: \
         nobody's",
    ),
    entry(
        &["--proxy-protocol", "--proxy-allow-from"],
        "there is no PROXY protocol: the proxy sends X-Forwarded-For, and `--forwarded-allow-ips` trusts it",
    ),
    entry(&["--protocol", "--uwsgi-allow-from"], "only HTTP is supported"),
    entry(
        &["--header", "--server-header", "--no-server-header", "--date-header", "--no-date-header"],
        "`Date` is always sent, `Server` never; nginx in front adds headers",
    ),
    entry(&["--no-sendfile"], "no files are sent"),
    entry(
        &["--reuse-port"],
        "all processes share the master's sockets, so that none loses its queue",
    ),
    entry(
        &[
            "--permit-",
            "--strip-header-spaces",
            "--casefold-http-method",
            "--forwarder-headers",
            "--header-map",
        ],
        "requests are parsed strictly",
    ),
    entry(
        &["--control-socket", "--control-socket-mode", "--no-control-socket"],
        "the key `server.control_socket` names the socket, which has mode 0600 and is always there",
    ),
];

/// The remark about a flag that is not ours.
pub(super) fn flag(typed: &str) -> Option<&'static str> {
    let name = typed.split('=').next().unwrap_or_default();
    let is = |flag: &&&str| {
        **flag == name || flag.starts_with("--") && flag.ends_with('-') && name.starts_with(**flag)
    };
    // An exact name wins over a prefix.
    let exact = TABLE.iter().find(|entry| entry.flags.contains(&name));
    exact.or_else(|| TABLE.iter().find(|e| e.flags.iter().any(|f| is(&f)))).map(|entry| entry.here)
}

/// The remark about a word that is not a command: `main:app`, as both servers take it.
pub(super) fn word(typed: &str) -> Option<&'static str> {
    let identifier = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
    };
    let (module, application) = typed.split_once(':')?;
    (identifier(module) && identifier(application.trim_end_matches("()"))).then_some(
        "the application is compiled in, so leave the name out; to serve one of your own, build \
         a program with the library's `Server`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Arguments;
    use crate::settings::Layers;

    #[test]
    fn a_flag_is_found_by_its_name_or_its_start() {
        assert_eq!(flag("--uds"), Some("use `--bind unix:PATH`"));
        assert_eq!(flag("--uds=/x"), flag("--uds"));
        assert!(flag("--ssl-keyfile-password").unwrap().contains("nginx"));
        assert!(flag("--http2-cleartext").unwrap().contains("HTTP/2"));
        for unknown in ["--wokers", "--worker", "-x", "--", "", "--asgi"] {
            assert_eq!(flag(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_application_is_a_module_and_a_name() {
        for typed in ["main:app", "app.main:create_app()", "_a.b:c.d"] {
            assert!(word(typed).is_some(), "{typed}");
        }
        for typed in ["serve", "main", ":app", "main:", "127.0.0.1:8000", "a b:c"] {
            assert!(word(typed).is_none(), "{typed}");
        }
    }

    /// Every name in the table exists.
    #[test]
    fn every_key_and_flag_that_is_named_exists() {
        let defaults = Layers::default().load().unwrap();
        let keys: Vec<_> = defaults.effective().map(|effective| effective.key).collect();
        let sections = keys.iter().filter_map(|key| Some(key.split_once('.')?.0));
        let sections: Vec<_> = sections.collect();
        let help = Arguments::read(["bailiwick".into(), "--help".into()]).unwrap_err().to_string();
        let mut count = 0;
        for entry in TABLE {
            for quoted in entry.here.split('`').skip(1).step_by(2) {
                let word = quoted.split(' ').next().unwrap_or_default();
                let is_key = word.split_once('.').is_some_and(|(it, _)| sections.contains(&it));
                if word.starts_with("--") || is_key {
                    assert!(keys.contains(&word) || help.contains(word), "{word}");
                    count += 1;
                }
            }
        }
        assert!(count > 15, "{count}");
    }

    #[test]
    fn every_entry_is_a_line() {
        for entry in TABLE {
            assert!(!entry.here.contains('\n') && !entry.here.ends_with('.'), "{}", entry.here);
        }
    }
}
