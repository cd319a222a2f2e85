//! Log files in the formats of Python's logging, on the real binary and in Python itself.

use super::{checked_as, raw};
use crate::clients::python_tool;
use crate::harness::{App, eventually, repository, run, run_tool};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A file as for an application under gunicorn: requests and everything else on standard output.
const GUNICORN: &str = "\
[loggers]
keys=root,gunicorn.access

[handlers]
keys=console

[formatters]
keys=plain

[logger_root]
level=INFO
handlers=console

[logger_gunicorn.access]
level=INFO
handlers=console
qualname=gunicorn.access

[handler_console]
class=StreamHandler
level=INFO
formatter=plain
args=(sys.stdout,)

[formatter_plain]
format=%(asctime)s - %(levelname)s - %(name)s - %(message)s
";

/// A server with this file, which logs to standard output at least where it listens.
fn with_file(name: &str, text: &str) -> App {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join(name), text).expect("the file is written");
    App::demo().args(["--log-config", name]).says_so_on_stdout().spawn_in(folder)
}

/// The text with 0 for each digit: times and ports differ.
fn shape(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

#[test]
fn a_file_of_gunicorns_prints_what_it_prints_there() {
    let app = with_file("logging.conf", GUNICORN);
    let (port, _) = raw(&app, b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n");
    let line = app.stdout.wait_for("GET /openapi.json");
    let expected = format!(
        r#" - INFO - uvicorn.access - 127.0.0.1:{port} - "GET /openapi.json HTTP/1.1" 200"#
    );
    assert_eq!(line.get(23..), Some(expected.as_str()));
    assert_eq!(shape(&line[..23]), "0000-00-00 00:00:00,000");
    raw(&app, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    app.stdout.wait_for("GET / HTTP/1.1");
    let text = app.stdout.text();
    assert_eq!(text.matches("\"GET ").count(), 2, "{text}");
    let note = " - INFO - bailiwick.error - logging.conf:14: loggers.gunicorn.access: stands for bailiwick.access; its lines are shown as uvicorn.access";
    assert_eq!(text.matches(note).count(), 1, "{text}");
    assert_eq!(app.stderr.text(), "");
}

/// Everything logged for the request, by stream or file.
fn lines_of_request(folder: &Path, [out, err]: [&str; 2]) -> Vec<(String, String)> {
    let mut texts = vec![("out".to_owned(), out.to_owned()), ("err".to_owned(), err.to_owned())];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|kind| kind == "log") {
            let text = fs::read_to_string(&path).expect("a log");
            texts.push((path.file_name().expect("a name").to_string_lossy().into_owned(), text));
        }
    }
    let mut lines: Vec<_> = texts
        .iter()
        .flat_map(|(place, text)| {
            let lines = text.lines().filter(|line| line.contains("/openapi.json?a=b"));
            lines.map(|line| (place.clone(), shape(line)))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn python_prints_the_same_for_the_same_file() {
    let console = "[loggers]\nkeys=root,a\n[logger_root]\nhandlers=out\nlevel=INFO\n[handler_out]\nclass=StreamHandler\nargs=(sys.stdout,)\nformatter=f\n";
    let uvicorn = |format: &str| {
        format!(
            r#"{{"version": 1, "disable_existing_loggers": false,
            "formatters": {{
                "default": {{"()": "uvicorn.logging.DefaultFormatter", "fmt": "%(levelprefix)s %(message)s", "use_colors": null}},
                "access": {{"()": "uvicorn.logging.AccessFormatter", "fmt": "{format}", "use_colors": false}}}},
            "handlers": {{
                "default": {{"formatter": "default", "class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
                "access": {{"formatter": "access", "class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}}},
            "loggers": {{
                "uvicorn": {{"handlers": ["default"], "level": "INFO", "propagate": false}},
                "uvicorn.error": {{"level": "INFO"}},
                "uvicorn.access": {{"handlers": ["access"], "level": "INFO", "propagate": false}}}}}}"#
        )
    };
    let files = [
        ("logging.conf", GUNICORN.to_owned()),
        // Two destinations, one through the root; comments, continued lines, a second format.
        (
            "logging.ini",
            format!(
                "# of the tests\n{console}[handlers]\nkeys =\n  out,\n  file\n[formatters]\nkeys: f, g\n[logger_a]\nqualname=uvicorn.access\nhandlers=file\n; a comment\n[handler_file]\nclass=logging.FileHandler\nargs=('a.log',\n      'a')\nlevel=NOTSET\nformatter=g\n[formatter_f]\nformat=%(levelname)-8s|%(name)20s|100%%|%(message).60s\n[formatter_g]\nformat=[%(asctime)s] %(levelname)s %(message)s\ndatefmt=%d/%b/%Y:%H:%M:%S %z%%\nclass=logging.Formatter\n"
            ),
        ),
        // Not propagated; no formatter.
        (
            "quiet.conf",
            format!(
                "{console}[handlers]\nkeys=out,err\n[formatters]\nkeys=f\n[logger_a]\nqualname=uvicorn.access\nlevel=DEBUG\nhandlers=err\npropagate=0\n[handler_err]\nclass=StreamHandler\nargs=(sys.stderr,)\n[formatter_f]\nformat=%(message)s\n"
            ),
        ),
        // A level above the line's.
        (
            "handler.conf",
            format!(
                "{console}[handlers]\nkeys=out,b\n[formatters]\nkeys=f\n[logger_a]\nqualname=uvicorn.access\nhandlers=b\n[handler_b]\nclass=handlers.RotatingFileHandler\nargs=()\nkwargs={{'filename': 'b.log', 'maxBytes': 1024 * 1024, 'backupCount': 2}}\nlevel=WARNING\n[formatter_f]\nformat=%(message)s\nstyle=%\n"
            ),
        ),
        (
            "style.conf",
            format!(
                "{console}[handlers]\nkeys=out\n[formatters]\nkeys=f\n[logger_a]\nqualname=uvicorn.access\nhandlers=\n[formatter_f]\nformat={{levelname:<9}}{{{{50%}}}} {{message}}\nstyle={{\n"
            ),
        ),
        (
            "uvicorn.json",
            uvicorn(r#"%(levelprefix)s %(client_addr)s - \"%(request_line)s\" %(status_code)s"#),
        ),
        ("words.json", uvicorn(r"%(asctime)s %(status_code)-10s| %(name)s %(message)s")),
    ];
    for (name, text) in files {
        let app = with_file(name, &text);
        let (port, _) = raw(&app, b"GET /openapi.json?a=b HTTP/1.1\r\nhost: a\r\n\r\n");
        let client = format!("127.0.0.1:{port}");
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join(name), &text).expect("the file is written");
        let script = repository("tests/clients/log_config.py");
        let mut python = python_tool("python");
        python.current_dir(folder.path()).arg(script).arg(name).arg(client);
        let output = run(python.args(["GET", "/openapi.json?a=b", "1.1", "200"]), "");
        let [out, err] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert!(output.status.success(), "{name}: {err}");
        let expected = lines_of_request(folder.path(), [&out, &err]);
        assert!(!expected.is_empty(), "{name}: {out}{err}");
        // Each destination has its own writer thread.
        let found = || lines_of_request(app.folder(), [&app.stdout.text(), &app.stderr.text()]);
        eventually("the lines", || (found().len() >= expected.len()).then_some(()));
        assert_eq!(found(), expected, "{name}");
        // There are no warnings.
        let text = app.stdout.text();
        let is_complaint =
            |line: &str| line.contains("WARNING") && line.contains(&format!("{name}:"));
        assert!(!text.lines().any(is_complaint), "{text}");
    }
}

#[test]
fn a_full_file_is_rotated_by_all_processes() {
    let text = "[loggers]\nkeys=root,a\n[handlers]\nkeys=out,file\n[formatters]\nkeys=\n[logger_root]\nhandlers=out\n[logger_a]\nqualname=gunicorn.access\nhandlers=file\n[handler_out]\nclass=StreamHandler\nargs=(sys.stdout,)\n[handler_file]\nclass=handlers.RotatingFileHandler\nargs=('a.log', 'a', 1000, 90)\n";
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("logging.conf"), text).expect("the file is written");
    let app = App::demo()
        .args(["--processes", "2", "--log-config", "logging.conf"])
        .says_so_on_stdout()
        .spawn_in(folder);
    let asked: Vec<_> = (0..120).map(|number| format!("GET /{number:03} HTTP/1.1")).collect();
    for line in &asked {
        raw(&app, format!("{line}\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes());
    }
    let files = || {
        let entries = fs::read_dir(app.folder()).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let logs = paths.filter(|path| path.to_string_lossy().contains("a.log"));
        // A file rotated meanwhile is read next time.
        logs.filter_map(|path| fs::read_to_string(path).ok()).collect::<Vec<_>>()
    };
    let files = eventually("all lines", || {
        let files = files();
        (files.iter().map(|text| text.lines().count()).sum::<usize>() == asked.len())
            .then_some(files)
    });
    assert!(files.len() > 5, "{}", files.len());
    assert!(files.iter().all(|text| text.len() < 1000));
    let all = files.concat();
    assert!(asked.iter().all(|line| all.contains(line)), "{all}");
}

#[test]
fn an_unknown_logger_name_is_reported() {
    let toml = |name: &str| {
        format!(
            "[loggers.root]\nhandlers = [\"err\"]\n[loggers.\"{name}\"]\nlevel = \"info\"\n[handlers.err]\nstream = \"stderr\"\n"
        )
    };
    for (name, told) in [
        (
            "bailiwick.acess",
            Some(
                "bailiwick: warning: log.toml:3: loggers.bailiwick.acess: no logger has this name; did you mean bailiwick.access?",
            ),
        ),
        ("gunicorn.acces", Some("did you mean gunicorn.access?")),
        (
            "uvicorn.access",
            Some("bailiwick: log.toml:3: loggers.uvicorn.access: stands for bailiwick.access"),
        ),
        (
            "gunicorn.error",
            Some("bailiwick: log.toml:3: loggers.gunicorn.error: stands for bailiwick.error"),
        ),
        ("orders.db", None),
        ("bailiwick.storage", None),
    ] {
        let output = checked_as("log.toml", &toml(name));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("is valid"));
        match told {
            Some(line) => assert!(text.contains(line) && text.lines().count() == 1, "{text}"),
            None => assert_eq!(text, ""),
        }
    }
    let app = super::with_log(&toml("bailiwick.acess"));
    let line = app.stderr.wait_for("did you mean");
    assert!(line.contains(" - WARNING - bailiwick.error - log.toml:3: "), "{line}");
    // A changed file is checked when it is read again.
    fs::write(app.folder().join("log.toml"), toml("uvicorn.access")).expect("it is written");
    app.signal("HUP");
    let line = app.stderr.wait_for("stands for");
    assert!(line.contains(" - INFO - bailiwick.error - log.toml:3: "), "{line}");
    app.stderr.wait_for("All worker processes are of generation 2");
    assert_eq!(app.stderr.text().matches("stands for").count(), 1);
}

#[test]
fn a_filter_on_uvicorns_logger_applies_to_ours() {
    let app = super::with_log(
        "[loggers.root]\nhandlers = [\"err\"]\n[loggers.\"uvicorn.access\"]\nfilters = [\"f\"]\n[handlers.err]\nstream = \"stderr\"\n[[filters.f]]\nmessage = '\"GET / HTTP/1.1\"'\n",
    );
    app.get("/");
    app.get("/status");
    let line = app.stderr.wait_for("GET /status");
    assert!(line.contains(" - bailiwick.access - "), "{line}");
    assert!(!app.stderr.text().contains("GET / HTTP"), "{}", app.stderr.text());
}

#[test]
fn gunicorns_flag_for_json_is_accepted() {
    let folder = TempDir::new().expect("a folder");
    let json = r#"{"root": {"handlers": ["out"], "level": "INFO"}, "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}}"#;
    fs::write(folder.path().join("log.json"), json).expect("the file is written");
    let app =
        App::demo().args(["--log-config-json", "log.json"]).says_so_on_stdout().spawn_in(folder);
    app.get("/status");
    app.stdout.wait_for("\"GET /status HTTP/1.1\" 401");
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    for (name, text, place) in [
        ("log.toml", "[loggers.root]\nlevel = info\n", "log.toml:2: column 9: "),
        (
            "log.conf",
            "[loggers]\nkeys=root\n[logger_root]\nhandlers=x\n",
            "log.conf:4: loggers.root.handlers: `x`",
        ),
        ("log.conf", "[loggers]\nkeys\n", "log.conf:2: column 1: "),
        ("log.json", "{\n  \"version\" 1}", "log.json:2: column 13: "),
        ("log.yaml", "version: 1\n", "log.yaml:1: column 1: YAML is not read"),
    ] {
        let output = checked_as(name, text);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(place) && error.trim_end().lines().count() == 1, "{error}");
    }
}

#[test]
fn uvicorns_words_are_written() {
    let app = super::with_access_format(
        r#"format = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'"#,
    );
    let (port, _) = raw(&app, b"GET /nowhere?token=hidden HTTP/1.1\r\nhost: a\r\n\r\n");
    let line = app.stdout.wait_for("/nowhere");
    let expected =
        format!(r#"INFO:     127.0.0.1:{port} - "GET /nowhere?token=*** HTTP/1.1" 404 Not Found"#);
    assert_eq!(line, expected);
    // uvicorn itself prints the same, except for the secret.
    let format = r"import logging, uvicorn.logging as u; f = u.AccessFormatter('%(levelprefix)s %(client_addr)s - \x22%(request_line)s\x22 %(status_code)s', use_colors=False); print(f.format(logging.LogRecord('uvicorn.access', 20, '', 0, '%s %s %s %s %d', ('127.0.0.1:1', 'GET', '/nowhere?token=***', '1.1', 404), None)))";
    let printed = run_tool(python_tool("python").args(["-c", format]));
    assert_eq!(
        shape(printed.trim_end()).replace(":0 ", ": "),
        shape(&line).replace(&format!(":{} ", "0".repeat(port.to_string().len())), ": ")
    );
}
