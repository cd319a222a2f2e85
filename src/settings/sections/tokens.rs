//! `[tokens]`

use crate::domain::{KeyAlgorithm, Secret};
use crate::settings::declaration::{minutes, seconds, settings, words};
use crate::settings::key::Kind;
use crate::settings::named_file::NamedFile;
use crate::settings::units::DAY;
use crate::settings::until::Until;
use std::num::NonZeroU32;

settings! {
    /// `[tokens]`: access tokens.
    pub struct TokenSettings in tokens {
        /// The secret that signs access tokens (HS256), for example from `openssl rand -hex 32`.
        /// Keep it out of files that many can read: use `BAILIWICK__TOKENS__SECRET` or
        /// `secret_file`. Without either, the first start generates one in `data_dir`.
        #[example = ""]
        secret: Option<Secret> =>
            Kind::Secret(|text| text.len() >= 32, "a text of at least 32 bytes");

        /// A file with the secret; not together with `secret`.
        #[example = "/run/secrets/bailiwick"]
        secret_file: Option<NamedFile> => Kind::SecretFile;

        /// Files with secrets that verify tokens as well and never sign: the old one or the next
        /// one, while servers change their secret one after the other. The guide's chapter on
        /// operations has the procedure.
        accepted_secret_files: Vec<NamedFile> = [];

        /// What signs access tokens: `HS256`, the secret, which everyone who verifies must hold; or
        /// `EdDSA`, `ES256` or `RS256`, a private key of this server's, whose public half
        /// `/oauth/jwks` publishes. Those tokens are `at+jwt` (RFC 9068) and need
        /// `server.public_url`. The keys are made, replaced every 90 days and retired by
        /// themselves. After a switch, tokens signed with the secret count until the last one has
        /// expired, and those of other applications until `accept_foreign_until`.
        algorithm: TokenAlgorithm = "HS256";

        /// Minutes until an access token expires.
        access_token_expire_minutes: NonZeroU32 = 30 => minutes(1, 366 * 24 * 60);

        /// Seconds of tolerance for a token's start and expiry, for machines whose clocks differ.
        leeway: u64 = 0 => seconds(0, 3600);

        /// Whether a login by password also gets a refresh token, with which a client renews its access
        /// token without the password (`grant_type=refresh_token`).
        password_refresh: bool = false;

        /// Seconds after which a refresh token ends that is not used.
        refresh_token_idle: NonZeroU32 = "30d" => seconds(60, 366 * DAY);

        /// Seconds from a login until its refresh tokens end, however often they are used.
        refresh_token_lifetime: NonZeroU32 = "90d" => seconds(60, 3660 * DAY);

        /// Seconds for which a refresh token that was used is taken again, with the same response: for
        /// clients that lost it, or that share a token among tabs. Later, or after the next one was
        /// used, it counts as stolen, and the login ends. 0 is never, so that two tabs at once log the
        /// user out.
        refresh_token_reuse_seconds: u32 = 30 => seconds(0, 600);

        /// The issuer: written into tokens as `iss`, and then required. Absent: neither.
        #[example = "https://auth.example.com"]
        issuer: Option<String>;

        /// The audience: written into tokens as `aud`, and then required. Absent: neither.
        #[example = "https://api.example.com"]
        audience: Option<String>;

        /// Until when tokens of other applications with the same secret are accepted, those without
        /// the claim `bailiwick_id`. This ends what an old application still issues; only a new
        /// secret stops someone who knows the old one. Absent: forever.
        #[example = "2027-01-31"]
        accept_foreign_until: Option<Until>;

        /// Seconds that tokens of other applications live, for those without `iat`, such as
        /// FastAPI's tutorial issues: once their user has a new password or was signed out, `exp`
        /// less this tells whether such a token is newer. Absent: from then on, they are refused.
        #[example = 1800]
        foreign_lifetime: Option<NonZeroU32> => seconds(1, 366 * 24 * 60 * 60);
    }
}

words! {
    /// What signs access tokens.
    pub enum TokenAlgorithm {
        /// The shared secret.
        Hs256 = "HS256",
        /// An Ed25519 key.
        EdDsa = "EdDSA",
        /// A key on P-256.
        Es256 = "ES256",
        /// An RSA key.
        Rs256 = "RS256",
    }
}

impl TokenAlgorithm {
    /// The algorithm of the key that signs, unless it is the shared secret.
    #[must_use]
    pub fn asymmetric(self) -> Option<KeyAlgorithm> {
        match self {
            Self::Hs256 => None,
            Self::EdDsa => Some(KeyAlgorithm::EdDsa),
            Self::Es256 => Some(KeyAlgorithm::Es256),
            Self::Rs256 => Some(KeyAlgorithm::Rs256),
        }
    }
}
