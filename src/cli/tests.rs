//! Whole command lines that must be refused; what they print is tested on the real binary.

use super::*;
use crate::process::Start;

#[test]
fn wrong_use_and_wrong_configuration_are_told_apart_from_failures() {
    for arguments in [
        &["--nonsense"][..],
        &["nonsense"],
        &["users"],
        &["--workers", "0"],
        &["--workers", "-1"],
        &["--workers", "many", "check-config"],
        &["--bind", "nowhere", "print-config"],
        &["--log-level", "loud", "users", "list"],
        &["--config", "/nonexistent.toml", "openapi"],
    ] {
        let arguments = ["bailiwick"].iter().chain(arguments).map(OsString::from);
        let failure = Server::new("bailiwick").run(arguments).unwrap_err();
        assert!(matches!(failure, CommandError::Use(_) | CommandError::Settings(_)), "{failure:?}");
    }
}

/// The lines that refuse an application.
fn faults(server: Server) -> Vec<String> {
    match server.run(["bailiwick", "check-config"].map(OsString::from)).unwrap_err() {
        CommandError::Settings(lines) => lines,
        other => panic!("{other:?}"),
    }
}

#[derive(clap::Args)]
struct Nothing {}

#[derive(clap::Args)]
struct Clashing {
    #[arg(long)]
    demo: bool,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Section {}

#[test]
fn applications_that_contradict_the_server_are_refused() {
    async fn nothing(_: Nothing, _: Start) -> Result<(), String> {
        Ok(())
    }
    async fn clashing(arguments: Clashing, _: Start) -> Result<(), String> {
        Err(arguments.demo.to_string())
    }
    let there =
        |name: &str| format!("the command `{name}` is there already: give yours another name");
    let clash = Server::new("bailiwick").command("users", nothing).command("help", nothing);
    assert_eq!(faults(clash), [there("users"), there("help")]);
    let twice = Server::new("bailiwick").command("greet", nothing).command("greet", nothing);
    assert_eq!(faults(twice), [there("greet")]);
    assert_eq!(
        faults(Server::new("bailiwick").command("greet", clashing)),
        ["the command `greet`: `demo` is an argument of every command: give yours another name"]
    );
    assert_eq!(
        faults(Server::new("My Shop!")),
        [
            "the program's name \"My Shop!\": expected 1 to 64 lower-case letters, digits, hyphens and \
          underscores, of which the first is a letter"
        ]
    );
    let name = std::any::type_name::<Section>();
    let section = |section| faults(Server::new("bailiwick").settings::<Section>(section));
    for taken in ["server", "scopes", "clients", "data_dir"] {
        assert_eq!(
            section(taken),
            [format!(
                "the section [{taken}] of {name}: bailiwick has a section or key of this name already"
            )]
        );
    }
    for wrong in ["My Section", "my__section", ""] {
        let expected = "expected lower-case letters, digits and underscores";
        assert_eq!(section(wrong), [format!("the section [{wrong}] of {name}: {expected}")]);
    }
    let twice = Server::new("bailiwick").settings::<Section>("own").settings::<Section>("own");
    assert_eq!(
        faults(twice),
        [format!("the section [own] of {name}: another type has it already")]
    );
    assert_eq!(
        faults(Server::new("bailiwick").settings::<u8>("own")),
        ["the section [own] of u8: expected a struct with named fields"]
    );
}
