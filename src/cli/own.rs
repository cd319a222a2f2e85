//! Commands of the application's own.

use crate::cli::arguments::{Options, brief};
use crate::cli::load;
use crate::cli::report::CommandError;
use crate::process;
use crate::server::{Application, OwnCommand, Server};
use crate::settings::Layers;
use clap::{Arg, ArgMatches, Command};
use std::collections::HashSet;

/// The layers, with the application's own sections.
pub(super) fn layers(options: Options, application: &Application) -> Result<Layers, CommandError> {
    let layers = options.layers()?;
    Ok(Layers { own: application.sections.clone(), ..layers })
}

impl Server {
    /// Refuses an application that contradicts itself or the server.
    pub(super) fn check(&self, shipped: &Command) -> Result<(), CommandError> {
        let mut faults = self.application.faults.clone();
        let mut known: HashSet<_> = shipped.get_subcommands().map(Command::get_name).collect();
        known.insert("help");
        let globals: HashSet<_> =
            shipped.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        for command in &self.application.commands {
            let name = command.name;
            if !known.insert(name) {
                faults.push(format!(
                    "the command `{name}` is there already: give yours another name"
                ));
            }
            let definition = command.definition();
            for argument in definition.get_arguments().map(|arg| arg.get_id().as_str()) {
                if globals.contains(argument) {
                    faults.push(format!(
                        "the command `{name}`: `{argument}` is an argument of every command: give yours \
                         another name"
                    ));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(CommandError::Settings(faults)) }
    }
}

/// A command's definition. A flag of its own hides the server's of the same name, which is then called
/// `--server-NAME`.
pub(super) fn definition(command: &OwnCommand) -> Command {
    command.definition().defer(|command| {
        let own = command.get_arguments().filter(|arg| !arg.is_global_set());
        let (longs, shorts): (HashSet<_>, HashSet<_>) =
            own.map(|arg| (arg.get_long().map(str::to_owned), arg.get_short())).unzip();
        brief(command.mut_args(|arg| yielding(arg, &longs, &shorts)))
    })
}

fn yielding(arg: Arg, longs: &HashSet<Option<String>>, shorts: &HashSet<Option<char>>) -> Arg {
    if !arg.is_global_set() {
        return arg;
    }
    let long = arg.get_long().map(str::to_owned);
    let arg = match long {
        Some(long) if longs.contains(&Some(long.clone())) => {
            arg.long(format!("server-{long}")).hide(true)
        }
        _ => arg,
    };
    match arg.get_short() {
        Some(short) if shorts.contains(&Some(short)) => arg.short(None),
        _ => arg,
    }
}

/// Runs a command, with its settings and state.
pub(super) fn run(
    application: &Application,
    (command, arguments): (&OwnCommand, &ArgMatches),
    layers: Layers,
) -> Result<(), CommandError> {
    let run = command.with(arguments)?;
    let mut loaded = load(layers)?;
    process::hold_files(&mut loaded.settings)?;
    // Held to the end: dropping it writes the buffered lines.
    let _log = process::start_log(&loaded.settings)?;
    Ok(application.life.run_command(&loaded.own, run)?)
}
