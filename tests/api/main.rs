//! The real binary, asked from outside.

mod example_server;
mod examples;
mod harness;
mod schemes;
