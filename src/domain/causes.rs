//! An error with its causes, as one line.

use std::error::Error;

/// The line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        // Many errors tell their cause themselves.
        if !line.contains(&text) {
            line.extend([": ", &text]);
        }
        cause = next.source();
    }
    line
}
