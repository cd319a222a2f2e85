//! What `bailiwick ctl status` shows.

use crate::domain::program;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The master and its worker processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The master's process id.
    pub pid: u32,
    /// Rises with each replacement of all workers.
    pub generation: u64,
    /// Seconds since the master has started.
    pub uptime: u64,
    /// Whether the database responds to every worker process that reported; `None` if none did.
    pub database_answers: Option<bool>,
    /// The fingerprint of the secret that signs tokens: one, unless it is being changed.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Those of other servers on the same database, which refuse this one's tokens.
    #[serde(default)]
    pub other_secrets: Vec<String>,
    /// The process ids of the serving workers that have not reported in time.
    #[serde(default)]
    pub silent: Vec<u32>,
    /// The addresses it listens on.
    pub listening: Vec<String>,
    /// Its worker processes.
    pub processes: Vec<ProcessStatus>,
    /// The last replacement of a single process; `None` before the first.
    pub last_restart: Option<Restart>,
}

/// One worker process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its process id.
    pub pid: u32,
    /// The generation that it belongs to.
    pub generation: u64,
    /// `starting`, `serving`, `draining` or `stopping`.
    pub state: String,
    /// Its worker threads.
    pub threads: usize,
    /// Seconds since its start.
    pub uptime: u64,
    /// Open connections.
    pub connections: usize,
    /// Requests in flight.
    pub in_flight: usize,
    /// Requests since its start.
    pub requests: u64,
    /// Resident memory in KiB.
    pub memory_kib: u64,
}

/// Why a process was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// What happened.
    pub reason: String,
    /// How many seconds ago.
    pub seconds_ago: u64,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}, process {}, up {} s", program(), self.version, self.pid, self.uptime)?;
        writeln!(f, "Listening at: {}", self.listening.join(" "))?;
        let database = match self.database_answers {
            Some(true) => "answers",
            Some(false) => "does not answer",
            None if self.silent.is_empty() => "unknown, as no worker process serves",
            None => "unknown, as no worker process answers",
        };
        writeln!(f, "Database: {database}")?;
        if !self.silent.is_empty() {
            writeln!(f, "No answer from: {}", processes(&self.silent))?;
        }
        if !self.secrets.is_empty() {
            write!(f, "Signing secret: fingerprint {}", self.secrets.join(" and "))?;
            if !self.other_secrets.is_empty() {
                write!(f, "; others on this database have {}", self.other_secrets.join(", "))?;
            }
            writeln!(f)?;
        }
        match &self.last_restart {
            Some(restart) => {
                writeln!(f, "Last restart: {} s ago, {}", restart.seconds_ago, restart.reason)?;
            }
            None => writeln!(f, "Last restart: none")?,
        }
        let head =
            ["PID", "GEN", "STATE", "THREADS", "UP", "CONNS", "FLIGHT", "REQUESTS", "MEMORY"];
        row(f, &head)?;
        for process in &self.processes {
            row(
                f,
                &[
                    &process.pid.to_string(),
                    &process.generation.to_string(),
                    &process.state,
                    &process.threads.to_string(),
                    &format!("{} s", process.uptime),
                    &process.connections.to_string(),
                    &process.in_flight.to_string(),
                    &process.requests.to_string(),
                    &format!("{} MiB", process.memory_kib / 1024),
                ],
            )?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, cells: &[&str; 9]) -> fmt::Result {
    let [pid, generation, state, rest @ ..] = cells;
    write!(f, "{pid:>8} {generation:>4} {state:<9}")?;
    for cell in rest {
        write!(f, " {cell:>8}")?;
    }
    writeln!(f)
}

/// Names worker processes by their ids.
pub(super) fn processes(pids: &[u32]) -> String {
    let word = if pids.len() == 1 { "worker process" } else { "worker processes" };
    let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
    format!("{word} {}", pids.join(", "))
}
