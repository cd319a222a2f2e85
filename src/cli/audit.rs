//! `bailiwick audit`: what the database keeps of the audit log.

use crate::cli::report::{CommandError, note};
use crate::domain::{
    AuditEvent, AuditEvents, AuditKey, AuditQuery, Clock as _, SystemClock, Username,
};
use crate::logging::shown_value;
use crate::services::Store;
use crate::settings::{Settings, read_duration};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::{self, BufWriter, Write};

/// Events read at once.
const PAGE: u32 = 1_000;

/// `audit`
#[derive(Debug, Args)]
pub(super) struct AuditCommand {
    /// Only what this user did, tried, or had done to it.
    #[arg(long, value_name = "NAME")]
    user: Option<Username>,
    /// Only what happened since: so long ago (`30m`, `1h`, `7d`), or a day or time (`2026-01-31`,
    /// `2026-01-31T08:00:00Z`).
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
    /// A table, or a JSON object on each line.
    #[arg(long, value_enum, default_value_t = AuditFormat::Table)]
    format: AuditFormat,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuditFormat {
    Table,
    Json,
}

/// When to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// So many seconds ago.
    Ago(i64),
    /// Microseconds since 1970.
    Time(i64),
}

impl Since {
    /// In microseconds since 1970.
    fn begins(self, now: i64) -> i64 {
        match self {
            Self::Ago(seconds) => now.saturating_sub(seconds.saturating_mul(1_000_000)),
            Self::Time(time) => time,
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Some(seconds) = read_duration(text) {
        return Ok(Since::Ago(seconds));
    }
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let day = text.parse::<jiff::civil::Date>().ok()?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    time.map(|time| Since::Time(time.as_microsecond())).ok_or_else(|| {
        "expected a duration such as `1h` or `7d`, a day such as `2026-01-31`, or a time such as \
         `2026-01-31T08:00:00Z`"
            .to_owned()
    })
}

/// Runs the command.
pub(super) fn run(command: &AuditCommand, settings: &Settings) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    runtime.block_on(async {
        let store = Store::open_existing(settings).await;
        let store = store.map_err(|error| CommandError::Failed(error.to_string()))?;
        if settings.audit.retain_days == 0 {
            note("audit.retain_days is 0: new events are in the log only, not in the database");
        }
        let mut out = BufWriter::new(io::stdout().lock());
        print(command, &*store.audit_events, &mut out).await
    })
}

/// Page by page, so that a million events need no more memory than a thousand.
async fn print(
    command: &AuditCommand,
    events: &dyn AuditEvents,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let begins = command.since.map(|since| since.begins(SystemClock.microseconds()));
    let after = begins.map(AuditKey::before).unwrap_or_default();
    let mut query = AuditQuery { after, user: command.user.clone(), limit: PAGE };
    let mut table = Table::default();
    loop {
        let page = events.page(&query).await;
        let page = page.map_err(|error| CommandError::Failed(error.to_string()))?;
        let written = match command.format {
            AuditFormat::Table => table.write(out, &page),
            AuditFormat::Json => page.iter().try_for_each(|event| json(out, event)),
        };
        let is_last = page.len() < PAGE as usize;
        match written.and_then(|()| if is_last { out.flush() } else { Ok(()) }) {
            Ok(()) => {}
            // `bailiwick audit | head` is not a failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(CommandError::Failed(format!("standard output: {error}"))),
        }
        match page.last() {
            Some(last) if !is_last => query.after = last.key,
            _ => return Ok(()),
        }
    }
}

/// The event with its time, in the words of the log.
fn json(out: &mut dyn Write, event: &AuditEvent) -> io::Result<()> {
    struct Line<'a>(&'a AuditEvent);

    impl Serialize for Line<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let time = self.0.key.time();
            serializer
                .collect_map([("time", time.as_str())].into_iter().chain(self.0.fields.iter()))
        }
    }

    serde_json::to_writer(&mut *out, &Line(event))?;
    writeln!(out)
}

const HEAD: [&str; 6] = ["TIME", "WHAT", "OUTCOME", "WHO", "WHOM", "ADDRESS"];

/// A table that is written in parts; its columns only ever get wider.
#[derive(Default)]
struct Table {
    has_head: bool,
    widths: [usize; HEAD.len()],
}

impl Table {
    fn write(&mut self, out: &mut dyn Write, events: &[AuditEvent]) -> io::Result<()> {
        let mut rows = Vec::with_capacity(events.len() + 1);
        if !self.has_head {
            self.has_head = true;
            rows.push((HEAD.map(str::to_owned), "MORE".to_owned()));
        }
        rows.extend(events.iter().map(row));
        for (cells, _) in &rows {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (cells, more) in &rows {
            for (width, cell) in self.widths.iter().zip(cells) {
                write!(out, "{cell:width$}  ")?;
            }
            writeln!(out, "{more}")?;
        }
        Ok(())
    }
}

/// The widest cell: a client that chose a longer name must not make the table unreadable.
const WIDEST: usize = 40;

fn shortened(cell: String) -> String {
    match cell.char_indices().nth(WIDEST) {
        None => cell,
        Some(_) => cell.chars().take(WIDEST - 1).chain(['…']).collect(),
    }
}

/// The columns, and all other fields. What clients chose is quoted as in the log.
fn row(event: &AuditEvent) -> ([String; HEAD.len()], String) {
    let cell = |name| {
        event
            .fields
            .get(name)
            .map_or_else(|| "-".to_owned(), |value| shortened(shown_value(value).to_string()))
    };
    let [what, outcome, who, whom, address] = ["what", "outcome", "who", "whom", "address"];
    let shown = [what, outcome, who, whom, address];
    let more = event.fields.iter().filter(|(name, _)| !shown.contains(name));
    let more: Vec<_> = more.map(|(name, value)| format!("{name}={}", shown_value(value))).collect();
    let more = if more.is_empty() { "-".to_owned() } else { more.join(" ") };
    let time = event.key.time();
    ([time, cell(what), cell(outcome), cell(who), cell(whom), cell(address)], more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_duration_a_day_or_a_time() {
        for (text, expected) in [
            ("1h", Some(Since::Ago(3_600))),
            ("90d", Some(Since::Ago(7_776_000))),
            ("30", Some(Since::Ago(30))),
            ("1970-01-02", Some(Since::Time(86_400_000_000))),
            ("1970-01-01T01:00:00+01:00", Some(Since::Time(0))),
            ("1970-01-01T00:00:01.5Z", Some(Since::Time(1_500_000))),
            ("yesterday", None),
            ("-1h", None),
            ("1.5h", None),
            ("", None),
        ] {
            assert_eq!(since(text).ok(), expected, "{text}");
        }
        assert_eq!(Since::Ago(2).begins(5_000_000), 3_000_000);
        assert_eq!(Since::Ago(i64::MAX).begins(0), -i64::MAX);
    }
}
