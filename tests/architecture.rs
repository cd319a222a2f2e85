//! The rules of the house: imports point down, each dependency has one home, files stay small.

#[path = "architecture/cycles.rs"]
mod cycles;
#[path = "architecture/imports.rs"]
mod imports;

use cycles::Modules;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Top floor first. A module may import only modules listed after it.
const FLOORS: [&str; 25] = [
    "main",
    "cli",
    "testing",
    "server",
    "process",
    "http",
    "routes",
    "pages",
    "responses",
    "extract",
    "security",
    "openapi",
    "api_error",
    "services",
    "storage",
    "oauth",
    "upstream",
    "accounts",
    "tokens",
    "sealing",
    "passwords",
    "outgoing",
    "logging",
    "settings",
    "domain",
];

/// What a floor may import, if that is less than everything below it.
const NARROW: [(&str, &[&str]); 22] = [
    (
        "cli",
        &["server", "process", "http", "services", "accounts", "logging", "settings", "domain"],
    ),
    (
        "testing",
        &[
            "server",
            "process",
            "security",
            "api_error",
            "services",
            "accounts",
            "settings",
            "domain",
        ],
    ),
    ("server", &["process", "http", "extract", "security", "logging", "settings", "domain"]),
    ("process", &["http", "security", "services", "accounts", "logging", "settings", "domain"]),
    (
        "http",
        &[
            "routes",
            "security",
            "openapi",
            "api_error",
            "services",
            "logging",
            "settings",
            "domain",
        ],
    ),
    (
        "routes",
        &[
            "pages",
            "extract",
            "security",
            "openapi",
            "api_error",
            "services",
            "oauth",
            "upstream",
            "accounts",
            "sealing",
            "passwords",
            "settings",
            "domain",
        ],
    ),
    ("pages", &["settings", "domain"]),
    ("responses", &["extract", "security", "openapi", "api_error"]),
    ("extract", &["security", "openapi", "api_error", "services"]),
    (
        "security",
        &[
            "openapi",
            "api_error",
            "services",
            "accounts",
            "tokens",
            "sealing",
            "logging",
            "settings",
            "domain",
        ],
    ),
    ("openapi", &["api_error", "settings", "domain"]),
    ("api_error", &["oauth", "accounts", "passwords", "domain"]),
    (
        "services",
        &[
            "storage",
            "accounts",
            "tokens",
            "sealing",
            "passwords",
            "outgoing",
            "upstream",
            "settings",
            "domain",
        ],
    ),
    ("storage", &["settings", "domain"]),
    ("oauth", &["accounts", "tokens", "domain"]),
    ("upstream", &["accounts", "tokens", "outgoing", "settings", "domain"]),
    ("accounts", &["tokens", "passwords", "outgoing", "logging", "domain"]),
    ("tokens", &["sealing", "settings", "domain"]),
    ("sealing", &["domain"]),
    ("passwords", &["settings", "domain"]),
    ("outgoing", &["settings", "domain"]),
    ("logging", &["settings", "domain"]),
];

/// The floors that may name a third-party crate.
const HOMES: [(&str, &[&str]); 44] = [
    ("actix_files", &["responses"]),
    // The log knows actix's log target.
    ("actix_http", &["process", "logging"]),
    ("actix_server", &["process"]),
    ("actix_service", &["process", "http"]),
    (
        "actix_web",
        &[
            "server",
            "process",
            "http",
            "routes",
            "responses",
            "extract",
            "security",
            "openapi",
            "api_error",
        ],
    ),
    ("actix_web_httpauth", &["security"]),
    ("anstream", &["cli"]),
    ("argon2", &["passwords"]),
    ("askama", &["pages"]),
    ("aws_lc_rs", &["accounts", "tokens", "sealing", "passwords"]),
    ("bcrypt", &["passwords"]),
    ("clap", &["cli", "server"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("command_fds", &["process"]),
    ("config", &["settings"]),
    ("crc32fast", &["tokens"]),
    ("csv", &["cli"]),
    ("dotenvy", &["settings"]),
    ("eksblowfish", &["passwords"]),
    ("env_logger", &["logging"]),
    ("indicatif", &["cli"]),
    ("jsonwebtoken", &["tokens"]),
    ("listenfd", &["process"]),
    ("malloc_trim", &["process"]),
    ("md5", &["passwords"]),
    ("nix", &["process"]),
    ("notify", &["process"]),
    ("paperclip", &["http", "routes", "responses", "extract", "security", "openapi", "oauth"]),
    ("prometheus", &["http"]),
    ("regex", &["settings", "extract"]),
    ("rustls", &["storage", "outgoing"]),
    ("rustls_native_certs", &["outgoing"]),
    ("schemars", &["server", "routes", "responses", "extract"]),
    ("scrypt", &["passwords"]),
    ("sd_notify", &["process"]),
    ("sha_crypt", &["passwords"]),
    ("sqlx", &["storage"]),
    ("tempfile", &["testing", "extract"]),
    ("unicode_normalization", &["domain"]),
    ("unicode_script", &["domain"]),
    ("unicode_security", &["domain"]),
    ("ureq", &["testing", "outgoing"]),
    ("zeroize", &["extract", "tokens", "sealing", "domain"]),
];

/// The limit for the code of a file, and separately for its unit tests.
const LONGEST: usize = 400;

/// The most items that applications see; the last ones are `State` and `Start`, by which an application's
/// functions get what it has opened, the client and the users of `testing`, and `SessionUser`, by which an
/// application's pages know who is logged in, and what handlers return and take beside JSON: from `Created` to
/// `UploadFile`, `Header` and `Cookie`, `BackgroundTasks`, `blocking`, `http_errors!`, `static_files`, `undocumented`, `limits` and `Rate`.
const MOST_PUBLIC: usize = 101;

#[test]
fn imports_point_down() {
    let mut faults = BTreeSet::new();
    for source in sources() {
        for (number, line) in source.lines() {
            let place = format!("{}:{number}", source.path.display());
            if line.contains("use crate::{") {
                faults.insert(format!("{place}: one `use crate::floor::…` a line, to be grepped"));
            }
            if line.contains("super::super") {
                faults.insert(format!("{place}: climbs twice, name the floor instead"));
            }
            for target in words_after(line, "crate::") {
                if FLOORS.contains(&target) && !source.may_import(target) {
                    faults.insert(format!("{place}: `{}` imports `{target}`", source.floor));
                }
            }
        }
    }
    none(&faults);
}

/// No two files of a floor need each other, directly or indirectly.
#[test]
fn no_circle_inside_a_floor() {
    let sources = sources().into_iter().filter(|source| !source.is_test()).map(|source| {
        let code = source.lines().flat_map(|(_, line)| [line, "\n"]).collect();
        (source.module(), code)
    });
    none(&Modules::read(sources).circles());
}

#[test]
fn every_source_belongs_to_a_floor() {
    let homeless = sources().into_iter().filter(|source| !FLOORS.contains(&source.floor.as_str()));
    none(&homeless.map(|source| source.path.display().to_string()).collect());
}

#[test]
fn each_dependency_has_one_home() {
    let mut faults = BTreeSet::new();
    for source in sources() {
        for (dependency, homes) in HOMES {
            let at_home = homes.contains(&source.floor.as_str());
            for (number, line) in source.lines().filter(|_| !at_home) {
                if names(line, dependency) {
                    faults.insert(format!("{}:{number} names {dependency}", source.path.display()));
                }
            }
        }
    }
    none(&faults);
}

#[test]
fn files_stay_small() {
    let mut faults = BTreeSet::new();
    for source in sources() {
        let (code, tests) = source.lengths();
        if code > LONGEST || tests > LONGEST {
            faults.insert(format!("{}: {code} + {tests} lines", source.path.display()));
        }
    }
    none(&faults);
}

#[test]
fn every_file_says_what_it_owns() {
    let mut silent = BTreeSet::new();
    for folder in ["src", "tests", "examples"] {
        for path in rust_files(folder) {
            // The programs that must not compile are documented by their expected errors.
            let text = fs::read_to_string(&path).expect("UTF-8");
            if !text.starts_with("//! ") && !path.starts_with("tests/compile_fail") {
                silent.insert(path.display().to_string());
            }
        }
    }
    none(&silent);
}

#[test]
fn errors_are_derived() {
    let by_hand = sources().into_iter().filter(|source| {
        source.lines().any(|(_, line)| line.starts_with("impl ") && line.contains("::Error for "))
    });
    none(&by_hand.map(|source| source.path.display().to_string()).collect());
}

#[test]
fn one_use_per_module() {
    let mut faults = BTreeSet::new();
    for folder in ["src", "tests", "examples", "benches"] {
        for path in rust_files(folder) {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let lines = imports::repeated(&text, folder == "src").into_iter();
            faults.extend(lines.map(|line| format!("{}:{line}", path.display())));
        }
    }
    none(&faults);
}

#[test]
fn the_map_in_lib_rs_is_complete() {
    let map = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let missing = FLOORS[1..]
        .iter()
        .filter(|floor| !map.lines().any(|line| line.starts_with(&format!("//! | `{floor}` |"))));
    none(&missing.map(|floor| (*floor).to_owned()).collect());
}

/// What `cargo doc` lists, without the chapters of the guide: applications need to know no more.
#[test]
fn few_items_are_public() {
    let macros = sources().into_iter().map(|source| {
        let lines: Vec<_> = source.text.lines().map(str::trim).collect();
        let declared = |pair: &&[&str]| pair[1] == "#[macro_export]" && pair[0] != "#[doc(hidden)]";
        lines.windows(2).filter(declared).count()
    });
    let files = ["src/lib.rs", "src/security/mod.rs", "src/testing/mod.rs"];
    let items: Vec<_> = files.iter().flat_map(exported).collect();
    let count = macros.sum::<usize>() + items.len();
    assert!(items.iter().any(|item| item == "Server"), "{items:?}");
    assert!((40..=MOST_PUBLIC).contains(&count), "{count} public items: {items:?}");
    let root = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let public = FLOORS.iter().filter(|floor| root.contains(&format!("pub mod {floor};")));
    assert_eq!(public.collect::<Vec<_>>(), [&"testing", &"security"]);
}

/// The names that a file exports to applications.
fn exported(file: &&str) -> Vec<String> {
    let text = fs::read_to_string(file).expect("UTF-8");
    // Those of hidden modules are indented.
    let items = text.split("\npub use ").skip(1).zip(text.split("\npub use "));
    let items = items.filter(|(_, before)| !before.ends_with("#[doc(hidden)]"));
    let items = items.filter_map(|(item, _)| Some(item.split_once(';')?.0));
    let names = items.flat_map(|tree| {
        let names = tree.rsplit_once('{').map_or_else(
            || tree.rsplit("::").take(1).collect::<Vec<_>>(),
            |(_, names)| names.trim_end_matches('}').split(',').collect(),
        );
        names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
    });
    names.collect()
}

struct Source {
    path: PathBuf,
    floor: String,
    text: String,
}

impl Source {
    /// The lines of code, with their numbers. Unit tests are excluded: they may combine a floor
    /// with its users.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let (code, _) = self.lengths();
        let numbered = self.text.lines().take(code).enumerate().map(|(i, line)| (i + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The names of its module: `src/http/app.rs` is `crate::http::app`.
    fn module(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let names = path.iter().skip(1).map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name != "mod").collect()
    }

    fn may_import(&self, target: &str) -> bool {
        if self.floor == target {
            return true;
        }
        let floor = |name: &str| FLOORS.iter().position(|known| *known == name);
        match NARROW.iter().find(|(name, _)| *name == self.floor) {
            Some((_, allowed)) => allowed.contains(&target),
            None => floor(&self.floor) < floor(target),
        }
    }

    /// Whether it is compiled for unit tests only: below `tests/`, or declared so.
    fn is_test(&self) -> bool {
        let stem = self.path.file_stem().expect("a name").to_string_lossy();
        let folder = self.path.parent().expect("a folder");
        let declared =
            ["", "pub(crate) "].map(|visibility| format!("#[cfg(test)]\n{visibility}mod {stem};"));
        self.path.iter().any(|part| part == "tests")
            || [folder.join("mod.rs"), folder.with_extension("rs")]
                .iter()
                .filter_map(|parent| fs::read_to_string(parent).ok())
                .any(|parent| declared.iter().any(|declared| parent.contains(declared)))
    }

    /// Lines of code and of unit tests.
    fn lengths(&self) -> (usize, usize) {
        let lines: Vec<_> = self.text.lines().collect();
        if self.is_test() {
            return (0, lines.len());
        }
        let marker = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].ends_with('{');
        let code = lines.windows(2).position(marker).unwrap_or(lines.len());
        (code, lines.len() - code)
    }
}

/// Every source except `lib.rs` and `prelude.rs`, which belong to no floor.
fn sources() -> Vec<Source> {
    let beside = ["src/lib.rs", "src/prelude.rs"].map(Path::new);
    let paths = rust_files("src").into_iter().filter(|path| !beside.contains(&path.as_path()));
    paths
        .map(|path| {
            let name = path.iter().nth(1).expect("below src");
            let floor = Path::new(name).file_stem().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("UTF-8");
            Source { path, floor, text }
        })
        .collect()
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The words after a prefix that is not the end of a longer word.
fn words_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let hits = line.match_indices(prefix).filter(|(at, _)| !line[..*at].ends_with(is_word));
    hits.map(|(at, found)| {
        let rest = &line[at + found.len()..];
        &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
    })
}

/// Whether the line names the crate: as a path, or in a bare `use`.
fn names(line: &str, dependency: &str) -> bool {
    let path = format!("{dependency}::");
    let bare = [format!("use {dependency};"), format!("use {dependency} as ")];
    bare.iter().any(|text| line.contains(text.as_str()))
        || line.match_indices(&path).any(|(at, _)| {
            // A module of another crate, or of this one, may be called so, too.
            let of_another = line[..at].strip_suffix("::").is_some_and(|it| it.ends_with(is_word));
            !line[..at].ends_with(is_word) && !of_another
        })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn none(faults: &BTreeSet<String>) {
    let list = faults.iter().cloned().collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{} found:\n{list}", faults.len());
}
