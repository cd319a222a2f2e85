//! The grants: one file each, one struct each.

mod password;

pub use password::PasswordGrant;
