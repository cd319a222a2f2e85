//! Log files in TOML, and errors in them.

mod forms;

use super::*;
use std::fs;

fn load(text: &str) -> Result<LogConfig, LoggingError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.toml");
    fs::write(&path, text).unwrap();
    LogConfig::load(&LoggingSettings {
        format: "%(message)s".to_owned(),
        config: Some(path.into()),
        ..LoggingSettings::default()
    })
}

const ROOT_ONLY: &str = "[loggers.root]\n";

#[test]
fn a_file_is_read() {
    let config = load(
        r#"
        [loggers.root]
        level = "WARNING"
        handlers = ["console"]
        [loggers."bailiwick.access"]
        level = "info"
        filters = ["quiet"]
        propagate = false
        [handlers.console]
        stream = "stdout"
        level = "debug"
        formatter = "json"
        [formatters.json]
        json = true
        [[filters.quiet]]
        message = '"GET / HTTP/1.1"'
        [[filters.quiet]]
        slower_than = 100
        keep = 0.01
        "#,
    );
    let config = config.unwrap();
    assert_eq!(config.loggers[ROOT].level, Some(Level::Warning));
    assert_eq!(config.loggers[ROOT].propagate, None);
    assert_eq!(config.loggers["bailiwick.access"].propagate, Some(false));
    assert_eq!(config.handlers["console"].stream, Some(Stream::Stdout));
    assert_eq!(config.handlers["console"].level, Some(Level::Debug));
    assert!(config.formatters["json"].json);
    assert_eq!(config.filters["quiet"].len(), 2);
}

#[test]
fn errors_are_one_line_with_file_and_line() {
    for (text, expected) in [
        ("", "log.toml: loggers: ``: expected a table [loggers.root]"),
        ("[loggers.root", "log.toml:1: "),
        ("[loggers.root]\nleval = \"info\"\n", "log.toml:2: loggers.root.leval: `leval`"),
        ("[loggers.root]\nlevel = \"loud\"\n", "log.toml:2: loggers.root.level: `loud`"),
        ("[loggers.root]\nlevel = 7\n", "log.toml:2: loggers.root.level: `7`"),
        ("[logger.root]\n", "log.toml:1: logger.root: `logger`"),
        (
            "[loggers.root]\nhandlers = [\"x\"]\n[handlers.a]\nstream = \"stdout\"\n",
            "log.toml:2: loggers.root.handlers: `x`: expected a name of [handlers.…]: a",
        ),
        (
            "[loggers.root]\n[handlers.a]\nstream = \"stdout\"\nformatter = \"x\"\n",
            "log.toml:4: handlers.a.formatter: `x`: expected a name of [formatters.…]: none",
        ),
        (
            "[loggers.root]\n[loggers.\"a.b\"]\nfilters = [\"x\"]\n",
            "log.toml:3: loggers.a.b.filters: `x`: expected a name of [filters.…]",
        ),
        ("[loggers.root]\n[handlers.a]\n", "log.toml:2: handlers.a: ``: expected either stream"),
        (
            "[loggers.root]\n[handlers.a]\nfile = \"/nowhere/at/all.log\"\n",
            "log.toml:3: handlers.a.file: `/nowhere/at/all.log`: expected a file in a folder",
        ),
        (
            "[loggers.root]\n[formatters.a]\njson = true\nformat = \"%(message)s\"\n",
            "log.toml:3: formatters.a.json: `true`: expected either json = true, or format",
        ),
        (
            "[loggers.root]\n[[filters.a]]\n[[filters.a]]\nkeep = 2.5\n",
            "log.toml:4: filters.a[1].keep: `2.5`",
        ),
        ("[loggers.root]\n[loggers.\"a b\"]\n", "log.toml: loggers: `a b`: expected root"),
    ] {
        let error = load(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nis not\n{expected}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(load(ROOT_ONLY).is_ok());
}

#[test]
fn an_absent_file_is_named() {
    let config = Some("absent.toml".into());
    let settings = LoggingSettings { config, ..LoggingSettings::default() };
    let error = LogConfig::load(&settings).unwrap_err().to_string();
    assert!(error.starts_with("absent.toml: cannot be read: No such file"), "{error}");
}

#[test]
fn a_broken_file_shows_the_place() {
    for (name, text, expected) in [
        ("a.toml", "[loggers.root]\nlevel = info\n", "a.toml:2: column 9: expected valid TOML: "),
        ("a.toml", "[loggers.root]\nlevel = \"info\n", "a.toml:2: column "),
        (
            "a.toml",
            "[loggers.root]\n\n  level \"info\"\n",
            "a.toml:3: column 9: expected valid TOML: ",
        ),
        ("a.toml", "[loggers.root]\nhandlers = [\"a\"\n", "a.toml:"),
        ("a.toml", "[loggers.root]\n[loggers.root]\n", "a.toml:2: column "),
        (
            "a.json",
            "{\"a\": 1,\n  \"b\" 2}",
            "a.json:2: column 7: expected valid JSON: expected `:`",
        ),
        ("a.json", "nothing", "a.json:1: column 2: expected valid JSON"),
        ("a.json", "{", "a.json:1: column 1: expected valid JSON: EOF"),
        ("a.conf", "[loggers]\nkeys\n", "a.conf:2: column 1: expected [section] or key = value"),
        ("a.yaml", "version: 1\n", "a.yaml:1: column 1: YAML is not read: write TOML, JSON"),
    ] {
        let error = forms::load(name, text).unwrap_err();
        assert!(error.starts_with(expected), "{error}\nis not\n{expected}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn handlers_of_a_file_agree_on_its_rotation() {
    let handlers = |a: &str, b: &str| {
        forms::load(
            "a.toml",
            &format!("[loggers.root]\n[handlers.a]\n{a}\n[handlers.b]\nfile = \"x.log\"\n{b}\n"),
        )
    };
    assert!(
        handlers("file = \"x.log\"\nmax_bytes = 9\nbackups = 1", "max_bytes = 9\nbackups = 1")
            .is_ok()
    );
    for (a, b, expected) in [
        (
            "file = \"x.log\"\nmax_bytes = 9\nbackups = 1",
            "",
            "a.toml:6: handlers.b.max_bytes: ``: expected the same",
        ),
        (
            "stream = \"stdout\"\nmax_bytes = 9\nbackups = 1",
            "",
            "a.toml:4: handlers.a.max_bytes: ``: expected file",
        ),
        (
            "stream = \"stdout\"",
            "max_bytes = 9",
            "a.toml:6: handlers.b.max_bytes: ``: expected a number",
        ),
        (
            "stream = \"stdout\"",
            "max_bytes = 0\nbackups = 3",
            "a.toml:6: handlers.b.max_bytes: ``: expected a number",
        ),
    ] {
        let error = handlers(a, b).unwrap_err();
        assert!(error.starts_with(expected), "{error}\nis not\n{expected}");
    }
}
