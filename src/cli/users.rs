//! Shim, replaced at the merge.

use crate::settings::Settings;
use clap::Subcommand;
use std::process::ExitCode;

/// Shows and changes users. A running server sees every change within a second.
#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Lists users in the order of their names.
    List,
}

/// Runs one command.
pub(super) fn run(command: UsersCommand, settings: &Settings) -> ExitCode {
    let _ = (command, settings);
    ExitCode::SUCCESS
}
