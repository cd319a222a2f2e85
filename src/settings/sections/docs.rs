//! `[demo]` and `[docs]`

use crate::domain::ScopeName;
use crate::settings::declaration::settings;

settings! {
    /// `[demo]`
    pub struct DemoSettings in demo {
        /// Whether the routes are served that only show something: /users/me/items, /status and
        /// /basic/users/me. An application of your own may want their paths.
        routes: bool = true;
    }
}

settings! {
    /// `[docs]`
    pub struct DocsSettings in docs {
        /// Whether /docs, /redoc and /openapi.json are served.
        enabled: bool = true;

        /// The scope that a user must hold to see them; the browser asks for user name and password
        /// (HTTP Basic). It must be declared, for example in `[scopes]` below. Absent: everybody may.
        #[example = "docs"]
        scope: Option<ScopeName>;

        /// The title of the API's documentation.
        title: String = "bailiwick";
    }
}
