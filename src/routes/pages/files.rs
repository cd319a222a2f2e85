//! The stylesheet, the icon and the logo. Their address changes with them, so browsers keep them.

use crate::pages::Brand;
use crate::routes::pages::paths::{ICON, LOGO, STYLE};
use crate::routes::pages::{Fields, shown};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

pub(super) fn mount(routes: &mut ServiceConfig) {
    shown(routes, STYLE, &style);
    shown(routes, ICON, &icon);
    shown(routes, LOGO, &logo);
}

async fn style(request: HttpRequest, brand: Data<Brand>) -> HttpResponse {
    file(&request, &brand, "text/css; charset=utf-8", brand.style.as_bytes())
}

async fn icon(request: HttpRequest, brand: Data<Brand>) -> HttpResponse {
    file(&request, &brand, "image/svg+xml", brand.icon.as_bytes())
}

/// Without a logo, there is no link to it.
async fn logo(request: HttpRequest, brand: Data<Brand>) -> HttpResponse {
    match &brand.logo {
        Some((media, content)) => file(&request, &brand, media, content),
        None => HttpResponse::NotFound().finish(),
    }
}

fn file(request: &HttpRequest, brand: &Brand, media: &'static str, content: &[u8]) -> HttpResponse {
    let asked = Fields::of_query(request).unwrap_or_default();
    let is_current = asked.get("v") == brand.version;
    let kept = if is_current { "public, max-age=31536000, immutable" } else { "no-cache" };
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, kept))
        .insert_header((CONTENT_TYPE, media))
        .body(content.to_owned())
}
