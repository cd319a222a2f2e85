//! CORS: which pages of other origins may call the API; off by default.

use crate::http::ServeError;
use crate::settings::CorsSettings;
use actix_cors::Cors;
use actix_web::http::Uri;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Condition;

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The middleware for `[cors]`; without origins it does nothing.
pub(in crate::http) fn cors(settings: &CorsSettings) -> Condition<Cors> {
    let mut cors = Cors::default()
        .allowed_methods(METHODS)
        .allow_any_header()
        .expose_headers(settings.expose_headers.iter().map(String::as_str))
        .max_age(settings.max_age);
    for origin in &settings.origins {
        cors = cors.allowed_origin(origin);
    }
    if let Some(regex) = settings.origin_regex.clone() {
        cors = cors.allowed_origin_fn(move |origin, _| regex.matches(origin.as_bytes()));
    }
    if settings.credentials {
        cors = cors.supports_credentials();
    }
    Condition::new(settings.is_on(), cors)
}

/// Whether the settings name the origin.
pub(in crate::http) fn allows(settings: &CorsSettings, origin: &HeaderValue) -> bool {
    let by_regex = settings.origin_regex.as_ref().is_some_and(|it| it.matches(origin.as_bytes()));
    by_regex || settings.origins.iter().any(|named| origin == named.as_str())
}

/// Checks that each origin has the form that browsers send.
pub(crate) fn check(settings: &CorsSettings) -> Result<(), ServeError> {
    match settings.origins.iter().position(|origin| !is_origin(origin)) {
        None => Ok(()),
        Some(index) => Err(ServeError::Setting {
            key: format!("cors.origins[{index}]"),
            value: settings.origins[index].clone(),
            allowed: "an exact origin such as https://app.example.com, in lower case and without a path",
        }),
    }
}

fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return false;
    };
    text == format!("{scheme}://{authority}")
        && !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && !text.contains('*')
        && text == text.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for origin in ["https://app.example.com", "http://localhost:3000", "http://[::1]:3000"] {
            assert!(is_origin(origin), "{origin}");
        }
        for text in [
            "",
            "*",
            "null",
            "https://*.example.com",
            "example.com",
            "https://example.com/",
            "https://Example.com",
            "https://a@example.com",
            "https://example.com/a?b",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }

    #[test]
    fn a_bad_origin_is_named() {
        let settings = CorsSettings {
            origins: vec!["https://example.com".to_owned(), "*".to_owned()],
            ..CorsSettings::default()
        };
        let error = check(&settings).unwrap_err().to_string();
        assert!(error.starts_with("cors.origins[1]: `*`: expected an exact origin"), "{error}");
    }
}
