//! Missing resources: 404, or 405 with `Allow` if another method exists.

use crate::api_error::ApiError;
use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

/// The methods of each path, from the document.
///
/// actix responds with 404 to a method that a route does not have, and its 405 lacks the `Allow`
/// header that RFC 9110 §15.5.6 requires.
#[derive(Clone, Debug, Default)]
pub struct AllowedMethods {
    paths: Vec<Path>,
    /// The prefix that clients see before each path.
    root_path: String,
}

#[derive(Clone, Debug)]
struct Path {
    /// The text before its first parameter: most requested paths differ there, and matching a
    /// pattern is expensive.
    start: String,
    pattern: ResourceDef,
    /// Whether it is written with a slash at its end.
    slash: bool,
    methods: Vec<Method>,
}

impl AllowedMethods {
    /// Everything in the document, with and without a trailing slash, and `more`.
    #[must_use]
    pub fn new(document: &Value, more: &[(String, Vec<Method>)], root_path: &str) -> Self {
        let documented = document["paths"].as_object().into_iter().flatten().map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            let methods = methods
                .filter_map(|(name, _)| Method::from_bytes(name.to_uppercase().as_bytes()).ok());
            (path.as_str(), methods.filter(is_standard).collect())
        });
        let more = more.iter().map(|(path, methods)| (path.as_str(), methods.clone()));
        let paths = documented.chain(more).map(|(path, methods)| {
            let plain = path.trim_end_matches('/').to_owned();
            let start = plain.split('{').next().unwrap_or_default().to_owned();
            let pattern = ResourceDef::new([plain.clone(), format!("{plain}/")]);
            Path { start, pattern, slash: plain != path, methods }
        });
        Self { paths: paths.collect(), root_path: root_path.to_owned() }
    }

    fn matching<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a Path> {
        let starts = self.paths.iter().filter(move |known| path.starts_with(&known.start));
        starts.filter(move |known| known.pattern.is_match(path))
    }

    /// The pattern of a path, for the router's map does not find those of the application behind a scope of ours.
    pub(crate) fn pattern(&self, path: &str) -> Option<&str> {
        self.matching(path).find_map(|known| known.pattern.pattern_iter().next())
    }

    /// The routes of a path: `/users/me` is itself, although `/users/{username}` matches it too.
    fn routes(&self, path: &str) -> Vec<&Path> {
        let mut matching: Vec<_> = self.matching(path).collect();
        let literal = |known: &Path| known.pattern.pattern_iter().all(|text| !text.contains('{'));
        if matching.iter().any(|known| literal(known)) {
            matching.retain(|known| literal(known));
        }
        matching
    }

    /// The methods of a path; empty if it does not exist.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let mut methods: Vec<Method> =
            self.routes(path).iter().flat_map(|known| known.methods.clone()).collect();
        methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        methods.dedup();
        methods
    }

    /// Whether a path that is not served would be with the other ending: with a slash or without.
    fn has_other_ending(&self, path: &str, method: &Method) -> bool {
        let slash = path.ends_with('/');
        let mut known = self.routes(path);
        known.retain(|known| known.methods.contains(method));
        !known.is_empty() && known.iter().all(|known| known.slash != slash)
    }
}

fn is_standard(method: &Method) -> bool {
    [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ]
    .contains(method)
}

/// The response when no route matches: as in Starlette, a redirect if one would with a slash more or less at the
/// end of the path.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    match other_ending(&request) {
        Some(to) => Ok(HttpResponse::TemporaryRedirect().insert_header((LOCATION, to)).finish()),
        None => Err(refusal(&request, "Not Found")),
    }
}

/// Where a route is, if it has the other ending; without the host, which only the client can know for certain.
fn other_ending(request: &HttpRequest) -> Option<String> {
    let path = request.path();
    let known = request.app_data::<Data<AllowedMethods>>()?;
    // A browser takes what follows two slashes for a host, and a backslash for a slash.
    if path.starts_with("//")
        || path.contains('\\')
        || !known.has_other_ending(path, request.method())
    {
        return None;
    }
    let root = &known.root_path;
    let path = match path.strip_suffix('/') {
        Some(plain) => plain.to_owned(),
        None => format!("{path}/"),
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{root}{path}{query}"))
}

/// 405 if another method exists, else 404 with this detail.
pub fn refusal(request: &HttpRequest, detail: &'static str) -> ApiError {
    let known = request.app_data::<Data<AllowedMethods>>();
    let methods = known.map(|known| known.methods(request.path())).unwrap_or_default();
    if methods.is_empty() || methods.contains(request.method()) {
        ApiError::NotFound(detail)
    } else {
        ApiError::MethodNotAllowed(methods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn methods_come_from_the_document() {
        let document = json!({"paths": {
            "/users": {"get": {}, "post": {}, "parameters": []},
            "/users/{username}": {"get": {}, "delete": {}},
            "/users/me": {"get": {}},
        }});
        let known = AllowedMethods::new(
            &document,
            &[("/docs".to_owned(), vec![Method::GET, Method::HEAD])],
            "",
        );
        assert_eq!(known.methods("/users/"), [Method::GET, Method::POST]);
        assert_eq!(known.methods("/users/bob"), [Method::DELETE, Method::GET]);
        assert_eq!(known.methods("/docs"), [Method::GET, Method::HEAD]);
        assert_eq!(known.methods("/users/me"), [Method::GET]);
        assert!(known.methods("/users/bob/x").is_empty());
    }

    #[test]
    fn a_route_may_have_the_other_ending() {
        let document = json!({"paths": {
            "/products": {"get": {}},
            "/orders/": {"post": {}},
            "/orders/{number}": {"get": {}},
            "/orders/mine": {"delete": {}},
            "/both": {"get": {}},
            "/both/": {"get": {}},
            "/": {"get": {}},
        }});
        let known = AllowedMethods::new(&document, &[], "");
        for (method, path) in
            [(Method::GET, "/products/"), (Method::POST, "/orders"), (Method::GET, "/orders/7/")]
        {
            assert!(known.has_other_ending(path, &method), "{path}");
        }
        for (method, path) in [
            (Method::GET, "/products"),
            (Method::POST, "/products/"),
            (Method::POST, "/orders/"),
            (Method::GET, "/orders/7"),
            (Method::GET, "/orders/mine/"),
            (Method::GET, "/both"),
            (Method::GET, "/both/"),
            (Method::GET, "/"),
            (Method::GET, "/nothing/"),
        ] {
            assert!(!known.has_other_ending(path, &method), "{method} {path}");
        }
    }
}
