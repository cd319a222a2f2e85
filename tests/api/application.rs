//! What `examples/shop.rs` adds to the server: its name, settings, state, command, hooks, middleware.

use crate::example_server::Example;
use crate::harness::eventually;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use tempfile::TempDir;

/// A folder with this configuration of the shop.
fn folder(shop: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("shop.toml"), shop).expect("written");
    folder
}

const PLAIN: &str = "[shop]\njournal = 'journal.txt'\n";

fn shop(config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Example {
    let arguments = [&["--config", "shop.toml"], arguments].concat();
    Example::spawn_in("shop", folder(config), &arguments, environment)
}

/// Runs the shop with a configuration to its end.
fn run(config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = folder(config);
    let arguments = [&["--config", "shop.toml"], arguments].concat();
    Example::run_in("shop", folder.path(), &arguments, environment)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The lines on standard error of a run that is refused with this exit code.
#[track_caller]
fn refused(output: &Output, code: i32) -> Vec<&str> {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    text(&output.stderr).lines().collect()
}

#[test]
fn the_application_has_its_own_name() {
    let version = run(PLAIN, &["--version"], &[]);
    assert_eq!(text(&version.stdout), "shop 1.2.3\n");
    let help = run(PLAIN, &["--help"], &[]);
    let help = text(&help.stdout);
    for part in ["The shop's API", "shop --demo", "SHOP__SERVER__WORKERS=4", "Writes a line into"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert!(!help.contains("bailiwick ") && !help.contains("BAILIWICK__"), "{help}");
    for arguments in
        [&["serve", "--help"][..], &["users", "--help"], &["audit", "--help"], &["man"]]
    {
        let told = run(PLAIN, arguments, &[]);
        let told = text(&told.stdout).replace("/run/bailiwick.sock", "");
        assert!(told.contains("shop") && !told.contains("bailiwick"), "{arguments:?}: {told}");
    }
    let app = shop(PLAIN, &[], &[("SHOP__DOCS__ENABLED", "true")]);
    app.stderr().wait_for("Starting shop 1.2.3");
    let info = &app.document()["info"];
    assert_eq!(
        (&info["title"], &info["version"], &info["license"]),
        (
            &json!("shop"),
            &json!("1.2.3"),
            &json!({"name": "Apache-2.0", "url": "https://spdx.org/licenses/Apache-2.0.html"})
        )
    );
    assert!(info["description"].as_str().expect("a text").starts_with("The shop's API"), "{info}");
    let status = app.command(&["--config", "shop.toml", "ctl", "status"], "");
    assert!(text(&status.stdout).starts_with("shop 1.2.3, process "), "{status:?}");
}

#[test]
fn own_settings_come_from_all_layers() {
    let config = "[shop]\njournal = 'a.txt'\ntax = 1\nwarehouses = ['north', 'south']\n\
                  [shop.mail]\nsender = 'a@example.com'\n";
    let folder = folder(config);
    fs::write(
        folder.path().join("shop.env"),
        "SHOP__SHOP__TAX=2\nSHOP__SHOP__PAYMENT_KEY=swordfish\nSHOP__SHOP__MAIL__COPIES=\"b, c\"\n",
    )
    .expect("written");
    let arguments = ["--config", "shop.toml", "--env-file", "shop.env", "print-config", "--json"];
    let printed = Example::run_in(
        "shop",
        folder.path(),
        &arguments,
        &[("SHOP__SHOP__WAREHOUSES", "east,west")],
    );
    let found: serde_json::Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    let is = |key: &str, value: serde_json::Value, source: &str| {
        let expected = json!({"value": value, "source": source});
        assert_eq!(found[format!("shop.{key}")], expected, "{key}");
    };
    is("journal", json!("a.txt"), "file shop.toml");
    is("tax", json!(2), "env-file shop.env:1 SHOP__SHOP__TAX");
    is("payment_key", json!("***"), "env-file shop.env:2 SHOP__SHOP__PAYMENT_KEY");
    is("warehouses", json!(["east", "west"]), "environment SHOP__SHOP__WAREHOUSES");
    is("mail.sender", json!("a@example.com"), "file shop.toml");
    is("mail.copies", json!(["b", "c"]), "env-file shop.env:3 SHOP__SHOP__MAIL__COPIES");
    assert!(!text(&printed.stdout).contains("swordfish"));
    let table = run(PLAIN, &["print-config"], &[]);
    let row = text(&table.stdout).lines().find(|line| line.starts_with("shop.tax")).expect("a row");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["shop.tax", "19", "default"]);
    let defaults = run(PLAIN, &["print-config", "--defaults"], &[]);
    let defaults = text(&defaults.stdout);
    assert!(
        defaults.contains("\n[shop]\n")
            && defaults.contains("# Percent of each price.\ntax = 19\n")
    );
    assert!(
        defaults.contains("title = \"shop\"") && !defaults.contains("BAILIWICK__"),
        "{defaults}"
    );
    let schema = run(PLAIN, &["print-config", "--schema"], &[]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert_eq!(schema["properties"]["shop"]["properties"]["tax"]["maximum"], 100);
}

#[test]
fn wrong_own_settings_stop_the_start_and_say_what_is_allowed() {
    let config = "[shop]\njournal = 7\ntax = 101\npayment_key = 5\nwarehousse = []\n\
                  [shop.mail]\ncopies = ['a', 1]\n[shopp]\na = 1\n";
    let environment = [("SHOP__SHOP__TAX", "much"), ("SHOP__SHOP__TAXX", "1")];
    let expected = [
        "shop: shop.toml:2: shop.journal = 7: expected a valid string",
        "shop: shop.toml:3: shop.tax = 101: expected less than or equal to 100",
        "shop: shop.toml:4: shop.payment_key = \"***\": expected a valid string",
        "shop: shop.toml:5: unknown key `shop.warehousse`, did you mean `shop.warehouses`?",
        "shop: shop.toml:7: shop.mail.copies[1] = [\"a\",1]: expected a valid string",
        "shop: shop.toml:8: unknown key `shopp`, did you mean `shop`?",
        "shop: environment SHOP__SHOP__TAX = \"much\": expected a valid integer, unable to parse string as an \
         integer",
        "shop: environment: unknown key `SHOP__SHOP__TAXX`, did you mean `SHOP__SHOP__TAX`?",
    ];
    for command in [&["check-config"][..], &["serve"], &["print-config"], &["note", "x"]] {
        let output = run(config, command, &environment);
        let mut lines = refused(&output, 2);
        lines.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(lines, expected, "{command:?}");
    }
    let output = run("", &["check-config"], &[]);
    assert_eq!(
        refused(&output, 2),
        ["shop: shop.journal is not set: give it below [shop] in a file (`--config FILE`) or as \
          SHOP__SHOP__JOURNAL"]
    );
    let output = run("shop = 1\n", &["check-config"], &[("SHOP__SHOP__JOURNAL", "a")]);
    assert_eq!(refused(&output, 2), ["shop: shop.toml:1: shop = …: expected a section: [shop]"]);
    let output = run(PLAIN, &["check-config"], &[]);
    assert_eq!(text(&output.stdout), "The configuration is valid.\n", "{output:?}");
}

#[test]
fn the_servers_own_variables_are_not_the_applications() {
    let output = run(PLAIN, &["check-config"], &[("BAILIWICK__SERVER__WORKERS", "4")]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        text(&output.stderr),
        "shop: warning: BAILIWICK__SERVER__WORKERS is not read: the variables of shop begin with SHOP__\n"
    );
    let output = run(PLAIN, &["check-config"], &[("SHOP_SERVER_WORKERS", "4")]);
    let line = "shop: environment: unknown key `SHOP_SERVER_WORKERS`, did you mean \
                `SHOP__SERVER__WORKERS`?";
    assert_eq!(refused(&output, 2), [line]);
}

#[test]
fn state_is_opened_before_the_start_and_its_failure_stops_it() {
    let config = "[shop]\njournal = 'no/such/folder.txt'\n";
    let expected = "the state shop::Journal cannot be opened: the journal no/such/folder.txt: No such file or \
                    directory (os error 2)";
    let served = run(config, &["--demo", "-b", "127.0.0.1:0"], &[]);
    let lines = refused(&served, 1);
    assert_eq!(lines.last(), Some(&&*format!("shop: {expected}")), "{lines:?}");
    let noted = run(config, &["note", "x"], &[]);
    assert_eq!(refused(&noted, 1), [format!("shop: {expected}")]);
}

#[test]
fn handlers_and_dependencies_use_settings_and_state() {
    let app = shop(
        "[shop]\njournal = 'journal.txt'\ntax = 7\nwarehouses = ['north']\n",
        &[],
        &[("SHOP__SHOP__PAYMENT_KEY", "swordfish")],
    );
    assert_eq!(app.get("/price/200").json(), json!({"total": 214, "warehouses": ["north"]}));
    assert_eq!(app.get("/payments").status, 401);
    let token = app.login("/token", "me");
    assert_eq!(app.get_as("/payments", &token).json(), json!(true));
    let journal = fs::read_to_string(app.folder().join("journal.txt")).expect("a journal");
    assert!(journal.lines().any(|line| line.ends_with(": johndoe was here")), "{journal}");
    assert!(!app.stderr().text().contains("swordfish"));
}

#[test]
fn middleware_is_around_all_routes() {
    let app = shop(PLAIN, &[], &[]);
    for (path, status) in [
        ("/price/1", 200),
        ("/status", 401),
        ("/users/me", 401),
        ("/nowhere", 404),
        ("/openapi.json", 200),
    ] {
        let answer = app.get(path);
        assert_eq!((answer.status, answer.header("x-shop")), (status, Some("open")), "{path}");
    }
}

#[test]
fn own_commands_have_settings_and_state_and_leave_the_shipped_ones() {
    let app = shop(PLAIN, &[], &[]);
    let config = ["--config", "shop.toml"];
    let noted = app.command(&[&config[..], &["note", "the till", "--user", "jane"]].concat(), "");
    assert_eq!(text(&noted.stdout), "the till noted, tax 19\n", "{noted:?}");
    let journal = fs::read_to_string(app.folder().join("journal.txt")).expect("a journal");
    assert!(journal.lines().any(|line| line.ends_with(": the till (jane)")), "{journal}");
    let listed = app.command(&[&config[..], &["users", "list"]].concat(), "");
    assert!(text(&listed.stdout).contains("johndoe"), "{listed:?}");
    let wrong = app.command(&[&config[..], &["note"]].concat(), "");
    let line = refused(&wrong, 2).join("");
    assert!(line.starts_with("shop: the following required arguments were not provided"), "{line}");
    let help = app.command(&["note", "--help"], "");
    let help = text(&help.stdout);
    assert!(help.contains("Writes a line into the journal") && help.contains("--config"), "{help}");
    assert!(!help.contains("--workers"), "{help}");
}

/// The lines of the journal, each with its process.
fn journal(path: &PathBuf) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(process, line)| (process.to_owned(), line.to_owned())).collect()
}

#[test]
fn each_process_starts_and_stops_once_through_reloads() {
    let mut app = shop(PLAIN, &["--processes", "2"], &[]);
    let path = app.folder().join("journal.txt");
    let count = |line: &str| journal(&path).iter().filter(|(_, found)| found == line).count();
    eventually("two processes", || (count("opened") == 2).then_some(()));
    fs::write(app.folder().join("shop.toml"), format!("{PLAIN}tax = 7\n")).expect("written");
    let reloaded = app.command(&["--config", "shop.toml", "ctl", "reload", "--wait"], "");
    assert!(reloaded.status.success(), "{reloaded:?}");
    assert_eq!(app.get("/price/100").json()["total"], 107);
    eventually("two more", || (count("opened") == 4 && count("closed") == 2).then_some(()));
    // A configuration that is wrong changes nothing.
    fs::write(app.folder().join("shop.toml"), format!("{PLAIN}tax = 700\n")).expect("written");
    let refused = app.command(&["--config", "shop.toml", "ctl", "reload", "--wait"], "");
    assert!(!refused.status.success(), "{refused:?}");
    assert_eq!(app.get("/price/100").json()["total"], 107);
    assert!(app.terminate().success());
    let all = journal(&path);
    let processes: Vec<_> = all.iter().filter(|(_, line)| line == "opened").collect();
    assert_eq!(processes.len(), 4, "{all:?}");
    for (process, _) in processes {
        let lines: Vec<_> =
            all.iter().filter(|(by, _)| by == process).map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines, ["opened", "closing", "closed"], "{all:?}");
    }
}
