//! What a chain needs, found by walking it.

use crate::openapi::Requirements;
use crate::security::dependency::Resolve;
use crate::security::required::ScopeList;
use crate::security::scheme::{DeclaredScheme, Scheme as _};
use serde_json::json;

impl Requirements {
    /// Those of `T`.
    #[must_use]
    pub fn of<T: Resolve>() -> Self {
        let mut found = Self::default();
        T::document::<()>(&mut found);
        found
    }

    /// A scheme at the far end of a chain, with the scopes asked for on the way.
    pub fn add_scheme<T: DeclaredScheme, Outer: ScopeList>(&mut self) {
        let mut object = T::SCHEME.document();
        if !T::DESCRIPTION.is_empty() {
            object["description"] = json!(T::DESCRIPTION);
        }
        self.add(T::NAME, object, Outer::REQUIRED.names());
    }
}
