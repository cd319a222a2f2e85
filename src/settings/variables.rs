//! Names of variables: ours, misspelt ones, and those that other servers read.

use crate::domain::program;
use crate::settings::error::SettingsError;
use crate::settings::key::{Key, variable};
use crate::settings::loaded::Origin;
use crate::settings::{bind, keys};
use strsim::damerau_levenshtein as distance;

/// Variables this program sets for its own processes.
const INTERNAL: [&str; 2] = ["BAILIWICK_WORKER", "BAILIWICK_SUCCESSOR"];

/// Variables of gunicorn, uvicorn and Rust programs, with the key each is the default of.
pub(super) const OTHERS: [(&str, &str); 4] = [
    ("FORWARDED_ALLOW_IPS", "server.forwarded_allow_ips"),
    ("PORT", "server.bind"),
    ("RUST_LOG", "logging.level"),
    ("WEB_CONCURRENCY", "server.workers"),
];

/// libpq's variable, which counts if `database.url` has no `sslmode`.
pub(super) const SSL_MODE: &str = "PGSSLMODE";

/// Keys whose names deployments use for their own variables.
const EVERYDAY: [&str; 4] = ["URL", "USER", "SIZE", "TITLE"];

/// Words for something that is only a flag, or a key of another name here.
const SYNONYMS: [(&str, &str); 10] = [
    ("CONFIG", "--config FILE"),
    ("CONFIG_FILE", "--config FILE"),
    ("DATABASE_PASSWORD", "database.password_file"),
    ("DB_PASSWORD", "database.password_file"),
    ("DEMO", "--demo"),
    ("ENV_FILE", "--env-file FILE"),
    ("HOST", "server.bind"),
    ("PORT", "server.bind"),
    ("SECRET_KEY", "tokens.secret"),
    ("LOG_CONFIG", "logging.config"),
];

/// Whether gunicorn or uvicorn would read flags from it.
pub(super) fn is_foreign_flag(name: &str, value: &str) -> bool {
    name == "GUNICORN_CMD_ARGS"
        || name.strip_prefix("UVICORN_").is_some_and(|rest| !is_of_an_orchestrator(rest, value))
}

/// Whether a variable of the environment is to be checked.
pub(super) fn is_relevant(name: &str) -> bool {
    looks_like_ours(name).is_some()
        || is_of_the_server(name)
        || is_foreign_flag(name, "")
        || name == SSL_MODE
        || OTHERS.iter().any(|(other, _)| *other == name)
}

/// The part after the program's name, in capitals and with single underscores.
fn looks_like_ours(name: &str) -> Option<String> {
    rest_after(program().prefix(), name)
}

/// The part of a variable after what may be this prefix, misspelt.
fn rest_after(prefix: &str, name: &str) -> Option<String> {
    let prefix = prefix.trim_end_matches('_');
    let capitals = name.to_uppercase();
    let words: Vec<_> = capitals.split('_').filter(|word| !word.is_empty()).collect();
    let (first, rest) = words.split_at_checked(prefix.split('_').count())?;
    // A short name is soon like another program's.
    let near = distance(&first.join("_"), prefix) <= (prefix.len() / 4).min(2);
    near.then(|| rest.join("_"))
}

/// Whether it is a variable of the server itself, which an application does not read.
pub(super) fn is_of_the_server(name: &str) -> bool {
    const PREFIX: &str = "BAILIWICK__";
    name.starts_with(PREFIX) && program().prefix() != PREFIX
}

/// The variables or flags that a name without the right prefix was probably meant to be; empty if
/// it belongs to something else.
pub(super) fn likely_meant(name: &str, value: &str) -> Vec<String> {
    let Some(rest) = looks_like_ours(name).filter(|_| !INTERNAL.contains(&name)) else {
        return Vec::new();
    };
    if is_of_an_orchestrator(&rest, value) {
        return Vec::new();
    }
    if let Some((_, meant)) = SYNONYMS.iter().find(|(word, _)| *word == rest) {
        let is_flag = meant.starts_with("--");
        return vec![if is_flag { (*meant).to_owned() } else { variable(meant) }];
    }
    let mut found: Vec<_> = keys::KEYS
        .iter()
        .filter_map(|key| Some((distance_to(&rest, &key.name.to_uppercase())?, key.variable())))
        .collect();
    found.sort();
    let best = found.first().map_or(0, |(distance, _)| *distance);
    found
        .into_iter()
        .filter(|(distance, _)| *distance == best)
        .take(3)
        .map(|(_, name)| name)
        .collect()
}

/// The distance of a name from a key's, if it may be meant: without its section, with another one,
/// or misspelt.
fn distance_to(rest: &str, key: &str) -> Option<usize> {
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let whole = distance(rest, &key.replace('.', "_"));
    if whole <= 2 {
        return Some(whole);
    }
    if distance(rest, name) <= usize::from(name.len() > 4) && !EVERYDAY.contains(&rest) {
        return Some(3);
    }
    let before = rest.strip_suffix(name)?.strip_suffix('_')?;
    let shortened =
        before.len() > 1 && section.starts_with(before) || (before, section) == ("DB", "DATABASE");
    let of_another = keys::sections().any(|section| section.eq_ignore_ascii_case(before));
    if shortened {
        Some(3)
    } else if of_another {
        Some(4)
    } else {
        None
    }
}

/// Kubernetes and Docker announce a service called bailiwick, and its ports, in every neighbouring
/// container.
fn is_of_an_orchestrator(rest: &str, value: &str) -> bool {
    let words: Vec<_> = rest.split('_').collect();
    let is_protocol = |word: &str| ["TCP", "UDP", "SCTP"].contains(&word);
    value.contains("://") && words.last() == Some(&"PORT")
        || words.windows(2).any(|pair| pair[0] == "SERVICE" && ["HOST", "PORT"].contains(&pair[1]))
        || words.windows(2).any(|pair| pair[0].parse::<u16>().is_ok() && is_protocol(pair[1]))
}

/// Why another server's variable sets no key.
pub(super) enum Untranslated {
    /// Its value is invalid.
    Wrong(SettingsError),
    /// Its value means something that is not supported here.
    Unread(String),
}

/// The value of another server's variable in the form of its key's own variable.
pub(super) fn translated(name: &str, text: &str, origin: &Origin) -> Result<String, Untranslated> {
    match name {
        // gunicorn's default once PORT is set: platforms set it, and connect from outside.
        "PORT" => bind::port(text).map(|port| format!("0.0.0.0:{port}")).map_err(|wrong| {
            Untranslated::Wrong(SettingsError::BadValue {
                place: origin.to_string(),
                value: format!("{text:?}"),
                expected: format!("a port; {wrong}"),
            })
        }),
        "RUST_LOG" if !is_level(text) => Err(Untranslated::Unread(format!(
            "{origin} is not read: only a level is, error, warn, info, debug or trace; levels of \
             single loggers stand in the file of --log-config"
        ))),
        _ => Ok(text.to_owned()),
    }
}

fn is_level(text: &str) -> bool {
    let level: Option<&Key> = keys::find("logging.level");
    level.is_some_and(|key| key.read(&text.into()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_variables_are_recognized() {
        for (name, meant) in [
            ("BAILIWICK_SERVER_WORKERS", &["BAILIWICK__SERVER__WORKERS"][..]),
            ("BAILIWICK__SERVER_WORKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("BAILIWICK_SERVER__WORKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("BAILIWICK___SERVER___WORKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("bailiwick__server__workers", &["BAILIWICK__SERVER__WORKERS"]),
            ("bailiwick_server_workers", &["BAILIWICK__SERVER__WORKERS"]),
            ("Bailiwick_Workers", &["BAILIWICK__SERVER__WORKERS"]),
            ("BAILIWIK__SERVER__WORKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("BALIWICK_SERVER_WORKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("BAILIWICK_SERVER_WOKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("BAILIWICK_WORKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("BAILIWICK_DATABASE_WORKERS", &["BAILIWICK__SERVER__WORKERS"]),
            ("BAILIWICK_DATABASE_URL", &["BAILIWICK__DATABASE__URL"]),
            ("BAILIWICK_DATABASE__PASSWORD", &["BAILIWICK__DATABASE__PASSWORD_FILE"]),
            ("BAILIWICK_DATABASE_PASSWORD", &["BAILIWICK__DATABASE__PASSWORD_FILE"]),
            ("BAILIWICK_DB_PASSWORD", &["BAILIWICK__DATABASE__PASSWORD_FILE"]),
            ("BAILIWICK_DB_URL", &["BAILIWICK__DATABASE__URL"]),
            ("BAILIWICK_LOG_LEVEL", &["BAILIWICK__LOGGING__LEVEL"]),
            ("BAILIWICK_SECRET", &["BAILIWICK__TOKENS__SECRET"]),
            ("BAILIWICK_SECRET_KEY", &["BAILIWICK__TOKENS__SECRET"]),
            ("BAILIWICK_TOKEN_SECRET", &["BAILIWICK__TOKENS__SECRET"]),
            ("BAILIWICK_DATA_DIR", &["BAILIWICK__DATA_DIR"]),
            ("BAILIWICK_BIND", &["BAILIWICK__ADMIN__BIND", "BAILIWICK__SERVER__BIND"]),
            ("BAILIWICK_CONFIG", &["--config FILE"]),
            ("BAILIWICK_PORT", &["BAILIWICK__SERVER__BIND"]),
        ] {
            assert!(is_relevant(name), "{name}");
            assert_eq!(likely_meant(name, "4"), meant, "{name}");
        }
    }

    /// Everything these tables name exists.
    #[test]
    fn every_key_and_variable_that_is_named_exists() {
        for (name, key) in OTHERS {
            assert!(keys::find(key).is_some(), "{name}: {key}");
        }
        for (word, meant) in SYNONYMS {
            assert!(meant.starts_with("--") || keys::find(meant).is_some(), "{word}: {meant}");
        }
    }

    #[test]
    fn an_applications_variables_begin_with_its_name() {
        for (prefix, name, rest) in [
            ("SHOP__", "SHOP_SERVER_WORKERS", Some("SERVER_WORKERS")),
            ("SHOP__", "SHOPS__TAX", Some("TAX")),
            ("SHOP__", "SHELL", None),
            ("SHOP__", "SSH_AUTH_SOCK", None),
            ("MY_SHOP__", "MY_SHOP_TAX", Some("TAX")),
            ("MY_SHOP__", "MYSHOP_TAX", None),
            ("MY_SHOP__", "my_shop__tax__rate", Some("TAX_RATE")),
            ("API__", "APT_CONFIG", None),
        ] {
            assert_eq!(rest_after(prefix, name).as_deref(), rest, "{prefix} {name}");
        }
    }

    #[test]
    fn other_programs_variables_are_left_alone() {
        for (name, value) in [
            ("BAILIWICK_OTHER", "x"),
            ("BAILIWICK_URL", "http://bailiwick:8000"),
            ("BAILIWICK_IMAGE", "bailiwick:1"),
            ("BAILIWICK_VERSION", "1"),
            ("BAILIWICK_USER", "bailiwick"),
            ("BAILIWICK_PORT", "tcp://10.0.0.1:80"),
            ("BAILIWICK_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("BAILIWICK_PORT_8000_TCP_PORT", "8000"),
            ("BAILIWICK_SERVICE_HOST", "10.0.0.1"),
            ("BAILIWICK_SERVICE_PORT", "80"),
            ("BAILIWICK_SERVICE_PORT_HTTP", "80"),
            ("BAILIWICK_DATABASE_SERVICE_HOST", "10.0.0.1"),
            ("BAILIWICK_SERVER_PORT", "tcp://10.0.0.1:80"),
            ("BAILIWICK_WORKER", "4711"),
            ("BAILIWICK_SUCCESSOR", "4711"),
            ("HOME", "/root"),
            ("SERVER_WORKERS", "4"),
        ] {
            assert_eq!(likely_meant(name, value), [""; 0], "{name}");
        }
    }
}
