//! Declares settings: each once, in a file of `sections`.
//!
//! One declaration yields the field, the key, its checks, its flag, its variable, its part of
//! `config/default.toml` and of `config/schema.json`, and its row in `print-config`.

use crate::domain::ScopeName;
use crate::settings::bind::Bind;
use crate::settings::database_url::DatabaseUrl;
use crate::settings::file_mode::FileMode;
use crate::settings::keep::Keep;
use crate::settings::key::Kind;
use crate::settings::named_file::NamedFile;
use crate::settings::origin_regex::OriginRegex;
use crate::settings::public_url::PublicUrl;
use crate::settings::root_path::RootPath;
use crate::settings::units::Unit;
use crate::settings::until::Until;
use std::path::PathBuf;

/// What a key of this type may hold, if the type alone decides it.
pub(super) trait HasKind {
    const KIND: Kind;
}

impl<T: HasKind> HasKind for Option<T> {
    const KIND: Kind = T::KIND;
}

impl HasKind for bool {
    const KIND: Kind = Kind::Switch;
}

impl HasKind for String {
    const KIND: Kind = Kind::Text(|text| !text.is_empty(), "a text that is not empty", "");
}

impl HasKind for PathBuf {
    const KIND: Kind = Kind::Text(|text| !text.is_empty(), "a path", "");
}

impl HasKind for NamedFile {
    const KIND: Kind = PathBuf::KIND;
}

impl HasKind for ScopeName {
    const KIND: Kind = Kind::Text(
        Self::is_valid,
        "a scope: 1 to 128 printable ASCII characters without spaces, quotes and backslashes",
        r"^[!#-\[\]-~]{1,128}$",
    );
}

impl HasKind for Vec<PathBuf> {
    const KIND: Kind = Kind::List(|text| !text.is_empty(), "a list of paths");
}

impl HasKind for Vec<Bind> {
    const KIND: Kind = Kind::Binds(false);
}

impl HasKind for FileMode {
    const KIND: Kind = Kind::Text(
        |text| FileMode::try_from(text.to_owned()).is_ok(),
        "a text of octal digits up to 777, for example \"027\"",
        "^(0o)?0*[0-7]{1,3}$",
    );
}

impl HasKind for Until {
    const KIND: Kind =
        Kind::Text(|text| Until::try_from(text.to_owned()).is_ok(), Until::EXPECTED, "^[+-]?[0-9]");
}

impl HasKind for RootPath {
    const KIND: Kind = Kind::Text(
        |text| RootPath::try_from(text.to_owned()).is_ok(),
        "an empty text or a path such as \"/auth\", without a slash at its end",
        r"^(/[A-Za-z0-9._~-]+)*$",
    );
}

impl HasKind for PublicUrl {
    const KIND: Kind = Kind::Text(
        |text| PublicUrl::try_from(text.to_owned()).is_ok(),
        PublicUrl::EXPECTED,
        "^https?://.*[^/]$",
    );
}

impl HasKind for Vec<NamedFile> {
    const KIND: Kind = Kind::SecretFiles;
}

impl HasKind for OriginRegex {
    const KIND: Kind = Kind::OriginRegex;
}

impl HasKind for DatabaseUrl {
    const KIND: Kind = Kind::Database;
}

impl HasKind for Keep {
    const KIND: Kind = Kind::Share;
}

/// A whole number in this range.
pub(super) const fn whole(least: i64, most: i64) -> Kind {
    Kind::Whole(least, most)
}

/// A whole number of seconds in this range, or a text with a unit.
pub(super) const fn seconds(least: i64, most: i64) -> Kind {
    Kind::Amount(Unit::Seconds, least, most)
}

/// The same for minutes.
pub(super) const fn minutes(least: i64, most: i64) -> Kind {
    Kind::Amount(Unit::Minutes, least, most)
}

/// The same for bytes.
pub(super) const fn bytes(least: i64, most: i64) -> Kind {
    Kind::Amount(Unit::Bytes, least, most)
}

/// The same for MiB.
pub(super) const fn mebibytes(least: i64, most: i64) -> Kind {
    Kind::Amount(Unit::Mebibytes, least, most)
}

/// Declares the settings of a section:
///
/// ```text
/// settings! {
///     /// `[server]`
///     pub struct ServerSettings in server {
///         /// What it is for. The first paragraph is also the flag's help.
///         backlog: NonZeroU32 = 2048 => whole(1, 65_535), flag("--backlog", "N");
///
/// One without a default; the example is shown instead.
///         #[example = 4]
///         workers: Option<NonZeroUsize> => whole(1, 1024);
///     }
/// }
/// ```
///
/// After `=` comes the default; after `=>` what is allowed, unless the type alone decides it
/// ([`HasKind`]); after the comma the flag. What is allowed and the flag are added to the text.
///
/// With `without section` the keys are those of a table in a list, and all are optional. With `with
/// sections` they come before the first section, and the sections follow; each client and each provider has its own table.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $section:ident {
            $($fields:tt)+
        }
    ) => {
        settings! { @struct
            { $(#[$meta])* #[derive(Clone, Debug, serde::Deserialize)] #[serde(deny_unknown_fields)] }
            $name, concat!(stringify!($section), "."), {}, $($fields)+
        }

        impl Default for $name {
            fn default() -> Self {
                $crate::settings::Settings::default().$section
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident without section {
            $($fields:tt)+
        }
    ) => {
        settings! { @struct
            {
                $(#[$meta])*
                #[derive(Clone, Debug, Default, serde::Deserialize)]
                #[serde(deny_unknown_fields, default)]
            }
            $name, "", {}, $($fields)+
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident with sections {
            $($section:ident: $settings:ty),+ $(,)?
        } and clients {
            $client:ty
        } and providers {
            $provider:ty
        } and {
            $($fields:tt)+
        }
    ) => {
        settings! { @struct
            { $(#[$meta])* #[derive(Clone, Debug, serde::Deserialize)] #[serde(deny_unknown_fields)] }
            $name, "", {
                $(
                    #[doc = concat!("`[", stringify!($section), "]`")]
                    pub $section: $settings,
                )+
                /// `[scopes]`: names and descriptions in addition to the compiled ones.
                #[serde(default)]
                pub scopes: std::collections::BTreeMap<crate::domain::ScopeName, String>,
                /// `[clients.NAME]`: clients of the authorization server.
                #[serde(default)]
                pub clients: std::collections::BTreeMap<crate::domain::ClientId, $client>,
                /// `[providers.NAME]`: other providers that users log in at.
                #[serde(default)]
                pub providers: std::collections::BTreeMap<String, $provider>,
            },
            $($fields)+
        }

        impl $name {
            /// The keys of each section, first those above all sections.
            pub(in crate::settings) const SECTIONS: &'static [&'static [crate::settings::key::Key]] =
                &[Self::KEYS, $(<$settings>::KEYS),+];
        }
    };
    (@struct
        { $(#[$meta:meta])* } $name:ident, $prefix:expr, { $($more:tt)* },
        $(
            $(#[doc = $text:literal])+
            $(#[example = $example:tt])?
            $field:ident: $type:ty $(= $default:tt)? $(=> $kind:expr)? $(, $flag:expr)?;
        )+
    ) => {
        $(#[$meta])*
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[doc = $text])+
                pub $field: $type,
            )+
            $($more)*
        }

        impl $name {
            /// In the order of `config/default.toml`.
            pub(in crate::settings) const KEYS: &'static [crate::settings::key::Key] = &[
                $(crate::settings::key::Key {
                    name: concat!($prefix, stringify!($field)),
                    text: &[$($text),+],
                    default: settings!(@optional $(stringify!($default))?),
                    example: settings!(@optional $(stringify!($example))?),
                    kind: settings!(@kind $type $(, $kind)?),
                    flag: settings!(@optional $($flag)?),
                }),+
            ];
        }
    };
    (@optional) => { None };
    (@optional $value:expr) => { Some($value) };
    (@kind $type:ty) => { <$type as crate::settings::declaration::HasKind>::KIND };
    (@kind $type:ty, $kind:expr) => { $kind };
}

/// Declares an enum and its words; after `|` come synonyms.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$about:meta])* $variant:ident = $word:literal $(| $other:literal)*),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
        pub enum $name {
            $(
                $(#[$about])*
                #[serde(rename = $word $(, alias = $other)*)]
                $variant
            ),+
        }

        impl crate::settings::declaration::HasKind for $name {
            const KIND: crate::settings::key::Kind =
                crate::settings::key::Kind::Word(&[$($word $(, $other)*),+]);
        }
    };
}

pub(super) use settings;
pub(super) use words;
