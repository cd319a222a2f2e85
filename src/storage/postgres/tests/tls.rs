//! TLS to a real server: which of its certificates are accepted, and which are not.

use super::server::{PASSWORD, Server};
use super::settings;
use crate::domain::UserRepository as _;
use crate::settings::DatabaseSettings;
use crate::storage::postgres::{Address, PostgresUsers};
use std::fs::{Permissions, metadata, set_permissions, write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn openssl(folder: &Path, args: &str) {
    let output = Command::new("openssl").args(args.split(' ')).current_dir(folder).output();
    let output = output.expect("openssl is missing: run `make tools`");
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two authorities, `ca` and `other`, and a certificate of the first for the name `localhost`.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for ca in ["ca", "other"] {
        let subject = format!("-x509 -days 1 -subj /CN={ca} -keyout {ca}.key -out {ca}.pem");
        openssl(folder.path(), &format!("req {new} {subject}"));
    }
    openssl(folder.path(), &format!("req {new} -subj /CN=localhost -keyout db.key -out db.csr"));
    write(folder.path().join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let sign = "x509 -req -days 1 -in db.csr -CA ca.pem -CAkey ca.key -CAcreateserial";
    openssl(folder.path(), &format!("{sign} -extfile names -out db.pem"));
    folder
}

/// A server that offers TLS; its owner must own the key as well.
fn server(certificates: &Path) -> Server {
    let server = Server::start();
    let file = server.sql("postgres", "SELECT pg_read_file('postmaster.pid')");
    let process = format!("/proc/{}", file.lines().next().unwrap());
    let (user, key) = (metadata(process).unwrap().uid(), certificates.join("db.key"));
    chown(&key, Some(user), None).unwrap();
    set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    set_permissions(certificates, Permissions::from_mode(0o755)).unwrap();
    for (setting, value) in [
        ("ssl_cert_file", certificates.join("db.pem").display().to_string()),
        ("ssl_key_file", key.display().to_string()),
        ("ssl", "on".to_owned()),
    ] {
        server.sql("postgres", &format!("ALTER SYSTEM SET {setting} = '{value}'"));
    }
    server.sql("postgres", "SELECT pg_reload_conf()");
    server
}

#[tokio::test]
async fn the_servers_certificate_is_checked_as_far_as_sslmode_says() {
    let folder = certificates();
    let server = server(folder.path());
    let database = server.database();
    // Once more by a file: the password goes through TLS as well.
    let password = folder.path().join("password");
    write(&password, format!("{PASSWORD}\n")).unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'bailiwick' AND datname = current_database()";
    let root = |name: &str| format!("&sslrootcert={}", folder.path().join(name).display());
    let (ca, other) = (root("ca.pem"), root("other.pem"));
    for (host, mode, root, accepted) in [
        ("localhost", "require", "", true),
        ("127.0.0.1", "require", "", true),
        ("127.0.0.1", "prefer", "", true),
        // Whoever signed it, the name does not matter.
        ("localhost", "verify-ca", &ca, true),
        ("127.0.0.1", "verify-ca", &ca, true),
        ("localhost", "verify-ca", &other, false),
        ("localhost", "verify-full", &ca, true),
        ("127.0.0.1", "verify-full", &ca, false),
        ("localhost", "verify-full", &other, false),
        // By the authorities that everybody knows.
        ("localhost", "verify-full", "", false),
    ] {
        let what = format!("sslmode={mode}{root}");
        let url = format!("postgres://postgres@{host}:{}/{database}?{what}", server.port);
        let password_file = Some(password.clone());
        let settings = DatabaseSettings { password_file, ..settings(&url) };
        match PostgresUsers::open(Address::of(&settings).unwrap().unwrap()).await {
            Ok(users) => {
                users.ping().await.unwrap();
                assert!(accepted, "{host} {what}");
                assert_eq!(server.sql(&database, encrypted), "t", "{host} {what}");
            }
            Err(error) => {
                let line = error.to_string();
                assert!(!accepted, "{host} {what}: {line}");
                assert!(line.contains("certificate") && !line.contains('\n'), "{line}");
            }
        }
    }
}
