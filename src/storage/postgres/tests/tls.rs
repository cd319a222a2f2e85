//! TLS to a real server: which of its certificates are accepted, and which are not.

use super::server::{PASSWORD, Server};
use super::{open, opened, settings};
use crate::domain::UserRepository as _;
use crate::settings::DatabaseSettings;
use std::fs::{Permissions, metadata, set_permissions, write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
        // Whoever names an authority wants it to be asked.
        ("localhost", "require", &ca, true),
        ("localhost", "require", &other, false),
        ("localhost", "verify-full", &ca, true),
        ("127.0.0.1", "verify-full", &ca, false),
        ("localhost", "verify-full", &other, false),
        // By the authorities that everybody knows.
        ("localhost", "verify-full", "", false),
    ] {
        let what = format!("sslmode={mode}{root}");
        let url = format!("postgres://postgres@{host}:{}/{database}?{what}", server.port);
        let password_file = Some(password.clone().into());
        let settings = DatabaseSettings { password_file, ..settings(&url) };
        match opened(&settings).await {
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

/// Without a word about it, another machine must show who it is; what to do stands in the line.
/// Here `0.0.0.0` is such a machine: it leads to this one, and has no certificate.
#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_told() {
    let folder = certificates();
    let server = server(folder.path());
    let database = server.database();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ca, other) = (file("ca.pem"), file("other.pem"));
    let opened = async |host: &str, query: &str| {
        let port = server.port;
        let url = format!("postgres://postgres:{PASSWORD}@{host}:{port}/{database}{query}");
        let opened = open(&settings(&url)).await;
        opened.map(drop).map_err(|error| error.to_string())
    };
    for (host, query, says) in [
        (
            "0.0.0.0",
            String::new(),
            "name the file with that authority's certificate as sslrootcert=",
        ),
        ("localhost", "?sslrootcert=system".to_owned(), "sslrootcert=FILE in database.url"),
        ("0.0.0.0", format!("?sslrootcert={other}"), "signed by no authority in sslrootcert /"),
        ("0.0.0.0", format!("?sslrootcert={ca}"), "is not for the host name 0.0.0.0"),
        ("0.0.0.0", format!("?sslrootcert={ca}"), "localhost"),
        (
            "0.0.0.0",
            "?sslrootcert=/absent/ca.pem".to_owned(),
            "sslrootcert /absent/ca.pem: cannot be",
        ),
    ] {
        let line = opened(host, &query).await.expect_err(says);
        assert!(line.contains(says) && !line.contains('\n'), "{host}{query}: {line}");
        assert!(!line.contains(PASSWORD), "{line}");
    }
    for (host, query) in [
        ("localhost", ""),
        ("127.0.0.1", ""),
        ("0.0.0.0", "?sslmode=prefer"),
        ("0.0.0.0", "?sslmode=require"),
        ("0.0.0.0", "?sslmode=disable"),
    ] {
        opened(host, query).await.unwrap_or_else(|line| panic!("{host}{query}: {line}"));
    }
    opened("localhost", &format!("?sslmode=verify-full&sslrootcert={ca}")).await.unwrap();

    // What `openssl req -x509` makes is an authority's certificate, and no server's.
    let user = metadata(file("db.key")).unwrap().uid();
    chown(file("ca.key"), Some(user), None).unwrap();
    set_permissions(file("ca.key"), Permissions::from_mode(0o600)).unwrap();
    for (setting, name) in [("ssl_cert_file", "ca.pem"), ("ssl_key_file", "ca.key")] {
        let statement = format!("ALTER SYSTEM SET {setting} = '{}'", file(name));
        server.sql("postgres", &statement);
    }
    server.sql("postgres", "SELECT pg_reload_conf()");
    while opened("localhost", &format!("?sslmode=verify-full&sslrootcert={ca}")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let line = opened("0.0.0.0", &format!("?sslrootcert={ca}")).await.expect_err("refused");
    assert!(line.contains("an authority's own"), "{line}");
}

/// One that offers none never gets the password, nor a name.
#[tokio::test]
async fn another_machine_without_tls_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = [0; 8];
        stream.read_exact(&mut heard).await.unwrap();
        stream.write_all(b"N").await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        heard
    });
    let url = format!("postgres://someone:{PASSWORD}@0.0.0.0:{port}/users");
    let opened = open(&settings(&url)).await;
    let line = opened.err().expect("refused").to_string();
    assert!(line.contains("offers no TLS") && line.contains("sslmode=disable"), "{line}");
    assert_eq!(heard.await.unwrap(), b"");
}
