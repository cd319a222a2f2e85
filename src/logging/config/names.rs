//! Logger names: our own, what gunicorn's and uvicorn's map to, and likely misspellings.

use super::{LogConfig, Note, ROOT};
use crate::logging::{ACCESS, AUDIT, ERROR};
use std::collections::BTreeSet;

/// The parent of all of ours: the crate, and with it [`ACCESS`], [`AUDIT`] and [`ERROR`].
const OURS: &str = "bailiwick";

/// Their names and ours. If two map to the same one, the earlier wins.
const ALIASES: [(&str, &str); 6] = [
    ("uvicorn", OURS),
    ("uvicorn.access", ACCESS),
    ("uvicorn.error", ERROR),
    ("gunicorn", OURS),
    ("gunicorn.access", ACCESS),
    ("gunicorn.error", ERROR),
];

/// Our modules, which log under their paths.
const MODULES: [&str; 24] = [
    "accounts",
    "api_error",
    "cli",
    "domain",
    "extract",
    "http",
    "logging",
    "oauth",
    "openapi",
    "outgoing",
    "pages",
    "passwords",
    "process",
    "responses",
    "routes",
    "sealing",
    "security",
    "server",
    "services",
    "settings",
    "storage",
    "testing",
    "tokens",
    "upstream",
];

/// Edits up to which a name counts as misspelt.
const NEAR: usize = 2;

/// The logger names that lines show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::logging) struct LoggerNames {
    pub(in crate::logging) access: &'static str,
    pub(in crate::logging) error: &'static str,
}

impl Default for LoggerNames {
    fn default() -> Self {
        Self { access: ACCESS, error: ERROR }
    }
}

/// Renames the loggers of gunicorn and uvicorn to ours, notes it, and warns about names that no
/// logger has.
///
/// A file in one of Python's formats refers to Python's loggers, and readers of the log still
/// expect their names: uvicorn's worker logs what is configured for gunicorn's `gunicorn.access` as
/// `uvicorn.access`, and propagates it to no other logger.
pub(super) fn rename_foreign(config: &mut LogConfig) {
    for (theirs, ours) in ALIASES {
        let Some(mut logger) = config.loggers.remove(theirs) else { continue };
        let place = config.key(&format!("loggers.{theirs}"));
        if theirs.starts_with("gunicorn.") {
            logger.propagate.get_or_insert(false);
        }
        if let Some(other) = config.loggers.get(ours) {
            let same = *other == logger;
            let what = format!("{place}: stands for {ours}, as does another logger in this file");
            config.notes.push(if same {
                Note::info(format!("{what}; both say the same"))
            } else {
                Note::warning(format!("{what}, which wins; this one is ignored"))
            });
            continue;
        }
        config.loggers.insert(ours.to_owned(), logger);
        let shown = match ours {
            _ if !config.is_pythons => None,
            ACCESS => Some("uvicorn.access").inspect(|name| config.shown.access = name),
            ERROR => Some(theirs).inspect(|name| config.shown.error = name),
            _ => None,
        };
        let shown = shown.map_or(String::new(), |name| format!("; its lines are shown as {name}"));
        config.notes.push(Note::info(format!("{place}: stands for {ours}{shown}")));
    }
    let strange: Vec<_> = config.loggers.keys().filter_map(|name| strange(name)).collect();
    for (name, why) in strange {
        let place = config.key(&format!("loggers.{name}"));
        config.notes.push(Note::warning(format!("{place}: {why}")));
    }
    let used: BTreeSet<_> = config.loggers.values().flat_map(|logger| &logger.filters).collect();
    let used: BTreeSet<_> =
        config.handlers.values().flat_map(|handler| &handler.filters).chain(used).collect();
    let unused: Vec<_> =
        config.filters.keys().filter(|name| !used.contains(name)).cloned().collect();
    for name in unused {
        let place = config.key(&format!("filters.{name}[0]"));
        let place = place.trim_end_matches("[0]");
        let why = "no logger or handler names this filter, so it has no effect";
        config.notes.push(Note::warning(format!("{place}: {why}")));
    }
}

/// A name that looks like one of our loggers but is none; with the remark about it.
fn strange(name: &str) -> Option<(String, String)> {
    let dotted = name.replace("::", ".");
    if name == ROOT || [OURS, ACCESS, AUDIT, ERROR].contains(&dotted.as_str()) {
        return None;
    }
    let mut parts = dotted.split('.');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    if first == OURS && second.is_some_and(|module| MODULES.contains(&module)) {
        return None;
    }
    let lower = dotted.to_lowercase();
    let known = [OURS, ACCESS, AUDIT, ERROR].into_iter().chain(ALIASES.map(|(theirs, _)| theirs));
    let nearest = known.map(|known| (strsim::damerau_levenshtein(&lower, known), known)).min();
    let near = nearest.filter(|(distance, _)| *distance <= NEAR).map(|(_, known)| known);
    let theirs = [OURS, "uvicorn", "gunicorn"].contains(&first);
    let why = match near {
        Some(known) => format!("no logger has this name; did you mean {known}?"),
        None if theirs => {
            format!("no logger has this name; there are {ACCESS}, {ERROR} and {AUDIT}")
        }
        None => return None,
    };
    Some((name.to_owned(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_are_told_from_other_programs_names() {
        for (name, hint) in [
            ("bailiwick.acess", "bailiwick.access?"),
            ("bailiwick.acces", "bailiwick.access?"),
            ("bailiwick.adit", "bailiwick.audit?"),
            ("bailiwick.errors", "bailiwick.error?"),
            ("bailiwick_access", "bailiwick.access?"),
            ("bailiwick::acess", "bailiwick.access?"),
            ("Bailiwick.Access", "bailiwick.access?"),
            ("bailwick", "bailiwick?"),
            ("unicorn.access", "corn.access?"),
            ("guincorn.error", "gunicorn.error?"),
            ("uvicorn.acces", "uvicorn.access?"),
            ("bailiwick.access.log", "there are"),
            ("bailiwick.requests", "there are"),
            ("uvicorn.asgi", "there are"),
        ] {
            let (_, why) = strange(name).unwrap_or_else(|| panic!("{name}"));
            assert!(why.contains(hint), "{name}: {why}");
        }
        for name in [
            "root",
            "bailiwick",
            "bailiwick.access",
            "bailiwick::error",
            "bailiwick.audit",
            "bailiwick.storage.cache",
            "orders",
            "orders.db",
            "orders.access",
            "sqlx",
            "actix_server",
        ] {
            assert_eq!(strange(name), None, "{name}");
        }
    }

    #[test]
    fn every_module_is_known() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(
                ["guide", "lib", "main", "prelude"].contains(&name) || MODULES.contains(&name),
                "{name}"
            );
        }
    }
}
