//! The shipped server: `Server` without additional routes.

use std::process::ExitCode;

fn main() -> ExitCode {
    bailiwick::Server::new("bailiwick")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Auth and application server: OAuth2 password flow, JWT, scopes and HTTP Basic")
        .license("MIT")
        .run_from_args()
}
