//! Missing resources: 404, or 405 with `Allow` if another method exists.

use crate::api_error::ApiError;
use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

/// The methods of each path, from the document.
///
/// actix responds with 404 to a method that a route does not have, and its 405 lacks the `Allow`
/// header that RFC 9110 §15.5.6 requires.
#[derive(Clone, Debug, Default)]
pub struct AllowedMethods(Vec<Path>);

#[derive(Clone, Debug)]
struct Path {
    /// The text before its first parameter: most requested paths differ there, and matching a
    /// pattern is expensive.
    start: String,
    pattern: ResourceDef,
    methods: Vec<Method>,
}

impl AllowedMethods {
    /// Everything in the document, with and without a trailing slash, and `more`.
    #[must_use]
    pub fn new(document: &Value, more: &[(String, Vec<Method>)]) -> Self {
        let documented = document["paths"].as_object().into_iter().flatten().map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            let methods = methods
                .filter_map(|(name, _)| Method::from_bytes(name.to_uppercase().as_bytes()).ok());
            (path.as_str(), methods.filter(is_standard).collect())
        });
        let more = more.iter().map(|(path, methods)| (path.as_str(), methods.clone()));
        Self(
            documented
                .chain(more)
                .map(|(path, methods)| {
                    let plain = path.trim_end_matches('/').to_owned();
                    let start = plain.split('{').next().unwrap_or_default().to_owned();
                    let pattern = ResourceDef::new([plain.clone(), format!("{plain}/")]);
                    Path { start, pattern, methods }
                })
                .collect(),
        )
    }

    /// The methods of a path; empty if it does not exist.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let matches =
            |known: &&Path| path.starts_with(&known.start) && known.pattern.is_match(path);
        let matching: Vec<_> = self.0.iter().filter(matches).collect();
        // `/users/me` is itself, although `/users/{username}` matches it too.
        let literal = |known: &&&Path| known.pattern.pattern_iter().all(|text| !text.contains('{'));
        let mut methods: Vec<Method> = match matching.iter().find(literal) {
            Some(known) => known.methods.clone(),
            None => matching.iter().flat_map(|known| known.methods.clone()).collect(),
        };
        methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        methods.dedup();
        methods
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

/// The response when no route matches.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(refusal(&request, "Not Found"))
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
        );
        assert_eq!(known.methods("/users/"), [Method::GET, Method::POST]);
        assert_eq!(known.methods("/users/bob"), [Method::DELETE, Method::GET]);
        assert_eq!(known.methods("/docs"), [Method::GET, Method::HEAD]);
        assert_eq!(known.methods("/users/me"), [Method::GET]);
        assert!(known.methods("/users/bob/x").is_empty());
    }
}
