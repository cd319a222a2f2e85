//! `bailiwick db`: whole databases are copied, checked and backed up, also while the server runs.

use crate::cli::arguments::Options;
use crate::cli::report::{Failure, print};
use crate::services::MaintenanceError;
use crate::services::back_up;
use crate::services::check;
use crate::services::copy;
use crate::settings::DatabaseUrl;
use crate::settings::Settings;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::PathBuf;

/// Copies, checks and backs up databases.
#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Copies all users into an empty database: all, or on any error none.
    ///
    /// The password for PostgreSQL comes from `database.password_file`, the variable PGPASSWORD,
    /// or ~/.pgpass: one in a URL here can be seen by everybody on this machine.
    Copy {
        /// From here: sqlite:PATH or postgres://USER@HOST:PORT/NAME.
        #[arg(long, value_name = "URL")]
        from: String,
        /// To here.
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// Reads everything in the configured database and tells what is wrong.
    Check,
    /// Writes a consistent copy of the configured SQLite database to a new file.
    Backup {
        /// The file; it must not be there yet.
        file: PathBuf,
    },
}

/// Runs one command.
pub(super) fn run(
    command: DbCommand,
    options: &Options,
    settings: &Settings,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(error.to_string()))?;
    let line = runtime.block_on(async {
        match command {
            DbCommand::Copy { from, to } => {
                let (from, to) = (at(options, "--from", from)?, at(options, "--to", to)?);
                let bar = bar();
                let progress = |done, total| {
                    bar.set_length(total);
                    bar.set_position(done);
                };
                let done = copy(&from, &to, progress).await;
                bar.finish_and_clear();
                let done = done?;
                Ok(format!("{} users copied, checksum {:016x}", done.users, done.checksum))
            }
            DbCommand::Check => {
                let sound = check(settings).await?;
                Ok(format!("{} users, checksum {:016x}: sound", sound.users, sound.checksum))
            }
            DbCommand::Backup { file } => {
                back_up(settings, &file).await?;
                Ok(format!("{}: written", file.display()))
            }
        }
    });
    line.and_then(|line: String| print(&format!("{line}\n")))
}

/// The settings with another database.
fn at(options: &Options, flag: &str, url: String) -> Result<Settings, Failure> {
    DatabaseUrl::parse(&url)
        .map_err(|problem| Failure::Use(format!("flag {flag}: expected {problem}")))?;
    let mut layers = options.layers()?;
    layers.flags.push(("database.url".to_owned(), url));
    Ok(layers.load()?.settings)
}

/// A bar on standard error, for whoever looks on: nothing unless that is a terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} users, {eta} left");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl From<MaintenanceError> for Failure {
    fn from(error: MaintenanceError) -> Self {
        match error {
            MaintenanceError::UsePgDump => Self::Use(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
