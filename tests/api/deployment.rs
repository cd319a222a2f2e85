//! The files under `docker/`: no engine runs them here, so they are checked as far as files can be.

use crate::clients::python_tool;
use crate::harness::{repository, run_tool};
use std::fs;
use std::process::Command;

#[test]
fn the_dockerfile_has_no_known_fault() {
    run_tool(python_tool("hadolint").arg(repository("docker/Dockerfile")));
}

#[test]
fn the_compose_file_keeps_to_the_specification() {
    let mut check = python_tool("check-jsonschema");
    check.args(["--builtin-schema", "vendor.compose-spec"]);
    run_tool(check.arg(repository("docker/compose.yaml")));
}

#[test]
fn what_the_compose_file_mounts_is_there() {
    let compose = fs::read_to_string(repository("docker/compose.yaml")).expect("the file");
    let mounts = compose.lines().filter_map(|line| line.trim().strip_prefix("- ."));
    let mounts: Vec<_> = mounts.filter_map(|mount| mount.split(':').next()).collect();
    assert_eq!(mounts.len(), 3);
    for mount in mounts {
        let path = repository("docker").join(format!(".{mount}"));
        assert!(path.exists(), "{}", path.display());
    }
}

#[test]
fn make_alone_lists_its_targets() {
    let make =
        run_tool(Command::new("make").arg("--no-print-directory").current_dir(repository("")));
    let lines: Vec<_> = make.lines().collect();
    for target in ["run", "test", "check", "bench", "docs", "clean"] {
        let name = format!("make {target} ");
        let line = lines.iter().find(|line| line.starts_with(&name));
        let text = line.map(|line| line[name.len()..].trim());
        assert!(text.is_some_and(|text| !text.is_empty()), "{target}: {make}");
    }
    assert!(lines.iter().all(|line| line.starts_with("make ")), "{make}");
}
