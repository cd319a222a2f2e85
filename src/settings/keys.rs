//! All keys: which exist, by name and by section.

use crate::domain::ScopeName;
use crate::settings::Settings;
use crate::settings::declaration::HasKind as _;
use crate::settings::flag::Flag;
use crate::settings::key::{Key, Kind};
use std::sync::LazyLock;

/// Every key but those of `[scopes]`, in the order of `config/default.toml`.
pub(super) static KEYS: LazyLock<Vec<&'static Key>> =
    LazyLock::new(|| Settings::SECTIONS.iter().copied().flatten().collect());

/// The value of every key in `[scopes]`.
pub(super) const DESCRIPTION: &Key = &Key {
    name: "scopes",
    text: &[],
    default: Some(""),
    example: None,
    kind: Kind::Text(
        |text| !text.trim().is_empty(),
        "a text that says what the scope allows (a name with a dot or colon stands in quotes)",
        r"\S",
    ),
    flag: None,
};

/// A key, also for `scopes.NAME`.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    if name.starts_with("scopes.") {
        return Some(DESCRIPTION);
    }
    KEYS.iter().copied().find(|key| key.name == name)
}

/// Whether `name` is a scope that `[scopes]` may declare, with what is expected if not.
pub(super) fn scope_name(name: &str) -> Result<(), &'static str> {
    match ScopeName::KIND {
        Kind::Text(passes, expected, _) if !passes(name) => Err(expected),
        _ => Ok(()),
    }
}

/// Whether `name` is a section.
pub(super) fn is_section(name: &str) -> bool {
    name == "scopes" || sections().any(|section| section == name)
}

/// Each section but `[scopes]`.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let first = Settings::SECTIONS.iter().filter_map(|keys| keys.first());
    first.filter_map(|key| key.name.split_once('.').map(|(section, _)| section))
}

/// A key with its flag.
#[derive(Clone, Debug)]
pub struct KeyFlag {
    /// For example `server.workers`.
    pub key: &'static str,
    /// The flag.
    pub flag: Flag,
    /// What it is for.
    pub help: String,
    /// Whether a value may begin with a minus, to be refused as a number.
    pub is_number: bool,
}

/// Every flag that sets a key, in the order of the keys.
pub fn flags() -> impl Iterator<Item = KeyFlag> {
    KEYS.iter().filter_map(|key| {
        Some(KeyFlag {
            key: key.name,
            flag: key.flag?,
            help: key.help(),
            is_number: matches!(key.kind, Kind::Whole(..) | Kind::Amount(..)),
        })
    })
}
