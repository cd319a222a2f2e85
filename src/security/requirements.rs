//! Collects what a chain requires by walking it.

use crate::openapi::Requirements;
use crate::security::dependency::Resolve;
use crate::security::required::ScopeList;
use crate::security::scheme::{DeclaredScheme, Scheme as _};
use serde_json::json;

impl Requirements {
    /// The requirements of `T`.
    #[must_use]
    pub fn of<T: Resolve>() -> Self {
        let mut found = Self::default();
        T::document::<()>(&mut found);
        found
    }

    /// Adds the scheme at the end of a chain, with the scopes required on the way.
    pub fn add_scheme<T: DeclaredScheme, Outer: ScopeList>(&mut self) {
        let mut object = T::SCHEME.document();
        if !T::DESCRIPTION.is_empty() {
            object["description"] = json!(T::DESCRIPTION);
        }
        self.add(T::NAME, object, Outer::REQUIRED.names());
    }

    /// Adds a scheme that does instead of the one added last.
    pub fn add_instead<T: DeclaredScheme>(&mut self) {
        let mut object = T::SCHEME.document();
        object["description"] = json!(T::DESCRIPTION);
        self.add_alternative(T::NAME, object);
    }
}
