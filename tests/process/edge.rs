//! The shipped nginx configuration in front of a server under load.

use crate::harness::{eventually, repository};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// nginx in front of an address; ends on drop.
pub(crate) struct Edge {
    child: Child,
    pub(crate) address: String,
    _folder: TempDir,
}

impl Edge {
    /// Starts it; the upstream keeps an idle connection for `keepalive` seconds.
    pub(crate) fn before(upstream: &str, keepalive: u32) -> Self {
        Self::start("bailiwick.conf", keepalive, |text| {
            text.replace("\nserver 127.0.0.1:8000;", &format!("\nserver {upstream};"))
        })
    }

    /// In front of several addresses.
    pub(crate) fn before_all(replicas: &[String], keepalive: u32) -> Self {
        Self::start("bailiwick-cluster.conf", keepalive, |text| {
            (8001..).zip(replicas).fold(text, |text, (port, address)| {
                text.replace(&format!("server 127.0.0.1:{port} "), &format!("server {address} "))
            })
        })
    }

    fn start(site: &str, keepalive: u32, edit: impl Fn(String) -> String) -> Self {
        let folder = TempDir::new().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a port").to_string();
        let target = folder.path().join("bailiwick");
        fs::create_dir(&target).expect("a folder");
        for file in fs::read_dir(repository("config/nginx")).expect("the shipped files") {
            let file = file.expect("a file");
            let text = edit(fs::read_to_string(file.path()).expect("a shipped file"))
                .replace("listen 80;", &format!("listen {address};"))
                // The shipped rule: shorter than the upstream's.
                .replace(
                    "keepalive_timeout 60s;",
                    &format!("keepalive_timeout {}s;", keepalive - 1),
                )
                // The load comes from one address, which may log in once a second.
                .replace("rate=20r/s", "rate=100000r/s")
                .replace("rate=200r/s", "rate=100000r/s")
                .replace("burst=20", "burst=100000")
                .replace("access_log /var/log/nginx/access.log bailiwick;", "access_log off;");
            fs::write(target.join(file.file_name()), text).expect("written");
        }
        let conf = format!(
            "daemon off;\nuser root;\nworker_processes 1;\npid nginx.pid;\nevents {{}}\nhttp {{\n\
            client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
            uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\ninclude bailiwick/{site};\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), conf).expect("written");
        // Debian installs it where only root's PATH leads.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let mut command = Command::new("nginx");
        command.env("PATH", path).arg("-p").arg(folder.path()).args(["-c", "nginx.conf"]);
        command.args(["-e", "error.log"]).stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("nginx starts; `make tools` installs it");
        eventually("nginx to listen", || TcpStream::connect(&address).ok());
        Self { child, address, _folder: folder }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // A killed master would leave its workers behind.
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}
