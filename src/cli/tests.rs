//! Whole command lines that must be refused; what they print is tested on the real binary.

use super::*;

#[test]
fn wrong_use_and_wrong_configuration_are_told_apart_from_failures() {
    for arguments in [
        &["--nonsense"][..],
        &["nonsense"],
        &["users"],
        &["--workers", "0"],
        &["--workers", "-1"],
        &["--workers", "many", "check-config"],
        &["--bind", "nowhere", "print-config"],
        &["--log-level", "loud", "users", "list"],
        &["--config", "/nonexistent.toml", "openapi"],
    ] {
        let arguments = ["bailiwick"].iter().chain(arguments).map(OsString::from);
        let failure = Server::new().run(arguments).unwrap_err();
        assert!(matches!(failure, CommandError::Use(_) | CommandError::Settings(_)), "{failure:?}");
    }
}
