//! Commands of an application's own, beside the server's.

use crate::process::{Doing, Start, told};
use clap::{ArgMatches, Args, Command};
use futures_util::FutureExt as _;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

type Run = dyn Fn(&ArgMatches) -> Result<Box<dyn FnOnce(Start) -> Doing<()>>, clap::Error>;

/// A command.
#[derive(Clone)]
pub struct OwnCommand {
    /// Its name.
    pub(crate) name: &'static str,
    define: fn(Command) -> Command,
    run: Arc<Run>,
}

impl OwnCommand {
    pub(super) fn new<A, E>(
        name: &'static str,
        run: impl AsyncFn(A, Start) -> Result<(), E> + 'static,
    ) -> Self
    where
        A: Args + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let run = Arc::new(run);
        let run = move |matches: &ArgMatches| {
            let (arguments, run) = (A::from_arg_matches(matches)?, Arc::clone(&run));
            let run =
                move |start| async move { run(arguments, start).await.map_err(told) }.boxed_local();
            Ok(Box::new(run) as Box<dyn FnOnce(Start) -> Doing<()>>)
        };
        Self { name, define: A::augment_args, run: Arc::new(run) }
    }

    /// For the command line.
    pub(crate) fn definition(&self) -> Command {
        (self.define)(Command::new(self.name))
    }

    /// What it does with these arguments.
    pub(crate) fn with(
        &self,
        arguments: &ArgMatches,
    ) -> Result<impl FnOnce(Start) -> Doing<()> + use<>, clap::Error> {
        (self.run)(arguments)
    }
}

impl fmt::Debug for OwnCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnCommand").field("name", &self.name).finish_non_exhaustive()
    }
}
