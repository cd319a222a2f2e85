//! The folder for everything the server keeps.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Creates the folder with mode 0700 if it does not exist.
///
/// A new one gets a `.gitignore`: it holds password hashes and the signing secret, and during
/// development it is in the project's folder. An existing folder is left alone.
pub fn make_data_dir(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        builder.recursive(true).create(parent)?;
    }
    match builder.recursive(false).create(folder) {
        Ok(()) => {
            let mut new = OpenOptions::new();
            let mut file =
                new.write(true).create_new(true).mode(0o600).open(folder.join(".gitignore"))?;
            file.write_all(b"*\n")
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn git_ignores_a_new_folder_and_an_existing_one_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        make_data_dir(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "*\n");
        fs::remove_file(folder.join(".gitignore")).unwrap();
        make_data_dir(&folder).unwrap();
        assert!(!folder.join(".gitignore").exists());
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(make_data_dir(&file).is_err());
    }
}
