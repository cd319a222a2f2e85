//! `[demo]` and `[docs]`

use crate::domain::ScopeName;
use crate::settings::declaration::settings;

settings! {
    /// `[demo]`
    pub struct DemoSettings in demo {
        /// Whether to serve the demonstration routes: /users/me/items, /status and /basic/users/me.
        /// An application of your own may want their paths.
        routes: bool = true;
    }
}

settings! {
    /// `[docs]`
    pub struct DocsSettings in docs {
        /// Whether to serve /docs, /redoc and /openapi.json.
        enabled: bool = true;

        /// The scope that a user must hold to see them; the browser asks for a username and
        /// password (HTTP Basic). It must be declared, for example in `[scopes]` below. Absent:
        /// everybody may see them.
        #[example = "docs"]
        scope: Option<ScopeName>;

        /// The title of the API's documentation.
        title: String = "bailiwick";
    }
}
