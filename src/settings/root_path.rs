//! `server.root_path`.

use serde::Deserialize;

/// A path prefix: empty, or with a leading and without a trailing slash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RootPath(String);

impl RootPath {
    /// The prefix itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RootPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        if text.is_empty()
            || text.starts_with('/')
                && !text.ends_with('/')
                && !text.contains("//")
                && text.bytes().all(plain)
        {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{text}`: expected an empty string or a path such as `/auth`, without a slash at its end"
            ))
        }
    }
}
