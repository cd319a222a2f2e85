//! `bailiwick completions SHELL` and `bailiwick man`.

use crate::cli::report::{CommandError, print};
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use std::fs;
use std::path::PathBuf;

/// Which pages.
#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Write a page for each command into this folder, instead of printing the first.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// Prints what a shell needs to complete the program's commands and flags.
pub(super) fn completions(shell: Shell, mut program: Command) -> Result<(), CommandError> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, name, &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Prints the man page, or writes all.
pub(super) fn man(arguments: ManArguments, mut program: Command) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| CommandError::Failed(error.to_string());
    let Some(folder) = arguments.to else {
        let mut page = Vec::new();
        Man::new(program).render(&mut page).map_err(failed)?;
        return print(&String::from_utf8_lossy(&page));
    };
    let named =
        |error: std::io::Error| CommandError::Failed(format!("{}: {error}", folder.display()));
    program.build();
    fs::create_dir_all(&folder).map_err(named)?;
    clap_mangen::generate_to(program, &folder).map_err(named)
}
