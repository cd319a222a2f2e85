//! The headers on every answer: what a browser may do with it, and that nobody keeps it.

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
    // Answers may hold users or tokens; what may be kept says so itself.
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Adds the headers that a handler did not set itself: an API's answer is no page.
pub(in crate::http) fn secure(headers: &mut HeaderMap) {
    // With room for what is to come, the map grows once.
    headers.reserve(HEADERS.len() + 2);
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.append(name, value);
        }
    }
}
