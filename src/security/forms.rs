//! Whether a form was sent from a page of this server (cross-site request forgery).

use crate::sealing::FormOwner;
use crate::services::SignIn;
use actix_web::HttpRequest;
use actix_web::http::header::ORIGIN;

/// A form that was not sent from a page of this server, or from one that is out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forged;

/// Where a request comes from, as the browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whence {
    /// A page of this origin; no page can claim that for itself.
    Here,
    /// This origin, as browsers say that do not know `Sec-Fetch-Site`.
    HereByOrigin,
    Elsewhere,
}

/// Checks the form of an action that was shown to a session, or to a browser without one, which `of`
/// names. A form for visitors may also be one that this server has shown to another: tabs that open at
/// once each get a cookie, and the last one stays.
pub(crate) fn check_form(
    request: &HttpRequest,
    sign_in: &SignIn,
    (of, action): (&str, &str),
    token: &str,
    is_for_visitors: bool,
) -> Result<(), Forged> {
    let from = from(request, sign_in.url.origin());
    let owner = sign_in.browsers.form_owner(of, action, token);
    match (from, owner) {
        (Whence::Here | Whence::HereByOrigin, FormOwner::Expected) => Ok(()),
        (Whence::Here, FormOwner::Another) if is_for_visitors => Ok(()),
        _ => Err(Forged),
    }
}

fn from(request: &HttpRequest, origin: &str) -> Whence {
    let text = |name: &str| {
        let mut all = request.headers().get_all(name);
        let first = all.next().map(|value| value.to_str().unwrap_or_default());
        // Browsers send one.
        if all.next().is_some() { Some("") } else { first }
    };
    match text("sec-fetch-site") {
        Some("same-origin") => Whence::Here,
        // The user's own doing, such as loading the page again.
        Some("none") => Whence::HereByOrigin,
        None if text(ORIGIN.as_str()) == Some(origin) => Whence::HereByOrigin,
        Some(_) | None => Whence::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_a_browser_on_a_page_of_ours_is_here() {
        let of = |headers: &[(&str, &str)]| {
            let request = headers
                .iter()
                .fold(TestRequest::default(), |request, header| request.append_header(*header));
            from(&request.to_http_request(), "https://a.example")
        };
        let (site, here) = ("sec-fetch-site", ("origin", "https://a.example"));
        assert_eq!(of(&[(site, "same-origin")]), Whence::Here);
        assert_eq!(of(&[(site, "none")]), Whence::HereByOrigin);
        assert_eq!(of(&[here]), Whence::HereByOrigin);
        for elsewhere in [
            &[][..],
            &[(site, "same-site"), here],
            &[(site, "cross-site"), here],
            &[(site, ""), here],
            &[(site, "same-origin"), (site, "cross-site"), here],
            &[("origin", "null")],
            &[("origin", "https://a.example.evil")],
            &[("origin", "http://a.example")],
            &[here, here],
        ] {
            assert_eq!(of(elsewhere), Whence::Elsewhere, "{elsewhere:?}");
        }
    }
}
