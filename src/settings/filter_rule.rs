//! One rule of a log filter: conditions, and what happens to the lines that meet them.

use crate::settings::declaration::{HasKind, settings};
use crate::settings::keep::Keep;
use crate::settings::key::Kind;
use crate::settings::units::{DAY, Unit};

settings! {
    /// A rule of `[[logging.access_filters]]`, or of a filter in the log's own file: all given
    /// conditions must match.
    ///
    /// All conditions but `message` are about requests; a rule with one matches no other line.
    #[derive(PartialEq)]
    pub struct FilterRule without section {
        /// A substring of the message, for example `"GET / HTTP/1.1"` with its quotes.
        message: Option<String>;

        /// Methods, for example `["GET", "HEAD"]`; empty: all.
        methods: Vec<String> => Kind::List(|text| !text.is_empty(), "a list of methods");

        /// A glob on the path, for example `/static/**`: `*` is anything but a slash, `**` anything.
        path: Option<String>;

        /// A status or class: `200`, `2xx`.
        status: Option<String>;

        /// A substring of the User-Agent header, in upper or lower case.
        user_agent: Option<String>;

        /// Milliseconds that the response must have taken at least.
        slower_than: Option<u64> => Kind::Amount(Unit::Milliseconds, 0, DAY * 1000);

        /// How many of the lines that match are kept: false, true, or a share such as `0.01` for one
        /// in a hundred. Absent: false.
        keep: Keep;
    }
}

impl HasKind for Vec<FilterRule> {
    const KIND: Kind = Kind::Tables(FilterRule::KEYS);
}
