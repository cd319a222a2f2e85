//! Scopes: the one table that guard, challenge, document, discovery and the admin commands read.

use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// One scope as a type, declared by [`scopes!`](crate::scopes).
pub trait Scope: 'static {
    /// The scope token in requests, tokens and challenges.
    const NAME: &'static str;
    /// What it allows, in one sentence.
    const DESCRIPTION: &'static str;
}

/// A row of the table of compiled scopes; [`scopes!`](crate::scopes) writes it.
#[derive(Clone, Copy, Debug)]
pub struct ScopeDeclaration {
    /// The scope token.
    pub name: &'static str,
    /// What it allows.
    pub description: &'static str,
}

inventory::collect!(ScopeDeclaration);

/// Every scope that this program declares, sorted by name.
#[must_use]
pub fn declared_scopes() -> Vec<ScopeDeclaration> {
    let mut all: Vec<_> = inventory::iter::<ScopeDeclaration>.into_iter().copied().collect();
    all.sort_by_key(|scope| scope.name);
    all.dedup_by_key(|scope| scope.name);
    all
}

/// Declares scopes: one type each, with its description, registered in the one table.
///
/// ```
/// bailiwick::scopes! {
///     /// Read orders.
///     pub Orders = "orders:read";
///     /// Change orders.
///     pub OrdersWrite = "orders:write";
/// }
/// assert_eq!(<Orders as bailiwick::security::Scope>::NAME, "orders:read");
/// ```
///
/// A name that RFC 6749 §3.3 does not allow fails the build:
///
/// ```compile_fail
/// bailiwick::scopes! {
///     /// Read orders.
///     pub Orders = "orders read";
/// }
/// ```
#[macro_export]
macro_rules! scopes {
    ($($(#[doc = $description:literal])+ $visible:vis $scope:ident = $name:literal;)+) => {$(
        $(#[doc = $description])+
        #[derive(Clone, Copy, Debug)]
        $visible struct $scope;

        impl $crate::macros::Scope for $scope {
            const NAME: &'static str = {
                assert!(
                    $crate::macros::ScopeName::is_valid($name),
                    "a scope is made of printable ASCII without spaces, quotes and backslashes",
                );
                $name
            };
            const DESCRIPTION: &'static str = concat!($($description),+).trim_ascii();
        }

        $crate::macros::inventory::submit! {
            $crate::macros::ScopeDeclaration {
                name: <$scope as $crate::macros::Scope>::NAME,
                description: <$scope as $crate::macros::Scope>::DESCRIPTION,
            }
        }
    )+};
}

scopes! {
    /// Read information about the current user.
    pub MeRead = "me";
    /// Read items.
    pub ItemsRead = "items";
    /// Read every user.
    pub UsersRead = "users:read";
    /// Create, change and delete users.
    pub UsersWrite = "users:write";
    /// Make, list and revoke one's own API keys.
    pub ApiKeysWrite = "api-keys:write";
    /// Register, change and delete clients of the authorization server.
    pub OauthClients = "oauth:clients";
}

/// A scope token of RFC 6749 §3.3, at most 128 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeName(Box<str>);

/// The text is not a scope token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a scope is 1 to 128 printable ASCII characters without spaces, quotes and backslashes")]
pub struct ScopeError;

impl ScopeName {
    /// Longest scope, in characters.
    pub const LONGEST: usize = 128;

    /// Whether `text` is a scope token: `1*( %x21 / %x23-5B / %x5D-7E )`.
    #[must_use]
    pub const fn is_valid(text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !matches!(bytes[at], 0x21 | 0x23..=0x5B | 0x5D..=0x7E) {
                return false;
            }
            at += 1;
        }
        !bytes.is_empty() && bytes.len() <= Self::LONGEST
    }

    /// The token itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScopeName {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Self::is_valid(text) { Ok(Self(text.into())) } else { Err(ScopeError) }
    }
}

impl TryFrom<String> for ScopeName {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ScopeName> for String {
    fn from(scope: ScopeName) -> Self {
        scope.0.into()
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scopes a user may have or a token carries: no duplicates, order kept.
///
/// One text, as `scope` of RFC 6749 §3.3 is written: every request makes such a list from its
/// token, and every cached user has one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(String);

impl Scopes {
    /// Whether `name` is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|scope| scope == name)
    }

    /// Appends one, unless it is already listed.
    pub fn insert(&mut self, name: &ScopeName) {
        self.insert_valid(name.as_str());
    }

    /// Appends a scope token, unless it is already listed; anything else is ignored.
    pub fn insert_known(&mut self, text: &str) {
        if ScopeName::is_valid(text) {
            self.insert_valid(text);
        }
    }

    fn insert_valid(&mut self, name: &str) {
        if self.contains(name) {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(name);
    }

    /// All of them, separated by single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<ScopeName> for Scopes {
    fn from_iter<I: IntoIterator<Item = ScopeName>>(names: I) -> Self {
        let mut kept = Self::default();
        names.into_iter().for_each(|name| kept.insert(&name));
        kept
    }
}

/// As a list of its names.
impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

/// Splits on white space, as `scope` of RFC 6749 §3.3 is written.
impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_whitespace().map(str::parse).collect()
    }
}

/// Separated by single spaces.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_token_is_what_the_rfc_says() {
        for name in ["me", "users:read", "!", "~", "https://example.com/scope", "#[]^"] {
            assert!(ScopeName::is_valid(name), "{name}");
        }
        let long = "a".repeat(ScopeName::LONGEST + 1);
        for name in ["", "a b", "a\"b", "a\\b", "a\tb", "é", "\u{7f}", &long] {
            assert!(!ScopeName::is_valid(name), "{name}");
        }
    }

    #[test]
    fn a_list_keeps_its_order_and_drops_duplicates() {
        let scopes: Scopes = "  me  items me ".parse().unwrap();
        assert_eq!(scopes.to_string(), "me items");
        assert!(scopes.contains("items") && !scopes.contains("item"));
    }

    #[test]
    fn the_shipped_scopes_are_in_the_table() {
        let names: Vec<_> = declared_scopes().iter().map(|scope| scope.name).collect();
        assert_eq!(
            names,
            ["api-keys:write", "items", "me", "oauth:clients", "users:read", "users:write"]
        );
        assert_eq!(MeRead::DESCRIPTION, "Read information about the current user.");
    }
}
