//! `/docs`: Swagger UI, its files and its settings.

use super::assets::{self, Page};
use super::{Docs, admit, escape, page};
use crate::api_error::ApiError;
use crate::settings::Settings;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// Nothing from other hosts and no inline scripts; Swagger UI sets styles on its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Starts Swagger UI: which login it remembers, and what its dialog shows.
const SCRIPT: &str = include_str!("console.js");

/// Explains beside "select all" what happens to scopes that the user lacks.
const STYLE: &str = ".swagger-ui .scopes h2::after{content:\"Scopes that you do not hold are left out.\";\
     display:block;font-weight:normal;margin-top:.3rem}";

/// The pages that depend on the settings.
#[derive(Clone, Debug)]
pub(super) struct Console {
    page: Page,
    init: Page,
}

impl Console {
    /// Builds the pages.
    pub(super) fn new(settings: &Settings) -> Self {
        let root_path = settings.server.root_path.as_str();
        let title = escape(&settings.docs.title);
        let page = format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{root_path}/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="{root_path}/docs/favicon-32x32.png">
<style>{STYLE}</style>
</head>
<body>
<div id="swagger-ui"></div>
<script src="{root_path}/docs/swagger-ui-bundle.js"></script>
<script src="{root_path}/docs/init.js"></script>
</body>
</html>
"#
        );
        // `queryConfigEnabled` stays off: `?url=` must not load a foreign document.
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
             {SCRIPT}"
        );
        Self {
            page: Page::new("text/html; charset=utf-8", page),
            init: Page::new("text/javascript; charset=utf-8", init),
        }
    }
}

/// Mounts the pages.
pub(super) fn mount(routes: &mut ServiceConfig) {
    for path in ["/docs", "/docs/"] {
        page(routes, path, console);
    }
    page(routes, "/docs/init.js", init);
    for (path, file) in [
        ("/docs/swagger-ui.css", &assets::STYLE),
        ("/docs/swagger-ui-bundle.js", &assets::BUNDLE),
        ("/docs/favicon-32x32.png", &assets::ICON),
        ("/docs/oauth2-redirect.js", &assets::REDIRECT_SCRIPT),
        ("/docs/oauth2-redirect", &assets::REDIRECT),
    ] {
        let response =
            move |request: HttpRequest| async move { file.response(&request, Some(POLICY)) };
        page(routes, path, response);
    }
}

async fn console(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(admit(&request).await?.console.page.response(&request, Some(POLICY)))
}

async fn init(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let docs = request.app_data::<Data<Docs>>().ok_or(ApiError::NotFound("Not Found"))?;
    Ok(docs.console.init.response(&request, None))
}
