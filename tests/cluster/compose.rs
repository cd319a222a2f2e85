//! What `docker/compose.cluster.yaml` does to its PostgreSQL, on a real one.

use crate::harness::{bailiwick, repository, run, run_tool};
use crate::postgres::Server;
use std::fs;
use std::process::Command;

/// The role is not a superuser, the superuser cannot log in from outside, and bailiwick needs no
/// more.
#[test]
fn the_composed_database_belongs_to_a_role_of_its_own() {
    let server = Server::start();
    let psql = |url: &str, args: &[&str]| {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]).args(args).arg(url);
        psql.env("POSTGRES_PASSWORD", "it's a secret");
        psql
    };
    let superuser = server.url("postgres");
    let script = repository("docker/postgres.sql").display().to_string();
    run_tool(&mut psql(&superuser, &["-f", &script]));
    assert!(!run(&mut psql(&superuser, &["-c", "SELECT 1"]), "").status.success());

    let compose = fs::read_to_string(repository("docker/compose.cluster.yaml")).expect("a file");
    let url =
        compose.lines().find_map(|line| line.trim().strip_prefix("BAILIWICK__DATABASE__URL: "));
    let url =
        url.expect("the address").replace("@postgres/", &format!("@127.0.0.1:{}/", server.port));
    assert!(url.contains("sslmode=disable") && url.contains("127.0.0.1"), "{url}");
    let folder = tempfile::tempdir().expect("a folder");
    let password = folder.path().join("password");
    fs::write(&password, "it's a secret\n").expect("written");
    let mut command = bailiwick(folder.path());
    command.env("BAILIWICK__DATABASE__URL", &url);
    command.env("BAILIWICK__DATABASE__PASSWORD_FILE", &password);
    let output = run(command.args(["users", "import", "-"]), "");
    assert!(output.status.success(), "{output:?}");

    let own = url.replace("bailiwick@", "bailiwick:it's%20a%20secret@");
    let rights = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles
        WHERE rolname = current_user";
    assert_eq!(run_tool(&mut psql(&own, &["-c", rights])).trim(), "f|f|f|f");
    assert_eq!(run_tool(&mut psql(&own, &["-c", "SELECT count(*) FROM users"])).trim(), "0");
}
