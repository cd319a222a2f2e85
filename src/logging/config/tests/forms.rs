//! Log files in every format, and the notes about them.

use crate::logging::config::*;
use std::fs;
use std::path::PathBuf;

/// Loads a file of this name; messages come without its folder.
pub(super) fn load(name: &str, text: &str) -> Result<LogConfig, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let settings = LoggingSettings {
        format: "%(message)s".to_owned(),
        config: Some(path.into()),
        ..LoggingSettings::default()
    };
    let shown = format!("{}/", folder.path().display());
    LogConfig::load(&settings).map_err(|error| error.to_string().replace(&shown, ""))
}

fn notes(config: &LogConfig) -> Vec<String> {
    let word = |note: &Note| if note.is_warning { "warning" } else { "info" };
    let name = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    // The folder is a new one each time.
    let lines = config.notes.iter().map(|note| {
        let text = note.to_string();
        let (place, rest) = text.split_once(": ").unwrap();
        format!("{}: {}: {rest}", word(note), name(place))
    });
    lines.collect()
}

const INI: &str = "\
[loggers]
keys = root,access
[handlers]
keys = out, file,
    none
[formatters]
keys = short
[logger_root]
level = WARNING
handlers = out
[logger_access]
level = NOTSET
handlers = file, none
qualname = gunicorn.access
[handler_out]
class = StreamHandler
formatter =
args = (sys.stdout,)
[handler_file]
class = handlers.RotatingFileHandler
level = DEBUG
formatter = short
args = ('a.log', 'a', 10 * 1024, 3)
[handler_none]
class = logging.NullHandler
[formatter_short]
format = %(levelname)s 100%% %(message)s
datefmt = %H:%M
class = logging.Formatter
";

#[test]
fn pythons_ini_form_is_read() {
    for name in ["logging.conf", "logging.ini", "logging.cfg", "logging", "logging.toml"] {
        let config = load(name, INI).unwrap();
        assert_eq!(config.loggers[ROOT].level, Some(Level::Warning));
        let access = &config.loggers["bailiwick.access"];
        assert_eq!((access.level, access.propagate), (None, Some(false)));
        assert_eq!(access.handlers, ["file"]);
        let out = &config.handlers["out"];
        assert_eq!(out.stream, Some(Stream::Stdout));
        assert_eq!(
            config.formatters[out.formatter.as_ref().unwrap()].format.as_deref(),
            Some("%(message)s")
        );
        let file = &config.handlers["file"];
        assert_eq!(file.file, Some(PathBuf::from("a.log")));
        assert_eq!((file.max_bytes, file.backups), (Some(10_240), Some(3)));
        assert_eq!((file.stream, file.level), (None, Some(Level::Debug)));
        let short = &config.formatters["short"];
        assert_eq!(short.format.as_deref(), Some("%(levelname)s 100%% %(message)s"));
        assert_eq!(short.datefmt.as_deref(), Some("%H:%M"));
        let line = format!(
            "info: {name}:11: loggers.gunicorn.access: stands for bailiwick.access; its lines are shown as uvicorn.access"
        );
        assert_eq!(notes(&config), [line]);
    }
}

/// Text in the file, its replacement, and why that is refused.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "keys = root,access",
        "keys = root,acces",
        "a.conf:2: keys: `acces`: expected a name with a section [logger_acces]",
    ),
    (
        "keys = root,access",
        "keys = access",
        "a.conf:2: loggers.keys: ``: expected root among the keys",
    ),
    ("keys = root,access", "# none", "a.conf:1: [loggers]: ``: expected keys ="),
    ("level = WARNING", "level = LOUD", "a.conf:9: loggers.root.level: `LOUD`: expected CRITICAL"),
    (
        "handlers = out",
        "handlers = oot",
        "a.conf:10: loggers.root.handlers: `oot`: expected a name of [handlers.…]: file, out",
    ),
    ("qualname = gunicorn.access", "", "a.conf:11: [logger_access]: ``: expected qualname"),
    (
        "qualname = gunicorn.access",
        "qualname = a\npropagate = maybe",
        "a.conf:15: loggers.a.propagate: `maybe`: expected 1 or 0",
    ),
    (
        "class = StreamHandler",
        "class = handlers.SysLogHandler",
        "a.conf:16: handlers.out.class: `handlers.SysLogHandler`: expected StreamHandler",
    ),
    (
        "class = StreamHandler",
        "class = StreamHandler\nlevel = 10",
        "a.conf:17: handlers.out.level: `10`",
    ),
    ("args = (sys.stdout,)", "args = (sys.stdout)", "a.conf:18: args: `***`: expected a tuple"),
    (
        "args = (sys.stdout,)",
        "args = (open('secret'),)",
        "a.conf:18: args: `***`: expected a tuple",
    ),
    (
        "args = (sys.stdout,)",
        "args = (sys.stdout, 1)",
        "a.conf:18: args: `***`: expected at most 1: stream",
    ),
    ("args = (sys.stdout,)", "args = ('out',)", "a.conf:18: handlers.out.stream: `out`: expected"),
    ("args = (sys.stdout,)", "args = (sys.stdout,) %", "a.conf:18: args: `%`: expected %% for"),
    (
        "args = ('a.log', 'a', 10 * 1024, 3)",
        "",
        "a.conf:19: handlers.file.filename: ``: expected a file's name",
    ),
    (
        "args = ('a.log', 'a', 10 * 1024, 3)",
        "args = ('nowhere/a.log',)",
        "a.conf:23: handlers.file.file: `nowhere/a.log`: expected a file in a folder",
    ),
    ("formatter = short", "formatter = shrt", "a.conf:22: handlers.file.formatter: `shrt`"),
    (
        "class = logging.Formatter",
        "class = my.Formatter",
        "a.conf:29: formatters.short.class: `my.Formatter`",
    ),
    ("class = logging.Formatter", "style = ?", "a.conf:29: formatters.short.style: `?`"),
    ("[formatter_short]", "[formatter_short", "a.conf:26: column 1: expected a `]`"),
];

/// The same for replacements that are accepted with a warning.
const WARNED: &[(&str, &str, &str)] = &[
    (
        "class = StreamHandler",
        "class = StreamHandler\ncolor = 1",
        "warning: a.conf:17: color: is not supported",
    ),
    (
        "keys = short",
        "keys = short\n[formatter_other]\nformat = x",
        "warning: a.conf:8: [formatter_other]: other is not among the keys of [formatters]",
    ),
    (
        "keys = short",
        "keys = short\n[app:main]\nuse = x",
        "warning: a.conf:8: [app:main]: is not supported",
    ),
    (
        "10 * 1024, 3)",
        "10 * 1024)",
        "warning: a.conf:20: handlers.file.class: the file is never rotated",
    ),
    ("'a', 10", "'w', 10", "warning: a.conf:23: handlers.file.mode: lines are always appended"),
    (
        "1024, 3)",
        "1024, 3, 'latin-1')",
        "warning: a.conf:23: handlers.file.encoding: the log is written in UTF-8",
    ),
    (
        "RotatingFileHandler\n",
        "TimedRotatingFileHandler\n#",
        "warning: a.conf:20: handlers.file.class: the file is not rotated by time",
    ),
    (
        "%(levelname)s 100%%",
        "%(levelname)s\n  100%%",
        "warning: a.conf:27: formatters.short.format: line breaks",
    ),
    (
        "keys = root,access",
        "keys = root,access\ndisable_existing_loggers = True",
        "warning: a.conf:3: disable_existing_loggers: is not",
    ),
    (
        "qualname = gunicorn.access",
        "qualname = guncorn.access",
        "warning: a.conf:11: loggers.guncorn.access: no logger has this name; did you mean gunicorn.access?",
    ),
];

#[test]
fn unsupported_parts_of_the_ini_form_are_refused_with_their_line() {
    for (from, to, expected) in REFUSED {
        assert!(INI.contains(from), "{from}");
        let error = load("a.conf", &INI.replace(from, to)).unwrap_err();
        assert!(error.starts_with(expected), "{error}\nis not\n{expected}");
    }
}

#[test]
fn parts_of_the_ini_form_without_effect_are_named_with_their_line() {
    for (from, to, expected) in WARNED {
        let timed = from.starts_with("Rotating");
        let text = if timed { INI.replace(", 10 * 1024, 3", "") } else { INI.to_owned() };
        let config = load("a.conf", &text.replace(from, to)).unwrap();
        let notes = notes(&config);
        assert!(
            notes.iter().any(|note| note.starts_with(expected)),
            "{notes:#?}\nlack\n{expected}"
        );
    }
    let quiet =
        INI.replace("keys = root,access", "keys = root,access\ndisable_existing_loggers = false");
    assert_eq!(notes(&load("a.conf", &quiet).unwrap()).len(), 1);
}

/// uvicorn's own default.
const JSON: &str = r#"{
    "version": 1,
    "disable_existing_loggers": false,
    "formatters": {
        "default": {
            "()": "uvicorn.logging.DefaultFormatter",
            "fmt": "%(levelprefix)s %(message)s",
            "use_colors": null
        },
        "access": {
            "()": "uvicorn.logging.AccessFormatter",
            "fmt": "%(levelprefix)s %(client_addr)s - \"%(request_line)s\" %(status_code)s"
        }
    },
    "handlers": {
        "default": {"formatter": "default", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
        "access": {"formatter": "access", "class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    },
    "loggers": {
        "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": false},
        "uvicorn.error": {"level": "INFO"},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": false}
    }
}"#;

#[test]
fn pythons_dict_form_is_read_from_json() {
    for name in ["log.json", "log.conf", "log"] {
        let config = load(name, JSON).unwrap();
        assert_eq!(config.loggers["bailiwick.access"].handlers, ["access"]);
        assert_eq!(config.loggers["bailiwick.error"].handlers.len(), 0);
        assert_eq!(config.loggers["bailiwick"].propagate, Some(false));
        assert_eq!(config.loggers[ROOT].handlers, ["last resort"]);
        assert_eq!(config.shown, LoggerNames { access: "uvicorn.access", error: "uvicorn.error" });
        let expected = [
            ("20", ""),
            ("22", "; its lines are shown as uvicorn.access"),
            ("21", "; its lines are shown as uvicorn.error"),
        ];
        let names = [
            "uvicorn: stands for bailiwick",
            "uvicorn.access: stands for bailiwick.access",
            "uvicorn.error: stands for bailiwick.error",
        ];
        let expected: Vec<_> = expected
            .iter()
            .zip(names)
            .map(|((line, end), stands)| format!("info: {name}:{line}: loggers.{stands}{end}"))
            .collect();
        assert_eq!(notes(&config), expected);
    }
}

#[test]
fn unsupported_parts_of_the_dict_form_are_named_with_their_line() {
    for (from, to, expected) in [
        (
            "\"version\": 1,",
            "\"version\": 1",
            "a.json:3: column 5: expected valid JSON: expected `,` or `}`",
        ),
        ("\"version\": 1", "\"version\": 2", "a.json:2: version: `2`: expected 1"),
        (
            "\"level\": \"INFO\"}",
            "\"level\": \"loud\"}",
            "a.json:21: loggers.uvicorn.error.level: `loud`",
        ),
        ("[\"access\"]", "[\"acces\"]", "a.json:22: loggers.uvicorn.access.handlers: `acces`"),
        (
            "uvicorn.logging.AccessFormatter",
            "my.Formatter",
            "a.json:11: formatters.access.(): `my.Formatter`",
        ),
        (
            "\"propagate\": false",
            "\"propagate\": \"no\"",
            "a.json:20: loggers.uvicorn.propagate: `no`",
        ),
        ("ext://sys.stderr", "sys.stderr", "a.json:16: handlers.default.stream: `sys.stderr`"),
        (
            "\"handlers\": {",
            "\"filters\": {\"f\": {\"()\": \"my.Filter\"}},\n\"handlers\": {",
            "a.json:15: filters.f: ``: expected a list of rules",
        ),
    ] {
        assert!(JSON.contains(from), "{from}");
        let error = load("a.json", &JSON.replace(from, to)).unwrap_err();
        assert!(error.starts_with(expected), "{error}\nis not\n{expected}");
    }
    let rules = JSON
        .replace("\"handlers\": {", "\"filters\": {\"f\": [{\"path\": \"/\"}]},\n\"handlers\": {")
        .replace("[\"access\"]", "[\"access\"], \"filters\": [\"f\"]");
    let config = load("a.json", &rules).unwrap();
    assert_eq!(config.loggers["bailiwick.access"].filters, ["f"]);
    assert!(config.notes.iter().all(|note| !note.is_warning));
}

#[test]
fn gunicorns_and_uvicorns_names_work_in_toml_too() {
    let config = load(
        "log.toml",
        "[loggers.root]\n[loggers.\"gunicorn.access\"]\nfilters = [\"f\"]\n[loggers.\"uvicorn.access\"]\nfilters = [\"f\"]\npropagate = false\n[loggers.\"uvicorn.error\"]\nlevel = \"debug\"\n[loggers.\"bailiwick.error\"]\n[[filters.f]]\n[[filters.g]]\n",
    )
    .unwrap();
    assert_eq!(config.loggers["bailiwick.access"].filters, ["f"]);
    assert_eq!(config.loggers["bailiwick.error"].level, None);
    assert_eq!(config.loggers.len(), 3);
    assert_eq!(config.shown, LoggerNames::default());
    assert_eq!(
        notes(&config),
        [
            "info: log.toml:4: loggers.uvicorn.access: stands for bailiwick.access",
            "warning: log.toml:7: loggers.uvicorn.error: stands for bailiwick.error, as does \
             another logger in this file, which wins; this one is ignored",
            "info: log.toml:2: loggers.gunicorn.access: stands for bailiwick.access, as does \
             another logger in this file; both say the same",
            "warning: log.toml:11: filters.g: no logger or handler names this filter, so it has \
             no effect",
        ]
    );
}
