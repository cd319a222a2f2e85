//! How a request's `scope` is parted.

/// The names in a request's `scope`, as Python's `str.split` parts them: at Unicode's white space
/// and at the four separators of ASCII.
pub fn scope_names(scope: &str) -> impl Iterator<Item = &str> {
    let is_white_space = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
    scope.split(is_white_space).filter(|name| !name.is_empty())
}
