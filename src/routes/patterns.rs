//! Routes with patterns, behind one look at a request's path.

use actix_web::dev::{AppService, HttpServiceFactory, Url};
use actix_web::guard::{GuardContext, fn_guard};
use paperclip::actix::Mountable;
use paperclip::actix::web::{Scope, ServiceConfig, scope};
use paperclip::v2::models::{
    DefaultOperationRaw, DefaultPathItemRaw, DefaultSchemaRaw, HttpMethod, SecurityScheme,
};
use std::collections::BTreeMap;
use std::mem;

/// Mounts routes with this prefix, which are tried only for requests that one of them is for.
///
/// The router tries all routes in order, and a pattern is dear to try: a request for a route of the application,
/// which come last, would pay for each. A plain scope would not do, because no other route with its prefix would
/// be found any more.
pub(super) fn together(
    routes: &mut ServiceConfig,
    prefix: &str,
    mount: impl FnOnce(&mut ServiceConfig),
) {
    let mut scope = scope(prefix).configure(mount);
    let mut operations = BTreeMap::new();
    scope.update_operations(&mut operations);
    let known: Vec<_> = operations.iter().flat_map(|(path, item)| Known::of(path, item)).collect();
    let scope = scope.guard(fn_guard(move |request| is_one_of(&known, request)));
    routes.service(Together { scope, operations });
}

/// A route, as a request's head tells it.
struct Known {
    method: String,
    pattern: String,
    /// The pattern's text before its first parameter: most requests differ there.
    start: usize,
}

impl Known {
    fn of(path: &str, item: &DefaultPathItemRaw) -> impl Iterator<Item = Self> {
        let start = path.find('{').unwrap_or(path.len());
        let methods = item.methods.keys().map(|method| format!("{method:?}").to_uppercase());
        methods.map(move |method| Self { method, pattern: path.to_owned(), start })
    }

    fn is_for(&self, path: &str) -> bool {
        path.starts_with(&self.pattern[..self.start]) && is_for(&self.pattern, path)
    }
}

fn is_one_of(known: &[Known], request: &GuardContext<'_>) -> bool {
    let uri = &request.head().uri;
    // As the router sees it; few paths are encoded.
    let decoded = uri.path().contains('%').then(|| Url::new(uri.clone()));
    let path = decoded.as_ref().map_or(uri.path(), Url::path);
    let method = request.head().method.as_str();
    known.iter().any(|route| route.method == method && route.is_for(path))
}

/// Whether a path may have this pattern.
fn is_for(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let fits = pattern.split('/').all(|wanted| {
        segments.next().is_some_and(|segment| wanted == segment || wanted.starts_with('{'))
    });
    fits && segments.next().is_none()
}

/// A scope, and its operations for the document.
struct Together {
    scope: Scope,
    operations: BTreeMap<String, DefaultPathItemRaw>,
}

impl HttpServiceFactory for Together {
    fn register(self, config: &mut AppService) {
        self.scope.register(config);
    }
}

impl Mountable for Together {
    fn path(&self) -> &str {
        self.scope.path()
    }

    fn operations(&mut self) -> BTreeMap<HttpMethod, DefaultOperationRaw> {
        self.scope.operations()
    }

    fn definitions(&mut self) -> BTreeMap<String, DefaultSchemaRaw> {
        self.scope.definitions()
    }

    fn security_definitions(&mut self) -> BTreeMap<String, SecurityScheme> {
        self.scope.security_definitions()
    }

    fn update_operations(&mut self, map: &mut BTreeMap<String, DefaultPathItemRaw>) {
        for (path, item) in mem::take(&mut self.operations) {
            map.entry(path).or_default().methods.extend(item.methods);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_literals_of_its_pattern() {
        for path in ["/users/jane", "/users/", "/users/%2F"] {
            assert!(is_for("/users/{username}", path), "{path}");
        }
        for path in ["/users", "/orders/jane", "/users/jane/", "/users/jane/scopes", "users/jane"] {
            assert!(!is_for("/users/{username}", path), "{path}");
        }
        assert!(is_for("/users/{username}/api-keys/{id}", "/users/jane/api-keys/1"));
        assert!(!is_for("/users/{username}/api-keys/{id}", "/users/jane/sessions/1"));
    }
}
