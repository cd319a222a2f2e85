//! The files under `docker/` and `config/systemd`: no container engine and no systemd runs them
//! here, so only the files themselves are checked.

use crate::clients::python_tool;
use crate::harness::{App, Response, bailiwick, repository, run_tool, spawn_app};
use serde_json::Value;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const COMPOSE: [&str; 2] = ["docker/compose.yaml", "docker/compose.cluster.yaml"];

/// systemd-analyze rates a unit without any hardening 9.6 of 10; above 2 it asks for more.
const EXPOSURE: &str = "20";

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents in a YAML file.
fn yaml(path: &str) -> Vec<Value> {
    let code =
        "import json, sys, yaml\nprint(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let json = run_tool(python_tool("python").args(["-c", code]).arg(repository(path)));
    serde_json::from_str(&json).expect("JSON")
}

#[test]
fn the_dockerfile_passes_its_linter() {
    run_tool(python_tool("hadolint").arg(repository("docker/Dockerfile")));
}

#[test]
fn the_compose_files_follow_the_specification() {
    for file in COMPOSE {
        let mut check = python_tool("check-jsonschema");
        check.args(["--builtin-schema", "vendor.compose-spec"]);
        run_tool(check.arg(repository(file)));
    }
}

#[test]
fn the_files_mounted_by_compose_exist() {
    for (file, expected) in COMPOSE.into_iter().zip([3, 4]) {
        let compose = text(file);
        let mounts = compose.lines().filter_map(|line| line.trim().strip_prefix("- ."));
        let mounts: Vec<_> = mounts.filter_map(|mount| mount.split(':').next()).collect();
        assert_eq!(mounts.len(), expected, "{file}");
        for mount in mounts {
            let path = repository("docker").join(format!(".{mount}"));
            assert!(path.exists(), "{}", path.display());
        }
    }
}

/// The health checks of the image and the compose files are commands that succeed on a server.
#[test]
fn health_checks_ask_the_server() {
    let app = spawn_app();
    let dockerfile = text("docker/Dockerfile");
    let check = dockerfile.lines().find(|line| line.starts_with("HEALTHCHECK ")).expect("a check");
    let (_, command) = check.split_once(" CMD ").expect("a command");
    let mut commands = vec![serde_json::from_str::<Vec<String>>(command).expect("JSON")];
    for file in COMPOSE {
        let compose = &yaml(file)[0]["services"];
        for (name, service) in compose.as_object().expect("services") {
            if !name.starts_with("bailiwick") {
                continue;
            }
            let condition = &compose["nginx"]["depends_on"][name]["condition"];
            assert_eq!(condition, "service_healthy", "{file}: {name}");
            let test = service["healthcheck"]["test"].as_array().expect("a check");
            assert_eq!(test[0], "CMD");
            let words = test[1..].iter().map(|word| word.as_str().expect("a word").to_owned());
            commands.push(words.collect());
        }
    }
    assert_eq!(commands.len(), 5);
    for command in commands {
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        assert_eq!(words[0], "bailiwick");
        assert_eq!(app.command(&words[1..], "").status.code(), Some(0), "{command:?}");
    }
}

/// The shipped units, with this binary, as Debian 12's systemd reads them.
fn units() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["bailiwick.service", "bailiwick.socket"] {
        let unit = text(&format!("config/systemd/{name}"));
        let unit = unit.replace("/usr/local/bin/bailiwick", env!("CARGO_BIN_EXE_bailiwick"));
        fs::write(folder.path().join(name), unit).expect("written");
    }
    folder
}

#[test]
fn systemd_accepts_the_units_without_a_warning() {
    let units = units();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).args(["bailiwick.service", "bailiwick.socket"]);
    // systemd logs what it ignores without failing.
    assert_eq!(run_tool(verify.current_dir(units.path())), "");
    // A later systemd than Debian 12's supports more.
    assert!(text("config/systemd/bailiwick.service").contains("\nType=notify\n"));
}

#[test]
fn the_service_is_exposed_to_little() {
    let units = units();
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--no-pager", "--offline=true"]);
    security.arg(format!("--threshold={EXPOSURE}")).arg("bailiwick.service");
    run_tool(security.current_dir(units.path()));
}

/// `systemctl reload` runs the unit's command, which fails if the configuration is refused.
#[test]
fn the_units_reload_command_works() {
    let unit = text("config/systemd/bailiwick.service");
    let line = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).expect(key);
    let start: Vec<_> = line("ExecStart=").split(' ').collect();
    let reload: Vec<_> = line("ExecReload=").split(' ').collect();
    let command = reload.strip_prefix(&start[..]).expect("the same configuration");
    let app = spawn_app();
    let reloaded = app.command(command, "");
    assert!(reloaded.status.success(), "{reloaded:?}");
    app.stderr.wait_for("All worker processes are of generation 2");
    fs::write(app.folder().join("config.toml"), "[server]\nwrokers = 2\n").expect("written");
    assert!(!app.command(command, "").status.success());
}

/// systemd creates production.toml's folders for the service.
#[test]
fn the_unit_makes_the_folders_of_the_production_configuration() {
    let unit = text("config/systemd/bailiwick.service");
    let production = text("config/production.toml");
    for (line, path) in [
        ("StateDirectory=bailiwick", "data_dir = \"/var/lib/bailiwick\""),
        ("RuntimeDirectory=bailiwick", "unix:/run/bailiwick/"),
    ] {
        assert!(unit.lines().any(|known| known == line), "{line}");
        assert!(production.contains(path), "{path}");
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

/// nginx has the addresses that the replicas have, and each replica gets the time it needs to stop.
#[test]
fn the_cluster_is_wired_together() {
    let compose = &yaml("docker/compose.cluster.yaml")[0];
    let services = compose["services"].as_object().expect("services");
    let replicas: Vec<_> =
        services.iter().filter(|(name, _)| name.starts_with("bailiwick-")).collect();
    assert_eq!(replicas.len(), 3);
    let upstream = text("docker/replicas.inc");
    assert_eq!(upstream.matches("\nserver ").count(), 2 * 3);
    for (name, service) in replicas {
        let address = service["networks"]["default"]["ipv4_address"].as_str().expect("an address");
        assert_eq!(upstream.matches(&format!("\nserver {address}:8000 ")).count(), 2, "{name}");
        let grace = service["stop_grace_period"].as_str().and_then(|time| time.strip_suffix('s'));
        assert!(
            grace.expect("seconds").parse::<u64>().expect("a number")
                >= default("graceful_timeout") + 5
        );
        is_known(
            service["environment"]
                .as_object()
                .expect("variables")
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))),
        );
    }
    // The shipped parameters, without the addresses.
    let parameters = |text: &str| {
        let servers = text.lines().filter(|line| line.starts_with("server "));
        servers
            .map(|line| line.split_once(' ').unwrap().1.split_once(' ').unwrap().1.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(parameters(&upstream), parameters(&text("config/nginx/replicas.inc")));
}

#[test]
fn the_kubernetes_file_fits_kubernetes() {
    let file = repository("docker/kubernetes/bailiwick.yaml");
    run_tool(python_tool("kubernetes-validate").arg("--strict").arg(file));
}

/// Probes request what the server serves, at its ports; it gets the time it needs to stop.
#[test]
fn the_kubernetes_file_fits_the_server() {
    let documents = yaml("docker/kubernetes/bailiwick.yaml");
    let [deployment, service, _] = &documents[..] else { panic!("{documents:?}") };
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"], service["spec"]["selector"]);

    let env = container["env"].as_array().expect("variables");
    let env =
        || env.iter().map(|one| (one["name"].as_str().unwrap(), one["value"].as_str().unwrap()));
    is_known(env());
    let port = |name: &str| {
        let ports = container["ports"].as_array().expect("ports");
        let port = ports.iter().find(|port| port["name"] == name).expect(name);
        port["containerPort"].as_u64().expect("a number")
    };
    let bound = |key: &str| env().find(|(name, _)| *name == key).map(|(_, value)| value.to_owned());
    assert_eq!(bound("BAILIWICK__SERVER__BIND"), Some(format!("0.0.0.0:{}", port("http"))));
    assert_eq!(bound("BAILIWICK__ADMIN__BIND"), Some(format!("0.0.0.0:{}", port("admin"))));
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "http");

    let app = App::demo().config("[admin]\npublic = true\n").spawn();
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        let get = &container[probe]["httpGet"];
        assert_eq!((get["path"].as_str(), get["port"].as_str()), (Some(path), Some("admin")));
        assert_eq!(Response::of("GET", &app.url(path), &[], "").status, 200);
    }
    let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("seconds");
    assert!(grace >= default("graceful_timeout") + default("keepalive"), "{grace}");
    let secret = &pod["volumes"][1]["secret"];
    assert_eq!(secret["secretName"], "bailiwick");
    for key in ["tokens", "database"] {
        assert!(env().any(|(_, value)| value == format!("/run/secrets/bailiwick/{key}")), "{key}");
    }
    // The server's certificate is verified with the authority in the secret.
    let url = bound("BAILIWICK__DATABASE__URL").expect("a database");
    assert!(url.ends_with("?sslrootcert=/run/secrets/bailiwick/ca.pem"), "{url}");
}

/// A number of `[server]` in the shipped defaults.
fn default(key: &str) -> u64 {
    let settings = text("config/default.toml");
    let line = settings.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
    line.expect(key).parse().expect("a number")
}

/// The server accepts these variables; those that name files get a stand-in file.
fn is_known<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = bailiwick(folder.path());
    for (name, value) in variables {
        assert!(name.starts_with("BAILIWICK__"), "{name}");
        if name.ends_with("_FILE") {
            let file = folder.path().join(name);
            fs::write(&file, "a secret that is long enough for everything").expect("written");
            command.env(name, file);
        } else {
            command.env(name, value);
        }
    }
    run_tool(command.arg("print-config"));
}
