//! `[logging]`

use crate::settings::declaration::{settings, words};
use crate::settings::filter_rule::FilterRule;
use crate::settings::flag::{FlagPlace, flag};
use crate::settings::named_file::NamedFile;

settings! {
    /// `[logging]`
    #[derive(PartialEq)]
    pub struct LoggingSettings in logging {
        /// The lowest level that is logged: critical, error, warning, info, debug or trace.
        level: Level = "info", flag("--log-level", "LEVEL").shown(FlagPlace::Everywhere);

        /// Whether to log each request.
        access: bool = true;

        /// The format of a line, in the fields of Python's logging and, for requests, of gunicorn's
        /// access log; config/logging.toml lists them.
        format: String = "%(asctime)s - %(levelname)s - %(name)s - %(message)s";

        /// Read loggers, handlers, formatters and filters from this file: TOML such as
        /// config/logging.toml, or gunicorn's and uvicorn's INI or JSON.
        ///
        /// The levels of its loggers win over `level`, its formatters over `format`. Absent:
        /// requests go to standard output, everything else to standard error.
        #[example = "logging.toml"]
        config: Option<NamedFile>, flag("--log-config", "FILE")
            .alias("log-config-json").shown(FlagPlace::First);

        /// Rules for the lines of the access log; the first whose conditions all match decides: the
        /// line is dropped, or kept as its `keep` says. Only in a file. For example:
        /// ```toml
        /// [[logging.access_filters]]
        /// methods = ["GET", "HEAD"]
        /// path = "/status/**"
        /// status = "2xx"
        /// ```
        access_filters: Vec<FilterRule> = [];
    }
}

words! {
    /// A level of the log.
    pub enum Level {
        /// Nothing works.
        Critical = "critical",
        /// Something failed.
        Error = "error",
        /// Something is odd.
        Warning = "warning" | "warn",
        /// The normal course.
        Info = "info",
        /// For finding faults.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}
