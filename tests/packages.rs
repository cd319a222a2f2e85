//! The crates can be packed for a registry, with every file that their sources include.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Runs `cargo package` offline; returns its output.
fn package(args: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--offline", "--allow-dirty"]).args(args);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_crate_can_be_packed() {
    let target = tempfile::tempdir().unwrap();
    package(&["--workspace", "--no-verify", "--target-dir", target.path().to_str().unwrap()]);
    let version = env!("CARGO_PKG_VERSION");
    for name in ["bailiwick", "eksblowfish"] {
        let file = target.path().join(format!("package/{name}-{version}.crate"));
        assert!(file.is_file(), "{}", file.display());
    }
}

#[test]
fn a_package_has_what_its_sources_include() {
    let packed: BTreeSet<_> =
        package(&["--package", "bailiwick", "--list"]).lines().map(PathBuf::from).collect();
    let mut included = 0;
    for source in packed.iter().filter(|path| path.starts_with("src")) {
        let text = fs::read_to_string(source).unwrap_or_default();
        for name in included_files(&text) {
            let file = resolved(&source.with_file_name(name));
            assert!(packed.contains(&file), "{} is not packed", file.display());
            included += 1;
        }
    }
    assert!(included > 5, "config/default.toml, the guides, the migrations: {included}");
}

/// The files of `include_str!("…")`.
fn included_files(text: &str) -> impl Iterator<Item = &str> {
    text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next())
}

/// The path without `..`.
fn resolved(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        if component == Component::ParentDir {
            path.pop();
        } else {
            path.push(component);
        }
        path
    })
}
