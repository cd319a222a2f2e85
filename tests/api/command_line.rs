//! The command line: help, wrong use, invalid configuration. Errors are one line that says what and
//! where; nothing panics.

use crate::harness::{App, bailiwick, repository, run, run_tool};
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs the binary beside a file `config.toml`.
fn bailiwick_with(config: &str, args: &[&str], envs: &[(&str, &str)]) -> Output {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("config.toml"), config).expect("the file is written");
    run(bailiwick(folder.path()).args(args).envs(envs.iter().copied()), "")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// Checks that the program refused in one line that contains all the words.
fn refused(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "more than a line: {text}");
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
}

#[test]
fn the_version_is_printed() {
    let output = bailiwick_with("", &["--version"], &[]);
    assert_eq!(stdout(&output), format!("bailiwick {}\n", env!("CARGO_PKG_VERSION")));
    assert!(output.status.success());
}

#[test]
fn the_help_shows_examples() {
    let output = bailiwick_with("", &["--help"], &[]);
    let help = stdout(&output);
    assert!(output.status.success());
    for text in ["Examples:", "bailiwick --demo", "--bind", "--workers", "--config", "--log-level"]
    {
        assert!(help.contains(text), "`{text}` is missing:\n{help}");
    }
}

#[test]
fn wrong_use_is_refused_in_one_line() {
    for (args, words) in [
        (&["--workers", "0"][..], &["workers", "0"][..]),
        (&["--workers", "many"], &["workers", "many"]),
        (&["--bind", "nowhere"], &["bind", "nowhere", "HOST:PORT"]),
        (&["--log-level", "loud"], &["level", "loud"]),
        (&["--config", "absent.toml"], &["absent.toml"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
        (&["no-such-command"], &["no-such-command"]),
        (&["--user", "nosuch"], &["flag --user", "nosuch", "a user of this machine"]),
    ] {
        refused(&bailiwick_with("", args, &[]), 2, words);
    }
}

#[test]
fn an_invalid_configuration_is_refused_with_file_and_line() {
    for (config, words) in [
        ("[server]\nworkers = 0\n", &["config.toml", "server.workers", "0"][..]),
        ("[server]\nwrokers = 2\n", &["config.toml", "wrokers"]),
        ("[server]\nkeepalive = \"long\"\n", &["config.toml", "server.keepalive", "long"]),
        ("[serve]\n", &["config.toml", "serve"]),
        ("[server\n", &["config.toml"]),
        ("[tokens]\nsecret = \"too-short-to-be-shown\"\n", &["tokens.secret", "32"]),
        ("[tokens]\nsecret_file = \"absent\"\n", &["absent", "secret"]),
        ("[tokens]\nleeway = 99_999_999_999_999_999_999\n", &["config.toml:2:", "too large"]),
        ("[docs]\nscope = \"nope\"\n", &["config.toml: docs.scope", "nope", "declared"]),
        ("[scopes]\nme = \"x\"\n", &["config.toml: scopes.\"me\"", "already declares"]),
        ("[logging]\nformat = \"%(no)s\"\n", &["config.toml: logging.format", "asctime"]),
        (
            "[[logging.access_filters]]\nstatus = \"9xx\"\n",
            &["config.toml: logging.access_filters[0].status", "9xx", "404"],
        ),
        ("[server]\nuser = \"nosuch\"\n", &["config.toml: server.user", "nosuch"]),
    ] {
        let output = bailiwick_with(config, &["--config", "config.toml", "check-config"], &[]);
        refused(&output, 2, words);
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(!shown.contains("too-short-to-be-shown"), "{shown}");
    }
}

#[test]
fn an_invalid_variable_is_refused_by_name() {
    for (name, value) in [("BAILIWICK__SERVER__WORKERS", "-1"), ("BAILIWICK__SERVER__WROKERS", "4")]
    {
        refused(&bailiwick_with("", &["check-config"], &[(name, value)]), 2, &[name]);
    }
}

/// First those of gunicorn 27.0.1, then those of uvicorn 0.54.0.
const FLAGS_OF_OTHERS: &str = "
-k --worker-class --threads --limit-request-line --limit-request-fields --limit-request-field_size
--reload-engine --reload-extra-file --spew --check-config --print-config --preload --no-sendfile
--reuse-port --chdir -D --daemon -e --env --worker-tmp-dir --initgroups --access-logfile
--disable-redirect-access-to-syslog --access-logformat --error-logfile --log-file --capture-output
--logger-class --log-syslog-to --log-syslog --log-syslog-prefix
--log-syslog-facility -R --enable-stdio-inheritance --statsd-host --dogstatsd-tags --statsd-prefix
--enable-backlog-metric -n --name --pythonpath --paste --paster --proxy-protocol --proxy-allow-from
--protocol --uwsgi-allow-from --keyfile --certfile --ssl-version --cert-reqs --ca-certs
--suppress-ragged-eofs --do-handshake-on-connect --ciphers --http-protocols --http2-cleartext
--http2-max-concurrent-streams --http2-initial-window-size --http2-max-frame-size
--http2-max-header-list-size --paste-global --permit-obsolete-folding --strip-header-spaces
--permit-unconventional-http-method --permit-unconventional-http-version --casefold-http-method
--forwarder-headers --header-map --asgi-loop --asgi-lifespan --asgi-disconnect-grace-period
--websocket-max-message-size --http-parser --dirty-app --dirty-workers --dirty-timeout
--dirty-threads --dirty-graceful-timeout --control-socket --control-socket-mode --no-control-socket
--uds --fd --reload-include --reload-exclude --reload-delay --loop --http --http2 --ws --ws-max-size
--ws-max-queue --ws-ping-interval --ws-ping-timeout --ws-per-message-deflate --lifespan --interface
--access-log --no-access-log --use-colors --no-use-colors --proxy-headers --no-proxy-headers
--server-header --no-server-header --date-header --no-date-header --limit-max-requests
--limit-max-requests-jitter --timeout-keep-alive --timeout-graceful-shutdown
--timeout-worker-healthcheck --ssl-keyfile --ssl-certfile --ssl-keyfile-password --ssl-cert-reqs
--ssl-ca-certs --ssl-ciphers --header --app-dir --h11-max-incomplete-event-size --reset-contextvars
--factory main:app app.main:create_app()";

#[test]
fn flags_of_gunicorn_and_uvicorn_are_refused_with_what_to_use_here() {
    let folder = TempDir::new().expect("a folder");
    for typed in FLAGS_OF_OTHERS.split_whitespace() {
        let output = run(bailiwick(folder.path()).args([typed, "x"]), "");
        refused(&output, 2, &[&format!("`{typed}` is not known here: ")]);
    }
    for (typed, words) in [
        (
            &["main:app", "-k", "uvicorn.workers.UvicornWorker"][..],
            &["main:app", "compiled in"][..],
        ),
        (&["--worker-class=sync"], &["--worker-class", "--processes"]),
        (&["--uds", "/run/b.sock"], &["--bind unix:PATH"]),
        (&["serve", "--no-access-log"], &["logging.access", "BAILIWICK__LOGGING__ACCESS=false"]),
        (&["--wokers", "2"], &["'--workers'"]),
        (&["-c", "gunicorn.conf.py"], &["gunicorn.conf.py", "TOML"]),
    ] {
        let file = folder.path().join("gunicorn.conf.py");
        fs::write(file, "bind = '0.0.0.0:80'\nworkers = 2 * 2 + 1\n").expect("written");
        refused(&run(bailiwick(folder.path()).args(typed), ""), 2, words);
    }
}

#[test]
fn host_and_port_set_the_address() {
    let app = App::demo().args(["--host", "127.0.0.1", "--port", "0"]).spawn();
    assert_eq!(app.get("/openapi.json").status, 200);
    for (args, words) in [
        (&["--port", "80", "-b", "127.0.0.1:80"][..], &["flag --bind", "flag --port"][..]),
        (&["--port", "http"], &["flag --port", "http", "65535"]),
        (&["--host", "http://localhost"], &["flag --host", "no scheme"]),
    ] {
        refused(&bailiwick_with("", args, &[]), 2, words);
    }
}

#[test]
fn variables_that_gunicorn_and_uvicorn_read_are_defaults() {
    let app = App::demo().env("PORT", "0").env("WEB_CONCURRENCY", "1").spawn();
    assert!(app.address.starts_with("0.0.0.0:"), "{}", app.address);
    assert_eq!(app.get("/openapi.json").status, 200);

    let envs = [("PORT", "8080"), ("WEB_CONCURRENCY", "3"), ("RUST_LOG", "debug")];
    let print = |config: &str| {
        stdout(&bailiwick_with(config, &["-c", "config.toml", "print-config"], &envs))
    };
    let (plain, configured) =
        (print(""), print("[server]\nbind = [\"127.0.0.1:9\"]\nworkers = 2\n"));
    for (printed, rows) in [
        (
            plain,
            [
                ("server.bind", "0.0.0.0:8080", "environment PORT"),
                ("server.workers", "3", "environment WEB_CONCURRENCY"),
                ("logging.level", "debug", "environment RUST_LOG"),
            ],
        ),
        (
            configured,
            [
                ("server.bind", "127.0.0.1:9", "config.toml"),
                ("server.workers", "2", "config.toml"),
                ("logging.level", "debug", "environment RUST_LOG"),
            ],
        ),
    ] {
        for (key, value, source) in rows {
            let row = printed.lines().find(|line| line.starts_with(key)).expect("a row");
            assert!(row.contains(value) && row.contains(source), "{row}");
        }
    }
    for (name, value) in [("PORT", "http"), ("WEB_CONCURRENCY", "many")] {
        refused(&bailiwick_with("", &["check-config"], &[(name, value)]), 2, &[name, value]);
    }
    let levels = [("RUST_LOG", "actix_web=debug")];
    let output = bailiwick_with("", &["check-config"], &levels);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("RUST_LOG is not read") && said.contains("--log-config"), "{said}");
}

#[test]
fn a_variable_that_looks_like_ours_is_refused_with_the_right_name() {
    let workers = "`BAILIWICK__SERVER__WORKERS`";
    for (name, meant) in [
        ("BAILIWICK_SERVER_WORKERS", workers),
        ("BAILIWICK_WORKERS", workers),
        ("bailiwick__server__workers", workers),
        ("BAILIWICK_DATABASE_WORKERS", workers),
        ("BAILIWIK__SERVER__WORKERS", workers),
        ("BAILIWICK_CONFIG", "`--config FILE`"),
    ] {
        for args in [&["check-config"][..], &["--bind", "127.0.0.1:0"]] {
            refused(&bailiwick_with("", args, &[(name, "2")]), 2, &["environment", name, meant]);
        }
    }
    // Variables that Kubernetes sets in every container beside a service with this name.
    let kubernetes = [
        ("BAILIWICK_PORT", "tcp://10.0.0.1:8000"),
        ("BAILIWICK_PORT_8000_TCP_PORT", "8000"),
        ("BAILIWICK_SERVICE_HOST", "10.0.0.1"),
        ("BAILIWICK_SERVER_SERVICE_PORT", "8000"),
    ];
    assert!(bailiwick_with("", &["check-config"], &kubernetes).status.success());
}

/// `check-config` must refuse exactly what the start refuses: both get the same inputs.
#[test]
fn the_check_and_the_start_refuse_the_same_addresses() {
    let long = format!("bind = [\"unix:/tmp/{}\"]", "p".repeat(120));
    for (bind, words) in [
        ("bind = [\"123.456.7.890:8090\"]", &["123.456.7.890", "no IPv4 address"][..]),
        ("bind = [\"127.0.0.1:99999\"]", &["99999", "65535"]),
        ("bind = [\"127.0.0.1:+80\"]", &["+80"]),
        ("bind = [\"[::1\"]", &["bracket"]),
        ("bind = [\"::1:80\"]", &["`[::1]:80`"]),
        ("bind = [\"\"]", &["empty"]),
        ("bind = \"\"", &["at least one"]),
        ("bind = [\"8000\"]", &["`127.0.0.1:8000`"]),
        ("bind = 8000", &["`127.0.0.1:8000`"]),
        ("bind = [\":8000\"]", &["`0.0.0.0:8000`"]),
        ("bind = [\"localhost\"]", &["`localhost:8000`"]),
        ("bind = [\"http://localhost:8000/\"]", &["`localhost:8000`"]),
        ("bind = [\"a b:80\"]", &["no host name"]),
        ("bind = [\"127.0.0.1:8\", \"127.0.0.1:8\"]", &["one address"]),
        ("bind = [\"localhost:8\", \"127.0.0.1:8\"]", &["one address"]),
        (
            "bind = [\"0.0.0.0:8\"]\n[admin]\nbind = [\"127.0.0.1:8\"]",
            &["admin.bind", "one address"],
        ),
        (&long, &["bytes"]),
        ("bind = [\"unix:/tmp/\"]", &["name"]),
    ] {
        let config = format!("[server]\n{bind}\n");
        let check = bailiwick_with(&config, &["-c", "config.toml", "check-config"], &[]);
        let start = bailiwick_with(&config, &["-c", "config.toml"], &[]);
        for output in [&check, &start] {
            refused(output, 2, &[&["config.toml"], words].concat());
        }
        assert_eq!(check.stderr, start.stderr);
    }
    let unknown = ["--bind", "nosuch.invalid:8000"];
    let check = bailiwick_with("", &[&unknown[..], &["check-config"]].concat(), &[]);
    refused(&check, 2, &["nosuch.invalid", "server.bind"]);
}

#[test]
fn all_errors_are_reported_at_once() {
    let config = "[server]\nworkers = 0\nwrokers = 1\nuser = \"nosuch\"\nkeepalive = \"long\"\n\
                  [docs]\nscope = \"nope\"\n[tokens]\nsecret_file = \"absent\"\n";
    let envs = [("BAILIWICK_CACHE_SIZE", "1"), ("BAILIWICK__DOCS__ENABLED", "perhaps")];
    let args = ["-c", "config.toml", "--backlog", "0"];
    let expected = [
        "config.toml:2: server.workers = 0: expected a whole number from 1 to 1024",
        "config.toml:3: unknown key `server.wrokers`, did you mean `server.workers`?",
        "config.toml:5: server.keepalive = \"long\": expected a whole number of seconds from 0 to 86400",
        "environment: unknown key `BAILIWICK_CACHE_SIZE`, did you mean `BAILIWICK__CACHE__SIZE`?",
        "environment BAILIWICK__DOCS__ENABLED = \"perhaps\": expected true or false",
        "flag --backlog = \"0\": expected a whole number from 1 to 65535",
        "config.toml: docs.scope: `nope` is not a declared scope",
        "config.toml: server.user: `nosuch`: expected a user of this machine",
        "absent",
    ];
    for command in [&["check-config"][..], &[]] {
        let output = bailiwick_with(config, &[&args[..], command].concat(), &envs);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{text}");
        for expected in expected {
            assert!(lines.iter().any(|line| line.contains(expected)), "{expected}: {text}");
        }
        assert!(lines.iter().all(|line| line.starts_with("bailiwick: ")), "{text}");
    }
}

#[test]
fn numbers_may_have_a_unit_in_files_variables_and_flags() {
    let config = "[server]\nkeepalive = \"2m\"\nlimit_request_body = \"10MB\"\nlimit_request_line = \"4k\"\n\
                  [tokens]\naccess_token_expire_minutes = \"12h\"\n";
    let output = bailiwick_with(
        config,
        &["-c", "config.toml", "--timeout", "1m", "print-config", "--json"],
        &[("BAILIWICK__SERVER__MAX_MEMORY", "1GiB"), ("BAILIWICK__CACHE__MAX_AGE", "30s")],
    );
    let printed: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    for (key, value) in [
        ("server.keepalive", 120),
        ("server.limit_request_body", 10_000_000),
        ("server.limit_request_line", 4096),
        ("tokens.access_token_expire_minutes", 720),
        ("server.timeout", 60),
        ("server.max_memory", 1024),
        ("cache.max_age", 30),
    ] {
        assert_eq!(printed[key]["value"], value, "{key}");
    }
    for (args, words) in [
        (&["--timeout", "500ms"][..], &["flag --timeout", "whole number of seconds", "30s"][..]),
        (&["--keep-alive", "1x"], &["flag --keep-alive", "seconds"]),
    ] {
        refused(&bailiwick_with("", &[args, &["check-config"]].concat(), &[]), 2, words);
    }
}

#[test]
fn the_start_logs_where_the_documentation_is_and_that_the_demo_is_public() {
    let app = App::demo().spawn();
    let line = app.stderr.wait_for("Documentation at: ");
    let url = line.split_once("Documentation at: ").expect("a URL").1;
    assert_eq!(url, app.url("/docs"));
    app.stderr.wait_for("--demo: the passwords of johndoe and alice are public");
    let app = App::bare().config("[docs]\nenabled = false\n").spawn();
    app.signal("TERM");
    app.stderr.wait_for("Shutting down");
    let said = app.stderr.text();
    assert!(!said.contains("Documentation") && !said.contains("--demo"), "{said}");
}

#[test]
fn every_proxy_can_be_trusted_with_a_warning() {
    for builder in [
        App::demo().args(["--forwarded-allow-ips", "*"]),
        App::demo().config("[server]\nforwarded_allow_ips = \"*\"\n"),
        App::demo().env("FORWARDED_ALLOW_IPS", "*"),
    ] {
        let app = builder.spawn();
        let line = app.stderr.wait_for("server.forwarded_allow_ips");
        assert!(line.contains("WARNING") && line.contains("`*`"), "{line}");
        app.send("GET", "/star", &[("x-forwarded-for", "203.0.113.7, 10.0.0.1")], "");
        let line = app.stdout.wait_for("GET /star");
        assert!(line.contains(" - 203.0.113.7:0 - "), "{line}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = bailiwick_with("", &["--demo", "--bind", &address], &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    // The start may have logged lines before it.
    let last = text.trim_end().lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(last.contains(&address) && last.contains("in use"), "{text}");
    assert!(last.contains("`bailiwick ctl status`"), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn the_published_secret_is_refused_outside_the_demo() {
    let secret = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";
    let envs = [("BAILIWICK__TOKENS__SECRET", secret)];
    let output = bailiwick_with("", &["--bind", "127.0.0.1:0"], &envs);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{text}");
    assert!(text.contains("tokens.secret") && !text.contains(secret), "{text}");
    refused(&bailiwick_with("", &["check-config"], &envs), 2, &["tokens.secret", "--demo"]);
    let output = bailiwick_with("", &["--demo", "check-config"], &envs);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_valid_configuration_is_reported_as_valid() {
    let output =
        bailiwick_with("[server]\nworkers = 3\n", &["-c", "config.toml", "check-config"], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_settings_are_printed_with_their_sources_but_without_secrets() {
    let secret = "printed-nowhere-printed-nowhere-printed-nowhere";
    let config = format!("[server]\nworkers = 3\n[tokens]\nsecret = \"{secret}\"\n");
    let output = bailiwick_with(
        &config,
        &["-c", "config.toml", "--log-level", "warning", "print-config"],
        &[("BAILIWICK__SERVER__KEEPALIVE", "7")],
    );
    let text = stdout(&output);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains(secret), "{text}");
    for (key, value, source) in [
        ("workers", "3", "config.toml"),
        ("keepalive", "7", "BAILIWICK__SERVER__KEEPALIVE"),
        ("level", "warning", "--log-level"),
        ("secret", "***", "config.toml"),
    ] {
        assert!(
            text.lines().any(|line| [key, value, source].iter().all(|part| line.contains(part))),
            "no line with {key}, {value} and {source}:\n{text}"
        );
    }
}

#[test]
fn users_are_managed_while_the_server_runs() {
    let app = App::bare().spawn();
    let password = "correct horse battery staple";
    let add = ["users", "add", "jane", "--scope", "me", "--password-stdin"];
    let output = app.command(&add, &format!("{password}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let listed = app.command(&["users", "list", "--json"], "");
    assert!(stdout(&listed).contains("\"jane\""), "{}", stdout(&listed));
    assert!(!stdout(&listed).contains("$2"), "a password hash is shown: {}", stdout(&listed));

    let token = app.login("jane", &password.replace(' ', "+"), "me");
    assert_eq!(app.get_as("/users/me", &token).json()["username"], "jane");

    assert!(app.command(&["users", "disable", "jane"], "").status.success());
    crate::harness::eventually("the old token to be refused", || {
        (app.get_as("/users/me", &token).status == 400).then_some(())
    });
}

#[test]
fn the_document_is_printed() {
    let output = bailiwick_with("", &["openapi"], &[]);
    let document: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(document["openapi"], "3.0.3");
    assert!(document["paths"]["/users/me"].is_object());
}

/// On a real terminal: asks twice, shows nothing of it, and the password works.
#[test]
fn a_password_is_asked_for_without_echo() {
    let app = App::demo().env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4").spawn();
    let typed = |command: &[&str], answers: &str| {
        let binary = bailiwick(app.folder());
        let mut python = Command::new("python3");
        python.current_dir(app.folder()).env("BAILIWICK__DATA_DIR", app.data_dir());
        python.arg(repository("tests/clients/prompt.py")).arg(binary.get_program());
        let output = run(python.args(command), answers);
        (output.status.code(), stdout(&output).replace('\r', ""))
    };
    let (code, shown) = typed(&["users", "add", "jane"], "quiet river 9\nquiet river 9\n");
    assert_eq!((code, shown.as_str()), (Some(0), "New password: \n\nAgain: \n\njane: added\n"));
    app.login("jane", "quiet+river+9", "");
    for (answers, why) in [("quiet river 9\nother river 9\n", "differ"), ("short\n", "at least 8")]
    {
        let (code, shown) = typed(&["users", "set-password", "jane"], answers);
        assert_eq!(code, Some(1), "{shown}");
        assert!(
            shown.contains(why) && !shown.contains("river") && !shown.contains("short"),
            "{shown}"
        );
        // Not asked twice if it is refused anyway.
        assert_eq!(shown.contains("Again: "), why == "differ", "{shown}");
    }
}

#[test]
fn the_default_is_one_worker_thread_per_usable_core() {
    let folder = TempDir::new().expect("a folder");
    let core = run_tool(
        Command::new("python3").args(["-c", "import os; print(min(os.sched_getaffinity(0)))"]),
    );
    let mut command = Command::new("taskset");
    command.args(["-c", core.trim()]).arg(env!("CARGO_BIN_EXE_bailiwick"));
    let shown = run_tool(command.arg("print-config").current_dir(folder.path()));
    let line = shown.lines().find(|line| line.starts_with("server.workers")).expect("the key");
    assert!(line.contains("(none: 1)"), "{line}");
}
