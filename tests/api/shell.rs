//! What shells, man and terminals get of the command line.

use crate::example_server::Example;
use crate::harness::{bailiwick, run};
use std::fs;
use std::process::{Command, Output};

fn printed(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn ours(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    printed(run(bailiwick(folder.path()).args(arguments), ""))
}

#[test]
fn shells_complete_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ours(&["completions", shell]);
        for word in ["bailiwick", "check-config", "set-scopes", "env-file"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // As a person would: TAB after `bailiwick check-c`.
    let asked = "COMP_WORDS=(bailiwick check-c); COMP_CWORD=1; _bailiwick bailiwick check-c bailiwick; \
                 echo \"${COMPREPLY[@]}\"";
    let script = format!("{}\n{asked}", ours(&["completions", "bash"]));
    let answer = printed(run(Command::new("bash").args(["--norc", "-s"]), &script));
    assert_eq!(answer.trim(), "check-config");
    let folder = tempfile::tempdir().expect("a folder");
    let own = printed(Example::run_in("shop", folder.path(), &["completions", "bash"], &[]));
    assert!(own.contains("_shop()") && own.contains("note"), "{own}");
    assert!(!own.contains("bailiwick"), "{own}");
}

#[test]
fn there_are_man_pages() {
    let page = ours(&["man"]);
    assert!(page.contains(".TH bailiwick 1"), "{page}");
    for word in ["check\\-config", "\\-\\-env\\-file", "\\-\\-demo"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    run(bailiwick(folder.path()).args(["man", "--to", "pages"]), "");
    for name in ["bailiwick.1", "bailiwick-users.1", "bailiwick-users-add.1"] {
        let page = fs::read_to_string(folder.path().join("pages").join(name));
        assert!(page.is_ok_and(|page| page.contains(".TH")), "{name}");
    }
    fs::write(folder.path().join("file"), "").expect("written");
    let failed = run(bailiwick(folder.path()).args(["man", "--to", "file"]), "");
    let line = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1));
    assert!(line.starts_with("bailiwick: file: "), "{line}");
}

#[test]
fn help_has_colors_where_the_terminal_wants_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = |variables: &[(&str, &str)]| {
        let mut command = bailiwick(folder.path());
        let command = command.arg("--help").envs(variables.iter().copied());
        printed(run(command.env_remove("NO_COLOR"), ""))
    };
    assert!(!help(&[]).contains('\u{1b}'), "a pipe is no terminal");
    let colored = help(&[("CLICOLOR_FORCE", "1")]);
    assert!(colored.contains("\u{1b}[1m\u{1b}[32mUsage:"), "{colored}");
}
