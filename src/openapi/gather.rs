//! Lets paperclip gather all operations, with the router's paths.

use crate::openapi::names::operations;
use actix_web::dev::Service as _;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse};
use futures_util::FutureExt as _;
use paperclip::actix::OpenApiExt as _;
use paperclip::actix::web::ServiceConfig;
use serde_json::{Map, Value};

/// The document gathered by paperclip, with the router's paths.
#[must_use]
pub(crate) fn gather(mount: impl Fn(&mut ServiceConfig<'_>)) -> Value {
    let mut document = Value::Null;
    let app = App::new().wrap_api().configure(mount).with_raw_json_spec_v3(|app, found| {
        document = found;
        app
    });
    drop_nameless(&mut document);
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    if !paths.keys().any(|path| path.len() > 1 && path.ends_with('/')) {
        return document;
    }
    // The router shows its patterns only to a request; this one stops before any handler.
    let app = app.build().wrap_fn(move |request, _| {
        let router = request.resource_map();
        let served = |path: &str| router.match_pattern(path).as_deref() == Some(path);
        let paths = as_served(&paths, served);
        let response = HttpResponse::Ok().json(paths);
        std::future::ready(Ok(request.into_response(response)))
    });
    let answered = async {
        let response =
            init_service(app).await.call(TestRequest::default().to_request()).await.ok()?;
        actix_web::body::to_bytes(response.into_body()).await.ok()
    };
    if let Some(Some(paths)) = answered.now_or_never()
        && let Ok(paths) = serde_json::from_slice(&paths)
    {
        document["paths"] = paths;
    }
    document
}

/// Parameters that the route has no name for: a handler and its dependency read the same single one.
fn drop_nameless(document: &mut Value) {
    for (_, _, operation) in operations(document) {
        if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
            parameters.retain(|parameter| parameter["name"] != "");
        }
    }
}

/// Removes the slash that paperclip appends to a scope's own path (its route `""`) if the router
/// has none.
fn as_served(paths: &Map<String, Value>, served: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut all = Map::new();
    let own = |path: &str| served(path) && paths.contains_key(path);
    for (path, item) in paths.clone() {
        let plain = path.trim_end_matches('/');
        let is_bare = !plain.is_empty() && served(plain) && !(own(&path) && own(plain));
        let path = if is_bare { plain.to_owned() } else { path };
        match all.get_mut(&path).and_then(Value::as_object_mut) {
            Some(there) => there.extend(item.as_object().cloned().unwrap_or_default()),
            None => drop(all.insert(path, item)),
        }
    }
    all
}
