//! The metrics that `config/monitoring` uses exist.

use crate::harness::{App, Watched, repository, run_tool};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

fn promtool(args: &[&str], file: &str) {
    run_tool(Command::new("promtool").args(args).arg(repository(file)));
}

/// The metrics of a server that has been used, without the parts of a histogram.
fn told() -> BTreeSet<String> {
    let watched = Watched::start(App::demo());
    let token = watched.app.login("johndoe", "1234", "me");
    assert_eq!(watched.app.get_as("/users/me", &token).status, 200);
    let text = watched.get("/metrics").body;
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    names.map(str::to_owned).collect()
}

/// Our metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("bailiwick_") || word.starts_with("process_"));
    let family = |word: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    ours.map(family).collect()
}

/// All strings with this key.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get(key).and_then(Value::as_str));
            object.values().for_each(|value| all(value, key, found));
        }
        Value::Array(array) => array.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

#[test]
fn the_alert_rules_fire_when_they_should_and_not_otherwise() {
    promtool(&["check", "config"], "config/monitoring/prometheus.yml");
    promtool(&["check", "rules", "--lint-fatal"], "config/monitoring/alerts.yml");
    promtool(&["test", "rules"], "config/monitoring/alerts-test.yml");
    // Every rule has a test.
    let read = |file: &str| fs::read_to_string(repository(file)).expect("a file");
    let (rules, tests) =
        (read("config/monitoring/alerts.yml"), read("config/monitoring/alerts-test.yml"));
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.split_once("- alert: ")).collect();
    assert!(alerts.len() > 10);
    for (_, alert) in alerts {
        assert!(tests.contains(&format!("alertname: {alert} }}")), "{alert}");
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "{alert}");
    }
}

#[test]
fn every_query_names_existing_metrics() {
    let told = told();
    let text = fs::read_to_string(repository("config/monitoring/dashboard.json")).expect("a file");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let mut queries = Vec::new();
    all(&dashboard, "expr", &mut queries);
    let mut variables = Vec::new();
    all(&dashboard["templating"], "query", &mut variables);
    let shown = named(&queries.join("\n"));
    let rules = fs::read_to_string(repository("config/monitoring/alerts.yml")).expect("a file");
    let expressions = rules.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut asked = named(&expressions.collect::<Vec<_>>().join("\n"));
    asked.extend(named(&variables.join("\n")));
    asked.extend(shown.clone());
    let unknown: Vec<_> = asked.difference(&told).collect();
    assert!(unknown.is_empty(), "no server tells {unknown:?}");
    let hidden: Vec<_> = told.difference(&shown).collect();
    assert!(hidden.is_empty(), "the dashboard does not show {hidden:?}");
}

/// As rules, which promtool can check.
#[test]
fn every_query_of_the_dashboard_is_valid() {
    let text = fs::read_to_string(repository("config/monitoring/dashboard.json")).expect("a file");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let mut queries = Vec::new();
    all(&dashboard, "expr", &mut queries);
    assert!(queries.len() > 20);
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (at, query) in queries.iter().enumerate() {
        let query = query.replace("$__rate_interval", "5m").replace("$instance", ".*");
        assert!(!query.contains('$'), "{query}");
        let query = serde_json::to_string(&query).expect("JSON is YAML");
        writeln!(rules, "      - record: query_{at}\n        expr: {query}").expect("memory");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yml");
    fs::write(&file, rules).expect("written");
    run_tool(Command::new("promtool").args(["check", "rules"]).arg(file));
}
