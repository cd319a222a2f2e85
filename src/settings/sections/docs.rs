//! `[demo]` and `[docs]`

use crate::domain::ScopeName;
use crate::settings::declaration::settings;
use crate::settings::key::Kind;

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

        /// The URLs that the document names as the API's, each alone or after a name, such as
        /// `"Production = https://api.example.com"`. Empty: the server that the document comes from. /docs
        /// calls this one only.
        servers: Vec<String> = [] => Kind::List(
            |text| {
                let url = text.split_once(" = ").map_or(text, |(_, url)| url).trim();
                ["https://", "http://", "/"].iter().any(|start| url.starts_with(start))
                    && !url.contains(char::is_whitespace)
            },
            "a list of URLs such as \"Production = https://api.example.com\"",
        );
    }
}
