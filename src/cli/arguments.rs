//! The command line of `bailiwick`.

use crate::cli::api_keys::ApiKeysCommand;
use crate::cli::audit::AuditCommand;
use crate::cli::clients::ClientsCommand;
use crate::cli::ctl::CtlCommand;
use crate::cli::db::DbCommand;
use crate::cli::key_flags::{self, KeyFlags};
use crate::cli::keys::KeysCommand;
use crate::cli::print_config::PrintForm;
use crate::cli::shell::ManArguments;
use crate::cli::users::UsersCommand;
use crate::domain::{Program, program};
use crate::settings::{self, Layers, SettingsErrors};
use clap::builder::styling::AnsiColor;
use clap::builder::{StyledStr, Styles};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Try it, with users johndoe and alice, at http://127.0.0.1:8000/docs:
    bailiwick --demo
  Listen in two places:
    bailiwick --bind 0.0.0.0:8000 --bind unix:/run/bailiwick.sock
  Check a configuration; show each value and where it came from:
    bailiwick --config production.toml check-config
    bailiwick --config production.toml print-config
  Every configuration key is also an environment variable:
    BAILIWICK__SERVER__WORKERS=4 bailiwick
  Add a user, even while the server runs:
    bailiwick users add jane

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration.";

/// The arguments of the program; [`program`] says what it is.
#[derive(Debug, Parser)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve (the default).
    Serve,
    /// Show and change users, even while the server runs.
    Users {
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// Print what the database keeps of the audit log (`audit.retain_days`), newest last.
    Audit(AuditCommand),
    /// Make, list and revoke API keys, even while the server runs.
    ApiKeys {
        #[command(subcommand)]
        command: ApiKeysCommand,
    },
    /// Register, change and delete clients of the authorization server, even while it runs.
    Clients {
        #[command(subcommand)]
        command: ClientsCommand,
    },
    /// Query or control the running server that has the same configuration.
    Ctl {
        #[command(subcommand)]
        command: CtlCommand,
    },
    /// Check the health of the running server that has the same configuration: exit code 0 or 1.
    Health {
        /// Also require that the database responds and requests may be sent here.
        #[arg(long)]
        ready: bool,
    },
    /// Show and change the keys that sign tokens, even while the server runs.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Copy, check, back up and restore databases.
    Db {
        #[command(subcommand)]
        command: DbCommand,
    },
    /// Check the configuration without starting anything.
    CheckConfig,
    /// Print each key's value and where it came from; secrets as `***`.
    PrintConfig {
        #[command(flatten)]
        form: PrintForm,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Print a script that completes commands and flags in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the man page.
    Man(ManArguments),
}

/// The flags of every command: those that set a key, and a few that do not.
///
/// Their values are texts; the settings read and check them like those of the other layers.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    keys: KeyFlags,
    /// Listen on this name or address; with --port, instead of --bind. Default: 127.0.0.1.
    #[arg(long, value_name = "HOST", global = true)]
    host: Option<String>,
    /// Listen on this port. Default: 8000.
    #[arg(long, value_name = "PORT", global = true, allow_negative_numbers = true)]
    port: Option<String>,
    /// Read settings from this TOML file.
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Read environment variables from this file; the real environment wins.
    #[arg(long, value_name = "FILE", global = true)]
    env_file: Option<PathBuf>,
    /// Create the users johndoe (password 1234) and alice (disabled). Where only this machine reaches the
    /// server, people and the client `demo` can sign in. Not for production.
    #[arg(long, global = true)]
    pub(super) demo: bool,
}

/// Flags of every command that only those about the whole configuration show in their help.
const FOR_SERVING: [&str; 3] = ["host", "port", "demo"];
const SERVING_COMMANDS: [&str; 3] = ["serve", "check-config", "print-config"];

impl Arguments {
    /// Reads the command line like [`Parser::try_parse_from`], with shorter helps.
    #[cfg(test)]
    pub(super) fn read(
        typed: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Self, clap::Error> {
        clap::FromArgMatches::from_arg_matches_mut(
            &mut Self::definition().try_get_matches_from(typed)?,
        )
    }

    /// The server's own commands, as those of this program.
    pub(super) fn definition() -> clap::Command {
        let program = program();
        let about = (!program.about.is_empty()).then_some(program.about);
        let command = in_own_words(Self::command(), program);
        let command = command.name(program.name).version(program.version).about(about);
        let styles = Styles::styled()
            .header(AnsiColor::Green.on_default().bold())
            .usage(AnsiColor::Green.on_default().bold())
            .literal(AnsiColor::Cyan.on_default().bold())
            .placeholder(AnsiColor::Cyan.on_default());
        let command =
            command.styles(styles).long_about(None).after_help(program.in_own_words(EXAMPLES));
        // Deferred until the command is known, which by then has the flags of every command.
        command.mut_subcommands(|command| match command.get_name() {
            name if SERVING_COMMANDS.contains(&name) => command,
            "audit" => command.defer(|command| brief(command.mut_arg("server.user", other_name))),
            _ => command.defer(brief),
        })
    }
}

/// The helps of a command, of its flags and of all below it, in the words of an application.
fn in_own_words(command: clap::Command, program: &Program) -> clap::Command {
    if program.name == "bailiwick" {
        return command;
    }
    let own = |text: &StyledStr| program.in_own_words(&text.to_string());
    let about = command.get_about().map(own).unwrap_or_default();
    let long = command.get_long_about().map(own);
    let command = match long {
        Some(long) => command.about(about).long_about(long),
        None => command.about(about),
    };
    let command = command.mut_args(|flag| {
        let (help, long) = (flag.get_help().map(own), flag.get_long_help().map(own));
        let flag = help.into_iter().fold(flag, clap::Arg::help);
        long.into_iter().fold(flag, clap::Arg::long_help)
    });
    command.mut_subcommands(|command| in_own_words(command, program))
}

/// `audit --user` is not the user that worker processes run as.
fn other_name(flag: clap::Arg) -> clap::Arg {
    flag.long("server-user").hide(true)
}

/// Hides the flags that concern the server alone.
pub(super) fn brief(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|flag| {
        let hidden =
            FOR_SERVING.contains(&flag.get_id().as_str()) || key_flags::is_for_serving(&flag);
        match (hidden, flag.is_global_set()) {
            (true, _) => flag.hide(true),
            // Below the command's own.
            (false, true) => flag.display_order(100),
            (false, false) => flag,
        }
    });
    command.mut_subcommands(|command| command.defer(brief))
}

impl Options {
    /// The layers over the compiled default, with this process's environment.
    pub(super) fn layers(self) -> Result<Layers, SettingsErrors> {
        let others = [("host", self.host), ("port", self.port)];
        let others = others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Layers {
            file: self.config,
            env_file: self.env_file,
            environment: settings::environment()?,
            flags: self.keys.0.into_iter().chain(others).collect(),
            demo: self.demo,
            ..Layers::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn parse(line: &str) -> Arguments {
        Arguments::read(line.split(' ').map(OsString::from)).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::definition().debug_assert();
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
            let flags = &arguments.options.keys.0;
            let flags: Vec<_> =
                flags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(
                flags,
                [
                    ("server.bind", "a:1,unix:/b"),
                    ("server.workers", "3"),
                    ("logging.level", "debug")
                ]
            );
        }
    }

    #[test]
    fn flags_that_are_not_given_set_nothing() {
        assert!(parse("bailiwick print-config --json").options.keys.0.is_empty());
    }

    #[test]
    fn the_help_of_a_command_has_what_concerns_it() {
        let help =
            |line: &str| Arguments::read(line.split(' ').map(Into::into)).unwrap_err().to_string();
        for line in ["bailiwick users --help", "bailiwick users add -h", "bailiwick ctl status -h"]
        {
            let help = help(line);
            assert!(help.contains("--config") && help.contains("--env-file"), "{line}");
            assert!(!help.contains("--workers") && !help.contains("--backlog"), "{line}");
        }
        for line in ["bailiwick --help", "bailiwick serve --help", "bailiwick print-config -h"] {
            assert!(help(line).contains("--workers") && help(line).contains("--backlog"), "{line}");
        }
        // Hidden, but accepted.
        assert_eq!(parse("bailiwick users list -w 3").options.keys.0.len(), 1);
    }

    #[test]
    fn help_has_examples_and_names_every_command() {
        let typed = ["bailiwick", "--help"].map(OsString::from);
        let help = Arguments::read(typed).unwrap_err().to_string();
        for part in [
            "Examples:",
            "serve",
            "users",
            "audit",
            "api-keys",
            "clients",
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
