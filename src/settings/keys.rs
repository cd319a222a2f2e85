//! All keys, by name and by section.

use crate::domain::{ClientId, ScopeName};
use crate::settings::declaration::HasKind as _;
use crate::settings::flag::Flag;
use crate::settings::key::{Key, Kind};
use crate::settings::{ClientSettings, ProviderSettings, Settings};
use std::sync::LazyLock;

/// Every key except those of `[scopes]`, in the order of `config/default.toml`.
pub(super) static KEYS: LazyLock<Vec<&'static Key>> =
    LazyLock::new(|| Settings::SECTIONS.iter().copied().flatten().collect());

/// The key of every value in `[scopes]`.
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

/// The key of every table in `[clients]`.
pub(super) const CLIENT: &Key = &Key {
    name: "clients",
    text: &[],
    default: Some("{}"),
    example: None,
    kind: Kind::Table(ClientSettings::KEYS),
    flag: None,
};

/// The key of every table in `[providers]`.
pub(super) const PROVIDER: &Key = &Key {
    name: "providers",
    text: &[],
    default: Some("{}"),
    example: None,
    kind: Kind::Table(ProviderSettings::KEYS),
    flag: None,
};

/// The sections whose keys are names.
pub(super) const NAMED: [&str; 3] = ["scopes", "clients", "providers"];

/// A key, including those of named sections: `scopes.NAME`.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    if name.starts_with("scopes.") {
        return Some(DESCRIPTION);
    }
    if name.starts_with("clients.") {
        return Some(CLIENT);
    }
    if name.starts_with("providers.") {
        return Some(PROVIDER);
    }
    KEYS.iter().copied().find(|key| key.name == name)
}

/// Whether a provider may be called so: the name is in URLs.
pub(super) fn provider_name(name: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') {
        Ok(())
    } else {
        Err("1 to 32 lower-case letters, digits and hyphens")
    }
}

/// Whether `[scopes]` may declare `name`; if not, what is expected.
pub(super) fn scope_name(name: &str) -> Result<(), &'static str> {
    match ScopeName::KIND {
        Kind::Text(passes, expected, _) if !passes(name) => Err(expected),
        _ => Ok(()),
    }
}

/// The same for `[clients]`.
pub(super) fn client_name(name: &str) -> Result<(), &'static str> {
    if ClientId::is_valid(name) { Ok(()) } else { Err(ClientId::EXPECTED) }
}

/// Whether `name` is a section.
pub(super) fn is_section(name: &str) -> bool {
    NAMED.contains(&name) || sections().any(|section| section == name)
}

/// Whether it is a section, or a key above all sections.
pub(super) fn is_known(name: &str) -> bool {
    is_section(name) || KEYS.iter().any(|key| key.name == name)
}

/// Each section except `[scopes]`.
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
    /// Its explanation.
    pub help: String,
    /// Whether a value may begin with a minus, so that it is refused as a number.
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
