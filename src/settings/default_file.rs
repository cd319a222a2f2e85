//! The text of `config/default.toml`, from the declarations.

use crate::settings::flag::Flag;
use crate::settings::key::{Key, Kind};
use crate::settings::{ClientSettings, ProviderSettings, Settings};
use config::ValueKind;

/// The longest line of a comment.
const WIDTH: usize = 100;

const HEAD: &str = "\
#:schema ./schema.json
# bailiwick's configuration: every key, with its default.
#
# It is compiled into the program; `bailiwick print-config --defaults` prints it. Give only what
# differs, in a file of your own (`bailiwick --config FILE`), in the environment, or as flags; later
# ones win.
# The variable of a key is BAILIWICK__SECTION__KEY in capitals, for example
# BAILIWICK__SERVER__WORKERS=4; commas separate the items of a list.
# `--env-file FILE` reads such variables from a file, one NAME=value per line; it wins over
# `--config`, and the environment wins over it.
# A key without a default is commented out here; an empty text means that it is absent.
# Where a number counts seconds, minutes, milliseconds, bytes or MiB, a text with a unit works too:
# \"500ms\", \"30s\", \"5m\", \"1h\", \"1d\"; \"64k\" or \"64KiB\" (1024 each), \"64kB\" (1000 each), likewise
# with M and G; also in flags and variables.
# Four variables of other servers are read as defaults, below every file: PORT (listen on
# 0.0.0.0:PORT, as gunicorn does), WEB_CONCURRENCY (server.workers), FORWARDED_ALLOW_IPS
# (server.forwarded_allow_ips) and RUST_LOG (logging.level, if it is just a level).
# `bailiwick print-config` shows what is in force and where it came from.
";

const SCOPES: &str = "
# Scopes in addition to the compiled ones, for APIs elsewhere that only verify bailiwick's tokens: a
# name and what it allows. A name is 1 to 128 printable ASCII characters without spaces, quotes and
# backslashes; put it in quotes if it has a dot or a colon. Only in a file.
[scopes]
# \"orders:read\" = \"Read orders.\"
";

const CLIENTS: &str = "
# Clients of the authorization server, one table each by its id, in the words of RFC 7591; they need
# server.public_url. `bailiwick clients` and /oauth/clients keep others in the database. Only in a file.
";

const CLIENT_EXAMPLE: &str = "\
[clients]
#   [clients.reports]
#   grant_types = [\"client_credentials\"]
#   scope = \"items\"
#   client_secret_files = [\"/run/secrets/reports\"]
";

const PROVIDERS: &str = "
# Other providers that users log in at, one table each by a name of lower-case letters, digits and hyphens,
# which is in the callback to register there: server.public_url + \"/auth/up/NAME/callback\". Only in a file.
";

const PROVIDER_EXAMPLE: &str = "\
[providers]
#   [providers.google]
#   preset = \"google\"
#   client_id = \"1234.apps.googleusercontent.com\"
#   client_secret_file = \"/run/secrets/google\"
#   signup = \"trusted-domains\"
#   trusted_domains = [\"example.com\"]
";

/// Every key with its explanation and its default: `config/default.toml`.
#[must_use]
pub fn default_file() -> String {
    let mut file = HEAD.to_owned();
    for keys in Settings::SECTIONS {
        if let Some((section, _)) = keys[0].name.split_once('.') {
            file.extend(["\n[", section, "]\n"]);
        }
        keys.iter().for_each(|key| file.extend([String::from("\n"), key.explained()]));
    }
    let clients = keys_of_each(ClientSettings::KEYS) + CLIENT_EXAMPLE;
    let providers = keys_of_each(ProviderSettings::KEYS) + PROVIDER_EXAMPLE;
    file + SCOPES + CLIENTS + &clients + PROVIDERS + &providers
}

/// The keys of the tables of a list or section.
fn keys_of_each(keys: &[Key]) -> String {
    let mut text = String::new();
    comment(&mut text, "The keys of each, all of which may be absent:");
    for key in keys {
        let about = key.lines().collect::<Vec<_>>().join(" ");
        comment(&mut text, &format!("- {}: {about}", key.name));
    }
    text
}

impl Key {
    /// The explanation's first paragraph, how to write a list, and the default.
    pub(super) fn help(&self) -> String {
        let lines = self.lines().take_while(|line| !line.is_empty());
        let mut help = lines.collect::<Vec<_>>().join(" ");
        if help.ends_with('.') {
            help.pop();
        }
        match (&self.kind, self.flag) {
            (_, Some(Flag { is_repeated: true, .. })) => help.push_str("; may be repeated"),
            (Kind::List(..) | Kind::SecretFiles | Kind::Binds(_), _) => {
                help.push_str("; separated by commas");
            }
            _ => {}
        }
        let is_default_told = !matches!(self.default, None | Some("\"\"" | "[]" | "false"));
        if let Some(default) = self.default.filter(|_| is_default_told) {
            help.extend([" [default: ", &default.replace(['[', ']', '"'], ""), "]"]);
        }
        help
    }

    /// The explanation as Markdown.
    pub(super) fn markdown(&self) -> String {
        self.lines().collect::<Vec<_>>().join("\n")
    }

    fn lines(&self) -> impl Iterator<Item = &'static str> {
        self.text.iter().map(|line| line.strip_prefix(' ').unwrap_or(line))
    }

    /// What is allowed, and the flag.
    pub(super) fn rule(&self) -> String {
        let allowed = match self.kind {
            // The head of the file explains units.
            Kind::Amount(unit, least, most) => unit.range(least, most) + ", or one with a unit",
            _ => self.expected(&ValueKind::Nil),
        };
        let mut rule = format!("Allowed: {allowed}.");
        if let Some(flag) = &self.flag {
            rule.push_str(" Flag: ");
            if let Some(letter) = flag.short {
                rule.extend(['-', letter, ',', ' ']);
            }
            rule.extend([flag.long, if flag.is_repeated { " (may be repeated)." } else { "." }]);
        }
        rule
    }

    /// The comment and the key.
    fn explained(&self) -> String {
        let mut text = String::new();
        let mut is_code = false;
        for line in self.lines() {
            if line.starts_with("```") {
                is_code = !is_code;
            } else {
                text.push_str(format!("# {}{line}", if is_code { "  " } else { "" }).trim_end());
                text.push('\n');
            }
        }
        comment(&mut text, &self.rule());
        if let Kind::Tables(keys) = self.kind {
            text.push_str(&keys_of_each(keys));
        }
        let name = self.name.rsplit('.').next().unwrap_or_default();
        let line = match (self.default, self.example) {
            (Some(default), _) => format!("{name} = {}\n", toml(default)),
            (None, example) => format!("# {name} = {}\n", toml(example.unwrap_or("\"\""))),
        };
        text + &line
    }
}

/// Rust's raw string is TOML's literal string.
fn toml(literal: &str) -> String {
    match literal.strip_prefix("r\"").and_then(|rest| rest.strip_suffix('"')) {
        Some(raw) => format!("'{raw}'"),
        None => literal.to_owned(),
    }
}

/// Appends a paragraph to a comment, wrapped.
fn comment(text: &mut String, line: &str) {
    let mut length = WIDTH;
    for (at, word) in line.split(' ').enumerate() {
        if length + 1 + word.len() > WIDTH {
            text.push_str(if at == 0 { "#" } else { "\n#" });
            length = 1;
            if at > 0 && line.starts_with("- ") {
                text.push_str("  ");
                length += 2;
            }
        }
        text.extend([" ", word]);
        length += 1 + word.len();
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::keys::KEYS;

    #[test]
    fn the_shipped_file_is_that_of_the_declarations() {
        let shipped = include_str!("../../config/default.toml");
        assert!(shipped == default_file(), "config/default.toml is out of date: `make settings`");
    }

    #[test]
    fn lines_are_short_and_sentences_end() {
        for key in KEYS.iter() {
            let text = key.markdown();
            assert!(text.ends_with(['.', '`', ':']), "{}: {text}", key.name);
            assert!(text.lines().all(|line| line.len() <= WIDTH), "{}", key.name);
        }
    }
}
