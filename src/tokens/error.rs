//! Why a token was not issued or not accepted.

use std::fmt;

/// What can go wrong with tokens. No variant holds a token or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The signing secret has fewer than [`SHORTEST_SECRET`](crate::tokens::SHORTEST_SECRET) bytes.
    ShortSecret,
    /// The token could not be signed.
    Signing,
    /// More than [`LARGEST_TOKEN`](crate::tokens::LARGEST_TOKEN) bytes.
    TooLarge,
    /// Not three parts of base64url, no JSON object, or a claim of a wrong type.
    Malformed,
    /// Signed with another algorithm than HS256, or not at all.
    Algorithm,
    /// Signed with another key, or changed since.
    Signature,
    /// A name twice, in the header or among the claims: readers differ in which one they take.
    Duplicate,
    /// A header that must be understood (RFC 7515 §4.1.11), and is not.
    Critical,
    /// A claim that must be there is not.
    MissingClaim,
    /// A claim holds what it must not.
    Claim(&'static str),
    /// A claim of the application's own has the name of one that is written in any case.
    Reserved(&'static str),
    /// A new token would not live for a second.
    Lifetime,
    /// `exp` has come.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// Of another application, after `tokens.accept_foreign_until`.
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

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortSecret => f.write_str("the signing secret is shorter than 32 bytes"),
            Self::Signing => f.write_str("the token could not be signed"),
            Self::TooLarge => f.write_str("the token is too large"),
            Self::Malformed => f.write_str("the token is malformed"),
            Self::Algorithm => f.write_str("the token is not signed with HS256"),
            Self::Signature => f.write_str("the token's signature is wrong"),
            Self::Duplicate => f.write_str("the token contains a duplicate name"),
            Self::Critical => f.write_str("the token's header has critical extensions"),
            Self::MissingClaim => f.write_str("the token lacks a claim"),
            Self::Claim(name) => write!(f, "the token's `{name}` is not acceptable"),
            Self::Reserved(name) => write!(f, "the claim `{name}` is reserved"),
            Self::Lifetime => f.write_str("a token must live for at least a second"),
            Self::Expired => f.write_str("the token has expired"),
            Self::NotYetValid => f.write_str("the token is not valid yet"),
            Self::Foreign => f.write_str(
                "the token is from another application, and tokens.accept_foreign_until has passed",
            ),
        }
    }
}

impl std::error::Error for TokenError {}
