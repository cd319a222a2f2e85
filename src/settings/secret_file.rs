//! Paths of files with secrets, where a secret itself is sometimes pasted by mistake.

use std::path::Path;

/// Up to this length it is taken for a file name.
const SHORT: usize = 16;

/// The path for display: `***` if it does not exist and looks like a secret.
///
/// Base64 contains slashes, so a slash in the middle makes a path only if the folder exists.
#[must_use]
pub fn shown_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    let begins = ["/", "./", "../"].iter().any(|start| text.starts_with(start));
    let folder = || path.parent().is_some_and(|folder| folder != "" && folder.is_dir());
    if text.len() <= SHORT || begins || path.exists() || folder() {
        text.into_owned()
    } else {
        "***".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_instead_of_a_path_is_not_shown() {
        for secret in [
            "0123456789abcdef0123456789abcdef",
            "correct horse battery staple",
            "Zm9v/YmFyYmF6cXV4cXV1eGNvcmdl/Z3JhdWx0+Zw==",
            "-----BEGIN PRIVATE KEY-----\nMIIE/x\n",
        ] {
            assert_eq!(shown_path(Path::new(secret)), "***", "{secret}");
        }
        for path in [
            "secret",
            "token.secret",
            "/run/secrets/bailiwick_token_secret",
            "./the-secret-of-the-tokens.txt",
            "../secrets/the-secret-of-the-tokens.txt",
            "src/the-secret-of-the-tokens.txt",
            "Cargo.toml",
        ] {
            assert_eq!(shown_path(Path::new(path)), path);
        }
    }
}
