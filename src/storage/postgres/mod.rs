//! PostgreSQL: connecting, migrating, watching.

mod address;
mod driver;
mod migrations;
mod pooler;
mod servers;
mod set_up;
mod silence;
#[cfg(test)]
mod tests;
mod trouble;
mod turns;
mod watch;

pub(super) use address::Address;
pub(super) use driver::{Driver, Session};
pub(super) use set_up::{apart, set_up};
