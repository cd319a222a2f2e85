//! Why a token was not issued or not accepted.

use thiserror::Error;

/// What can go wrong with tokens. No variant holds a token or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The signing secret has fewer than [`SHORTEST_SECRET`](crate::tokens::SHORTEST_SECRET) bytes.
    #[error("the signing secret is shorter than 32 bytes")]
    ShortSecret,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing,
    /// More than [`LARGEST_TOKEN`](crate::tokens::LARGEST_TOKEN) bytes.
    #[error("the token is too large")]
    TooLarge,
    /// Not three parts of base64url, no JSON object, or a claim of a wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// Signed with another algorithm than HS256, or not at all.
    #[error("the token is not signed with HS256")]
    Algorithm,
    /// Signed with another key, or changed since.
    #[error("the token's signature is wrong")]
    Signature,
    /// A name twice, in the header or among the claims: readers differ in which one they take.
    #[error("the token contains a duplicate name")]
    Duplicate,
    /// A header that must be understood (RFC 7515 §4.1.11), and is not.
    #[error("the token's header has critical extensions")]
    Critical,
    /// A claim that must be there is not.
    #[error("the token lacks a claim")]
    MissingClaim,
    /// A claim holds what it must not.
    #[error("the token's `{0}` is not acceptable")]
    Claim(&'static str),
    /// A claim of the application's own has the name of one that is written in any case.
    #[error("the claim `{0}` is reserved")]
    Reserved(&'static str),
    /// A new token would not live for a second.
    #[error("a token must live for at least a second")]
    Lifetime,
    /// `exp` has come.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Of another application, after `tokens.accept_foreign_until`.
    #[error("the token is from another application, and tokens.accept_foreign_until has passed")]
    Foreign,
}

/// Why tokens are refused, as metrics name it; the last two are found out by whoever asks for the user.
pub(super) const REFUSALS: [&str; 13] = [
    "too_large",
    "malformed",
    "algorithm",
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

/// The user is gone.
pub const NO_USER: &str = "no_user";

/// A scope is missing that is needed here.
pub const NO_SCOPE: &str = "no_scope";

impl TokenError {
    /// The name of [`REFUSALS`]; nothing where no token was refused.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
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
