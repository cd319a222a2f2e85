//! Headers on every response: how a browser may use it, and that no cache keeps it.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    // Responses may hold users or tokens; cacheable ones override this.
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Adds headers that the handler did not set: an API response is not a page.
pub(in crate::http) fn secure(headers: &mut HeaderMap) {
    // With room for the later ones, the map grows once.
    headers.reserve(HEADERS.len() + 2);
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.append(name, value);
        }
    }
}
