//! The flag of a key.

/// How a key is set on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// As it is typed, for example `--workers`.
    pub long: &'static str,
    /// One letter for the same.
    pub short: Option<char>,
    /// Another name, without dashes.
    pub alias: Option<&'static str>,
    /// What its value is called in the help; absent: it has none and means `true`.
    pub value: Option<&'static str>,
    /// Whether it may be typed several times, for a list.
    pub is_repeated: bool,
    /// Where it is shown.
    pub place: FlagPlace,
}

/// Where a flag is shown in the helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagPlace {
    /// In those of all commands.
    Everywhere,
    /// In those of the commands about the whole configuration, before the others.
    First,
    /// In the same, under a heading of their own.
    Serving,
}

/// A flag with a value.
pub(super) const fn flag(long: &'static str, value: &'static str) -> Flag {
    Flag { value: Some(value), ..switch(long) }
}

/// A flag without one.
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
