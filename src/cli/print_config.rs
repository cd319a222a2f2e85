//! `bailiwick print-config`: the settings in force, and their origins.

use crate::cli::report::{self, CommandError};
use crate::domain::program;
use crate::settings::{self, Effective, Loaded, OwnSection};
use clap::Args;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How it is printed: as a table unless told otherwise.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(super) struct PrintForm {
    /// Print JSON: an object with `value` and `source` for each key.
    #[arg(long)]
    json: bool,
    /// Print every key with its explanation and default, whatever is in force.
    #[arg(long)]
    defaults: bool,
    /// Print the JSON schema of the configuration, for editors.
    #[arg(long)]
    schema: bool,
}

/// Prints it; loads the settings only if they are needed.
pub(super) fn run(
    form: PrintForm,
    own: &[Arc<OwnSection>],
    load: impl FnOnce() -> Result<Loaded, CommandError>,
) -> Result<(), CommandError> {
    report::print(&match form {
        PrintForm { defaults: true, .. } => defaults(own),
        PrintForm { schema: true, .. } => format!("{:#}\n", schema(own)),
        PrintForm { json: true, .. } => as_json(&load()?),
        PrintForm { .. } => table(&load()?),
    })
}

/// Every key, also the application's.
fn defaults(own: &[Arc<OwnSection>]) -> String {
    let shipped = program().in_own_words(&settings::default_file());
    let title = shipped.replace("title = \"bailiwick\"", &format!("title = \"{}\"", program()));
    own.iter().fold(title, |text, section| text + &section.default_file())
}

fn schema(own: &[Arc<OwnSection>]) -> Value {
    let mut schema = settings::schema();
    schema["title"] = format!("{}'s configuration", program()).into();
    for section in own {
        schema["properties"][section.name] = section.schema.clone();
    }
    schema
}

fn as_json(loaded: &Loaded) -> String {
    let keys: Map<String, Value> = loaded
        .effective()
        .map(|Effective { key, value, origin }| {
            (key.to_owned(), json!({ "value": value, "source": origin.to_string() }))
        })
        .collect();
    format!("{:#}\n", Value::Object(keys))
}

fn table(loaded: &Loaded) -> String {
    let rows: Vec<_> = loaded
        .effective()
        .map(|effective| [effective.key.to_owned(), cell(&effective), effective.origin.to_string()])
        .collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(0), width(1));
    let lines: Vec<_> = rows
        .iter()
        .map(|[key, value, origin]| format!("{key:keys$}  {value:values$}  {origin}\n"))
        .collect();
    lines.concat()
}

fn cell(effective: &Effective<'_>) -> String {
    match (effective.key, &effective.value) {
        ("server.workers", Value::Null) => format!("(none: {})", settings::default_workers()),
        (_, Value::Null) => "(none)".to_owned(),
        (_, value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Layers;

    fn loaded() -> Loaded {
        let secret = ("BAILIWICK__TOKENS__SECRET".to_owned(), "swordfish".repeat(4));
        let flags = vec![("server.bind".to_owned(), "a:1".to_owned())];
        Layers { environment: vec![secret], flags, ..Layers::default() }.load().unwrap()
    }

    #[test]
    fn the_table_has_a_row_for_each_key() {
        let table = table(&loaded());
        let row = |key: &str| {
            let row = table.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
            row.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("server.bind"), r#"["a:1"] flag --bind"#);
        assert_eq!(row("tokens.secret"), r#""***" environment BAILIWICK__TOKENS__SECRET"#);
        assert_eq!(row("docs.scope"), "(none) default");
        assert!(!table.contains("swordfish"));
    }

    #[test]
    fn json_holds_the_same() {
        let document: Value = serde_json::from_str(&as_json(&loaded())).unwrap();
        assert_eq!(document["server.backlog"], json!({ "value": 2048, "source": "default" }));
        assert_eq!(document["tokens.secret"]["value"], "***");
        assert_eq!(document["docs.scope"]["value"], Value::Null);
        assert!(!document.to_string().contains("swordfish"));
    }
}
