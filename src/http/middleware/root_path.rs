//! `server.strip_root_path`: the prefix of a proxy that forwards whole paths.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;

/// Removes the prefix from the request's path, as Starlette's `get_route_path` does; other paths
/// stay.
///
/// Only once: the proxy has checked what follows the prefix.
pub(in crate::http) fn strip(request: &mut ServiceRequest, prefix: &str) {
    let uri = request.uri();
    let Some(rest) = uri.path().strip_prefix(prefix).filter(|_| !prefix.is_empty()) else { return };
    let path = match rest {
        "" => "/",
        _ if rest.starts_with('/') => rest,
        // `/apiary` is not below `/api`.
        _ => return,
    };
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn the_prefix_is_removed_once_and_whole() {
        for (sent, found) in [
            ("/api/users/me?x=%2Fapi", "/users/me?x=%2Fapi"),
            ("/api", "/"),
            ("/api?x", "/?x"),
            ("/api/", "/"),
            ("/api/api/users", "/api/users"),
            ("/api//evil/x", "//evil/x"),
            ("/apiary", "/apiary"),
            ("/API/x", "/API/x"),
            ("/users/me", "/users/me"),
            ("/x/api/users", "/x/api/users"),
        ] {
            let mut request = TestRequest::with_uri(sent).to_srv_request();
            strip(&mut request, "/api");
            assert_eq!(request.uri(), found, "{sent}");
            assert_eq!(request.match_info().as_str(), found.split('?').next().unwrap(), "{sent}");
        }
        for (sent, prefix) in [("/users", ""), ("/%61pi/x", "/api")] {
            let mut request = TestRequest::with_uri(sent).to_srv_request();
            strip(&mut request, prefix);
            assert_eq!(request.uri(), sent);
        }
    }
}
