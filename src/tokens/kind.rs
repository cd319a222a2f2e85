//! Claims that tell the kind of a JWT. Kinds other than access tokens may be signed with the same
//! secret, and must not pass as access tokens (RFC 8725 §3.11).

use crate::domain::Scopes;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A claim that tells the kind.
#[derive(Clone, Copy)]
pub(super) struct KindClaim {
    /// Its name in messages.
    pub(super) name: &'static str,
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// With any value, the token is of another kind.
    Never,
    /// It is only about the token: only values that mean an access token pass.
    Access,
    /// Applications also use it for the user: values that mean another kind are refused.
    NoOther,
    /// The same, but for how the token was obtained: access tokens are obtained by a code.
    Grant,
    /// A switch that must be off.
    Off,
}

const CLAIMS: [(&str, Rule); 34] = [
    // Bound to a key, whose possession is not proved here (RFC 7800 §3).
    ("cnf", Rule::Never),
    // ID tokens (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11; FAPI 1.0 Advanced §5.1.1).
    ("nonce", Rule::Never),
    ("at_hash", Rule::Never),
    ("c_hash", Rule::Never),
    ("s_hash", Rule::Never),
    // Security events, among them logout tokens (RFC 8417 §2.2, OpenID Connect Back-Channel §2.4).
    ("events", Rule::Never),
    ("toe", Rule::Never),
    // DPoP proofs (RFC 9449 §4.2).
    ("htm", Rule::Never),
    ("htu", Rule::Never),
    ("ath", Rule::Never),
    // Introspection responses (RFC 9701 §5), authorization requests (RFC 9101 §4), credentials (W3C
    // VC-JWT).
    ("token_introspection", Rule::Never),
    ("response_type", Rule::Never),
    ("vc", Rule::Never),
    ("vp", Rule::Never),
    ("token_type", Rule::Access),
    ("token_use", Rule::Access),
    ("token_kind", Rule::Access),
    ("typ", Rule::Access),
    ("type", Rule::NoOther),
    ("kind", Rule::NoOther),
    ("use", Rule::NoOther),
    ("usage", Rule::NoOther),
    ("purpose", Rule::NoOther),
    ("action", Rule::NoOther),
    ("intent", Rule::NoOther),
    ("mode", Rule::NoOther),
    ("category", Rule::NoOther),
    ("class", Rule::NoOther),
    ("token", Rule::NoOther),
    ("grant_type", Rule::Grant),
    ("refresh", Rule::Off),
    ("is_refresh", Rule::Off),
    ("refresh_token", Rule::Off),
    ("is_refresh_token", Rule::Off),
];

/// Values that mean an access token, in letters and digits.
const ACCESS: [&str; 6] = ["access", "accesstoken", "bearer", "bearertoken", "jwt", "atjwt"];

/// Substrings that mean another kind.
const WITHIN: [&str; 17] = [
    "refresh",
    "idtoken",
    "idjwt",
    "logout",
    "reset",
    "verify",
    "verification",
    "confirmation",
    "activation",
    "invitation",
    "recovery",
    "registration",
    "magiclink",
    "authorizationcode",
    "dpop",
    "mfa",
    "2fa",
];

/// Whole values that mean another kind.
const WHOLE: [&str; 10] =
    ["id", "otp", "totp", "code", "state", "confirm", "activate", "invite", "csrf", "offline"];

/// The value that means an access token in a claim about how it was obtained.
const GRANT: &str = "authorizationcode";

/// Scopes that mean a refresh token, in letters and digits. `offline_access` is not one of them:
/// issuers also write it into the access tokens of users who may have a refresh token.
const REFRESH: [&str; 3] = ["refresh", "refreshtoken", "offline"];

/// The claim with this name, if it tells the kind; `tokenType` is `token_type`.
pub(super) fn kind_claim(name: &str) -> Option<KindClaim> {
    let same = |known: &str| letters(known).eq(letters(name));
    let (name, rule) = CLAIMS.into_iter().find(|(known, _)| same(known))?;
    Some(KindClaim { name, rule })
}

/// Whether these are the scopes of a refresh token: applications write its kind there, alone or
/// beside the scopes of the next access token.
pub(super) fn are_of_refresh_token(scopes: &Scopes) -> bool {
    scopes.iter().any(|scope| REFRESH.iter().any(|known| letters(known).eq(letters(scope))))
}

/// The value of such a claim.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ClaimValue {
    Text(String),
    Texts(Vec<String>),
    #[expect(dead_code, reason = "a number means no kind, whichever it is")]
    Numbers(Vec<f64>),
    #[expect(dead_code, reason = "a number means no kind, whichever it is")]
    Number(f64),
    Switch(bool),
    Null(()),
    /// An object or a list, which is not inspected.
    Other(IgnoredAny),
}

impl KindClaim {
    /// Whether an access token may have this value in this claim.
    pub(super) fn allows(self, held: &ClaimValue) -> bool {
        match (self.rule, held) {
            (Rule::Never, _) | (Rule::Off, ClaimValue::Switch(true)) => false,
            (Rule::Off, _) | (_, ClaimValue::Null(())) => true,
            (rule, ClaimValue::Text(text)) => rule.allows(text),
            (rule, ClaimValue::Texts(texts)) => texts.iter().all(|text| rule.allows(text)),
            (rule, ClaimValue::Switch(_) | ClaimValue::Number(_) | ClaimValue::Numbers(_)) => {
                rule != Rule::Access
            }
            (_, ClaimValue::Other(_)) => false,
        }
    }
}

impl Rule {
    fn allows(self, text: &str) -> bool {
        // The last part of a URI (RFC 8693 §3) or a media type.
        let last = text.rsplit([':', '/']).next().unwrap_or_default();
        let last: String = letters(last).collect();
        match self {
            Self::Access => ACCESS.contains(&last.as_str()),
            Self::Grant if last == GRANT => true,
            _ => !WHOLE.contains(&last.as_str()) && !WITHIN.iter().any(|word| last.contains(word)),
        }
    }
}

/// Letters and digits only, ASCII in lower case.
fn letters(text: &str) -> impl Iterator<Item = char> {
    let counts = |c: &char| c.is_ascii_alphanumeric() || !c.is_ascii();
    text.chars().filter(counts).map(|c| c.to_ascii_lowercase())
}
