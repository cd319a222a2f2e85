//! The ready server: `Server` without any routes of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    bailiwick::Server::new().run_from_args()
}
