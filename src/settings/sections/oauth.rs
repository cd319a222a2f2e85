//! `[oauth]`

use crate::settings::declaration::settings;

settings! {
    /// `[oauth]`
    pub struct OauthSettings in oauth {
        /// Whether POST /token requires the field `grant_type`, as RFC 6749 does.
        require_grant_type: bool = false;
    }
}
