//! The grants: one file each, one struct each.

mod client_credentials;
mod password;

pub use client_credentials::ClientCredentialsGrant;
pub use password::PasswordGrant;
