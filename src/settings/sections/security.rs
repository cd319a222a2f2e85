//! `[security]`

use crate::settings::checks;
use crate::settings::declaration::{settings, words};
use crate::settings::key::Kind;

settings! {
    /// `[security]`
    pub struct SecuritySettings in security {
        /// The responses to refused callers: "fastapi" (those of a FastAPI application) or "strict"
        /// (those of RFC 6750 and 7617: 403 for a missing scope, no token for a disabled user).
        profile: SecurityProfile = "fastapi";

        /// The realm in `WWW-Authenticate`. Empty: the program's name in the strict profile, none in the
        /// fastapi profile.
        realm: String = "" => Kind::Text(
            checks::is_realm,
            "a text of printable ASCII characters without quotes and backslashes",
            r"^[ !#-\[\]-~]*$",
        );
    }
}

words! {
    /// The responses to refused callers.
    pub enum SecurityProfile {
        /// Those of a FastAPI application.
        Fastapi = "fastapi",
        /// Those of the RFCs.
        Strict = "strict",
    }
}
