//! PostgreSQL: connected to, migrated, watched.

mod address;
mod driver;
mod import;
mod migrations;
mod pooler;
mod servers;
mod set_up;
mod signers;
mod silence;
#[cfg(test)]
mod tests;
mod transfer;
mod trouble;
mod turns;
mod unique;
mod users;
mod watch;

pub(super) use address::Address;
pub(super) use users::PostgresUsers;
