//! What `--demo` sets beside its users: where the demo is reached, and a client that signs them in.

use crate::settings::layer::Layer;
use crate::settings::loaded::Origin;
use crate::settings::public_url::PublicUrl;
use crate::settings::{Bind, Settings};

/// The demo's client.
const CLIENT: &str = "demo";

/// The keys that nothing else sets, below the other layers' settings; `None` if there are none.
pub(super) fn layer(settings: &Settings) -> Option<Layer> {
    let mut text = String::new();
    let url = if let Some(url) = &settings.server.public_url {
        url.clone()
    } else {
        let url = own_url(settings)?;
        text = format!("[server]\npublic_url = '{}'\n", url.as_str());
        url
    };
    if !settings.clients.contains_key(CLIENT) {
        text += &client(&url);
    }
    let (layer, _) = Layer::of_text(&text, Origin::Flag("--demo"), &[]).ok()?;
    Some(layer)
}

/// The address of a server that only this machine reaches, and that no proxy is said to stand before.
fn own_url(settings: &Settings) -> Option<PublicUrl> {
    let server = &settings.server;
    if settings.tokens.issuer.is_some() || !server.root_path.as_str().is_empty() {
        return None;
    }
    let urls: Option<Vec<_>> = server.bind.iter().map(url).collect();
    urls?.into_iter().next()
}

/// Why `--demo` alone does not know where browsers reach the server.
#[must_use]
pub fn why_demo_has_no_url(settings: &Settings) -> &'static str {
    let server = &settings.server;
    let is_unix = |bind: &Bind| matches!(bind, Bind::Unix(_));
    let has_no_port = |bind: &Bind| matches!(bind, Bind::Tcp { port: 0, .. });
    if settings.tokens.issuer.is_some() {
        "tokens.issuer is set"
    } else if !server.root_path.as_str().is_empty() {
        "server.root_path says that a proxy stands before this server"
    } else if server.bind.iter().any(is_unix) {
        "no browser reaches a unix socket"
    } else if server.bind.iter().any(has_no_port) {
        "port 0 is another one at each start"
    } else {
        "the server also listens where other machines reach it"
    }
}

/// The URL of an address on this machine; `None` where others reach it, or before the system has picked the
/// port.
fn url(bind: &Bind) -> Option<PublicUrl> {
    let Bind::Tcp { port, .. } = bind else { return None };
    let address = bind.to_string();
    let text = match port {
        0 => return None,
        80 => format!("http://{}", address.trim_end_matches(":80")),
        _ => format!("http://{address}"),
    };
    // `http` is for this machine only.
    PublicUrl::try_from(text).ok()
}

/// A command-line or desktop application, which cannot keep a secret, and the page of the documentation.
fn client(url: &PublicUrl) -> String {
    let hosts = ["127.0.0.1", "[::1]", "localhost"];
    let list = |path: &str| hosts.map(|host| format!("'http://{host}{path}'")).join(", ");
    format!(
        "[clients.{CLIENT}]\n\
         client_name = 'Demo application'\n\
         redirect_uris = [{}, '{}/docs/oauth2-redirect']\n\
         post_logout_redirect_uris = [{}]\n\
         token_endpoint_auth_method = 'none'\n\
         grant_types = ['authorization_code', 'refresh_token']\n\
         scope = 'me items'\n",
        list("/callback"),
        url.as_str(),
        list("/"),
    )
}

#[cfg(test)]
mod tests {
    use crate::settings::{Layers, Loaded};

    fn load(flags: &[(&str, &str)], demo: bool) -> Loaded {
        let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Layers { flags: flags.collect(), demo, ..Layers::default() }.load().unwrap()
    }

    fn url(flags: &[(&str, &str)]) -> Option<String> {
        let loaded = load(flags, true);
        let settings = &loaded.settings;
        // The client stands and falls with it.
        assert_eq!(settings.clients.len(), usize::from(settings.server.public_url.is_some()));
        settings.server.public_url.as_ref().map(|url| url.as_str().to_owned())
    }

    #[test]
    fn the_demo_is_reached_at_its_own_address_on_this_machine() {
        assert_eq!(url(&[]).as_deref(), Some("http://127.0.0.1:8000"));
        for (bind, expected) in [
            ("localhost:8080", Some("http://localhost:8080")),
            ("127.0.0.1:80", Some("http://127.0.0.1")),
            ("[::1]:8000", Some("http://[::1]:8000")),
            ("127.0.0.1:8000,[::1]:8000", Some("http://127.0.0.1:8000")),
            ("127.0.0.1:0", None),
            ("0.0.0.0:8000", None),
            ("[::]:8000", None),
            ("192.0.2.1:8000", None),
            ("auth.example.com:8000", None),
            ("unix:/tmp/b", None),
            ("127.0.0.1:8000,0.0.0.0:8001", None),
            ("127.0.0.1:8000,unix:/tmp/b", None),
        ] {
            assert_eq!(url(&[("server.bind", bind)]).as_deref(), expected, "{bind}");
        }
        assert_eq!(url(&[("host", "::1"), ("port", "81")]).as_deref(), Some("http://[::1]:81"));
    }

    #[test]
    fn what_is_set_otherwise_counts() {
        let url_is = |key: &str, value: &str| url(&[(key, value)]);
        let given = "https://auth.example.com";
        assert_eq!(url_is("server.public_url", given).as_deref(), Some(given));
        assert_eq!(url_is("tokens.issuer", "us"), None);
        assert_eq!(url_is("server.root_path", "/api"), None);
        let loaded = load(&[], false);
        assert!(loaded.settings.server.public_url.is_none() && loaded.settings.clients.is_empty());
    }

    #[test]
    fn what_it_sets_is_shown_with_its_flag() {
        let loaded = load(&[], true);
        let shown = |key: &str| {
            let one = loaded.effective().find(|one| one.key == key).unwrap();
            (one.value, one.origin.to_string())
        };
        let (url, origin) = shown("server.public_url");
        assert_eq!((url, &*origin), ("http://127.0.0.1:8000".into(), "flag --demo"));
        let (client, origin) = shown("clients.demo");
        assert_eq!((&client["client_name"], &*origin), (&"Demo application".into(), "flag --demo"));
    }
}
