//! The scopes of OpenID Connect: what a client may learn of a user, or do without one. Users need not hold
//! them: they allow them.

/// An ID token, and who the user is.
pub const OPENID: &str = "openid";

/// A refresh token that outlives the session.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// All of them, with what users are told.
pub const OPENID_SCOPES: [(&str, &str); 4] = [
    (OPENID, "Who the user is."),
    ("profile", "The user's name."),
    ("email", "The user's e-mail address."),
    (OFFLINE_ACCESS, "Go on when the user has left."),
];

/// Whether it is one of them.
#[must_use]
pub fn is_openid_scope(scope: &str) -> bool {
    OPENID_SCOPES.iter().any(|(name, _)| *name == scope)
}
