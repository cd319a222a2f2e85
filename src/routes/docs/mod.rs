//! The document and its pages: `/openapi.json`, `/docs`, `/redoc`. No request to another host.

mod assets;
mod reference;

use crate::api_error::ApiError;
use crate::security::{BasicUser, Depends, Resolve as _, services};
use crate::settings::Settings;
use actix_web::web::{Data, ServiceConfig, get, head};
use actix_web::{Handler, HttpRequest, HttpResponse, Responder};
use assets::Page;
use serde_json::{Value, json};

/// The pages, made once at start.
#[derive(Clone, Debug)]
pub struct Docs {
    document: Page,
    console: Page,
    init: Page,
    reference: Page,
}

/// The paths that [`mount`] serves.
pub const PATHS: [&str; 9] = [
    "/openapi.json",
    "/docs",
    "/docs/init.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/favicon-32x32.png",
    "/docs/oauth2-redirect",
    "/docs/oauth2-redirect.js",
    "/redoc",
];

/// Nothing from elsewhere, no inline scripts; Swagger UI sets styles on its elements.
const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const REFERENCE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Starts Swagger UI: which login it keeps, and what its dialog shows.
const CONSOLE_SCRIPT: &str = include_str!("console.js");

/// Says beside "select all" what happens to scopes that the user lacks.
const CONSOLE_STYLE: &str = ".swagger-ui .scopes h2::after{content:\"Scopes that you do not hold are left out.\";\
     display:block;font-weight:normal;margin-top:.3rem}";

impl Docs {
    /// Makes the pages of a finished document.
    #[must_use]
    pub fn new(document: &Value, settings: &Settings) -> Self {
        let root_path = settings.server.root_path.as_str();
        let title = escape(&settings.docs.title);
        let console = format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{root_path}/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="{root_path}/docs/favicon-32x32.png">
<style>{CONSOLE_STYLE}</style>
</head>
<body>
<div id="swagger-ui"></div>
<script src="{root_path}/docs/swagger-ui-bundle.js"></script>
<script src="{root_path}/docs/init.js"></script>
</body>
</html>
"#
        );
        // `queryConfigEnabled` stays off: `?url=` must not load somebody else's document.
        let options = json!({
            "url": format!("{root_path}/openapi.json"),
            "dom_id": "#swagger-ui",
            "layout": "BaseLayout",
            "deepLinking": true,
            "displayRequestDuration": true,
            "persistAuthorization": false,
            "queryConfigEnabled": false,
            "validatorUrl": null,
        });
        let init = format!(
            "const options = {options};\n\
             options.oauth2RedirectUrl = window.location.origin + \"{root_path}/docs/oauth2-redirect\";\n\
             {CONSOLE_SCRIPT}"
        );
        let reference = reference::render(document, root_path);
        Self {
            document: Page::new("application/json", document.to_string()),
            console: Page::new("text/html; charset=utf-8", console),
            init: Page::new("text/javascript; charset=utf-8", init),
            reference: Page::new("text/html; charset=utf-8", reference),
        }
    }
}

/// For text in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Mounts the pages.
pub fn mount(routes: &mut ServiceConfig) {
    for path in ["/docs", "/docs/"] {
        page(routes, path, console);
    }
    for path in ["/redoc", "/redoc/"] {
        page(routes, path, reference_page);
    }
    page(routes, "/openapi.json", document);
    page(routes, "/docs/init.js", init);
    for (path, file) in [
        ("/docs/swagger-ui.css", &assets::STYLE),
        ("/docs/swagger-ui-bundle.js", &assets::BUNDLE),
        ("/docs/favicon-32x32.png", &assets::ICON),
        ("/docs/oauth2-redirect.js", &assets::REDIRECT_SCRIPT),
        ("/docs/oauth2-redirect", &assets::REDIRECT),
    ] {
        let answer =
            move |request: HttpRequest| async move { file.answer(&request, Some(CONSOLE_POLICY)) };
        page(routes, path, answer);
    }
}

/// A page answers GET and HEAD.
fn page<F, R>(routes: &mut ServiceConfig, path: &str, answer: F)
where
    F: Handler<(HttpRequest,), Output = R>,
    R: Responder + 'static,
{
    routes.route(path, get().to(answer.clone())).route(path, head().to(answer));
}

/// With `docs.scope`, lets in only users that have it.
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

async fn document(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(admit(&request).await?.document.answer(&request, None))
}

async fn console(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(admit(&request).await?.console.answer(&request, Some(CONSOLE_POLICY)))
}

async fn reference_page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(admit(&request).await?.reference.answer(&request, Some(REFERENCE_POLICY)))
}

async fn init(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let docs = request.app_data::<Data<Docs>>().ok_or(ApiError::NotFound("Not Found"))?;
    Ok(docs.init.answer(&request, None))
}
