//! A line of the file that `htpasswd` writes: `name:hash`, to which nginx adds `:comment`.

use crate::cli::users::import::line::{Line, Problem};
use serde_json::Value;

/// `None` for a comment.
pub(super) fn read(bytes: &[u8]) -> Option<Result<Line, Problem>> {
    if bytes.starts_with(b"#") {
        return None;
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return Some(Err(Problem::new("", "expected UTF-8")));
    };
    let Some((name, hash)) = text.split_once(':') else {
        return Some(Err(Problem::new("", "expected `name:hash`")));
    };
    // Other applications' hashes may contain colons.
    let hash = match hash.split_once(':') {
        Some((hash, _)) if hash.starts_with(['$', '{']) => hash,
        _ => hash,
    };
    Some(Ok(Line {
        username: Value::from(name),
        hashed_password: Some(Value::from(hash)),
        ..Line::default()
    }))
}
