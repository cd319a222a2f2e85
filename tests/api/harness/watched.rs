//! A server whose health and metrics are at their own address.

use super::{App, Builder, Response, run_tool};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// A server with an admin listener on a free port.
pub(crate) struct Watched {
    pub(crate) app: App,
    admin: String,
}

impl Watched {
    pub(crate) fn start(builder: Builder) -> Self {
        let app = builder.env("BAILIWICK__ADMIN__BIND", "127.0.0.1:0").spawn();
        let line = app.stderr.wait_for("Health and metrics at: ");
        let (_, url) = line.split_once(" at: ").expect("an address");
        Self { admin: url.to_owned(), app }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        Response::of("GET", &format!("{}{path}", self.admin), &[], "")
    }

    pub(crate) fn head(&self, path: &str) -> Response {
        Response::of("HEAD", &format!("{}{path}", self.admin), &[], "")
    }

    /// Each series of `/metrics` with its value.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let series = answer.body.lines().filter(|line| !line.starts_with('#'));
        series
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').expect("a value");
                (name.to_owned(), value.parse().expect("a number"))
            })
            .collect()
    }

    /// The value of one series; 0 where it is absent.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        self.metrics().get(series).copied().unwrap_or_default()
    }

    /// The number of requests counted so far.
    pub(crate) fn requests(&self, route: &str, method: &str, status: u16) -> f64 {
        self.metric(&format!(
            "bailiwick_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        ))
    }

    /// Has Prometheus's own tool check the names and texts of all metrics.
    pub(crate) fn check_by_prometheus(&self) {
        let file = self.app.folder().join("metrics.txt");
        fs::write(&file, self.get("/metrics").body).expect("written");
        let mut check = Command::new("sh");
        let said = run_tool(check.args(["-c", "promtool check metrics <\"$1\"", "sh"]).arg(&file));
        assert_eq!(said, "");
    }
}
