//! The server's processes: master and worker processes, listeners, drain, the control socket.

mod alone;
mod channel;
pub mod cores;
mod lateness;
mod life;
mod limited;
mod listener;
mod master;
mod newcomers;
mod operator;
mod root_files;
mod worker;

pub use alone::Alone;
pub use life::{Doing, Life, Start, told};
pub use listener::find_hosts;
pub use master::{
    Program, Request, Response, Threads, ask, hold_files, run, start_audit_log, start_log,
    take_name,
};
pub use newcomers::Host;
pub use operator::operator;
pub use worker::Worker;

use crate::http::middleware::check_cors;
use crate::http::{ServeError, check_pages};
use crate::logging;
use crate::security::TrustedProxies;
use crate::services::scope_table;
use crate::settings::Settings;

/// Everything that is wrong with the settings of server and log; starts nothing.
#[must_use]
pub fn faults(settings: &Settings) -> Vec<ServeError> {
    let checks = [
        logging::check(&settings.logging).map_err(ServeError::from),
        TrustedProxies::new(&settings.server.forwarded_allow_ips).map(drop).map_err(Into::into),
        scope_table(settings).map(drop).map_err(ServeError::Services),
        check_cors(&settings.cors),
        check_pages(settings),
    ];
    checks.into_iter().filter_map(Result::err).chain(master::faults(settings)).collect()
}

/// Returns the first of those as an error.
pub fn check(settings: &Settings) -> Result<(), ServeError> {
    faults(settings).into_iter().next().map_or(Ok(()), Err)
}

#[cfg(test)]
pub(crate) mod tests;
