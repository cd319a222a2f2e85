//! Splits a request's `scope`, and compares it with what is allowed.

use crate::domain::{ScopeName, Scopes};
use crate::oauth::error::GrantError;

/// The names in a request's `scope`, split like Python's `str.split`: at Unicode white space and at
/// ASCII's four separators.
pub fn scope_names(scope: &str) -> impl Iterator<Item = &str> {
    let is_white_space = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
    scope.split(is_white_space).filter(|name| !name.is_empty())
}

/// Longest `scope` in bytes: longer than anybody's scopes, and short enough for a quadratic comparison.
const LONGEST: usize = 4096;

/// The requested scopes, if all of them are allowed.
pub(super) fn granted(asked: &str, allowed: &Scopes) -> Result<Scopes, GrantError> {
    if asked.len() > LONGEST {
        return Err(GrantError::TooManyScopes);
    }
    let mut scopes: Vec<ScopeName> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    for name in scope_names(asked) {
        match name.parse() {
            Ok(scope) if allowed.contains(name) => scopes.push(scope),
            _ if refused.iter().any(|known| known == name) => {}
            _ => refused.push(name.to_owned()),
        }
    }
    if refused.is_empty() {
        Ok(scopes.into_iter().collect())
    } else {
        Err(GrantError::InvalidScope(refused))
    }
}
