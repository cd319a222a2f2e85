//! The files that settings name: read when the settings are accepted, and handed on.

use crate::settings::database_url::{DatabaseUrl, SslRoot};
use crate::settings::named_file::{Content, NamedFile};
use crate::settings::sections::Settings;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The setting that names it.
    pub key: &'static str,
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
}

/// The content of the settings' files, for another process with the same settings.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Contents(Vec<(String, PathBuf, Content)>);

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, path, _)| (key, path))).finish()
    }
}

/// `tokens.secret_file`, also for the generated secret.
const SECRET: &str = "tokens.secret_file";

/// The files of `tokens.accepted_secret_files`.
const ACCEPTED_SECRETS: &str = "tokens.accepted_secret_files";

/// The files of `client_secret_files` in `[clients]`.
const CLIENT_SECRETS: &str = "clients: client_secret_files";

/// `client_secret_file` in `[providers]`.
const PROVIDER_SECRETS: &str = "providers: client_secret_file";

impl Settings {
    /// Reads every file that the settings name, opened by `open`, and holds its content.
    pub fn hold_files(
        &mut self,
        open: impl Fn(&Path) -> io::Result<File>,
    ) -> Result<(), Unreadable> {
        for (key, file) in self.files() {
            let path = file.path.clone();
            file.hold(&open).map_err(|cause| Unreadable { key, path, cause })?;
        }
        Ok(())
    }

    /// The held content.
    pub fn contents(&mut self) -> Contents {
        let held = self.files().into_iter().filter_map(|(key, file)| {
            Some((key.to_owned(), file.path.clone(), file.held()?.clone()))
        });
        Contents(held.collect())
    }

    /// Holds what another process with the same settings has read.
    #[must_use]
    pub fn with(mut self, Contents(contents): Contents) -> Self {
        for (key, path, content) in contents {
            if key == SECRET {
                self.tokens.secret_file.get_or_insert_with(|| path.clone().into());
            }
            let content = Arc::new(content);
            for (name, file) in self.files() {
                // A list's files have one key.
                if name == key && file.path == path {
                    file.held = Some(Arc::clone(&content));
                }
            }
        }
        self
    }

    /// Every file that the settings name for reading, with its key.
    fn files(&mut self) -> Vec<(&'static str, &mut NamedFile)> {
        let mut files = vec![
            (SECRET, self.tokens.secret_file.as_mut()),
            ("passwords.pepper_file", self.passwords.pepper_file.as_mut()),
            ("database.password_file", self.database.password_file.as_mut()),
            ("logging.config", self.logging.config.as_mut()),
            ("outgoing.ca_file", self.outgoing.ca_file.as_mut()),
        ];
        let accepted = self.tokens.accepted_secret_files.iter_mut();
        files.extend(accepted.map(|file| (ACCEPTED_SECRETS, Some(file))));
        let clients = self.clients.values_mut().flat_map(|client| &mut client.client_secret_files);
        files.extend(clients.map(|file| (CLIENT_SECRETS, Some(file))));
        let providers = self.providers.values_mut();
        let secrets = providers.map(|provider| provider.client_secret_file.as_mut());
        files.extend(secrets.map(|file| (PROVIDER_SECRETS, file)));
        if let DatabaseUrl::Postgres(url) = &mut self.database.url {
            if let SslRoot::File(file) = &mut url.ssl_root {
                files.push(("database.url: sslrootcert", Some(file)));
            }
            if let Some((certificate, key)) = &mut url.client_certificate {
                files.push(("database.url: sslcert", Some(certificate)));
                files.push(("database.url: sslkey", Some(key)));
            }
        }
        files.into_iter().filter_map(|(key, file)| Some((key, file?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Layers, keys, open_file as open};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::collections::BTreeSet;
    use std::fs;
    use std::io::ErrorKind;
    use tempfile::TempDir;

    /// Settings that name every possible file, each containing its own key.
    fn settings(folder: &TempDir) -> Settings {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (secret, password, log) = (path("secret"), path("password"), path("log.toml"));
        let tls = format!(
            "sslrootcert={}&sslcert={}&sslkey={}",
            path("root.pem"),
            path("cert.pem"),
            path("key.pem")
        );
        let text = format!(
            "[server]\npublic_url = 'https://auth.example.com'\n\
             [tokens]\nsecret_file = '{secret}'\naccepted_secret_files = ['{old}', '{next}']\n\
             [logging]\nconfig = '{log}'\n[outgoing]\nca_file = '{ca}'\n\
             [clients.c]\nclient_secret_files = ['{client}']\n\
             [providers.p]\nclient_secret_file = '{provider}'\n\
             [passwords]\npepper_file = '{pepper}'\n\
             [database]\nurl = 'postgres://me@localhost/d?{tls}'\npassword_file = '{password}'\n",
            client = path("client"),
            ca = path("ca"),
            provider = path("provider"),
            pepper = path("pepper"),
            old = path("former"),
            next = path("next"),
        );
        let file = Some("a.toml".into());
        Layers { file, text: Some(text), ..Layers::default() }.load().unwrap().settings
    }

    fn written(folder: &TempDir, settings: &mut Settings, text: &str) {
        for (key, file) in settings.files() {
            assert!(file.path().starts_with(folder.path()), "{key}");
            fs::write(file.path(), format!("{text} {key} {}", file.path().display())).unwrap();
        }
    }

    /// What each should contain, and what it does.
    fn texts(settings: &mut Settings) -> Vec<(String, String)> {
        let files = settings.files().into_iter();
        files
            .map(|(key, file)| {
                let content = file.read().unwrap();
                let wanted = format!("{key} {}", file.path().display());
                (wanted, content.text().unwrap().expose().to_owned())
            })
            .collect()
    }

    #[test]
    fn held_content_outlives_changes_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut accepted = settings(&folder);
        written(&folder, &mut accepted, "old");
        accepted.hold_files(open).unwrap();
        written(&folder, &mut accepted, "new");
        accepted.hold_files(open).unwrap();
        // As sent to a worker process.
        let line = serde_json::to_string(&accepted.contents()).unwrap();
        let mut handed = settings(&folder).with(serde_json::from_str(&line).unwrap());
        for (key, text) in texts(&mut accepted).into_iter().chain(texts(&mut handed)) {
            assert_eq!(text, format!("old {key}"));
        }
        assert!(texts(&mut settings(&folder)).iter().all(|(_, text)| text.starts_with("new")));
        for shown in [format!("{accepted:?}"), format!("{:?}", accepted.contents())] {
            assert!(!shown.contains("old"), "{shown}");
        }
    }

    /// Finds the keys that name a file to read by their names.
    #[test]
    fn no_key_that_names_a_file_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&folder);
        let held: BTreeSet<_> = settings.files().into_iter().map(|(key, _)| key).collect();
        let named = keys::KEYS.iter().map(|key| key.name);
        let files = named.filter(|name| {
            name.ends_with("_file") || name.ends_with("_files") || name.ends_with(".config")
        });
        assert_eq!(files.filter(|name| !held.contains(name)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&folder);
        written(&folder, &mut settings, "");
        fs::remove_file(folder.path().join("key.pem")).unwrap();
        let refused = settings.hold_files(open).unwrap_err();
        assert_eq!(refused.key, "database.url: sslkey");
        assert_eq!(refused.cause.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn reading_is_bounded_and_never_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let empty = NamedFile::from(pipe).read().unwrap();
        assert_eq!((empty.text().unwrap().expose(), empty.mode()), ("", None));
        let endless = NamedFile::from("/dev/zero").read().unwrap_err();
        assert_eq!(endless.kind(), ErrorKind::FileTooLarge);
        NamedFile::from(folder.path()).read().unwrap_err();
    }
}
