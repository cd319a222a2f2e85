//! Layers and origins; `wrong` holds what must be refused.

use super::*;
use crate::settings::key::Kind;
use crate::settings::{Effective, Settings};
use config::{Source as _, Value, ValueKind};
use std::path::Path;

mod wrong;

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.toml");
    std::fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Layers { file: Some(path.clone()), environment, ..Layers::default() }
        .load()
        .map_err(|error| error.to_string().replace(&path.display().to_string(), "b.toml"))
}

fn flags(flags: &[(&str, &str)]) -> Vec<(String, String)> {
    flags.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn shown<'a>(loaded: &'a Loaded, key: &str) -> Effective<'a> {
    loaded.effective().find(|effective| effective.key == key).unwrap()
}

#[test]
fn every_file_in_config_loads() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The log's own file has its own keys and its own test.
        let is_ours = !path.ends_with("logging.toml");
        if is_ours && path.extension().is_some_and(|extension| extension == "toml") {
            let loaded = Layers { file: Some(path), ..Layers::default() }.load();
            loaded.unwrap_or_else(|error| panic!("{error}"));
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
}

/// The lines of default.toml that set a key, commented out or not, with the line before.
fn documented() -> Vec<(String, String)> {
    let (mut section, mut above, mut keys) = (String::new(), "", Vec::new());
    let file = default_file();
    for line in file.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = format!("{}.", header.trim_end_matches(']'));
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ")
            && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            && !line.starts_with("#  ")
        {
            keys.push((format!("{section}{key}"), above.to_owned()));
        }
        above = line;
    }
    keys
}

#[test]
fn every_key_in_default_toml_has_a_comment_above_it() {
    let documented = documented();
    let names: Vec<_> = documented.iter().map(|(name, _)| name.as_str()).collect();
    let known: Vec<_> = keys::KEYS.iter().map(|key| key.name).collect();
    assert_eq!(names, known);
    for (name, above) in documented {
        assert!(above.starts_with("# "), "{name} has no comment above it");
    }
}

/// serde names the types' fields in its error about an unknown one.
#[test]
fn the_table_of_keys_is_that_of_the_types() {
    let fields = |section: &str| -> Vec<String> {
        let mut tree =
            Layer::of_text(&default_file(), Origin::Default, &[]).unwrap().0.collect().unwrap();
        if section.is_empty() {
            tree.insert("?".to_owned(), "".into());
        } else if let ValueKind::Table(table) = &mut tree.get_mut(section).unwrap().kind {
            table.insert("?".to_owned(), "".into());
        }
        let error = Value::new(None, tree).try_deserialize::<crate::settings::Settings>();
        let error = error.unwrap_err().to_string();
        let (_, names) = error.split_once("expected ").unwrap();
        let (names, _) = names.split_once(" for key").unwrap_or((names, ""));
        names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let mut names = Vec::new();
    for field in fields("") {
        if keys::is_section(&field) {
            if !["scopes", "clients", "providers"].contains(&field.as_str()) {
                names.extend(fields(&field).into_iter().map(|inner| format!("{field}.{inner}")));
            }
        } else {
            names.push(field);
        }
    }
    let known: Vec<_> = keys::KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(names, known);
}

#[test]
fn the_default_is_what_an_empty_configuration_is() {
    let default = format!("{:?}", Settings::default());
    assert_eq!(default, format!("{:?}", load("", &[]).unwrap().settings));
    assert_eq!(default, format!("{:?}", load(&default_file(), &[]).unwrap().settings));
    let server = format!("{:?}", crate::settings::ServerSettings::default());
    assert!(default.contains(&server) && server.contains("backlog: 2048"), "{server}");
}

#[test]
fn optional_keys_are_those_without_a_default() {
    let given = Layer::of_text(&default_file(), Origin::Default, &[]).unwrap().0.values;
    for key in keys::KEYS.iter() {
        assert_eq!(key.is_optional(), !given.contains_key(key.name), "{}", key.name);
    }
}

#[test]
fn a_later_layer_wins_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.toml");
    let text = "[server]\nworkers = 2\nbacklog = 20\nkeepalive = 200\nbind = ['a:1', 'b:2']\n";
    std::fs::write(&file, text).unwrap();
    let environment = flags(&[
        ("BAILIWICK__SERVER__WORKERS", "3"),
        ("BAILIWICK__SERVER__BACKLOG", "30"),
        ("HOME", "/root"),
        ("BAILIWICK_OTHER", "x"),
    ]);
    let flags = flags(&[("server.workers", "4"), ("logging.level", "DEBUG")]);
    let loaded = Layers { file: Some(file.clone()), environment, flags, ..Layers::default() }
        .load()
        .unwrap();
    let server = &loaded.settings.server;
    assert_eq!(server.workers.unwrap().get(), 4);
    assert_eq!(server.backlog.get(), 30);
    assert_eq!(server.keepalive, 200);
    assert_eq!(server.graceful_timeout, 30);
    assert_eq!(server.bind.len(), 2);
    assert_eq!(loaded.settings.logging.level, crate::settings::Level::Debug);
    for (key, value, origin) in [
        ("server.workers", "4", "flag --workers".to_owned()),
        ("server.backlog", "30", "environment BAILIWICK__SERVER__BACKLOG".to_owned()),
        ("server.keepalive", "200", format!("file {}", file.display())),
        ("server.graceful_timeout", "30", "default".to_owned()),
        ("server.bind", r#"["a:1","b:2"]"#, format!("file {}", file.display())),
        ("logging.level", r#""debug""#, "flag --log-level".to_owned()),
        ("docs.scope", "null", "default".to_owned()),
    ] {
        let effective = shown(&loaded, key);
        assert_eq!(
            (effective.value.to_string(), effective.origin.to_string()),
            (value.to_owned(), origin)
        );
    }
}

#[test]
fn an_env_file_wins_over_the_file_and_loses_to_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let (file, env_file) = (folder.path().join("b.toml"), folder.path().join("b.env"));
    std::fs::write(&file, "[server]\nworkers = 2\nbacklog = 20\nkeepalive = 200\n").unwrap();
    let layers = |text: &str| {
        std::fs::write(&env_file, text).unwrap();
        let environment = flags(&[("BAILIWICK__SERVER__WORKERS", "4")]);
        let (file, env_file) = (Some(file.clone()), Some(env_file.clone()));
        Layers { file, env_file, environment, ..Layers::default() }
    };
    let loaded = layers(
        "PATH=/x\nBAILIWICK__SERVER__WORKERS=3\nexport BAILIWICK__SERVER__BACKLOG='30'\n\
         BAILIWICK__SERVER__BACKLOG=31\n",
    );
    let read = loaded.clone().read().unwrap();
    let loaded = loaded.load().unwrap();
    assert_eq!(loaded.settings.server.workers.unwrap().get(), 4);
    assert_eq!(loaded.settings.server.backlog.get(), 31);
    assert_eq!(loaded.settings.server.keepalive, 200);
    let place = format!("{}:4", env_file.display());
    let origin = format!("env-file {place} BAILIWICK__SERVER__BACKLOG");
    assert_eq!(shown(&loaded, "server.backlog").origin.to_string(), origin);

    for (line, error) in [
        ("swordfish", ":1: expected NAME=value, with quotes around a value with spaces or `$`"),
        (
            "BAILIWICK__SERVER__WOKERS=1",
            ":1: unknown key `BAILIWICK__SERVER__WOKERS`, did you mean `BAILIWICK__SERVER__WORKERS`?",
        ),
        (
            "BAILIWICK__SERVER__BACKLOG=x",
            ":1 BAILIWICK__SERVER__BACKLOG = \"x\": expected a whole number from 1 to 65535",
        ),
        (
            "BAILIWICK__LOGGING__ACCESS_FILTERS=x",
            ":1 BAILIWICK__LOGGING__ACCESS_FILTERS: a table can only stand in a file (`--config FILE`)",
        ),
    ] {
        let found = layers(line).load().unwrap_err().to_string();
        assert!(found.ends_with(&format!("b.env{error}")), "{found}");
    }
    // What was read once stays as it was.
    assert_eq!(read.load().unwrap().settings.server.backlog.get(), 31);
    let missing = Layers { env_file: Some("/nonexistent.env".into()), ..Layers::default() };
    let error = missing.load().unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent.env: cannot be read: "), "{error}");
}

#[test]
fn variables_of_other_servers_are_defaults() {
    let others = [
        ("PORT", "8080"),
        ("WEB_CONCURRENCY", "3"),
        ("FORWARDED_ALLOW_IPS", "10.0.0.1, unix"),
        ("RUST_LOG", "Debug"),
    ];
    let loaded = load("", &others).unwrap();
    for (key, value, variable) in [
        ("server.bind", r#"["0.0.0.0:8080"]"#, "PORT"),
        ("server.workers", "3", "WEB_CONCURRENCY"),
        ("server.forwarded_allow_ips", r#"["10.0.0.1","unix"]"#, "FORWARDED_ALLOW_IPS"),
        ("logging.level", r#""debug""#, "RUST_LOG"),
    ] {
        let effective = shown(&loaded, key);
        assert_eq!(effective.value.to_string(), value);
        assert_eq!(effective.origin.to_string(), format!("environment {variable}"));
    }
    // Our own names win, even in a file; then the other value need not even be valid.
    let file =
        "logging.level = 'error'\n[server]\nbind = ['a:1']\nworkers = 1\nforwarded_allow_ips = []";
    for others in [others, others.map(|(name, _)| (name, "nonsense"))] {
        let loaded = load(file, &others).unwrap();
        assert_eq!(loaded.settings.server.bind[0].to_string(), "a:1");
        assert_eq!(loaded.settings.server.workers.unwrap().get(), 1);
        assert_eq!(loaded.settings.server.forwarded_allow_ips, [""; 0]);
        assert_eq!(loaded.settings.logging.level, crate::settings::Level::Error);
        assert_eq!(loaded.warnings, [""; 0]);
    }
    assert!(load("", &others.map(|(name, _)| (name, ""))).is_ok());
    for (name, value, line) in [
        ("PORT", "x", "environment PORT = \"x\": expected a port; `x` is no port"),
        ("PORT", "99999", "environment PORT = \"99999\": expected a port"),
        ("WEB_CONCURRENCY", "0", "environment WEB_CONCURRENCY = \"0\": expected a whole number"),
        ("FORWARDED_ALLOW_IPS", "x", "environment FORWARDED_ALLOW_IPS = \"x\": expected a list"),
    ] {
        let error = load("", &[(name, value)]).unwrap_err();
        assert!(error.starts_with(line), "{error}");
    }
    let loaded = load("", &[("RUST_LOG", "bailiwick=debug,info")]).unwrap();
    assert_eq!(loaded.settings.logging.level, crate::settings::Level::Info);
    assert!(loaded.warnings[0].starts_with("environment RUST_LOG is not read: only a level is"));
    for name in ["GUNICORN_CMD_ARGS", "UVICORN_PORT"] {
        let warnings = load("", &[(name, "swordfish")]).unwrap().warnings;
        assert!(warnings[0].starts_with(&format!("{name} is not read here")), "{warnings:?}");
        assert!(!warnings[0].contains("swordfish"));
    }
}

#[test]
fn host_and_port_are_an_address() {
    for (given, bind, origin) in [
        (&[("host", "0.0.0.0")][..], "0.0.0.0:8000", "flag --host"),
        (&[("port", "80")], "127.0.0.1:80", "flag --port"),
        (&[("host", "::1"), ("port", "0")], "[::1]:0", "flag --host"),
    ] {
        let loaded = Layers { flags: flags(given), ..Layers::default() }.load().unwrap();
        assert_eq!(loaded.settings.server.bind[0].to_string(), bind);
        assert_eq!(shown(&loaded, "server.bind").origin.to_string(), origin);
    }
    let both = flags(&[("port", "80"), ("server.bind", "a:1")]);
    let error = Layers { flags: both, ..Layers::default() }.load().unwrap_err().to_string();
    assert_eq!(error, "both flag --bind and flag --port are set: expected only one of them");
}

#[test]
fn trusting_every_proxy_is_allowed_with_a_warning() {
    for value in ["*", "*,10.0.0.1"] {
        let loaded = load("", &[("BAILIWICK__SERVER__FORWARDED_ALLOW_IPS", value)]).unwrap();
        let start = "server.forwarded_allow_ips (environment BAILIWICK__SERVER__FORWARDED_ALLOW_IPS) is `*`: ";
        assert!(loaded.warnings[0].starts_with(start), "{:?}", loaded.warnings);
    }
    for file in ["server.forwarded_allow_ips = '*'", "server.forwarded_allow_ips = ['*']"] {
        assert_eq!(load(file, &[]).unwrap().warnings.len(), 1);
    }
}

#[test]
fn amounts_may_have_a_unit_everywhere() {
    let file = "[server]\nkeepalive = '5m'\nlimit_request_body = '10MB'\nmax_memory = '1GiB'\n\
                [tokens]\naccess_token_expire_minutes = '12h'\n\
                [[logging.access_filters]]\nslower_than = '2s'\n";
    let loaded = load(file, &[("BAILIWICK__CACHE__MAX_AGE", "1h")]).unwrap();
    let Settings { server, tokens, logging, cache, .. } = &loaded.settings;
    assert_eq!((server.keepalive, server.limit_request_body.get()), (300, 10_000_000));
    assert_eq!((server.max_memory, tokens.access_token_expire_minutes.get()), (1024, 720));
    assert_eq!((logging.access_filters[0].slower_than, cache.max_age.get()), (Some(2000), 3600));
    let flags = flags(&[("server.timeout", "1m")]);
    let loaded = Layers { flags, ..Layers::default() }.load().unwrap();
    assert_eq!(loaded.settings.server.timeout, 60);
}

#[test]
fn the_environment_sets_every_key_but_tables() {
    for key in keys::KEYS.iter() {
        let value = match (&key.kind, key.name) {
            (Kind::Tables(_), _) => continue,
            (Kind::Whole(least, _) | Kind::Amount(_, least, _), _) => least.to_string(),
            (Kind::Switch, name) => (name != "oauth.require_client").to_string(),
            (_, "tokens.algorithm") => "hs256".to_owned(),
            (Kind::Word(words), _) => words[1].to_owned(),
            (_, "outgoing.proxy") => "http://a:1".to_owned(),
            (Kind::Secret(..), _) => "s".repeat(32),
            (_, "server.bind" | "admin.bind") => "a:1, unix:/b".to_owned(),
            (Kind::OriginRegex, _) => "https://.*".to_owned(),
            (_, "cors.expose_headers") => "X-Total, ETag".to_owned(),
            (_, "server.root_path") => "/a".to_owned(),
            (_, "server.forwarded_allow_ips" | "outgoing.allow") => "unix, ::1".to_owned(),
            (_, "server.umask" | "server.socket_mode") => "027".to_owned(),
            (_, "server.public_url" | "cors.origins") => "https://a.example".to_owned(),
            (_, "database.url") => "sqlite:/b.db".to_owned(),
            (_, "tokens.accept_foreign_until") => "2027-01-31".to_owned(),
            (_, "pages.colour") => "#0a0b0c".to_owned(),
            (_, "pages.links" | "docs.servers") => "A = /a, B = https://b.example".to_owned(),
            _ => "text".to_owned(),
        };
        let variable = key.variable();
        let loaded = load("", &[(&variable, &value)]).unwrap();
        assert_eq!(shown(&loaded, key.name).origin, &Origin::Environment(variable));
    }
}

#[test]
fn text_from_the_environment_stays_text() {
    let secret = "00700700700700700700700700700700";
    let given = [("BAILIWICK__TOKENS__SECRET", secret), ("BAILIWICK__TOKENS__ISSUER", "007")];
    let loaded = load("", &given).unwrap();
    assert_eq!(loaded.settings.tokens.secret.as_ref().unwrap().expose(), secret);
    assert_eq!(loaded.settings.tokens.issuer.as_deref(), Some("007"));
}

#[test]
fn words_are_read_in_upper_and_lower_case() {
    for (word, level) in [("INFO", "info"), ("WARN", "warn"), ("Critical", "critical")] {
        let loaded = load("", &[("BAILIWICK__LOGGING__LEVEL", word)]).unwrap();
        assert_eq!(shown(&loaded, "logging.level").value, level);
    }
}

#[test]
fn an_empty_text_unsets_an_optional_key() {
    let file = "[server]\nworkers = 3\n[tokens]\nissuer = \"x\"\naudience = ''\n";
    let environment = [("BAILIWICK__SERVER__WORKERS", ""), ("BAILIWICK__TOKENS__ISSUER", "")];
    let settings = load(file, &environment).unwrap().settings;
    assert_eq!(settings.server.workers, None);
    assert_eq!((settings.tokens.issuer, settings.tokens.audience), (None, None));
}

#[test]
fn scopes_and_filters_are_read_from_a_file() {
    let file = "
[scopes]
\"orders:read\" = 'Read orders.'
\"https://x/a.b\" = 'Anything.'
[[logging.access_filters]]
methods = ['GET']
path = '/status'
[[logging.access_filters]]
status = '5xx'
keep = true
";
    let loaded = load(file, &[]).unwrap();
    let scopes: Vec<_> =
        loaded.settings.scopes.keys().map(crate::domain::ScopeName::as_str).collect();
    assert_eq!(scopes, ["https://x/a.b", "orders:read"]);
    let filters = &loaded.settings.logging.access_filters;
    assert_eq!(filters[0].path.as_deref(), Some("/status"));
    assert_eq!(filters[0].keep, crate::settings::Keep::Nothing);
    assert_eq!(filters[1].keep, crate::settings::Keep::Everything);
    assert_eq!(shown(&loaded, "scopes.orders:read").value, "Read orders.");
}

#[test]
fn secrets_are_masked() {
    let secret = "swordfish-swordfish-swordfish-swordfish";
    let loaded = load(&format!("[tokens]\nsecret = '{secret}'\n"), &[]).unwrap();
    assert_eq!(shown(&loaded, "tokens.secret").value, "***");
    assert!(!format!("{:?}", loaded.settings).contains("swordfish"));
    let loaded = load("[database]\nurl = 'sqlite:/x/b.db'\n", &[]).unwrap();
    assert_eq!(shown(&loaded, "database.url").value, "sqlite:/x/b.db");
}

#[test]
fn the_database_is_in_the_data_folder_unless_named() {
    let path = |file| load(file, &[]).unwrap().settings.database_file().unwrap();
    assert_eq!(path("data_dir = '/d'"), Path::new("/d/bailiwick.db"));
    assert_eq!(path("database.url = 'sqlite:other.db'"), Path::new("other.db"));
}
