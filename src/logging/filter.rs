//! Rules that drop or keep lines of the access log.

use super::LoggingError;
use crate::settings::AccessFilterSettings;
use globset::{GlobBuilder, GlobMatcher};

/// The rules of `[[logging.access_filters]]`; the first that matches decides.
#[derive(Clone, Debug, Default)]
pub struct AccessFilter(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    methods: Vec<String>,
    path: Option<GlobMatcher>,
    /// First and last status that match.
    status: Option<(u16, u16)>,
    keep: bool,
}

impl AccessFilter {
    /// Reads the rules; an error names the rule by its place in the list.
    pub fn new(settings: &[AccessFilterSettings]) -> Result<Self, LoggingError> {
        settings.iter().enumerate().map(rule).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the line for such a request is written; true when no rule matches.
    #[must_use]
    pub fn keeps(&self, method: &str, path: &str, status: u16) -> bool {
        self.0.iter().find(|rule| rule.matches(method, path, status)).is_none_or(|rule| rule.keep)
    }
}

impl Rule {
    fn matches(&self, method: &str, path: &str, status: u16) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|known| known == method))
            && self.status.is_none_or(|(first, last)| (first..=last).contains(&status))
            && self.path.as_ref().is_none_or(|glob| glob.is_match(path))
    }
}

fn rule((index, settings): (usize, &AccessFilterSettings)) -> Result<Rule, LoggingError> {
    let key = |name| format!("logging.access_filters[{index}].{name}");
    for method in &settings.methods {
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') {
            return Err(LoggingError::setting(key("methods"), method, "methods such as GET"));
        }
    }
    let path = settings.path.as_deref().map(|glob| {
        GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .map(|glob| glob.compile_matcher())
            .map_err(|error| {
                let allowed = format!("a glob such as /static/** ({})", error.kind());
                LoggingError::setting(key("path"), glob, allowed)
            })
    });
    let status = settings.status.as_deref().map(|text| {
        status_range(text).ok_or_else(|| {
            let allowed = "a status such as 404 or a class such as 2xx";
            LoggingError::setting(key("status"), text, allowed)
        })
    });
    Ok(Rule {
        methods: settings.methods.iter().map(|method| method.to_ascii_uppercase()).collect(),
        path: path.transpose()?,
        status: status.transpose()?,
        keep: settings.keep,
    })
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = match text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        Some(class) if class.len() == 1 => {
            let class: u16 = class.parse().ok()?;
            (class * 100, class * 100 + 99)
        }
        _ if text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit()) => {
            let status = text.parse().ok()?;
            (status, status)
        }
        _ => return None,
    };
    (100..600).contains(&first).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(methods: &[&str], path: Option<&str>, status: Option<&str>) -> AccessFilterSettings {
        AccessFilterSettings {
            methods: methods.iter().map(|&method| method.to_owned()).collect(),
            path: path.map(str::to_owned),
            status: status.map(str::to_owned),
            keep: false,
        }
    }

    #[test]
    fn without_rules_every_line_is_kept() {
        assert!(AccessFilter::default().keeps("GET", "/", 200));
    }

    #[test]
    fn all_conditions_of_a_rule_must_match() {
        let filter =
            AccessFilter::new(&[rule(&["get", "HEAD"], Some("/static/**"), Some("2xx"))]).unwrap();
        assert!(!filter.keeps("GET", "/static/a/b.css", 200));
        assert!(!filter.keeps("HEAD", "/static/a", 299));
        assert!(filter.keeps("POST", "/static/a", 200));
        assert!(filter.keeps("GET", "/statics", 200));
        assert!(filter.keeps("GET", "/static/a", 304));
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let keep = AccessFilterSettings { keep: true, ..rule(&[], None, Some("500")) };
        let filter = AccessFilter::new(&[keep, rule(&[], Some("/health*"), None)]).unwrap();
        assert!(filter.keeps("GET", "/healthz", 500));
        assert!(!filter.keeps("GET", "/healthz", 503));
        assert!(filter.keeps("GET", "/health/deep", 200));
    }

    #[test]
    fn a_bad_rule_is_named() {
        for (bad, expected) in [
            (rule(&["G T"], None, None), "logging.access_filters[1].methods: `G T`: expected"),
            (
                rule(&[], Some("/{a"), None),
                "logging.access_filters[1].path: `/{a`: expected a glob",
            ),
            (
                rule(&[], None, Some("20x")),
                "logging.access_filters[1].status: `20x`: expected a status such as 404 or a class such as 2xx",
            ),
            (rule(&[], None, Some("999")), "logging.access_filters[1].status: `999`"),
            (rule(&[], None, Some("+20")), "logging.access_filters[1].status: `+20`"),
            (rule(&[], None, Some("éxx")), "logging.access_filters[1].status: `éxx`"),
        ] {
            let error = AccessFilter::new(&[rule(&[], None, None), bad]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
