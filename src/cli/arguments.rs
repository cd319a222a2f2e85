//! What can be typed behind `bailiwick`.

use crate::cli::ctl::CtlCommand;
use crate::cli::db::DbCommand;
use crate::cli::users::UsersCommand;
use crate::settings;
use crate::settings::Layers;
use crate::settings::SettingsError;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
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
    /// Ask or command the server that runs with the same configuration.
    Ctl {
        #[command(subcommand)]
        command: CtlCommand,
    },
    /// Ask the server that runs with the same configuration whether it is healthy: exit code 0 or 1.
    Health {
        /// Also whether the database answers and requests should be sent here.
        #[arg(long)]
        ready: bool,
    },
    /// Copy, check, back up and restore databases.
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
    /// Listen at this name or address; with --port in the place of --bind. Default: 127.0.0.1.
    #[arg(long, value_name = "HOST", global = true)]
    pub(super) host: Option<String>,
    /// Listen at this port. Default: 8000.
    #[arg(long, value_name = "PORT", global = true, allow_negative_numbers = true)]
    pub(super) port: Option<String>,
    /// Worker processes, each with that many threads. Default: 1.
    #[arg(long, value_name = "N", global = true, allow_negative_numbers = true)]
    pub(super) processes: Option<String>,
    /// Read this TOML file over the defaults.
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Read variables like those of the environment from this file; the environment wins.
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) env_file: Option<PathBuf>,
    /// Create the users johndoe (password 1234) and alice (disabled). Not for production.
    #[arg(long, global = true)]
    pub(super) demo: bool,
    /// Least level that is logged: critical, error, warning, info, debug or trace.
    #[arg(long, value_name = "LEVEL", global = true)]
    pub(super) log_level: Option<String>,
    /// Read loggers, handlers, formatters and filters of the log from this file: TOML such as
    /// config/logging.toml, or what gunicorn and uvicorn take, in INI or JSON.
    #[arg(long, value_name = "FILE", global = true, alias = "log-config-json")]
    pub(super) log_config: Option<String>,
    #[command(flatten)]
    pub(super) serving: Serving,
}

/// The flags that gunicorn's and uvicorn's users know; `config/default.toml` explains each.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Serving (each is a key of [server])")]
pub(super) struct Serving {
    /// Connections that may wait to be accepted.
    #[arg(long, value_name = "N", global = true)]
    backlog: Option<String>,
    /// Connections served at once by each worker thread.
    #[arg(long, value_name = "N", global = true)]
    worker_connections: Option<String>,
    /// Seconds that an idle connection is kept.
    #[arg(long, value_name = "SECONDS", global = true)]
    keep_alive: Option<String>,
    /// Seconds that requests in flight may take when workers stop.
    #[arg(long, value_name = "SECONDS", global = true)]
    graceful_timeout: Option<String>,
    /// Seconds that a worker thread may stand still before its process is replaced.
    #[arg(short, long, value_name = "SECONDS", global = true)]
    timeout: Option<String>,
    /// Requests after which a process is replaced.
    #[arg(long, value_name = "N", global = true)]
    max_requests: Option<String>,
    /// At most so many more, at random.
    #[arg(long, value_name = "N", global = true)]
    max_requests_jitter: Option<String>,
    /// Requests in flight in a process above which 503 is answered.
    #[arg(long, value_name = "N", global = true)]
    limit_concurrency: Option<String>,
    /// The path prefix that a proxy in front strips.
    #[arg(long, value_name = "PATH", global = true)]
    root_path: Option<String>,
    /// Whose X-Forwarded-* headers are believed, separated by commas.
    #[arg(long, value_name = "PEERS", global = true)]
    forwarded_allow_ips: Option<String>,
    /// Keep the master's process id in this file.
    #[arg(short, long, value_name = "FILE", global = true)]
    pid: Option<String>,
    /// Permissions that new files do not get, in octal.
    #[arg(short = 'm', long, value_name = "OCTAL", global = true)]
    umask: Option<String>,
    /// Run the worker processes as this user.
    #[arg(short, long, value_name = "USER", global = true)]
    user: Option<String>,
    /// Run the worker processes as this group.
    #[arg(short, long, value_name = "GROUP", global = true)]
    group: Option<String>,
    /// For development: replace the workers when the configuration or the program has changed.
    #[arg(long, global = true)]
    reload: bool,
    /// With --reload: sources, a folder or file; may be repeated.
    #[arg(long, value_name = "PATH", global = true)]
    reload_dir: Vec<String>,
    /// With --reload: what builds the program when a source has changed.
    #[arg(long, value_name = "COMMAND", global = true)]
    reload_command: Option<String>,
}

/// Flags of every command that only those about the whole configuration show in their help.
const FOR_SERVING: [&str; 7] =
    ["workers", "bind", "host", "port", "processes", "demo", "log_config"];
const SERVING_COMMANDS: [&str; 3] = ["serve", "check-config", "print-config"];

impl Arguments {
    /// Reads what was typed, as [`Parser::try_parse_from`] does, with shorter helps.
    ///
    /// Those are made when something is to be printed: the flags of every command, once for each
    /// command, are half a MiB.
    pub(super) fn read(
        typed: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Self, clap::Error> {
        let typed: Vec<_> = typed.into_iter().collect();
        if let Ok(arguments) = Self::try_parse_from(&typed) {
            return Ok(arguments);
        }
        let mut command = Self::command();
        // From here on, the subcommands have the flags of every command.
        command.build();
        let command = command.mut_subcommands(|command| {
            if SERVING_COMMANDS.contains(&command.get_name()) { command } else { brief(command) }
        });
        Self::from_arg_matches_mut(&mut command.try_get_matches_from(typed)?)
    }
}

/// Hides the flags that concern the server alone.
fn brief(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|flag| {
        let serving = flag.get_help_heading().is_some_and(|it| it.starts_with("Serving"));
        let hidden = serving || FOR_SERVING.contains(&flag.get_id().as_str());
        match (hidden, flag.is_global_set()) {
            (true, _) => flag.hide(true),
            // Below the command's own.
            (false, true) => flag.display_order(100),
            (false, false) => flag,
        }
    });
    command.mut_subcommands(brief)
}

impl Options {
    /// The layers over the compiled default, with this process's environment.
    pub(super) fn layers(&self) -> Result<Layers, SettingsError> {
        let environment = settings::environment()?;
        Ok(Layers {
            file: self.config.clone(),
            env_file: self.env_file.clone(),
            environment,
            flags: self.flags(),
            ..Layers::default()
        })
    }

    fn flags(&self) -> Vec<(String, String)> {
        let list = |values: &[String]| (!values.is_empty()).then(|| values.join(","));
        let serving = &self.serving;
        [
            ("server.workers", self.workers.clone()),
            ("server.processes", self.processes.clone()),
            ("server.bind", list(&self.bind)),
            ("host", self.host.clone()),
            ("port", self.port.clone()),
            ("server.backlog", serving.backlog.clone()),
            ("server.worker_connections", serving.worker_connections.clone()),
            ("server.keepalive", serving.keep_alive.clone()),
            ("server.graceful_timeout", serving.graceful_timeout.clone()),
            ("server.timeout", serving.timeout.clone()),
            ("server.max_requests", serving.max_requests.clone()),
            ("server.max_requests_jitter", serving.max_requests_jitter.clone()),
            ("server.limit_concurrency", serving.limit_concurrency.clone()),
            ("server.root_path", serving.root_path.clone()),
            ("server.forwarded_allow_ips", serving.forwarded_allow_ips.clone()),
            ("server.pidfile", serving.pid.clone()),
            ("server.umask", serving.umask.clone()),
            ("server.user", serving.user.clone()),
            ("server.group", serving.group.clone()),
            ("server.reload", serving.reload.then(|| "true".to_owned())),
            ("server.reload_dirs", list(&serving.reload_dir)),
            ("server.reload_command", serving.reload_command.clone()),
            ("logging.level", self.log_level.clone()),
            ("logging.config", self.log_config.clone()),
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
        Arguments::command().debug_assert();
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
        // Hidden, and taken all the same.
        let typed = "bailiwick users list -w 3".split(' ').map(Into::into);
        assert_eq!(Arguments::read(typed).unwrap().options.flags().len(), 1);
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
