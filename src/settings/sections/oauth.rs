//! `[oauth]`

use crate::settings::declaration::settings;

settings! {
    /// `[oauth]`
    pub struct OauthSettings in oauth {
        /// Whether POST /token requires the field `grant_type`, as RFC 6749 does.
        require_grant_type: bool = false;

        /// Whether POST /token takes passwords only from registered clients that have the grant type
        /// `password`. Otherwise a client that is not registered is ignored, as FastAPI does.
        require_client: bool = false;
    }
}
