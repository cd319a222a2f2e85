//! `[cors]`: which origins may call, exact ones and those that a pattern matches.

use crate::settings::checks;
use crate::settings::declaration::{seconds, settings};
use crate::settings::key::Kind;
use crate::settings::origin_regex::OriginRegex;
use crate::settings::units::DAY;

settings! {
    /// `[cors]`: off while neither `origins` nor `origin_regex` names one.
    pub struct CorsSettings in cors {
        /// The web origins whose scripts may call, for example `["https://app.example.com"]`. Empty:
        /// CORS is off, but for what the pages of clients without a secret need to sign users in.
        origins: Vec<String> = [] => Kind::List(
            checks::is_origin,
            "a list of exact origins SCHEME://HOST or SCHEME://HOST:PORT, in lower case, without a path and without *",
        );

        /// In addition, the origins that this regular expression of 1 to 1024 bytes matches as a
        /// whole. Put it in single quotes, which keep backslashes.
        #[example = r"https://[a-z0-9-]+\.example\.com"]
        origin_regex: Option<OriginRegex>;

        /// Whether browsers send cookies and remembered HTTP Basic logins. A token that a script
        /// puts into Authorization itself does not need this.
        credentials: bool = false;

        /// Response headers that scripts may read, in addition to the few that they always may.
        expose_headers: Vec<String> = ["Retry-After", "WWW-Authenticate", "X-Request-ID"] =>
            Kind::List(checks::is_header, "a list of names of headers");

        /// Seconds that a browser may keep the response to a preflight request.
        max_age: usize = 600 => seconds(0, DAY);
    }
}

impl CorsSettings {
    /// Whether any origin may call.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.origins.is_empty() || self.origin_regex.is_some()
    }
}
