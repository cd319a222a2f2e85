//! What can be typed behind `bailiwick`.

use crate::cli::db::DbCommand;
use crate::cli::users::UsersCommand;
use crate::settings;
use crate::settings::Layers;
use crate::settings::SettingsError;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Try it, with users johndoe and alice, at http://127.0.0.1:8000/docs:
    bailiwick --demo
  Listen in two places:
    bailiwick --bind 0.0.0.0:8000 --bind unix:/run/bailiwick.sock
  Is this file right? What is in force, and where did it come from?
    bailiwick --config production.toml check-config
    bailiwick --config production.toml print-config
  Every key of the configuration is a variable, too:
    BAILIWICK__SERVER__WORKERS=4 bailiwick
  Add a user, also while the server runs:
    bailiwick users add jane

Exit codes: 0 done; 1 failed; 2 wrong use or configuration.";

/// Auth and application server: OAuth2 password flow, JWT, scopes and HTTP Basic.
#[derive(Debug, Parser)]
#[command(name = "bailiwick", version, after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve; what is done without a command.
    Serve,
    /// Show and change users, also while the server runs.
    Users {
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// Copy, check and back up databases, also while the server runs.
    Db {
        #[command(subcommand)]
        command: DbCommand,
    },
    /// Check the configuration, start nothing.
    CheckConfig,
    /// Print each key's value and where it came from; secrets as `***`.
    PrintConfig {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
}

/// The flags of every command: settings that are often changed, and `--demo`.
///
/// Their values are texts; the settings read and check them like those of the other layers.
#[derive(Debug, Default, Args)]
pub(super) struct Options {
    /// Worker threads. Default: one for each core that this process may use (CPU affinity and
    /// cgroup quota). gunicorn's 2 * cores + 1 is for workers that block; these never do.
    #[arg(short, long, value_name = "N", global = true, allow_negative_numbers = true)]
    pub(super) workers: Option<String>,
    /// Listen here: HOST:PORT, [IPv6]:PORT or unix:PATH; may be repeated. Default: 127.0.0.1:8000.
    #[arg(short, long, value_name = "ADDR", global = true)]
    pub(super) bind: Vec<String>,
    /// Read this TOML file over the defaults.
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Create the users johndoe (password 1234) and alice (disabled). Not for production.
    #[arg(long, global = true)]
    pub(super) demo: bool,
    /// Least level that is logged: critical, error, warning, info, debug or trace.
    #[arg(long, value_name = "LEVEL", global = true)]
    pub(super) log_level: Option<String>,
}

impl Options {
    /// The layers over the compiled default, with this process's environment.
    pub(super) fn layers(&self) -> Result<Layers, SettingsError> {
        let environment = settings::environment()?;
        Ok(Layers { file: self.config.clone(), environment, flags: self.flags() })
    }

    fn flags(&self) -> Vec<(String, String)> {
        let bind = (!self.bind.is_empty()).then(|| self.bind.join(","));
        [
            ("server.workers", self.workers.clone()),
            ("server.bind", bind),
            ("logging.level", self.log_level.clone()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn no_command_is_serve_and_flags_stand_on_both_sides() {
        let without =
            parse("bailiwick -w 3 -b a:1 --bind unix:/b -c f.toml --demo --log-level debug");
        let after = parse(
            "bailiwick serve --workers 3 -b a:1 -b unix:/b --config f.toml --demo --log-level debug",
        );
        let before =
            parse("bailiwick -w 3 -b a:1 -b unix:/b -c f.toml --demo --log-level debug serve");
        assert!(without.command.is_none());
        for arguments in [without, after, before] {
            assert!(matches!(arguments.command, None | Some(Command::Serve)));
            assert!(arguments.options.demo);
            assert_eq!(arguments.options.config, Some("f.toml".into()));
            let flags = arguments.options.flags();
            let flags: Vec<_> =
                flags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(
                flags,
                [
                    ("server.workers", "3"),
                    ("server.bind", "a:1,unix:/b"),
                    ("logging.level", "debug")
                ]
            );
        }
    }

    #[test]
    fn flags_that_are_not_given_set_nothing() {
        assert!(parse("bailiwick print-config --json").options.flags().is_empty());
    }

    #[test]
    fn help_has_examples_and_names_every_command() {
        let help = Arguments::try_parse_from(["bailiwick", "--help"]).unwrap_err().to_string();
        for part in [
            "Examples:",
            "serve",
            "users",
            "db",
            "check-config",
            "print-config",
            "openapi",
            "--demo",
            "2 * cores + 1",
        ] {
            assert!(help.contains(part), "{part}");
        }
    }
}
