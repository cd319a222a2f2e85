//! Why a token was not issued or not accepted.

use thiserror::Error;

/// What can go wrong with tokens. No variant holds a token or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The signing secret has fewer than `SHORTEST_SECRET` bytes.
    #[error("the signing secret is shorter than 32 bytes")]
    ShortSecret,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing,
    /// More than `LARGEST_TOKEN` bytes.
    #[error("the token is too large")]
    TooLarge,
    /// Not three parts of base64url, not a JSON object, or a claim of a wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// Signed with an algorithm other than its key's, or not at all.
    #[error("the token is not signed with its key's algorithm")]
    Algorithm,
    /// Signed by an asymmetric key that is not known.
    #[error("the token's key is not known")]
    Key,
    /// Signed by an asymmetric key that has ended.
    #[error("the token's key has been retired")]
    RetiredKey,
    /// Signed with the shared secret, which has been left for asymmetric keys.
    #[error("the token is signed with the shared secret, which counts no more")]
    SharedSecret,
    /// A client's own, where a user's is expected.
    #[error("the token is a client's own")]
    Client,
    /// Signed with another key, or modified.
    #[error("the token's signature is wrong")]
    Signature,
    /// A duplicate name in the header or the claims: readers differ in which one they take.
    #[error("the token contains a duplicate name")]
    Duplicate,
    /// An unsupported critical header (RFC 7515 §4.1.11).
    #[error("the token's header has critical extensions")]
    Critical,
    /// A required claim is missing.
    #[error("the token lacks a claim")]
    MissingClaim,
    /// A claim has an unacceptable value.
    #[error("the token's `{0}` is not acceptable")]
    Claim(&'static str),
    /// An application's claim has a reserved name.
    #[error("the claim `{0}` is reserved")]
    Reserved(&'static str),
    /// A new token would expire within a second.
    #[error("a token must live for at least a second")]
    Lifetime,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// From another application, after `tokens.accept_foreign_until`.
    #[error("the token is from another application, and tokens.accept_foreign_until has passed")]
    Foreign,
}

/// Reasons for refusing tokens, as in the metrics; the last two are found when the user is looked
/// up.
pub(super) const REFUSALS: [&str; 16] = [
    "too_large",
    "malformed",
    "algorithm",
    "key",
    "shared_secret",
    "client",
    "signature",
    "duplicate",
    "critical",
    "missing_claim",
    "claim",
    "expired",
    "not_yet_valid",
    "foreign",
    NO_USER,
    NO_SCOPE,
];

/// The user no longer exists.
pub const NO_USER: &str = "no_user";

/// A required scope is missing.
pub const NO_SCOPE: &str = "no_scope";

impl TokenError {
    /// Its name in [`REFUSALS`]; `None` if no token was refused.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Key | Self::RetiredKey => "key",
            Self::SharedSecret => "shared_secret",
            Self::Client => "client",
            Self::Signature => "signature",
            Self::Duplicate => "duplicate",
            Self::Critical => "critical",
            Self::MissingClaim => "missing_claim",
            Self::Claim(_) => "claim",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Foreign => "foreign",
            Self::ShortSecret | Self::Signing | Self::Reserved(_) | Self::Lifetime => return None,
        })
    }
}
