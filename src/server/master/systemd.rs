//! What systemd is told: ready, reloading, stopping, alive (`sd_notify(3)`). Nothing without it.

use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// Tells systemd; a failure is of no use to anybody.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!(target: crate::logging::ERROR, "systemd cannot be told: {error}");
    }
}

pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// `Type=notify-reload` wants the time along.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process is the service from now on.
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
