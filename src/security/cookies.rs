//! The cookies of browsers: the session, the device that has logged in, and the visitor who has not; and how
//! cookies are read.

use crate::services::SignIn;
use crate::settings::PublicUrl;
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::COOKIE;

/// The cookies that a request sends, each with its value as it is.
pub(crate) fn cookies(request: &HttpRequest) -> impl Iterator<Item = (&[u8], &[u8])> {
    let headers = request.headers().get_all(COOKIE);
    let pairs = headers.flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(|pair| {
        let end = pair.iter().position(|b| *b == b'=')?;
        Some((pair[..end].trim_ascii(), pair[end + 1..].trim_ascii()))
    })
}

/// Seconds for which a browser stays known after a login: as long as browsers keep a cookie.
const DEVICE_LIFE: i64 = 400 * 24 * 60 * 60;

/// A cookie of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrowserCookie {
    /// The secret of a session.
    Session,
    /// A browser that has logged in.
    Device,
    /// A browser that shows a form before a login: kept, and never one for each form.
    Visitor,
}

impl BrowserCookie {
    /// What tells it from other cookies that are made here.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Device => "device",
            Self::Visitor => "visitor",
        }
    }

    /// Its name: only this host can set it, and only by TLS (RFC 6265bis §4.1.3.2). On this machine, where
    /// there is none, and where servers differ only by their port, the port is in the name.
    pub(crate) fn name(self, url: &PublicUrl) -> String {
        let end = match self {
            Self::Session => "",
            Self::Device => "-device",
            Self::Visitor => "-pre",
        };
        match url.port() {
            _ if url.is_https() => format!("__Host-bailiwick{end}"),
            Some(port) => format!("bailiwick-{port}{end}"),
            None => format!("bailiwick{end}"),
        }
    }

    /// What the browser sent.
    pub(crate) fn of(self, request: &HttpRequest, url: &PublicUrl) -> Option<String> {
        let name = self.name(url);
        let cookies = request.cookies().ok()?;
        let found = cookies.iter().find(|cookie| cookie.name() == name)?;
        Some(found.value().to_owned())
    }

    /// Sets it; a session without a life ends with the browser.
    pub(crate) fn set(self, url: &PublicUrl, value: &str, life: Option<i64>) -> Cookie<'static> {
        let life = match self {
            Self::Session => life,
            Self::Device => Some(DEVICE_LIFE),
            Self::Visitor => None,
        };
        let mut cookie = Cookie::build(self.name(url), value.to_owned())
            .path("/")
            .http_only(true)
            .secure(url.is_https())
            .same_site(SameSite::Lax)
            .finish();
        cookie.set_max_age(life.map(Duration::seconds));
        cookie
    }

    /// Removes it.
    pub(crate) fn remove(self, url: &PublicUrl) -> Cookie<'static> {
        let mut cookie = self.set(url, "", None);
        cookie.make_removal();
        cookie
    }
}

/// What is remembered of the browser, if it has logged in before.
pub(super) fn device(request: &HttpRequest, sign_in: &SignIn) -> Option<Box<str>> {
    device_place(&BrowserCookie::Device.of(request, &sign_in.url)?, sign_in)
}

/// The place that a browser with this cookie is, where wrong passwords are counted.
pub(crate) fn device_place(cookie: &str, sign_in: &SignIn) -> Option<Box<str>> {
    let name = sign_in.browsers.cookie_name(BrowserCookie::Device.purpose(), cookie)?;
    Some(format!("device-{name}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PublicUrl {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_cookie_is_bound_to_its_host() {
        let set =
            |cookie: BrowserCookie, at: &str, life| cookie.set(&url(at), "x", life).to_string();
        let https = "https://auth.example.com/a";
        assert_eq!(
            set(BrowserCookie::Session, https, None),
            "__Host-bailiwick=x; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        assert_eq!(
            set(BrowserCookie::Session, "http://127.0.0.1:8000", Some(60)),
            "bailiwick-8000=x; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"
        );
        assert_eq!(
            set(BrowserCookie::Visitor, "http://localhost", Some(60)),
            "bailiwick-pre=x; HttpOnly; SameSite=Lax; Path=/"
        );
        assert!(set(BrowserCookie::Device, https, None).contains("Max-Age=34560000"));
        let removed = BrowserCookie::Session.remove(&url(https)).to_string();
        assert!(removed.contains("Secure; Path=/; Max-Age=0"), "{removed}");
    }
}
