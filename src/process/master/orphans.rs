//! As process 1, the master becomes the parent of every orphan, and reaps those that have ended.

use nix::sys::prctl::get_child_subreaper;
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The children awaited here, and the others.
#[derive(Clone, Debug)]
pub(super) struct Children {
    awaited: Rc<RefCell<BTreeSet<i32>>>,
    /// Whether this process adopts other processes' orphans.
    adopts: bool,
}

/// A child that is awaited while this value lives.
#[derive(Debug)]
pub(super) struct Awaited {
    children: Children,
    pid: Option<i32>,
}

impl Children {
    pub(super) fn new() -> Self {
        let adopts = std::process::id() == 1 || get_child_subreaper().unwrap_or(false);
        Self { awaited: Rc::default(), adopts }
    }

    /// Call this before anything else can run after the child's start.
    pub(super) fn wait_for(&self, pid: Option<u32>) -> Awaited {
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        self.awaited.borrow_mut().extend(pid);
        Awaited { children: self.clone(), pid }
    }

    /// Reaps every other child that has ended. An awaited one hides those behind it until its end
    /// has been noticed.
    pub(super) fn reap_orphans(&self) {
        if !self.adopts {
            return;
        }
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while let Ok(status) = waitid(Id::All, peek)
            && let Some(pid) = status.pid()
            && !self.awaited.borrow().contains(&pid.as_raw())
        {
            log::debug!(target: crate::logging::ERROR, "Reaped process {pid}");
            if waitpid(Pid::from_raw(pid.as_raw()), Some(WaitPidFlag::WNOHANG)).is_err() {
                return;
            }
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            self.children.awaited.borrow_mut().remove(&pid);
        }
    }
}
