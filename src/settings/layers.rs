//! The layers of the configuration; a later one wins: default, file, env-file, environment, flags.

use crate::domain::program;
use crate::settings::bind::{self, Bind};
use crate::settings::env_file::{self, Variable};
use crate::settings::error::SettingsError;
use crate::settings::layer::{Layer, unknown};
use crate::settings::loaded::{Loaded, Origin, SettingsErrors};
use crate::settings::own::{OwnSection, Values};
use crate::settings::sections::Settings;
use crate::settings::variables::{self, Untranslated};
use crate::settings::{default_file, demo, key, keys};
use config::{Config, ConfigError};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// What the user gave; [`Layers::load`] puts it over the compiled default.
#[derive(Clone, Default)]
pub struct Layers {
    /// The file of `--config`.
    pub file: Option<PathBuf>,
    /// The file's content when it was read; absent: [`Layers::load`] reads it.
    pub text: Option<String>,
    /// The file of `--env-file`.
    pub env_file: Option<PathBuf>,
    /// That file's content when it was read, like `text`.
    pub env_text: Option<String>,
    /// The variables that [`environment`] selects, by name.
    pub environment: Vec<(String, String)>,
    /// Flags as keys such as `server.workers`, with their values.
    pub flags: Vec<(String, String)>,
    /// The application's own sections.
    pub own: Vec<Arc<OwnSection>>,
    /// Whether `--demo` is among the flags.
    pub demo: bool,
}

/// The variables of this process that concern the settings, by name.
pub fn environment() -> Result<Vec<(String, String)>, SettingsErrors> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| variables::is_relevant(name))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(SettingsError::NotUtf8 { variable: name }.into()),
        })
        .collect()
}

impl Layers {
    /// The same layers with the files as they are now: everyone who loads them later sees the same.
    pub fn read(mut self) -> Result<Self, SettingsErrors> {
        self.text = self.file.as_ref().map(read).transpose()?;
        self.env_text = self.env_file.as_ref().map(read).transpose()?;
        Ok(self)
    }

    /// Sets a key as its variable does.
    pub fn set(&mut self, key: &str, value: String) {
        self.environment.push((key::variable(key), value));
    }

    /// Reads the layers, checks every key and value, and merges them.
    ///
    /// Reports all errors of all layers at once.
    pub fn load(self) -> Result<Loaded, SettingsErrors> {
        let mut stack = Stack { own: self.own, demo: self.demo, ..Stack::default() };
        stack.text(&default_file(), Origin::Default);
        stack.title();
        if let Some(file) = self.file {
            match self.text.map_or_else(|| read(&file), Ok) {
                Ok(text) => stack.text(&text, Origin::File(file)),
                Err(error) => stack.errors.push(error),
            }
        }
        if let Some(file) = self.env_file {
            match self.env_text.map_or_else(|| read(&file), Ok) {
                Ok(text) => {
                    for line in env_file::parse(&file, &text) {
                        match line {
                            Ok(Variable { name, value, place }) => {
                                let origin = Origin::EnvFile { place, variable: name.clone() };
                                stack.variable(&name, &value, origin);
                            }
                            Err(error) => stack.errors.push(error),
                        }
                    }
                }
                Err(error) => stack.errors.push(error),
            }
        }
        for (variable, value) in self.environment {
            if variable == variables::SSL_MODE {
                stack.ssl_mode = value;
                continue;
            }
            stack.variable(&variable, &value, Origin::Environment(variable.clone()));
        }
        stack.flags(&self.flags);
        stack.others();
        stack.merge()
    }
}

impl Default for Settings {
    /// The settings without any configuration.
    fn default() -> Self {
        defaults().settings.clone()
    }
}

/// The defaults, loaded.
pub(super) fn defaults() -> &'static Loaded {
    static DEFAULTS: LazyLock<Loaded> =
        LazyLock::new(|| Layers::default().load().expect("the defaults are valid"));
    &DEFAULTS
}

fn read(file: &PathBuf) -> Result<String, SettingsError> {
    std::fs::read_to_string(file)
        .map_err(|cause| SettingsError::Unreadable { file: file.clone(), cause })
}

/// The layers read so far, a later one over the earlier ones, and their errors.
#[derive(Default)]
struct Stack {
    own: Vec<Arc<OwnSection>>,
    demo: bool,
    layers: Vec<Layer>,
    /// Variables that other servers read, too: defaults for what nothing else sets.
    others: Vec<(String, Origin)>,
    /// `PGSSLMODE`, empty if absent.
    ssl_mode: String,
    errors: Vec<SettingsError>,
    warnings: Vec<String>,
}

impl Stack {
    fn text(&mut self, text: &str, origin: Origin) {
        match Layer::of_text(text, origin, &self.own) {
            Ok((layer, errors)) => {
                self.layers.push(layer);
                self.errors.extend(errors);
            }
            Err(error) => self.errors.push(error),
        }
    }

    /// An application's document has its name as a title.
    fn title(&mut self) {
        if let Some(title) = keys::find("docs.title") {
            self.push(Layer::of_key(title, program().name, Origin::Default));
        }
    }

    fn variable(&mut self, name: &str, value: &str, origin: Origin) {
        let place = || match &origin {
            Origin::EnvFile { place, .. } => place.clone(),
            _ => "environment".to_owned(),
        };
        if name.starts_with(program().prefix()) {
            self.push(Layer::of_variable(name, value, origin, &self.own));
        } else if variables::is_of_the_server(name) {
            self.warnings.push(format!(
                "{name} is not read: the variables of {program} begin with {}",
                program().prefix(),
                program = program(),
            ));
        } else if variables::OTHERS.iter().any(|(other, _)| *other == name) {
            self.others.retain(|(_, earlier)| earlier.variable() != Some(name));
            self.others.push((value.to_owned(), origin));
        } else {
            if variables::is_foreign_flag(name, value) {
                self.warnings.push(format!(
                    "{name} is not read here: flags are typed, or are keys of the configuration"
                ));
            }
            let nearest = variables::likely_meant(name, value);
            if !nearest.is_empty() {
                let error =
                    SettingsError::UnknownKey { place: place(), key: name.to_owned(), nearest };
                self.errors.push(error);
            }
        }
    }

    fn flags(&mut self, flags: &[(String, String)]) {
        let given =
            |name: &str| flags.iter().find(|(flag, _)| flag == name).map(|(_, v)| v.as_str());
        match (given(HOST), given(PORT)) {
            (None, None) => {}
            (host, port) => self.host_and_port(host, port, given("server.bind").is_some()),
        }
        for (name, value) in flags.iter().filter(|(name, _)| ![HOST, PORT].contains(&name.as_str()))
        {
            let found = match name.as_str() {
                FROM => keys::find("database.url").zip(Some("--from")),
                TO => keys::find("database.url").zip(Some("--to")),
                _ => keys::find(name).map(|key| (key, key.flag.map_or("flag", |flag| flag.long))),
            };
            self.push(match found {
                Some((key, flag)) => Layer::of_key(key, value, Origin::Flag(flag)),
                None => Err(vec![unknown(name, "flag".to_owned(), &[])]),
            });
        }
    }

    /// uvicorn's two flags for an address, with uvicorn's defaults.
    fn host_and_port(&mut self, host: Option<&str>, port: Option<&str>, bound: bool) {
        let flag = if host.is_some() { "--host" } else { "--port" };
        if bound {
            let [first, second] = ["flag --bind".to_owned(), format!("flag {flag}")];
            self.errors.push(SettingsError::Contradiction { first, second });
        }
        let bad = |flag: &str, value: &str, expected: String| SettingsError::BadValue {
            place: format!("flag {flag}"),
            value: format!("{value:?}"),
            expected,
        };
        let number = port.map_or(Ok(8000), bind::port);
        let number = number
            .map_err(|wrong| bad("--port", port.unwrap_or_default(), format!("a port; {wrong}")));
        let host = host.unwrap_or("127.0.0.1");
        let address = Bind::of(host, 0)
            .map_err(|wrong| bad("--host", host, format!("a name or an address; {wrong}")));
        match (address, number) {
            (Ok(Bind::Tcp { host, .. }), Ok(port)) => {
                let (origin, bind) = (Origin::Flag(flag), Bind::Tcp { host, port });
                let values =
                    BTreeMap::from([("server.bind".to_owned(), vec![bind.to_string()].into())]);
                self.layers.push(Layer { origin, values, own: Values::new() });
            }
            (address, number) => self.errors.extend(address.err().into_iter().chain(number.err())),
        }
    }

    /// Applies other servers' variables to keys that nothing else sets.
    fn others(&mut self) {
        for (text, origin) in std::mem::take(&mut self.others) {
            let Some((name, key)) =
                variables::OTHERS.iter().find(|(name, _)| origin.variable() == Some(name))
            else {
                continue;
            };
            let said =
                |layer: &Layer| layer.origin != Origin::Default && layer.values.contains_key(*key);
            if text.trim().is_empty() || self.layers.iter().any(said) {
                continue;
            }
            match variables::translated(name, text.trim(), &origin) {
                Ok(text) => {
                    if let Some(key) = keys::find(key) {
                        self.push(Layer::of_key(key, &text, origin));
                    }
                }
                Err(Untranslated::Wrong(error)) => self.errors.push(error),
                Err(Untranslated::Unread(warning)) => self.warnings.push(warning),
            }
        }
    }

    fn push(&mut self, layer: Result<Layer, Vec<SettingsError>>) {
        match layer {
            Ok(layer) => self.layers.push(layer),
            Err(errors) => self.errors.extend(errors),
        }
    }

    /// The settings of all layers together.
    fn settings(&self) -> Result<Settings, ConfigError> {
        let mut builder = Config::builder();
        for layer in &self.layers {
            builder = builder.add_source(layer.clone());
        }
        builder.build()?.try_deserialize()
    }

    fn merge(mut self) -> Result<Loaded, SettingsErrors> {
        let mut settings = self.settings();
        let demo = settings.as_ref().ok().filter(|_| self.demo).and_then(demo::layer);
        if let Some(layer) = demo {
            self.layers.push(layer);
            settings = self.settings();
        }
        let Self { own: sections, layers, mut errors, warnings, ssl_mode, .. } = self;
        let settings = match settings {
            Ok(settings) => settings,
            Err(error) => {
                errors.push(SettingsError::Other(error.to_string()));
                return Err(SettingsErrors { errors, rest: None });
            }
        };
        let (mut values, mut own_values) = (BTreeMap::new(), BTreeMap::new());
        for layer in layers {
            for (name, value) in layer.values {
                values.insert(name, (value, layer.origin.clone()));
            }
            for (name, value) in layer.own {
                own_values.insert(name, (value, layer.origin.clone()));
            }
        }
        let given =
            own_values.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect();
        let (own, wrong): (Vec<_>, Vec<_>) =
            sections.iter().map(|section| section.read(&given)).partition(Result::is_ok);
        let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
        let is_told = |error: &SettingsError| match error {
            SettingsError::NotSet { key, variable, .. } => {
                told.iter().any(|line| line.contains(key) || line.contains(variable))
            }
            _ => false,
        };
        let wrong = wrong.into_iter().filter_map(Result::err).flatten();
        errors.extend(wrong.filter(|error| !is_told(error)));
        let own = own.into_iter().filter_map(Result::ok).collect();
        let mut loaded = Loaded { settings, values, own, own_values, sections, warnings };
        errors.extend(loaded.contradictions());
        errors.extend(loaded.wrong_ssl_mode(&ssl_mode));
        if errors.is_empty() {
            loaded.add_warnings();
            return Ok(loaded);
        }
        Err(SettingsErrors { errors, rest: Some(Box::new(loaded)) })
    }
}

/// Flags that set no key of their own.
const HOST: &str = "host";
const PORT: &str = "port";

/// The flags of `bailiwick db copy` for `database.url`.
const FROM: &str = "from";
const TO: &str = "to";

#[cfg(test)]
mod tests;
