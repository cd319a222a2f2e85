//! The shipped server: `Server` without additional routes.

use std::process::ExitCode;

fn main() -> ExitCode {
    bailiwick::Server::new().run_from_args()
}
