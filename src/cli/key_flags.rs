//! The flags that set keys; [`settings::flags`] lists them.

use crate::settings::{self, FlagPlace, KeyFlag};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// The flags given: keys with their values.
#[derive(Debug)]
pub(super) struct KeyFlags(pub(super) Vec<(String, String)>);

const SERVING: &str = "Serving (each is a key of the configuration)";

impl Args for KeyFlags {
    fn augment_args(command: Command) -> Command {
        command.args(settings::flags().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for KeyFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(settings::flags().filter_map(|flag| typed(&flag, matches)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn arg(KeyFlag { key, flag, help, is_number }: KeyFlag) -> Arg {
    let action = match (flag.value, flag.is_repeated) {
        (None, _) => ArgAction::SetTrue,
        (Some(_), true) => ArgAction::Append,
        (Some(_), false) => ArgAction::Set,
    };
    let arg = Arg::new(key).long(flag.long.trim_start_matches('-')).short(flag.short);
    let arg = arg.help(help).action(action).global(true).allow_negative_numbers(is_number);
    let arg = flag.value.into_iter().fold(arg, Arg::value_name);
    let arg = flag.alias.into_iter().fold(arg, Arg::alias);
    match flag.place {
        FlagPlace::Serving => arg.help_heading(SERVING),
        FlagPlace::First | FlagPlace::Everywhere => arg,
    }
}

fn typed(KeyFlag { key, flag, .. }: &KeyFlag, matches: &ArgMatches) -> Option<(String, String)> {
    let value = if flag.value.is_none() {
        matches.get_flag(key).then(|| "true".to_owned())?
    } else {
        let values = matches.get_many::<String>(key)?.map(String::as_str);
        values.collect::<Vec<_>>().join(",")
    };
    Some(((*key).to_owned(), value))
}

/// Whether the flag concerns the server alone.
pub(super) fn is_for_serving(arg: &Arg) -> bool {
    let of_key = settings::flags().find(|flag| flag.key == arg.get_id().as_str());
    of_key.is_some_and(|flag| flag.flag.place != FlagPlace::Everywhere)
}
