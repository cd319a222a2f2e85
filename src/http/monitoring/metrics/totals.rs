//! The sums of all processes' figures; the master keeps them beyond each process's end.

use super::families::{self, ALL, Aggregation, Family};
use super::pulled::Figures;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// What changed since a process's last message: most figures do not.
#[derive(Debug, Default)]
pub(crate) struct Changes(HashMap<String, f64>);

impl Changes {
    /// The new values, one per line.
    pub(crate) fn since_last(&mut self, figures: Figures) -> String {
        let mut lines = String::new();
        for (series, value) in figures {
            let known = self.0.get(&series);
            if known.is_none_or(|known| known.total_cmp(&value) != Ordering::Equal) {
                line(&mut lines, &series, value);
                self.0.insert(series, value);
            }
        }
        lines
    }
}

/// Everything that all processes have reported.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    living: BTreeMap<u64, HashMap<String, f64>>,
    /// Sums of ended processes, for metrics that never decrease.
    ended: HashMap<String, f64>,
    /// Last values of metrics that never decrease: a sum of fractions depends on their order.
    told: HashMap<String, f64>,
}

impl Totals {
    /// A process has reported these [`Changes`].
    pub(crate) fn add(&mut self, process: u64, lines: &str) {
        let known = self.living.entry(process).or_default();
        known.extend(parse(lines));
    }

    /// A process has ended: its counts stay.
    pub(crate) fn ended(&mut self, process: u64) {
        for (series, value) in self.living.remove(&process).unwrap_or_default() {
            if families::of(&series).is_some_and(|(_, family)| family.only_grows()) {
                *self.ended.entry(series).or_default() += value;
            }
        }
    }

    /// All figures, including the requesting process's own, in Prometheus's text format.
    pub(crate) fn text(&mut self, own: &Figures) -> String {
        let mut sums = self.ended.clone();
        let living = self.living.values().flatten().map(|(series, value)| (series, *value));
        for (series, value) in living.chain(own.iter().map(|(series, value)| (series, *value))) {
            if let Some(sum) = sums.get_mut(series) {
                *sum = aggregate(series, *sum, value);
            } else {
                sums.insert(series.clone(), value);
            }
        }
        let mut by_family: Vec<Vec<(String, f64)>> = ALL.iter().map(|_| Vec::new()).collect();
        for (series, mut value) in sums {
            let Some((at, family)) = families::of(&series) else { continue };
            if family.only_grows() {
                let told = self.told.entry(series.clone()).or_insert(value);
                value = value.max(*told);
                *told = value;
            }
            by_family[at].push((series, value));
        }
        let mut text = String::new();
        for (family, series) in ALL.iter().zip(by_family) {
            write_family(&mut text, family, series);
        }
        text
    }
}

/// Each series with its value.
pub(crate) fn parse(lines: &str) -> impl Iterator<Item = (String, f64)> {
    let parts = lines.lines().filter(|line| !line.starts_with('#'));
    parts.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        Some((series.to_owned(), value.parse().ok()?))
    })
}

fn aggregate(series: &str, one: f64, other: f64) -> f64 {
    match families::of(series).map_or(Aggregation::Sum, |(_, family)| family.aggregation) {
        Aggregation::Sum => one + other,
        Aggregation::Min => one.min(other),
        Aggregation::Max => one.max(other),
    }
}

fn write_family(text: &mut String, family: &Family, mut series: Vec<(String, f64)>) {
    if series.is_empty() {
        return;
    }
    series.sort_by(|(one, _), (other, _)| {
        let (one_bound, other_bound) = (bound(one), bound(other));
        (one_bound.0.cmp(other_bound.0)).then(one_bound.1.total_cmp(&other_bound.1))
    });
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {} {}", family.name, family.help);
    let _ = writeln!(text, "# TYPE {} {}", family.name, family.kind());
    for (series, value) in series {
        line(text, &series, value);
    }
}

/// A bucket's series up to its bound, and the bound, which orders its lines.
fn bound(series: &str) -> (&str, f64) {
    let parts = series.rsplit_once("le=\"");
    let bound =
        parts.and_then(|(before, rest)| Some((before, rest.strip_suffix("\"}")?.parse().ok()?)));
    bound.unwrap_or((series, 0.0))
}

fn line(text: &mut String, series: &str, value: f64) {
    // Never with an exponent.
    let _ = writeln!(text, "{series} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: &str = "bailiwick_http_requests_total{route=\"/a b\"}";

    fn value(text: &str, series: &str) -> Option<f64> {
        parse(text).find(|(known, _)| known == series).map(|(_, value)| value)
    }

    fn told(totals: &mut Totals, series: &str) -> Option<f64> {
        value(&totals.text(&Figures::new()), series)
    }

    #[test]
    fn only_changes_are_reported() {
        let mut changes = Changes::default();
        let figures = |b: f64| vec![("a".to_owned(), 0.0), ("b".to_owned(), b)];
        assert_eq!(changes.since_last(figures(1.0)), "a 0\nb 1\n");
        assert_eq!(changes.since_last(figures(1.0)), "");
        assert_eq!(changes.since_last(figures(0.5)), "b 0.5\n");
    }

    #[test]
    fn counts_are_summed_and_outlive_their_process() {
        let mut totals = Totals::default();
        for (process, lines) in [(1, "3"), (2, "4"), (1, "5")] {
            totals.add(process, &format!("{REQUESTS} {lines}\n"));
        }
        assert_eq!(told(&mut totals, REQUESTS), Some(9.0));
        totals.ended(1);
        assert_eq!(told(&mut totals, REQUESTS), Some(9.0));
        totals.add(2, &format!("{REQUESTS} 6\n"));
        totals.ended(2);
        totals.ended(3);
        assert_eq!(told(&mut totals, REQUESTS), Some(11.0));
        let own = vec![(REQUESTS.to_owned(), 1.0)];
        assert_eq!(value(&totals.text(&own), REQUESTS), Some(12.0));
    }

    #[test]
    fn gauges_end_with_their_process() {
        let mut totals = Totals::default();
        let up = "bailiwick_database_up";
        let in_flight = "bailiwick_http_requests_in_flight";
        totals.add(1, &format!("{up} 1\n{in_flight} 2\nprocess_open_fds 7\n"));
        totals.add(2, &format!("{up} 0\n{in_flight} 3\nprocess_open_fds 5\n"));
        assert_eq!(told(&mut totals, up), Some(0.0), "one that does not reach it is enough");
        assert_eq!(told(&mut totals, in_flight), Some(5.0));
        assert_eq!(told(&mut totals, "process_open_fds"), Some(7.0));
        totals.ended(2);
        assert_eq!(told(&mut totals, up), Some(1.0));
        assert_eq!(told(&mut totals, in_flight), Some(2.0));
        totals.ended(1);
        assert_eq!(told(&mut totals, in_flight), None);
    }

    #[test]
    fn sums_of_fractions_never_go_back() {
        let cpu = families::CPU.name;
        let mut totals = Totals::default();
        for process in 1..=6 {
            totals.add(process, &format!("{cpu} 0.{process}\n"));
        }
        let mut last = told(&mut totals, cpu).unwrap();
        for process in [4, 1, 6, 2, 5, 3] {
            totals.ended(process);
            let now = told(&mut totals, cpu).unwrap();
            assert!(now >= last, "{now} {last}");
            last = now;
        }
    }

    #[test]
    fn buckets_stand_in_the_order_of_their_bounds() {
        let name = families::SECONDS.name;
        let mut totals = Totals::default();
        for bound in ["+Inf", "10", "2.5", "0.0005"] {
            totals.add(1, &format!("{name}_bucket{{route=\"/\",le=\"{bound}\"}} 1\n"));
        }
        totals.add(1, &format!("{name}_sum{{route=\"/\"}} 0.25\nunknown 1\n"));
        assert_eq!(
            totals.text(&Figures::new()),
            format!(
                "# HELP {name} {}\n# TYPE {name} histogram\n\
                 {name}_bucket{{route=\"/\",le=\"0.0005\"}} 1\n\
                 {name}_bucket{{route=\"/\",le=\"2.5\"}} 1\n\
                 {name}_bucket{{route=\"/\",le=\"10\"}} 1\n\
                 {name}_bucket{{route=\"/\",le=\"+Inf\"}} 1\n\
                 {name}_sum{{route=\"/\"}} 0.25\n",
                families::SECONDS.help
            )
        );
    }
}
