//! The scopes that users can hold: the compiled ones and those from the settings.

use crate::domain::scope::{ScopeDeclaration, ScopeName, declared_scopes};
use std::collections::BTreeMap;
use thiserror::Error;

/// Every declared scope with its description, by name.
#[derive(Clone, Debug)]
pub struct ScopeTable(BTreeMap<String, String>);

/// A scope is declared twice.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("scopes.\"{0}\": the program already declares this scope")]
pub struct DeclaredTwice(ScopeName);

impl ScopeTable {
    /// The compiled scopes and `more`.
    pub fn new(more: &BTreeMap<ScopeName, String>) -> Result<Self, DeclaredTwice> {
        let mut table: BTreeMap<String, String> = declared_scopes()
            .into_iter()
            .map(|ScopeDeclaration { name, description }| (name.into(), description.into()))
            .collect();
        for (name, description) in more {
            if table.insert(name.as_str().to_owned(), description.clone()).is_some() {
                return Err(DeclaredTwice(name.clone()));
            }
        }
        Ok(Self(table))
    }

    /// What it allows.
    #[must_use]
    pub fn description(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether `name` is declared.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Name and description of each, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, description)| (name.as_str(), description.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_add_scopes_but_do_not_change_compiled_ones() {
        let orders: ScopeName = "orders:read".parse().unwrap();
        let table = ScopeTable::new(&[(orders, "Read orders.".to_owned())].into()).unwrap();
        assert!(table.contains("orders:read") && table.contains("me") && !table.contains("root"));
        let me: ScopeName = "me".parse().unwrap();
        let error = ScopeTable::new(&[(me, "Everything.".to_owned())].into()).unwrap_err();
        assert_eq!(error.to_string(), "scopes.\"me\": the program already declares this scope");
    }
}
