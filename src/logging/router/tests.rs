//! Records through the whole log, into pipes and files.

use super::*;
use crate::logging::ERROR;
use crate::logging::access::testing::{access, while_logging};
use crate::logging::ends::OwnStreams;
use crate::logging::sink::testing::Pipe;
use log::Level as RecordLevel;
use tempfile::TempDir;

fn settings(level: Level) -> LoggingSettings {
    LoggingSettings {
        level,
        format: "%(levelname)s %(name)s %(message)s".to_owned(),
        ..LoggingSettings::default()
    }
}

struct Pipes([Sink; 2]);

impl Sinks for Pipes {
    fn stream(&mut self, stream: Stream) -> Result<Sink, LoggingError> {
        Ok(self.0[usize::from(stream == Stream::Stderr)].clone())
    }
}

/// Logs the records; returns the output of both streams.
fn written(settings: &LoggingSettings, records: &[(RecordLevel, &str, &str)]) -> [String; 2] {
    let pipes = [Pipe::default(), Pipe::default()];
    let sinks = pipes.clone().map(|pipe| Sink::new("test", pipe).unwrap());
    let (router, _) = Router::new(settings, &mut Pipes(sinks)).unwrap();
    for &(level, target, message) in records {
        let args = format_args!("{message}");
        router.log(&Record::builder().level(level).target(target).args(args).build());
    }
    router.flush();
    pipes.map(|pipe| pipe.text())
}

/// The same with a log file; its folder may hold the log's own files.
fn with_file(toml: &str, records: &[(RecordLevel, &str, &str)]) -> [String; 2] {
    let folder = TempDir::new().unwrap();
    written(&file_settings(&folder, toml), records)
}

fn file_settings(folder: &TempDir, toml: &str) -> LoggingSettings {
    let path = folder.path().join("log.toml");
    std::fs::write(&path, toml.replace("FOLDER", &folder.path().display().to_string())).unwrap();
    LoggingSettings { config: Some(path.into()), ..settings(Level::Info) }
}

#[test]
fn access_lines_go_to_stdout_and_all_others_to_stderr() {
    let lines = [
        (RecordLevel::Info, ACCESS, "GET"),
        (RecordLevel::Info, ERROR, "up"),
        (RecordLevel::Info, "orders::db", "found"),
    ];
    assert_eq!(
        written(&settings(Level::Info), &lines),
        ["INFO bailiwick.access GET\n", "INFO bailiwick.error up\nINFO orders.db found\n"]
    );
}

#[test]
fn the_level_applies_to_both() {
    let lines = [
        (RecordLevel::Info, ACCESS, "GET"),
        (RecordLevel::Info, ERROR, "up"),
        (RecordLevel::Warn, ERROR, "odd"),
        (RecordLevel::Error, CRITICAL, "gone"),
    ];
    assert_eq!(
        written(&settings(Level::Warning), &lines),
        ["", "WARNING bailiwick.error odd\nCRITICAL bailiwick.error gone\n"]
    );
    assert_eq!(
        written(&settings(Level::Critical), &lines),
        ["", "CRITICAL bailiwick.error gone\n"]
    );
}

#[test]
fn dependencies_log_warnings_and_in_debug_mode() {
    let lines = [
        (RecordLevel::Info, "actix_server::builder", "starting"),
        (RecordLevel::Warn, "sqlx::query", "slow"),
    ];
    assert_eq!(written(&settings(Level::Info), &lines)[1], "WARNING sqlx.query slow\n");
    assert_eq!(written(&settings(Level::Debug), &lines)[1].lines().count(), 2);
}

#[test]
fn malformed_requests_are_no_errors_of_ours() {
    let lines = [(RecordLevel::Error, CLIENTS_FAULTS, "stream error")];
    for level in [Level::Critical, Level::Error, Level::Warning, Level::Info] {
        assert_eq!(written(&settings(level), &lines)[1], "");
    }
    assert!(written(&settings(Level::Debug), &lines)[1].ends_with("stream error\n"));
}

#[test]
fn the_access_log_can_be_off() {
    let off = LoggingSettings { access: false, ..settings(Level::Info) };
    assert_eq!(written(&off, &[(RecordLevel::Info, ACCESS, "GET")])[0], "");
}

#[test]
fn a_message_cannot_forge_a_line() {
    let lines = [(RecordLevel::Info, ERROR, "a\nINFO bailiwick.error forged\u{2028}\u{9b}é")];
    assert_eq!(
        written(&settings(Level::Info), &lines)[1],
        "INFO bailiwick.error a\\x0AINFO bailiwick.error forged\\xE2\\x80\\xA8\\xC2\\x9Bé\n"
    );
}

const HANDLERS: &str = r#"
    [handlers.out]
    stream = "stdout"
    [handlers.err]
    stream = "stderr"
"#;

#[test]
fn lines_go_to_the_logger_whose_name_fits_best_and_up() {
    let toml = format!(
        r#"{HANDLERS}
        [loggers.root]
        handlers = ["err"]
        [loggers.orders]
        handlers = ["out"]
        level = "warning"
        [loggers."orders.db"]
        level = "DEBUG"
        [loggers."orders::web"]
        handlers = ["out"]
        propagate = false
        "#
    );
    let lines = [
        (RecordLevel::Info, "other", "1"),
        (RecordLevel::Info, "orders", "2"),
        (RecordLevel::Warn, "orders", "3"),
        (RecordLevel::Debug, "orders::db::pool", "4"),
        (RecordLevel::Warn, "orders::web", "5"),
        (RecordLevel::Info, "ordersx", "6"),
        (RecordLevel::Debug, "other", "7"),
    ];
    let out = "WARNING orders 3\nDEBUG orders.db.pool 4\nWARNING orders.web 5\n";
    let err = "INFO other 1\nWARNING orders 3\nDEBUG orders.db.pool 4\nINFO ordersx 6\n";
    assert_eq!(with_file(&toml, &lines), [out, err]);
}

#[test]
fn a_critical_line_is_one_of_the_error_logger() {
    let toml = format!(
        "{HANDLERS}\n[loggers.root]\nhandlers = [\"err\"]\n[loggers.\"bailiwick.error\"]\nlevel = \"critical\"\nhandlers = [\"out\"]\n"
    );
    let lines = [(RecordLevel::Error, ERROR, "1"), (RecordLevel::Error, CRITICAL, "2")];
    let line = "CRITICAL bailiwick.error 2\n";
    assert_eq!(with_file(&toml, &lines), [line, line]);
}

#[test]
fn handlers_have_levels_filters_and_formatters() {
    let toml = r#"
        [loggers.root]
        level = "debug"
        handlers = ["out", "err"]
        [handlers.out]
        stream = "stdout"
        level = "error"
        formatter = "short"
        [handlers.err]
        stream = "stderr"
        filters = ["no_cats"]
        [formatters.short]
        format = "%(levelname).1s %(message)s"
        [[filters.no_cats]]
        message = "cat"
    "#;
    let lines = [
        (RecordLevel::Debug, "a", "dog"),
        (RecordLevel::Error, "a", "a cat"),
        (RecordLevel::Trace, "a", "ant"),
    ];
    assert_eq!(with_file(toml, &lines), ["E a cat\n", "DEBUG a dog\n"]);
}

#[test]
fn a_loggers_filters_are_its_own() {
    let toml = format!(
        r#"{HANDLERS}
        [loggers.root]
        handlers = ["err"]
        filters = ["no_cats"]
        [loggers.zoo]
        [[filters.no_cats]]
        message = "cat"
        "#
    );
    let lines = [(RecordLevel::Info, "a", "cat"), (RecordLevel::Info, "zoo", "cat")];
    assert_eq!(with_file(&toml, &lines)[1], "INFO zoo cat\n");
}

#[test]
fn a_module_named_in_the_file_is_not_quiet() {
    let toml = format!("{HANDLERS}[loggers.root]\nhandlers = [\"err\"]\n[loggers.sqlx]\n");
    let lines = [(RecordLevel::Info, "sqlx::query", "1"), (RecordLevel::Info, "mio::poll", "2")];
    assert_eq!(with_file(&toml, &lines)[1], "INFO sqlx.query 1\n");
}

#[test]
fn the_settings_filters_apply_beside_the_files() {
    let folder = TempDir::new().unwrap();
    let rule = |message: &str| crate::settings::FilterRule {
        message: Some(message.to_owned()),
        ..Default::default()
    };
    let toml = format!(
        "{HANDLERS}[loggers.root]\nhandlers = [\"err\"]\n[loggers.\"bailiwick.access\"]\nfilters = [\"f\"]\n[[filters.f]]\nmessage = \"two\"\n"
    );
    let settings =
        LoggingSettings { access_filters: vec![rule("one")], ..file_settings(&folder, &toml) };
    let lines = ["one", "two", "three"].map(|message| (RecordLevel::Info, ACCESS, message));
    assert_eq!(written(&settings, &lines)[1], "INFO bailiwick.access three\n");
}

#[test]
fn files_are_shared_and_reopened() {
    let folder = TempDir::new().unwrap();
    let toml = r#"
        [loggers.root]
        handlers = ["a", "b"]
        [handlers.a]
        file = "FOLDER/a.log"
        [handlers.b]
        file = "FOLDER/a.log"
        formatter = "json"
        [formatters.json]
        json = true
    "#;
    let settings = file_settings(&folder, toml);
    let (router, headers) =
        Router::new(&settings, &mut OwnStreams::new(Arc::new(crate::logging::open_file))).unwrap();
    assert_eq!(headers.request, ["user-agent", "referer"]);
    let send = |message: &str| {
        let args = format_args!("{message}");
        router.log(&Record::builder().level(RecordLevel::Info).target("a").args(args).build());
        router.flush();
    };
    let [path, moved] = ["a.log", "a.log.1"].map(|name| folder.path().join(name));
    let read = |path| std::fs::read_to_string(path).unwrap();
    send("one");
    assert_eq!(read(&path).lines().count(), 2);
    std::fs::rename(&path, &moved).unwrap();
    send("two");
    router.reopen();
    router.flush();
    send("three");
    assert_eq!(read(&moved).lines().count(), 4);
    let new = read(&path);
    assert!(new.starts_with("INFO a three\n{\"time\":"), "{new}");
}

#[test]
fn a_request_is_matched_by_what_it_was() {
    let folder = TempDir::new().unwrap();
    let toml = format!(
        r#"{HANDLERS}
        [loggers.root]
        handlers = ["out"]
        [loggers.bailiwick]
        [loggers."bailiwick.access"]
        filters = ["slow"]
        [[filters.slow]]
        slower_than = 1000
        keep = true
        [[filters.slow]]
        status = "2xx"
        "#
    );
    let settings = file_settings(&folder, &toml);
    let pipes = [Pipe::default(), Pipe::default()];
    let sinks = pipes.clone().map(|pipe| Sink::new("test", pipe).unwrap());
    let (router, _) = Router::new(&settings, &mut Pipes(sinks)).unwrap();
    for (status, ms) in [(200, 1), (200, 1000), (404, 1)] {
        let elapsed = Duration::from_millis(ms);
        while_logging(crate::logging::Access { status, elapsed, ..access() }, || {
            let args = format_args!("{status} {ms}");
            let record =
                Record::builder().level(RecordLevel::Info).target(ACCESS).args(args).build();
            router.log(&record);
        });
    }
    router.flush();
    let lines = "INFO bailiwick.access 200 1000\nINFO bailiwick.access 404 1\n";
    assert_eq!(pipes[0].text(), lines);
}

#[test]
fn the_example_is_sound() {
    let folder = TempDir::new().unwrap();
    let example = include_str!("../../../config/logging.toml");
    let settings = file_settings(&folder, example);
    check(&settings).unwrap();
    let lines = [
        (RecordLevel::Info, ACCESS, r#"127.0.0.1:1 - "GET /users HTTP/1.1" 200"#),
        (RecordLevel::Info, ERROR, "up"),
    ];
    let [out, err] = written(&settings, &lines);
    let mut lines = out.lines();
    let users = lines.next().unwrap();
    assert!(
        users.ends_with(r#" - INFO - bailiwick.access - 127.0.0.1:1 - "GET /users HTTP/1.1" 200"#)
    );
    assert!(lines.next().unwrap().ends_with(" - INFO - bailiwick.error - up"));
    assert_eq!((lines.next(), err.as_str()), (None, ""));
}

#[test]
fn errors_in_the_file_are_named() {
    for (toml, expected) in [
        (
            "[loggers.root]\n[[filters.f]]\n\n[[filters.f]]\nstatus = \"20\"\n",
            "log.toml:4: filters.f[1].status: `20`: expected a status",
        ),
        (
            "[loggers.root]\n[formatters.f]\nformat = \"%(message)s %({Cookie}i)s\"\n",
            "log.toml:3: formatters.f.format: `%({Cookie}i)`: expected a header that holds no secret",
        ),
        (
            "[loggers.root]\n[formatters.f]\ndatefmt = \"%Ö\"\n",
            "log.toml:3: formatters.f.datefmt: `%Ö`: expected a format of strftime",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let error = check(&file_settings(&folder, toml)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
