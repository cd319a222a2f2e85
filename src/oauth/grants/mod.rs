//! The grants that can be redeemed for a token: one file each, one struct each.

mod password;

pub use password::PasswordGrant;
