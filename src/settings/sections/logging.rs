//! `[logging]`

use crate::settings::declaration::{settings, words};
use crate::settings::filter_rule::FilterRule;
use crate::settings::flag::{FlagPlace, flag};
use crate::settings::named_file::NamedFile;

settings! {
    /// `[logging]`
    #[derive(PartialEq)]
    pub struct LoggingSettings in logging {
        /// The least level that is logged: critical, error, warning, info, debug or trace.
        level: Level = "info", flag("--log-level", "LEVEL").shown(FlagPlace::Everywhere);

        /// Whether a line is written for each request.
        access: bool = true;

        /// The line, in the words of Python's logging and, for requests, of gunicorn's access log;
        /// the words stand in config/logging.toml.
        format: String = "%(asctime)s - %(levelname)s - %(name)s - %(message)s";

        /// Read loggers, handlers, formatters and filters of the log from this file: TOML such as
        /// config/logging.toml, or what gunicorn and uvicorn take, in INI or JSON.
        ///
        /// Its loggers' levels win over `level`, and its formatters over `format`. Absent: requests on
        /// standard output, everything else on standard error.
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
