//! Who runs a command.

use nix::unistd::{Uid, User};

/// The system user who runs this process. Behind root, whoever has become root by sudo or doas.
#[must_use]
pub fn operator() -> String {
    let uid = Uid::current();
    let before = || ["SUDO_USER", "DOAS_USER"].iter().find_map(|name| std::env::var(name).ok());
    if let Some(name) = before().filter(|name| uid.is_root() && !name.is_empty()) {
        return name;
    }
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}
