//! The real binary, asked from outside.

mod authorization;
mod documents;
mod harness;
mod people;
mod profiles;
mod signer;
mod tokens;
mod users;
