//! `/docs`: Swagger UI, its files and its settings.

use super::assets::{self, Page};
use super::{Docs, admit, escape, page};
use crate::api_error::ApiError;
use crate::domain::{DOCS_CLIENT, DOCS_REDIRECT};
use crate::settings::Settings;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::future::{Ready, ready};

/// Nothing from other hosts and no inline scripts; Swagger UI sets styles on its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Signs in by a window.
const SIGN_IN: &str = include_str!("sign_in.js");

/// Starts Swagger UI: which login it remembers, and what its dialog shows.
const SCRIPT: &str = include_str!("console.js");

/// The page that the window comes back to.
const REDIRECT: &str = include_str!("redirect.html");
const REDIRECT_SCRIPT: &str = include_str!("redirect.js");

/// Explains beside "select all" what happens to scopes that the user lacks.
const STYLE: &str = ".swagger-ui .scopes h2::after{content:\"Scopes that you do not hold are left out.\";\
     display:block;font-weight:normal;margin-top:.3rem}\
     .swagger-ui .wrapper:has(>[for^=client_secret_authorizationCode]){display:none}";

/// The pages that depend on the settings.
#[derive(Clone, Debug)]
pub(super) struct Console {
    page: Page,
    init: Page,
    redirect: Page,
    redirect_script: Page,
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
        let mut options = json!({
            "url": format!("{root_path}/openapi.json"),
            "dom_id": "#swagger-ui",
            "layout": "BaseLayout",
            "deepLinking": true,
            "displayRequestDuration": true,
            "persistAuthorization": false,
            "queryConfigEnabled": false,
            "validatorUrl": null,
        });
        let home = match &settings.server.public_url {
            Some(url) => {
                options["issuer"] = json!(url.as_str());
                options["clientId"] = json!(DOCS_CLIENT);
                json!(format!("{}{DOCS_REDIRECT}", url.as_str())).to_string()
            }
            None => format!("window.location.origin + \"{root_path}{DOCS_REDIRECT}\""),
        };
        let init = format!(
            "const options = {options};\n\
             options.oauth2RedirectUrl = {home};\n\
             {SIGN_IN}{SCRIPT}"
        );
        let script = |text| Page::new("text/javascript; charset=utf-8", text);
        Self {
            page: Page::new("text/html; charset=utf-8", page),
            init: script(init),
            redirect: Page::new("text/html; charset=utf-8", REDIRECT.to_owned()),
            redirect_script: script(REDIRECT_SCRIPT.to_owned()),
        }
    }
}

/// Mounts the pages.
pub(super) fn mount(routes: &mut ServiceConfig) {
    for path in ["/docs", "/docs/"] {
        page(routes, path, console);
    }
    page(routes, "/docs/init.js", |request: HttpRequest| file(&request, |console| &console.init));
    page(routes, DOCS_REDIRECT, |request: HttpRequest| file(&request, |console| &console.redirect));
    let script = |request: HttpRequest| file(&request, |console| &console.redirect_script);
    page(routes, "/docs/oauth2-redirect.js", script);
    for (path, file) in [
        ("/docs/swagger-ui.css", &assets::STYLE),
        ("/docs/swagger-ui-bundle.js", &assets::BUNDLE),
        ("/docs/favicon-32x32.png", &assets::ICON),
    ] {
        let response =
            move |request: HttpRequest| async move { file.response(&request, Some(POLICY)) };
        page(routes, path, response);
    }
}

async fn console(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(admit(&request).await?.console.page.response(&request, Some(POLICY)))
}

/// What needs no user.
fn file(
    request: &HttpRequest,
    which: fn(&Console) -> &Page,
) -> Ready<Result<HttpResponse, ApiError>> {
    let docs = request.app_data::<Data<Docs>>().ok_or(ApiError::NotFound("Not Found"));
    ready(docs.map(|docs| which(&docs.console).response(request, Some(POLICY))))
}
