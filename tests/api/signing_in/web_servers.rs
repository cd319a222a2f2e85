//! Web applications behind Apache's `mod_auth_openidc`, as Debian has it.

use super::add_client;
use crate::clients::python_tool;
use crate::harness::{App, Lines, Response, eventually, repository, run_tool};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Apache with a page for those who have signed in; ends on drop.
struct Apache {
    child: Child,
    _folder: TempDir,
}

impl Apache {
    fn start(address: &str, issuer: &str, secret: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let root = folder.path().join("html");
        fs::create_dir_all(root.join("inside")).expect("a folder");
        fs::write(root.join("inside/index.html"), "inside").expect("written");
        fs::write(root.join("index.html"), "outside").expect("written");
        let conf = CONFIG
            .replace("FOLDER", &folder.path().display().to_string())
            .replace("ADDRESS", address)
            .replace("ISSUER", issuer)
            .replace("SECRET", secret);
        let file = folder.path().join("apache.conf");
        fs::write(&file, conf).expect("written");
        // Started as root, its workers are somebody else.
        run_tool(Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut apache = Command::new("apache2");
        apache.env("PATH", format!("{path}:/usr/sbin")).arg("-DFOREGROUND").arg("-f").arg(&file);
        let mut child = apache
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Apache starts: run `make tools`");
        let stderr = Lines::of(child.stderr.take().expect("piped"));
        eventually("Apache to listen", || {
            let ended = child.try_wait().expect("a child");
            assert!(ended.is_none(), "{}", stderr.text());
            TcpStream::connect(address).ok()
        });
        Self { child, _folder: folder }
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        // A killed parent would leave its workers behind.
        drop(Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status());
        drop(self.child.wait());
    }
}

/// What its documentation shows, and what tells the test who has signed in.
const CONFIG: &str = "
ServerName app.test
PidFile FOLDER/apache.pid
ErrorLog FOLDER/error.log
Mutex file:FOLDER default
Listen ADDRESS
User www-data
Group www-data
DocumentRoot FOLDER/html
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule auth_openidc_module /usr/lib/apache2/modules/mod_auth_openidc.so

OIDCProviderMetadataURL ISSUER/.well-known/openid-configuration
OIDCClientID web
OIDCClientSecret SECRET
OIDCRedirectURI http://ADDRESS/inside/cb
OIDCCryptoPassphrase of-this-test
OIDCScope \"openid profile email me offline_access\"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
OIDCInfoHook iat access_token access_token_expires id_token userinfo session

<Location /inside>
    AuthType openid-connect
    Require valid-user
    Header set X-User expr=%{REMOTE_USER}
</Location>
";

#[test]
fn mod_auth_openidc_signs_in() {
    let free = || TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it");
    let [own, theirs] = [(); 2].map(|()| free().to_string());
    let config =
        format!("[server]\npublic_url = 'http://{own}'\n[outgoing]\nallow = ['127.0.0.1']\n");
    let app = App::demo().config(&config).args(["-b", &own]).spawn();
    let cb = format!("http://{theirs}/inside/cb");
    let home = format!("http://{theirs}/");
    let told = format!("{cb}?logout=backchannel");
    let [back, out, logout] =
        ["--redirect-uri", "--post-logout-redirect-uri", "--backchannel-logout-uri"];
    let secret = add_client(&app, "web", &[back, &cb, out, &home, logout, &told]);
    let issuer = app.url("");
    // Clients read the metadata once there are keys.
    eventually("the metadata", || {
        let answer = app.get("/.well-known/openid-configuration");
        (answer.status == 200).then_some(())
    });
    let _apache = Apache::start(&theirs, &issuer, &secret);
    assert_eq!(Response::of("GET", &format!("http://{theirs}/"), &[], "").body, "outside");
    let script = repository("tests/clients/apache.py");
    run_tool(python_tool("python").arg(script).arg(&issuer).arg(format!("http://{theirs}")));
}
