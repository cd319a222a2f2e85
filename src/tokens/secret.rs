//! The signing secret's source: a setting, a file, or generated on first start.

use crate::domain::Secret;
use crate::settings::{NamedFile, TokenSettings, make_data_dir, open_file, shown_path};
use crate::tokens::SHORTEST_SECRET;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use std::fs::{File, OpenOptions, hard_link, remove_file};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// FastAPI's tutorial prints this secret, so it is public.
const PUBLIC: &str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";

/// Longest secret file in bytes.
const LONGEST: usize = 4096;

/// The name of the generated file in the data folder.
const FILE_NAME: &str = "secret";

/// Why there is no signing secret. No variant holds one.
#[derive(Debug, Error)]
pub enum SecretError {
    /// Shorter than 32 bytes; the text names the setting or file.
    #[error(
        "{0}: the signing secret is shorter than {SHORTEST_SECRET} bytes; \
                 `openssl rand -hex 32` prints a good one"
    )]
    Short(String),
    /// The secret of a public tutorial.
    #[error(
        "{0}: this signing secret is in a public tutorial, so anyone can sign tokens \
                 with it; it is accepted only with --demo"
    )]
    Public(String),
    /// The file is too long for a secret, or not UTF-8 text.
    #[error("{}: expected a secret of at most {LONGEST} bytes of UTF-8", .0.display())]
    NotText(PathBuf),
    /// Any user of this machine can write the file, and so choose the secret.
    #[error("{}: everyone can write this secret; run `chmod o-rw` on it and replace it", .0.display())]
    WritableByOthers(PathBuf),
    /// The file cannot be read.
    #[error("{}: the signing secret cannot be read: {}", shown_path(.0), .1)]
    Read(PathBuf, #[source] io::Error),
    /// The file that a setting names cannot be read.
    #[error("{}: the signing secret cannot be read: {} ({})", shown_path(.0), .1, .2)]
    ReadNamed(PathBuf, #[source] io::Error, &'static str),
    /// The file cannot be created.
    #[error("{}: the signing secret cannot be created: {}", .0.display(), .1)]
    Write(PathBuf, #[source] io::Error),
}

/// The signing secret: `tokens.secret`, else `tokens.secret_file`, else `secret` in the data
/// folder, generated on first start with 256 random bits.
///
/// `demo` allows the secret that FastAPI's tutorial prints.
pub fn load_secret(
    settings: &TokenSettings,
    data_dir: &Path,
    demo: bool,
) -> Result<Secret, SecretError> {
    let (secret, place) = if let Some(secret) = &settings.secret {
        (secret.clone(), "tokens.secret".to_owned())
    } else if let Some(file) = &settings.secret_file {
        let shown = shown_path(file.path());
        let made = file.path() == data_dir.join(FILE_NAME);
        let place = if made { shown } else { format!("tokens.secret_file {shown}") };
        let secret = if made { read(file)? } else { read_named(file, "tokens.secret_file")? };
        (secret, place)
    } else {
        let file = NamedFile::from(data_dir.join(FILE_NAME));
        (read_or_generate(&file, data_dir)?, file.path().display().to_string())
    };
    judge(secret, place, demo)
}

/// The secrets of `tokens.accepted_secret_files`, as good as the signing secret: whoever knows one
/// can make tokens.
pub fn load_accepted_secrets(
    settings: &TokenSettings,
    demo: bool,
) -> Result<Vec<Secret>, SecretError> {
    let accepted = settings.accepted_secret_files.iter().map(|file| {
        let place = format!("tokens.accepted_secret_files {}", shown_path(file.path()));
        judge(read_named(file, "tokens.accepted_secret_files")?, place, demo)
    });
    accepted.collect()
}

/// Checks the configured secrets; generates none.
pub fn check_secret(settings: &TokenSettings, demo: bool) -> Result<(), SecretError> {
    if settings.secret.is_some() || settings.secret_file.is_some() {
        load_secret(settings, Path::new(""), demo)?;
    }
    load_accepted_secrets(settings, demo).map(drop)
}

fn judge(secret: Secret, place: String, demo: bool) -> Result<Secret, SecretError> {
    if secret.expose().len() < SHORTEST_SECRET {
        Err(SecretError::Short(place))
    } else if secret.equals(PUBLIC) && !demo {
        Err(SecretError::Public(place))
    } else {
        Ok(secret)
    }
}

/// The file in the data folder, generated if missing, and held; `None` if the settings name a
/// secret.
pub fn made_secret(
    settings: &TokenSettings,
    data_dir: &Path,
) -> Result<Option<NamedFile>, SecretError> {
    if settings.secret.is_some() || settings.secret_file.is_some() {
        return Ok(None);
    }
    let mut file = NamedFile::from(data_dir.join(FILE_NAME));
    read_or_generate(&file, data_dir)?;
    let held = file.hold(open_file);
    held.map_err(|cause| SecretError::Read(file.path().to_owned(), cause))?;
    Ok(Some(file))
}

fn read_or_generate(file: &NamedFile, data_dir: &Path) -> Result<Secret, SecretError> {
    let path = file.path();
    match read(file) {
        Err(SecretError::Read(_, cause)) if cause.kind() == ErrorKind::NotFound => {
            generate(path, data_dir).map_err(|cause| SecretError::Write(path.to_owned(), cause))?;
            // Whichever process was first, this reads the one that all use.
            read(file)
        }
        other => other,
    }
}

/// Reads the file that a setting names.
fn read_named(file: &NamedFile, key: &'static str) -> Result<Secret, SecretError> {
    read(file).map_err(|error| match error {
        SecretError::Read(path, cause) => SecretError::ReadNamed(path, cause, key),
        other => other,
    })
}

/// Reads a secret and strips the newline that editors and `echo` leave.
///
/// Containers mount secrets as mode 0444, so being readable is only worth a warning.
fn read(file: &NamedFile) -> Result<Secret, SecretError> {
    let path = file.path();
    let content = file.read().map_err(|cause| SecretError::Read(path.to_owned(), cause))?;
    let mode = content.mode().unwrap_or_default();
    if mode & 0o002 != 0 {
        return Err(SecretError::WritableByOthers(path.to_owned()));
    }
    if mode & 0o004 != 0 {
        log::warn!("{}: everyone on this machine can read the signing secret", path.display());
    }
    let text = content.text().filter(|text| text.expose().len() <= LONGEST);
    let text = text.ok_or_else(|| SecretError::NotText(path.to_owned()))?;
    Ok(Secret::new(text.expose().trim_end_matches(['\r', '\n'])))
}

/// Creates the file, complete or not at all; if another process was faster, its file stays.
///
/// `link(2)` fails if the path exists, and by then the file is complete.
fn generate(path: &Path, data_dir: &Path) -> io::Result<()> {
    make_data_dir(data_dir)?;
    let word = || OsRng.try_next_u64().map_err(io::Error::other);
    let hex = format!("{:016x}{:016x}{:016x}{:016x}", word()?, word()?, word()?, word()?);
    let draft = data_dir.join(format!(".{FILE_NAME}-{:016x}", word()?));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = file
        .write_all(hex.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| hard_link(&draft, path));
    remove_file(&draft)?;
    match linked {
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(cause) => Err(cause),
        Ok(()) => {
            log::info!("{}: created a signing secret", path.display());
            File::open(data_dir)?.sync_all()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::sync::Barrier;
    use std::thread;

    const GOOD: &str = "0123456789abcdef0123456789abcdef";

    fn with_file(folder: &Path, content: &[u8], mode: u32) -> TokenSettings {
        let path = folder.join("mounted");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        TokenSettings { secret_file: Some(path.into()), ..TokenSettings::default() }
    }

    fn refusal(settings: &TokenSettings, folder: &Path) -> String {
        load_secret(settings, folder, false).unwrap_err().to_string()
    }

    fn files(folder: &Path) -> Vec<String> {
        let name = |file: std::io::Result<fs::DirEntry>| file.unwrap().file_name();
        let names = fs::read_dir(folder).unwrap().map(name);
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_secret_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("deep/data");
        let first = load_secret(&TokenSettings::default(), &data, false).unwrap();
        assert_eq!(first.expose().len(), 64);
        assert!(first.expose().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(
            load_secret(&TokenSettings::default(), &data, false).unwrap().equals(first.expose())
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join("secret"))), (0o700, 0o600));
        assert_eq!(files(&data), [".gitignore", "secret"], "no draft is left");
        let other = folder.path().join("other");
        assert!(
            !load_secret(&TokenSettings::default(), &other, false).unwrap().equals(first.expose())
        );
    }

    #[test]
    fn processes_that_start_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let start = Barrier::new(8);
        let secrets: Vec<_> = thread::scope(|scope| {
            let load = || {
                start.wait();
                load_secret(&TokenSettings::default(), &data, false).unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| secret.equals(secrets[0].expose())));
        assert_eq!(files(&data), [".gitignore", "secret"]);
    }

    #[test]
    fn the_setting_wins_over_the_file_and_the_file_over_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = with_file(folder.path(), b"fedcba9876543210fedcba9876543210\r\n", 0o400);
        let secret = load_secret(&settings, folder.path(), false).unwrap();
        assert_eq!(secret.expose(), "fedcba9876543210fedcba9876543210");
        settings.secret = Some(Secret::new(GOOD));
        assert_eq!(load_secret(&settings, folder.path(), false).unwrap().expose(), GOOD);
        assert!(!folder.path().join("secret").exists());
    }

    #[test]
    fn a_file_may_be_read_but_not_written_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let readable = with_file(folder.path(), GOOD.as_bytes(), 0o444);
        assert!(load_secret(&readable, folder.path(), false).is_ok());
        let writable = with_file(folder.path(), GOOD.as_bytes(), 0o606);
        assert!(refusal(&writable, folder.path()).contains("everyone can write"));
    }

    #[test]
    fn short_secrets_are_refused_by_place_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let short = &GOOD[1..];
        let from_setting = refusal(
            &TokenSettings { secret: Some(Secret::new(short)), ..TokenSettings::default() },
            folder.path(),
        );
        assert!(from_setting.starts_with("tokens.secret: "), "{from_setting}");
        let from_file = refusal(&with_file(folder.path(), short.as_bytes(), 0o600), folder.path());
        assert!(from_file.starts_with("tokens.secret_file /"), "{from_file}");
        fs::write(folder.path().join("secret"), "\n").unwrap();
        let generated = refusal(&TokenSettings::default(), folder.path());
        assert!(generated.contains("/secret: the signing secret is shorter"), "{generated}");
        for text in [from_setting, from_file, generated] {
            assert!(!text.contains(short) && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn the_tutorials_secret_is_for_demos() {
        let folder = tempfile::tempdir().unwrap();
        let public =
            TokenSettings { secret: Some(Secret::new(PUBLIC)), ..TokenSettings::default() };
        assert!(load_secret(&public, folder.path(), true).is_ok());
        let text = refusal(&public, folder.path());
        assert!(text.contains("--demo") && !text.contains(PUBLIC), "{text}");
    }

    #[test]
    fn accepted_secrets_are_judged_alike() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            fs::write(folder.path().join(name), content).unwrap();
            folder.path().join(name).into()
        };
        let accepting = |accepted_secret_files| {
            let settings = TokenSettings { accepted_secret_files, ..TokenSettings::default() };
            (load_accepted_secrets(&settings, false), check_secret(&settings, false))
        };
        let next = "fedcba9876543210fedcba9876543210";
        let (loaded, checked) = accepting(vec![file("old", GOOD), file("next", next)]);
        let loaded = loaded.unwrap();
        assert_eq!(loaded.iter().map(Secret::expose).collect::<Vec<_>>(), [GOOD, next]);
        checked.unwrap();
        assert!(accepting(Vec::new()).0.unwrap().is_empty());
        for (bad, says) in [
            (file("short", &GOOD[1..]), "shorter than 32 bytes"),
            (file("public", PUBLIC), "public tutorial"),
            ("/nowhere/secret".into(), "(tokens.accepted_secret_files)"),
        ] {
            let (loaded, checked) = accepting(vec![file("old", GOOD), bad]);
            for line in [loaded.unwrap_err(), checked.unwrap_err()].map(|error| error.to_string()) {
                assert!(line.contains(says) && !line.contains(&GOOD[1..]), "{line}");
            }
        }
    }

    #[test]
    fn unreadable_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let binary = with_file(folder.path(), &[0xff; 40], 0o600);
        assert!(refusal(&binary, folder.path()).contains("mounted: expected a secret"));
        let huge = with_file(folder.path(), &[b'a'; 5000], 0o600);
        assert!(refusal(&huge, folder.path()).contains("mounted: expected a secret"));
        let missing = TokenSettings {
            secret_file: Some("/nowhere/secret".into()),
            ..TokenSettings::default()
        };
        let line = refusal(&missing, folder.path());
        assert!(line.starts_with("/nowhere/secret: the signing secret cannot be read"), "{line}");
        assert!(line.ends_with(" (tokens.secret_file)"), "{line}");
        for pasted in [GOOD, "c2VjcmV0/c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"] {
            let pasted =
                TokenSettings { secret_file: Some(pasted.into()), ..TokenSettings::default() };
            let line = refusal(&pasted, folder.path());
            assert!(line.starts_with("***: the signing secret cannot be read"), "{line}");
        }
        fs::write(folder.path().join("file"), "").unwrap();
        let no_folder = refusal(&TokenSettings::default(), &folder.path().join("file"));
        assert!(no_folder.contains("/file/secret: the signing secret cannot be"), "{no_folder}");
    }
}
