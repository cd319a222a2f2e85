//! Splits a request's `scope`.

/// The names in a request's `scope`, split like Python's `str.split`: at Unicode white space and at
/// ASCII's four separators.
pub fn scope_names(scope: &str) -> impl Iterator<Item = &str> {
    let is_white_space = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
    scope.split(is_white_space).filter(|name| !name.is_empty())
}
