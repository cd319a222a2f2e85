//! The command-line flag of a key.

/// How a key is set on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// As typed, for example `--workers`.
    pub long: &'static str,
    /// Its one-letter form.
    pub short: Option<char>,
    /// Another name, without dashes.
    pub alias: Option<&'static str>,
    /// The value's name in the help; absent: it takes none and means `true`.
    pub value: Option<&'static str>,
    /// Whether it may be repeated, for a list.
    pub is_repeated: bool,
    /// Where the help shows it.
    pub place: FlagPlace,
}

/// Where help texts show a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagPlace {
    /// In those of all commands.
    Everywhere,
    /// In those of commands about the whole configuration, before the others.
    First,
    /// In the same, under a separate heading.
    Serving,
}

/// A flag with a value.
pub(super) const fn flag(long: &'static str, value: &'static str) -> Flag {
    Flag { value: Some(value), ..switch(long) }
}

/// A flag without a value.
pub(super) const fn switch(long: &'static str) -> Flag {
    let place = FlagPlace::Serving;
    Flag { long, short: None, alias: None, value: None, is_repeated: false, place }
}

impl Flag {
    pub(super) const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }

    pub(super) const fn alias(self, name: &'static str) -> Self {
        Self { alias: Some(name), ..self }
    }

    pub(super) const fn repeated(self) -> Self {
        Self { is_repeated: true, ..self }
    }

    pub(super) const fn shown(self, place: FlagPlace) -> Self {
        Self { place, ..self }
    }
}
