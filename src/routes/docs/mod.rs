//! The document and its pages: `/openapi.json`, `/docs`, `/redoc`. Loads nothing from other hosts.

mod assets;
#[cfg(feature = "swagger-ui")]
mod console;
mod reference;

use crate::api_error::ApiError;
use crate::security::{BasicUser, Depends, Resolve as _, services};
use crate::settings::Settings;
use actix_web::web::{Data, ServiceConfig, get, head};
use actix_web::{Handler, HttpRequest, HttpResponse, Responder};
use assets::Page;
use serde_json::Value;
use std::future::{Ready, ready};

/// The pages, built once at start.
#[derive(Clone, Debug)]
pub struct Docs {
    document: Page,
    #[cfg(feature = "swagger-ui")]
    console: console::Console,
    reference: Page,
    reference_style: Page,
    reference_script: Page,
}

/// The paths that [`mount`] serves.
#[cfg(not(feature = "swagger-ui"))]
pub const PATHS: [&str; 5] =
    ["/openapi.json", "/docs", "/redoc", "/redoc/style.css", "/redoc/search.js"];
/// The paths that [`mount`] serves.
#[cfg(feature = "swagger-ui")]
pub const PATHS: [&str; 11] = [
    "/openapi.json",
    "/docs",
    "/docs/init.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/favicon-32x32.png",
    "/docs/oauth2-redirect",
    "/docs/oauth2-redirect.js",
    "/redoc",
    "/redoc/style.css",
    "/redoc/search.js",
];

const REFERENCE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Docs {
    /// Builds the pages of a finished document.
    #[must_use]
    pub fn new(document: &Value, settings: &Settings) -> Self {
        let root_path = settings.server.root_path.as_str();
        let reference = reference::render(document, root_path);
        Self {
            document: Page::new("application/json", document.to_string()),
            #[cfg(feature = "swagger-ui")]
            console: console::Console::new(settings),
            reference: Page::new("text/html; charset=utf-8", reference),
            reference_style: Page::new("text/css; charset=utf-8", reference::STYLE.to_owned()),
            reference_script: Page::new(
                "text/javascript; charset=utf-8",
                reference::SCRIPT.to_owned(),
            ),
        }
    }
}

/// Escapes text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Mounts the pages.
pub fn mount(routes: &mut ServiceConfig) {
    #[cfg(feature = "swagger-ui")]
    console::mount(routes);
    // Without Swagger UI, both addresses show the reference.
    #[cfg(not(feature = "swagger-ui"))]
    for path in ["/docs", "/docs/"] {
        page(routes, path, reference_page);
    }
    for path in ["/redoc", "/redoc/"] {
        page(routes, path, reference_page);
    }
    page(routes, "/redoc/style.css", |request: HttpRequest| {
        file(&request, |docs| &docs.reference_style)
    });
    page(routes, "/redoc/search.js", |request: HttpRequest| {
        file(&request, |docs| &docs.reference_script)
    });
    page(routes, "/openapi.json", document);
}

/// A page supports GET and HEAD.
fn page<F, R>(routes: &mut ServiceConfig, path: &str, response: F)
where
    F: Handler<(HttpRequest,), Output = R>,
    R: Responder + 'static,
{
    routes.route(path, get().to(response.clone())).route(path, head().to(response));
}

/// With `docs.scope`, admits only users who hold it.
async fn admit(request: &HttpRequest) -> Result<&Docs, ApiError> {
    if let Some(scope) = &services(request)?.settings.docs.scope {
        let caller = Depends::<BasicUser>::resolve::<()>(request).await?;
        if !caller.scopes.contains(scope.as_str()) {
            return Err(ApiError::Forbidden("Not enough permissions".to_owned()));
        }
    }
    let docs = request.app_data::<Data<Docs>>();
    docs.map(Data::get_ref).ok_or(ApiError::NotFound("Not Found"))
}

/// What needs no user.
fn file(request: &HttpRequest, which: fn(&Docs) -> &Page) -> Ready<Result<HttpResponse, ApiError>> {
    let docs = request.app_data::<Data<Docs>>().ok_or(ApiError::NotFound("Not Found"));
    ready(docs.map(|docs| which(docs).response(request, Some(REFERENCE_POLICY))))
}

async fn document(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(admit(&request).await?.document.response(&request, None))
}

async fn reference_page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(admit(&request).await?.reference.response(&request, Some(REFERENCE_POLICY)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::App;
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service};

    #[actix_web::test]
    async fn every_listed_path_is_served() {
        let docs = Docs::new(&Value::Null, &Settings::default());
        let app = init_service(App::new().app_data(Data::new(docs)).configure(mount)).await;
        for path in PATHS {
            let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            assert_ne!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
