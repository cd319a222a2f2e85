//! The process that started the master: does it take the master's end for the server's end?

use crate::process::channel::SUCCESSOR;
use crate::settings::Upgrade;
use rustix::process::{Pid, getppid};
use std::fs;

/// Shells and reapers of orphans: they leave the processes they started alone.
const BYSTANDERS: [&str; 14] = [
    "ash", "bash", "csh", "dash", "fish", "ksh", "mksh", "sh", "su", "sudo", "tcsh", "zsh", "init",
    "systemd",
];

/// Those that adopt the orphans of a whole machine as process 1.
const INIT: [&str; 2] = ["init", "systemd"];

/// What is known about this process and its parent.
#[derive(Clone, Debug, Default)]
struct Position {
    pid: u32,
    /// Whether systemd learns which process is the service.
    notifies: bool,
    /// The process that systemd started as the service's main one.
    systemds: Option<String>,
    /// The master that started this one.
    predecessor: Option<String>,
    /// The parent's id and name; `None` if it is not visible.
    parent: Option<(i32, String)>,
}

/// Why this process must not be replaced by another; `None` if it may.
pub(super) fn forbids_upgrade(policy: Upgrade) -> Option<String> {
    let variable = |name| std::env::var(name).ok();
    let parent = getppid().map(Pid::as_raw_nonzero).map(i32::from);
    refusal(
        policy,
        &Position {
            pid: std::process::id(),
            notifies: variable("NOTIFY_SOCKET").is_some(),
            systemds: variable("SYSTEMD_EXEC_PID"),
            predecessor: variable(SUCCESSOR),
            parent: parent.and_then(|pid| {
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
                Some((pid, name.trim_end().to_owned()))
            }),
        },
    )
}

fn refusal(policy: Upgrade, position: &Position) -> Option<String> {
    const ADVICE: &str =
        "restart the server instead, or set server.upgrade to \"always\" if it survives that";
    if position.pid == 1 {
        return Some("process 1 cannot be replaced: the container ends with it".to_owned());
    }
    match policy {
        Upgrade::Always => return None,
        Upgrade::Never => return Some("server.upgrade is \"never\"".to_owned()),
        Upgrade::Auto => {}
    }
    if position.notifies {
        return None;
    }
    if position.systemds.as_deref() == Some(&position.pid.to_string()) {
        return Some(format!(
            "systemd would end another main process, as the unit is not Type=notify; {ADVICE}"
        ));
    }
    let Some((pid, name)) = &position.parent else {
        return Some(format!("this process's parent cannot be identified; {ADVICE}"));
    };
    let known = if *pid == 1 { &INIT[..] } else { &BYSTANDERS[..] };
    let harmless =
        known.contains(&name.as_str()) || position.predecessor.as_deref() == Some(&pid.to_string());
    (!harmless).then(|| {
        let name = name.escape_debug();
        format!(
            "`{name}` (process {pid}) may take the end of this process for the end of the \
             server; {ADVICE}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(pid: i32, name: &str) -> Position {
        Position { pid: 20, parent: Some((pid, name.to_owned())), ..Position::default() }
    }

    fn is_refused(policy: Upgrade, position: &Position) -> bool {
        refusal(policy, position).is_some()
    }

    #[test]
    fn only_bystanders_let_a_process_be_replaced() {
        for (pid, name) in [(7, "bash"), (7, "sh"), (1, "systemd"), (7, "systemd"), (1, "init")] {
            assert!(!is_refused(Upgrade::Auto, &below(pid, name)), "{name} {pid}");
        }
        for (pid, name) in [
            (7, "supervisord"),
            (7, "circusd"),
            (7, "runsv"),
            (7, "s6-supervise"),
            (7, "python3"),
            // If the shell is process 1, its end is the container's.
            (1, "sh"),
            (1, "tini"),
            (1, "docker-init"),
        ] {
            let line = refusal(Upgrade::Auto, &below(pid, name)).unwrap_or_default();
            assert!(line.contains(&format!("`{name}` (process {pid})")), "{name} {pid}: {line}");
            assert!(!is_refused(Upgrade::Always, &below(pid, name)), "{name} {pid}");
        }
        assert!(is_refused(Upgrade::Auto, &Position { parent: None, ..below(1, "") }));
        assert!(is_refused(Upgrade::Never, &below(7, "bash")));
    }

    #[test]
    fn process_1_is_never_replaced() {
        for policy in [Upgrade::Auto, Upgrade::Always, Upgrade::Never] {
            assert!(is_refused(policy, &Position { pid: 1, notifies: true, ..below(0, "bash") }));
        }
    }

    #[test]
    fn systemd_must_be_told() {
        let service = Position { systemds: Some("20".to_owned()), ..below(1, "systemd") };
        assert!(is_refused(Upgrade::Auto, &service));
        assert!(!is_refused(Upgrade::Auto, &Position { notifies: true, ..service.clone() }));
        // A shell in a service inherits the variable.
        let inherited = Position { systemds: Some("19".to_owned()), ..service };
        assert!(!is_refused(Upgrade::Auto, &inherited));
    }

    #[test]
    fn the_master_before_lets_its_successor_be_replaced() {
        let first = Position { predecessor: Some("7".to_owned()), ..below(7, "bailiwick") };
        assert!(!is_refused(Upgrade::Auto, &first));
        assert!(is_refused(Upgrade::Auto, &Position { predecessor: None, ..first }));
    }
}
