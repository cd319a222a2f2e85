//! `bailiwick new`: the beginning of an application.

use crate::cli::arguments::brief;
use crate::cli::report::{CommandError, print};
use crate::domain::Program;
use clap::{Args, Command};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a project, by their paths in it.
const TEMPLATE: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../../examples/template/Cargo.toml.in")),
    ("src/main.rs", include_str!("../../examples/template/main.rs")),
    ("config.toml", include_str!("../../examples/template/config.toml.in")),
    ("README.md", include_str!("../../examples/template/README.md.in")),
    ("Dockerfile", include_str!("../../examples/template/Dockerfile.in")),
    (".dockerignore", include_str!("../../examples/template/dockerignore.in")),
    (".gitignore", include_str!("../../examples/template/gitignore.in")),
];

/// Names that Cargo takes for no package: keywords that may be names here, the standard library's crates, and
/// folders of its own.
const RESERVED: [&str; 63] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "nul",
    "con",
];

/// `new`
#[derive(Debug, Args)]
pub(super) struct New {
    /// The folder to create; its name is the application's.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Depend on the sources of bailiwick in this folder, instead of the released version.
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

/// For the command line.
pub(super) fn definition() -> Command {
    let about = "Begin an application: a project with a route, a test, settings, a Dockerfile";
    New::augment_args(Command::new("new")).about(about).defer(brief)
}

/// Begins an application: a project with a route, a test, settings, a Dockerfile.
pub(super) fn run(New { folder, path }: New) -> Result<(), CommandError> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // This process ends soon.
    let name: &'static str = name.to_owned().leak();
    check_name(name).map_err(|why| CommandError::Use(format!("the name {name:?}: {why}")))?;
    let of_folder = |error: io::Error| failed(&folder, &error);
    if !is_free(&folder).map_err(of_folder)? {
        let why = "exists and is not empty";
        return Err(CommandError::Failed(format!("{}: {why}", folder.display())));
    }
    let program = Program::named(name);
    let (bailiwick, from) = if let Some(sources) = path {
        (by_path(&sources)?, String::new())
    } else {
        let version = env!("CARGO_PKG_VERSION");
        let from = format!(" on bailiwick {version} as published (--path FOLDER: on its sources)");
        (format!("{version:?}"), from)
    };
    let filled = |text: &str| {
        text.replace("{name}", name)
            .replace("{prefix}", program.prefix())
            .replace("{bailiwick}", &bailiwick)
    };
    // Beside it: the folder appears at once with all its files, or not at all.
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let beside = parent.unwrap_or(Path::new(".")).join(format!(".{name}.{}", std::process::id()));
    let written = write(&beside, filled).and_then(|()| fs::rename(&beside, &folder));
    if let Err(error) = written {
        // What is left of it is no project.
        let _ = fs::remove_dir_all(&beside);
        return Err(of_folder(error));
    }
    print(&format!("{name}: created{from}; next: cd {} && cargo run -- --demo\n", folder.display()))
}

fn write(folder: &Path, filled: impl Fn(&str) -> String) -> io::Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    for (path, text) in TEMPLATE {
        let text = if path == "src/main.rs" { text.to_owned() } else { filled(text) };
        fs::write(folder.join(path), text)?;
    }
    Ok(())
}

/// Whether nothing is there, or an empty folder.
fn is_free(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// The dependency on sources.
fn by_path(sources: &Path) -> Result<String, CommandError> {
    let manifest = fs::read_to_string(sources.join("Cargo.toml"));
    let manifest = manifest.map_err(|error| failed(&sources.join("Cargo.toml"), &error))?;
    if !manifest.lines().any(|line| line.trim() == "name = \"bailiwick\"") {
        let why = "is not the folder of bailiwick's sources";
        return Err(CommandError::Use(format!("--path {}: {why}", sources.display())));
    }
    let full = sources.canonicalize().map_err(|error| failed(sources, &error))?;
    Ok(format!("{{ path = {:?} }}", full.display().to_string()))
}

fn failed(path: &Path, error: &io::Error) -> CommandError {
    CommandError::Failed(format!("{}: {error}", path.display()))
}

/// A name that Cargo and [`Server::new`](crate::Server::new) both take.
fn check_name(name: &'static str) -> Result<(), String> {
    if !Program::named(name).is_valid() {
        return Err(format!("expected {}", Program::EXPECTED));
    }
    if RESERVED.contains(&name) {
        return Err("Cargo keeps it for itself".to_owned());
    }
    let (_, dependencies) = TEMPLATE[0].1.split_once("[dependencies]\n").unwrap_or_default();
    let mut dependencies = dependencies.lines().take_while(|line| !line.is_empty());
    if dependencies.any(|line| line.split(' ').next() == Some(name)) {
        return Err("the project depends on a crate of that name".to_owned());
    }
    Ok(())
}
