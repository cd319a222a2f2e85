//! `PgBouncer` between bailiwick and PostgreSQL: sessions work, everything else is refused by name.

use crate::harness::{bailiwick, eventually, run};
use crate::postgres::{PASSWORD as SUPERUSER, shared, unprivileged};
use crate::{PASSWORD, SERVE, add, done, fails, serve};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A `PgBouncer` in front of the shared server; ends on drop.
struct Pooler {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Pooler {
    fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("a free port").port();
        let users = folder.path().join("users");
        fs::write(&users, format!("\"postgres\" \"{SUPERUSER}\"\n")).expect("written");
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = md5\nauth_file = {}\n{settings}",
            shared().port,
            users.display()
        );
        fs::write(&file, text).expect("written");
        let mut command = Command::new("/usr/sbin/pgbouncer");
        if let Some((user, group)) = unprivileged() {
            for path in [folder.path(), &users, &file] {
                chown(path, Some(user), Some(group)).expect("root may");
            }
            command.uid(user).gid(group);
        }
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("pgbouncer is missing: run `make tools`");
        eventually("the pooler", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { child, port, _folder: folder }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_pooler_that_keeps_sessions_works() {
    let pooler = Pooler::start("pool_mode = session\n");
    let (folder, database) = (tempfile::tempdir().unwrap(), shared().database());
    let url = pooler.url(&database);
    add(folder.path(), &url, "jane", &["me"]);
    let (first, second) = (serve(&url), serve(&url));
    let token = first.login("jane", PASSWORD, "me");
    assert_eq!(second.get_as("/users/me", &token).status, 200);
    // Change notices arrive through a listening session.
    done(folder.path(), &url, &["users", "disable", "jane"], "");
    for server in [&first, &second] {
        eventually("the change", || {
            (server.get_as("/users/me", &token).status == 400).then_some(())
        });
    }
    assert!(!first.stderr.text().contains("database"), "{}", first.stderr.text());
}

#[test]
fn a_pooler_that_shares_sessions_is_refused_by_name() {
    for settings in [
        "pool_mode = transaction\n",
        "pool_mode = transaction\ndefault_pool_size = 1\n",
        "pool_mode = transaction\nserver_round_robin = 1\nmin_pool_size = 5\n",
        "pool_mode = statement\n",
        "pool_mode = statement\ndefault_pool_size = 1\n",
    ] {
        let pooler = Pooler::start(settings);
        let (folder, database) = (tempfile::tempdir().unwrap(), shared().database());
        for args in [&["users", "import", "-"][..], &["db", "check"], &SERVE] {
            let line = fails(folder.path(), &pooler.url(&database), args);
            assert!(line.contains("PgBouncer"), "{settings}: {line}");
            assert!(line.contains("pool_mode = session"), "{settings}: {line}");
        }
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(shared().sql(&database, tables), "0", "{settings}");
    }
}

#[test]
fn a_pooler_without_sessions_is_reported() {
    let pooler = Pooler::start("pool_mode = session\ndefault_pool_size = 1\n");
    let (folder, database) = (tempfile::tempdir().unwrap(), shared().database());
    let url = pooler.url(&database);
    let mut command = bailiwick(folder.path());
    command.env("BAILIWICK__DATABASE__URL", &url).env("BAILIWICK__DATABASE__CONNECT_TIMEOUT", "2");
    let output = run(command.args(["users", "import", "-"]), "");
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(line.contains("default_pool_size"), "{line}");

    let options = format!("{url}?options=-c%20search_path%3Dpublic");
    let line = fails(folder.path(), &options, &["users", "import", "-"]);
    assert!(line.contains("ignore_startup_parameters"), "{line}");
    let direct = format!("{}?options=-c%20search_path%3Dpublic", shared().url(&database));
    done(folder.path(), &direct, &["users", "import", "-"], "");
}
