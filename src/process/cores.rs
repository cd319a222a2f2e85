//! Core dumps: a core holds every password and key in the process's memory.

use crate::logging::ERROR;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use std::io;

/// Forbids core dumps until the settings are known; call it before anything else.
///
/// The limit alone does not count where the kernel pipes cores to a program (core(5)); a process
/// that is not dumpable has none, and only root may attach a debugger to it.
pub fn forbid() {
    let maximum = getrlimit(Resource::Core).maximum;
    attempt(&limit(Rlimit { current: Some(0), maximum }));
    attempt(&dumpable(DumpableBehavior::NotDumpable));
}

/// Forbids them for good, in children too, or allows what the system allows (`server.core_dumps`).
pub fn settle(allowed: bool) {
    let maximum = getrlimit(Resource::Core).maximum;
    if allowed {
        attempt(&limit(Rlimit { current: maximum, maximum }));
        attempt(&dumpable(DumpableBehavior::Dumpable));
    } else {
        attempt(&limit(Rlimit { current: Some(0), maximum: Some(0) }));
        // Again: a reload may have changed it.
        attempt(&dumpable(DumpableBehavior::NotDumpable));
    }
}

fn limit(limit: Rlimit) -> io::Result<()> {
    Ok(setrlimit(Resource::Core, limit)?)
}

fn dumpable(behavior: DumpableBehavior) -> io::Result<()> {
    Ok(set_dumpable_behavior(behavior)?)
}

/// A system without this call is no reason not to serve.
fn attempt(result: &io::Result<()>) {
    if let Err(error) = result {
        log::warn!(target: ERROR, "core dumps: {error} (server.core_dumps)");
    }
}
