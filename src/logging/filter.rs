//! Rules that drop or keep lines; the first match decides.

use super::access::{Access, Headers};
use super::{ACCESS, LoggingError};
use crate::settings::{FilterRule, Keep};
use globset::{GlobBuilder, GlobMatcher};
use log::Record;
use std::cell::{Cell, OnceCell};
use std::fmt::Write as _;
use std::time::Duration;

thread_local! {
    /// A reusable buffer for the message that rules search.
    static SPARE: Cell<String> = const { Cell::new(String::new()) };
}

/// The rules of one filter.
#[derive(Debug, Default)]
pub(super) struct Filter(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    message: Option<String>,
    methods: Vec<String>,
    path: Option<GlobMatcher>,
    /// First and last status that match.
    status: Option<(u16, u16)>,
    /// The header's position, and the substring in lower case.
    user_agent: Option<(usize, String)>,
    slower_than: Option<Duration>,
    keep: Keep,
}

/// A line that may be written.
pub(super) struct Candidate<'a> {
    record: &'a Record<'a>,
    access: Option<&'a Access>,
    message: OnceCell<String>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(record: &'a Record<'a>, access: Option<&'a Access>) -> Self {
        let access = access.filter(|_| record.target() == ACCESS);
        Self { record, access, message: OnceCell::new() }
    }

    fn message(&self) -> &str {
        self.message.get_or_init(|| {
            let mut message = SPARE.take();
            // An error in a value's `Display` ends the message, here as in the line.
            let _ = message.write_fmt(*self.record.args());
            message
        })
    }
}

impl Drop for Candidate<'_> {
    fn drop(&mut self) {
        if let Some(mut message) = self.message.take() {
            message.clear();
            SPARE.set(message);
        }
    }
}

impl Filter {
    /// Reads the rules; an error names the rule by its position.
    pub(super) fn new(
        key: impl Fn(usize) -> String,
        rules: &[FilterRule],
        headers: &mut Headers,
    ) -> Result<Self, LoggingError> {
        let rules = rules.iter().enumerate();
        rules
            .map(|(index, rule)| Rule::new(&key(index), rule, headers))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the line is written; true when no rule matches.
    pub(super) fn keeps(&self, line: &Candidate<'_>) -> bool {
        self.0.iter().find(|rule| rule.matches(line)).is_none_or(|rule| match rule.keep {
            Keep::Nothing => false,
            Keep::Everything => true,
            Keep::Share(share) => rand::random::<f64>() < share,
        })
    }
}

impl Rule {
    fn new(key: &str, rule: &FilterRule, headers: &mut Headers) -> Result<Self, LoggingError> {
        let bad = |name: &str, value: &str, allowed: &str| {
            LoggingError::setting(format!("{key}.{name}"), value, allowed)
        };
        for (name, text) in [("message", &rule.message), ("user_agent", &rule.user_agent)] {
            if text.as_deref() == Some("") {
                return Err(bad(name, "", "a text that is not empty"));
            }
        }
        for method in &rule.methods {
            if method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') {
                return Err(bad("methods", method, "methods such as GET"));
            }
        }
        let path = rule.path.as_deref().map(|glob| {
            let built = GlobBuilder::new(glob).literal_separator(true).build();
            built.map(|glob| glob.compile_matcher()).map_err(|error| {
                bad("path", glob, &format!("a glob such as /static/** ({})", error.kind()))
            })
        });
        let status = rule.status.as_deref().map(|text| {
            let allowed = "a status such as 404 or a class such as 2xx";
            status_range(text).ok_or_else(|| bad("status", text, allowed))
        });
        let user_agent = rule.user_agent.as_ref();
        Ok(Self {
            message: rule.message.clone(),
            methods: rule.methods.iter().map(|method| method.to_ascii_uppercase()).collect(),
            path: path.transpose()?,
            status: status.transpose()?,
            user_agent: user_agent
                .map(|part| (headers.of_request("user-agent"), part.to_ascii_lowercase())),
            slower_than: rule.slower_than.map(Duration::from_millis),
            keep: rule.keep,
        })
    }

    /// The message comes last: searching it costs most.
    fn matches(&self, line: &Candidate<'_>) -> bool {
        let request = match line.access {
            Some(access) => self.matches_request(access),
            None => !self.is_about_requests(),
        };
        request && self.message.as_ref().is_none_or(|part| line.message().contains(part))
    }

    fn is_about_requests(&self) -> bool {
        !self.methods.is_empty()
            || self.path.is_some()
            || self.status.is_some()
            || self.user_agent.is_some()
            || self.slower_than.is_some()
    }

    fn matches_request(&self, access: &Access) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|known| *known == access.method))
            && self.status.is_none_or(|(first, last)| (first..=last).contains(&access.status))
            && self.slower_than.is_none_or(|least| access.elapsed >= least)
            && self.path.as_ref().is_none_or(|glob| glob.is_match(access.path()))
            && self.user_agent.as_ref().is_none_or(|(place, part)| {
                let agent = access.request_headers.get(*place).and_then(Option::as_deref);
                let windows = agent.unwrap_or_default().windows(part.len());
                windows.into_iter().any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
            })
    }
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
    use super::super::access::testing::access;
    use super::*;

    fn filter(rules: &[FilterRule]) -> Filter {
        Filter::new(|index| format!("rules[{index}]"), rules, &mut Headers::default()).unwrap()
    }

    fn rule(methods: &[&str], path: Option<&str>, status: Option<&str>) -> FilterRule {
        FilterRule {
            methods: methods.iter().map(|&method| method.to_owned()).collect(),
            path: path.map(str::to_owned),
            status: status.map(str::to_owned),
            ..FilterRule::default()
        }
    }

    fn keeps_request(filter: &Filter, access: &Access) -> bool {
        let record = Record::builder().target(ACCESS).build();
        filter.keeps(&Candidate::new(&record, Some(access)))
    }

    fn keeps(filter: &Filter, method: &'static str, path: &str, status: u16) -> bool {
        let target = path.to_owned();
        keeps_request(filter, &Access { method: method.into(), target, status, ..access() })
    }

    fn keeps_message(filter: &Filter, message: &str) -> bool {
        let args = format_args!("{message}");
        filter.keeps(&Candidate::new(&Record::builder().target("a").args(args).build(), None))
    }

    #[test]
    fn without_rules_every_line_is_kept() {
        assert!(keeps(&Filter::default(), "GET", "/", 200));
        assert!(keeps_message(&Filter::default(), "up"));
    }

    #[test]
    fn all_conditions_of_a_rule_must_match() {
        let filter = filter(&[rule(&["get", "HEAD"], Some("/static/**"), Some("2xx"))]);
        assert!(!keeps(&filter, "GET", "/static/a/b.css", 200));
        assert!(!keeps(&filter, "GET", "/static/a?page=2", 200));
        assert!(!keeps(&filter, "HEAD", "/static/a", 299));
        assert!(keeps(&filter, "POST", "/static/a", 200));
        assert!(keeps(&filter, "GET", "/statics", 200));
        assert!(keeps(&filter, "GET", "/static/a", 304));
        assert!(keeps_message(&filter, "GET /static/a 200"));
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let keep = FilterRule { keep: Keep::Everything, ..rule(&[], None, Some("500")) };
        let filter = filter(&[keep, rule(&[], Some("/health*"), None)]);
        assert!(keeps(&filter, "GET", "/healthz", 500));
        assert!(!keeps(&filter, "GET", "/healthz", 503));
        assert!(keeps(&filter, "GET", "/health/deep", 200));
    }

    #[test]
    fn a_message_is_matched_by_a_part_of_it() {
        let message = Some(r#""GET / HTTP/1.1""#.to_owned());
        let filter = filter(&[FilterRule { message, ..FilterRule::default() }]);
        assert!(!keeps_message(&filter, r#"127.0.0.1:1 - "GET / HTTP/1.1" 200"#));
        assert!(keeps_message(&filter, r#"127.0.0.1:1 - "GET /users HTTP/1.1" 200"#));
    }

    #[test]
    fn a_user_agent_is_matched_by_a_part_of_it() {
        let user_agent = Some("kube-Probe".to_owned());
        let filter = filter(&[FilterRule { user_agent, ..FilterRule::default() }]);
        let sent = |agent: &str| Access {
            request_headers: vec![Some(agent.as_bytes().into())],
            ..access()
        };
        assert!(!keeps_request(&filter, &sent("Kube-probe/1.30")));
        assert!(keeps_request(&filter, &sent("curl/8")));
        assert!(keeps_request(&filter, &sent("")));
        assert!(keeps_request(&filter, &access()));
    }

    #[test]
    fn slow_requests_are_matched_by_their_milliseconds() {
        let slow = |ms| filter(&[FilterRule { slower_than: Some(ms), ..FilterRule::default() }]);
        assert!(!keeps_request(&slow(1234), &access()));
        assert!(keeps_request(&slow(1235), &access()));
    }

    #[test]
    fn a_share_of_the_lines_is_kept() {
        let share = |share| {
            let keep = Keep::of_share(share).unwrap();
            let filter = filter(&[FilterRule { keep, ..FilterRule::default() }]);
            (0..10_000).filter(|_| keeps(&filter, "GET", "/", 200)).count()
        };
        assert_eq!(share(0.0), 0);
        assert_eq!(share(1.0), 10_000);
        // Ten standard deviations to each side.
        assert!((4500..5500).contains(&share(0.5)));
        assert!((0..200).contains(&share(0.01)));
    }

    #[test]
    fn a_bad_rule_is_named() {
        let empty = || Some(String::new());
        for (bad, expected) in [
            (rule(&["G T"], None, None), "rules[1].methods: `G T`: expected"),
            (rule(&[], Some("/{a"), None), "rules[1].path: `/{a`: expected a glob"),
            (
                rule(&[], None, Some("20x")),
                "rules[1].status: `20x`: expected a status such as 404 or a class such as 2xx",
            ),
            (rule(&[], None, Some("999")), "rules[1].status: `999`"),
            (rule(&[], None, Some("+20")), "rules[1].status: `+20`"),
            (rule(&[], None, Some("éxx")), "rules[1].status: `éxx`"),
            (FilterRule { message: empty(), ..rule(&[], None, None) }, "rules[1].message: ``"),
            (FilterRule { user_agent: empty(), ..rule(&[], None, None) }, "rules[1].user_agent"),
        ] {
            let rules = [rule(&[], None, None), bad];
            let key = |index| format!("rules[{index}]");
            let error = Filter::new(key, &rules, &mut Headers::default()).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
