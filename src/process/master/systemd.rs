//! Notifies systemd: ready, reloading, stopping, alive (`sd_notify(3)`). Does nothing without it.

use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// Longest status in characters: systemd takes no message above 4,096 bytes.
const LONGEST: usize = 900;

/// Notifies systemd; a failure changes nothing.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!(target: crate::logging::ERROR, "systemd cannot be notified: {error}");
    }
}

/// Makes the status one line: content of a file must not command systemd.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines.join("; ");
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// `Type=notify-reload` requires the time.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process is the main one from now on.
pub(super) fn main_process(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

/// systemd's watchdog, fed at half its time.
#[derive(Debug)]
pub(super) struct Watchdog {
    pause: Option<Duration>,
    next: Instant,
}

impl Watchdog {
    pub(super) fn new() -> Self {
        let pause = sd_notify::watchdog_enabled().map(|limit| limit / 2);
        Self { pause, next: Instant::now() }
    }

    pub(super) fn feed(&mut self, now: Instant) {
        if let Some(pause) = self.pause.filter(|_| now >= self.next) {
            self.next = now + pause;
            tell(&[NotifyState::Watchdog]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line_and_not_too_long() {
        assert_eq!(
            one_line("serving; wrong:\n  a\r\n\nMAINPID=1\n"),
            "serving; wrong:; a; MAINPID=1"
        );
        assert_eq!(one_line("a\u{b}b\rc"), "abc");
        assert_eq!(one_line(&"é".repeat(5000)).len(), 2 * LONGEST);
    }
}
