//! One line for each error in the configuration.

use super::*;

#[test]
fn each_error_in_a_file_is_one_line() {
    for (file, line) in WRONG_FILES {
        assert_eq!(load(file, &[]).unwrap_err(), *line, "{file}");
    }
}

const WRONG_FILES: &[(&str, &str)] = &[
    (
        "[server]\n\nwokers = 1",
        "b.toml:3: unknown key `server.wokers`, did you mean `server.workers`?",
    ),
    (
        "[database]\npassword = 'swordfish'",
        "b.toml:2: unknown key `database.password`, did you mean `database.password_file`?",
    ),
    ("workers = 1", "b.toml:1: unknown key `workers`, did you mean `server.workers`?"),
    ("[servr]\nworkers = 1", "b.toml:1: unknown key `servr`, did you mean `server`?"),
    ("[servr]", "b.toml:1: unknown key `servr`, did you mean `server`?"),
    ("[x.y]\nzzzzzz = 1", "b.toml: unknown key `x`, `bailiwick print-config` lists the known ones"),
    ("server = 5", "b.toml:1: server = …: expected a section: [server]"),
    (
        "[server]\nworkers = 0",
        "b.toml:2: server.workers = 0: expected a whole number from 1 to 1024",
    ),
    (
        "[server]\nworkers = -1",
        "b.toml:2: server.workers = -1: expected a whole number from 1 to 1024",
    ),
    (
        "[server]\nworkers = 1.5",
        "b.toml:2: server.workers = 1.5: expected a whole number from 1 to 1024",
    ),
    (
        "[server]\nworkers = true",
        "b.toml:2: server.workers = true: expected a whole number from 1 to 1024",
    ),
    (
        "server.workers = 'two'",
        "b.toml:1: server.workers = \"two\": expected a whole number from 1 to 1024",
    ),
    (
        "server = { workers = [1] }",
        "b.toml: server.workers = [1]: expected a whole number from 1 to 1024",
    ),
    (
        "[server.workers]\nx = 1",
        "b.toml:1: server.workers = {\"x\":1}: expected a whole number from 1 to 1024",
    ),
    (
        "[server]\nkeepalive = 100000",
        "b.toml:2: server.keepalive = 100000: expected a whole number of seconds from 0 to 86400, or one with a unit such as \"30s\" or \"5m\"",
    ),
    (
        "[server]\nbind = []",
        "b.toml:2: server.bind = []: expected a list of at least one HOST:PORT, [IPv6]:PORT or unix:PATH",
    ),
    (
        "[admin]\nbind = ['9090']",
        "b.toml:2: admin.bind = [\"9090\"]: expected a list of HOST:PORT, [IPv6]:PORT or unix:PATH; `127.0.0.1:9090` is for this machine alone, `0.0.0.0:9090` for every network",
    ),
    (
        "[server]\nbind = ['8000']",
        "b.toml:2: server.bind = [\"8000\"]: expected a list of at least one HOST:PORT, [IPv6]:PORT or unix:PATH; `127.0.0.1:8000` is for this machine alone, `0.0.0.0:8000` for every network",
    ),
    (
        "[server]\nbind = [8000]",
        "b.toml:2: server.bind = [8000]: expected a list of at least one HOST:PORT, [IPv6]:PORT or unix:PATH; `127.0.0.1:8000` is for this machine alone, `0.0.0.0:8000` for every network",
    ),
    (
        "[server]\nforwarded_allow_ips = ['all']",
        "b.toml:2: server.forwarded_allow_ips = [\"all\"]: expected a list of IP addresses, networks such as 10.0.0.0/8, or unix; * for everybody",
    ),
    (
        "[server]\nroot_path = '/a/'",
        "b.toml:2: server.root_path = \"/a/\": expected an empty text or a path such as \"/auth\", without a slash at its end",
    ),
    (
        "[database]\nurl = 'mysql://me:pw@h/d'",
        "b.toml:2: database.url = ***: expected sqlite:PATH, postgres://USER@HOST:PORT/NAME, or \
         an empty text for bailiwick.db in data_dir",
    ),
    (
        "[database]\nurl = 'postgres://me:pw@h/d'\npassword_file = '/p'",
        "both the password in database.url (file b.toml) and database.password_file (file b.toml) \
         are set: expected only one of them",
    ),
    ("data_dir = ''", "b.toml:1: data_dir = \"\": expected a path"),
    ("data_dir = 5", "b.toml:1: data_dir = 5: expected a path"),
    (
        "[tokens]\nsecret = 'swordfish'",
        "b.toml:2: tokens.secret = ***: expected a text of at least 32 bytes",
    ),
    (
        "[tokens]\naccept_foreign_until = 2027-01-31T18:00:00",
        "b.toml:2: tokens.accept_foreign_until = \"2027-01-31T18:00:00\": expected a date such as \
         2027-01-31, which counts to its end in UTC, or a time with its zone such as 2027-01-31T18:00:00Z",
    ),
    (
        "[passwords]\nbcrypt_cost = 3",
        "b.toml:2: passwords.bcrypt_cost = 3: expected a whole number from 4 to 31",
    ),
    ("[passwords]\npolicy = 1", "b.toml:2: passwords.policy = 1: expected true or false"),
    (
        "[security]\nprofile = 'lax'",
        "b.toml:2: security.profile = \"lax\": expected one of fastapi, strict",
    ),
    (
        "[security]\nrealm = 'a\"b'",
        "b.toml:2: security.realm = \"a\\\"b\": expected a text of printable ASCII characters without quotes and backslashes",
    ),
    (
        "[cors]\norigins = ['*']",
        "b.toml:2: cors.origins = [\"*\"]: expected a list of exact origins SCHEME://HOST or SCHEME://HOST:PORT, in lower case, without a path and without *",
    ),
    (
        "[cors]\norigin_regex = 'https://('",
        "b.toml:2: cors.origin_regex = \"https://(\": expected a regular expression for a whole origin, such as 'https://.*\\.example\\.com'; unclosed group",
    ),
    (
        "[cors]\nexpose_headers = ['X Total']",
        "b.toml:2: cors.expose_headers = [\"X Total\"]: expected a list of names of headers",
    ),
    (
        "[logging]\nlevel = 'loud'",
        "b.toml:2: logging.level = \"loud\": expected one of critical, error, warning, warn, info, debug, trace",
    ),
    (
        "[logging]\naccess_filters = 1",
        "b.toml:2: logging.access_filters = 1: expected a list of tables [[logging.access_filters]]",
    ),
    (
        "[[logging.access_filters]]\nmetods = []",
        "b.toml:1: logging.access_filters[0].metods = []: expected only the keys message, methods, path, status, user_agent, slower_than, keep",
    ),
    (
        "[[logging.access_filters]]\nkeep = 'no'",
        "b.toml:1: logging.access_filters[0].keep = \"no\": expected true, false, or a share from 0 to 1 such as 0.01",
    ),
    (
        "[scopes]\na = ''",
        "b.toml:2: scopes.a = \"\": expected a text that says what the scope allows (a name with a dot or colon stands in quotes)",
    ),
    (
        "[scopes]\n'a b' = 'x'",
        "b.toml:2: scopes.a b = …: expected its name to be a scope: 1 to 128 printable ASCII characters without spaces, quotes and backslashes",
    ),
    (
        "[tokens]\nsecret = swordfish",
        "b.toml:2:10: not valid TOML: string values must be quoted, expected literal string",
    ),
    ("[server]\nworkers = 1\nworkers = 2", "b.toml:3:1: not valid TOML: duplicate key"),
];

#[test]
fn each_error_in_the_environment_is_one_line() {
    for (variable, value, line) in [
        (
            "BAILIWICK__SERVER__WOKERS",
            "1",
            "environment: unknown key `BAILIWICK__SERVER__WOKERS`, did you mean `BAILIWICK__SERVER__WORKERS`?",
        ),
        (
            "BAILIWICK__DATABASE__PASSWORD",
            "swordfish",
            "environment: unknown key `BAILIWICK__DATABASE__PASSWORD`, did you mean `BAILIWICK__DATABASE__PASSWORD_FILE`?",
        ),
        (
            "BAILIWICK__WORKERS",
            "1",
            "environment: unknown key `BAILIWICK__WORKERS`, did you mean `BAILIWICK__SERVER__WORKERS`?",
        ),
        (
            "BAILIWICK__server__workers",
            "1",
            "environment: unknown key `BAILIWICK__server__workers`, did you mean `BAILIWICK__SERVER__WORKERS`?",
        ),
        (
            "BAILIWICK__SERVER__WORKERS",
            "0",
            "environment BAILIWICK__SERVER__WORKERS = \"0\": expected a whole number from 1 to 1024",
        ),
        (
            "BAILIWICK__SERVER__WORKERS",
            "4\n",
            "environment BAILIWICK__SERVER__WORKERS = \"4\\n\": expected a whole number from 1 to 1024",
        ),
        (
            "BAILIWICK__SERVER__KEEPALIVE",
            "",
            "environment BAILIWICK__SERVER__KEEPALIVE = \"\": expected a whole number of seconds from 0 to 86400, or one with a unit such as \"30s\" or \"5m\"",
        ),
        (
            "BAILIWICK__TOKENS__SECRET",
            "007",
            "environment BAILIWICK__TOKENS__SECRET = ***: expected a text of at least 32 bytes",
        ),
        (
            "BAILIWICK__DOCS__ENABLED",
            "maybe",
            "environment BAILIWICK__DOCS__ENABLED = \"maybe\": expected true or false",
        ),
        (
            "BAILIWICK__SERVER__BIND",
            ",",
            "environment BAILIWICK__SERVER__BIND = \",\": expected a list of at least one HOST:PORT, [IPv6]:PORT or unix:PATH",
        ),
        (
            "BAILIWICK__LOGGING__ACCESS_FILTERS",
            "[]",
            "environment BAILIWICK__LOGGING__ACCESS_FILTERS: a table can only stand in a file (`--config FILE`)",
        ),
        (
            "BAILIWICK__SCOPES__ORDERS",
            "Read orders.",
            "environment BAILIWICK__SCOPES__ORDERS: a table can only stand in a file (`--config FILE`)",
        ),
    ] {
        assert_eq!(load("", &[(variable, value)]).unwrap_err(), line);
    }
}

#[test]
fn two_secrets_and_wrong_flags_are_one_line() {
    let file = "[tokens]\nsecret_file = '/s'";
    let secret = ("BAILIWICK__TOKENS__SECRET", "00700700700700700700700700700700");
    assert_eq!(
        load(file, &[secret]).unwrap_err(),
        "both tokens.secret (environment BAILIWICK__TOKENS__SECRET) and tokens.secret_file (file b.toml) are set: expected only one of them"
    );
    let file =
        "[server]\npublic_url = 'https://a.example'\n[tokens]\nissuer = 'https://a.example/'";
    assert_eq!(
        load(file, &[]).unwrap_err(),
        "server.public_url (file b.toml) and tokens.issuer (file b.toml) differ: expected the same, \
         for both name the issuer of tokens"
    );
    assert!(load(&file.replace("/'", "'"), &[]).is_ok());
    let insecure = ("BAILIWICK__SERVER__PUBLIC_URL", "http://auth.example.com");
    let line = load("", &[insecure]).unwrap_err();
    assert!(line.contains("PUBLIC_URL = \"http://auth.example.com\": expected a URL"), "{line}");
    let flags = flags(&[("server.workers", "0")]);
    let error = Layers { flags, ..Layers::default() }.load().unwrap_err();
    assert_eq!(error.to_string(), "flag --workers = \"0\": expected a whole number from 1 to 1024");
}

#[test]
fn a_wrong_word_of_libpq_is_refused_where_it_counts() {
    let url = |url: &str| format!("[database]\nurl = '{url}'");
    let wrong = "environment PGSSLMODE = \"on\": expected disable, allow, prefer, require, verify-ca \
                 or verify-full";
    let refused = load(&url("postgres://h/d"), &[("PGSSLMODE", "on")]).unwrap_err();
    assert_eq!(refused, wrong);
    for (file, word) in [
        ("postgres://h/d", "require"),
        ("postgres://h/d", ""),
        ("postgres://h/d?sslmode=require", "on"),
        ("sqlite:a.db", "on"),
    ] {
        assert!(load(&url(file), &[("PGSSLMODE", word)]).is_ok(), "{file} {word}");
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, env_file) = (folder.path().join("b.toml"), folder.path().join("b.env"));
    let text = "[server]\nzzz = 1\nworkers = 0\nkeepalive = '1y'\n[tokens]\nsecret = 'swordfish'\n\
                [[logging.access_filters]]\nkeep = 7\nstatus = 5\n";
    std::fs::write(&file, text).unwrap();
    std::fs::write(&env_file, "nonsense\nBAILIWICK_SERVER_BACKLOG=1\n").unwrap();
    let environment = flags(&[("BAILIWICK__CACHE__SIZE", "0"), ("BAILIWICK__CORS__MAX_AGE", "9")]);
    let flags = flags(&[("server.backlog", "0"), ("port", "70000"), ("host", "a b")]);
    let layers = Layers {
        file: Some(file),
        env_file: Some(env_file),
        environment,
        flags,
        ..Layers::default()
    };
    let errors = layers.load().unwrap_err();
    let lines: Vec<_> = errors.lines().collect();
    let expected = [
        "b.toml:2: unknown key `server.zzz`",
        "b.toml:3: server.workers = 0",
        "b.toml:4: server.keepalive = \"1y\": expected a whole number of seconds",
        "b.toml:6: tokens.secret = ***",
        "b.toml:7: logging.access_filters[0].keep = 7",
        "b.toml:7: logging.access_filters[0].status = 5",
        "b.env:1: expected NAME=value",
        "b.env:2: unknown key `BAILIWICK_SERVER_BACKLOG`, did you mean `BAILIWICK__SERVER__BACKLOG`?",
        "environment BAILIWICK__CACHE__SIZE = \"0\"",
        "flag --host = \"a b\": expected a name or an address; `a b` is no host name",
        "flag --port = \"70000\": expected a port; `70000` is no port",
        "flag --backlog = \"0\"",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{expected}: {lines:#?}");
    }
    assert!(!errors.to_string().contains("swordfish"));
    // The valid part is available for further checks.
    assert_eq!(errors.rest().unwrap().settings.cors.max_age, 9);
}

#[test]
fn an_address_can_be_listened_on_once() {
    for (file, flag, line) in [
        (
            "server.bind = ['127.0.0.1:80', '127.0.0.1:80']",
            None,
            "server.bind 127.0.0.1:80 (file b.toml) and server.bind 127.0.0.1:80 (file b.toml) are one address: expected different ones",
        ),
        (
            "admin.bind = ['localhost:80']",
            Some("0.0.0.0:80"),
            "server.bind 0.0.0.0:80 (flag --bind) and admin.bind localhost:80 (file b.toml) are one address: expected different ones",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.toml");
        std::fs::write(&path, file).unwrap();
        let flags = flag.map(|bind| ("server.bind".to_owned(), bind.to_owned()));
        let flags = flags.into_iter().collect();
        let error = Layers { file: Some(path.clone()), flags, ..Layers::default() }.load();
        let error = error.unwrap_err().to_string().replace(&path.display().to_string(), "b.toml");
        assert_eq!(error, line);
    }
    load("server.bind = ['0.0.0.0:80', '[::]:80', '127.0.0.1:0', '127.0.0.1:0']", &[]).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for (file, cause) in [
        ("/nonexistent/b.toml", "No such file or directory (os error 2)"),
        ("/", "Is a directory (os error 21)"),
    ] {
        let error = Layers { file: Some(file.into()), ..Layers::default() }.load().unwrap_err();
        assert_eq!(error.to_string(), format!("{file}: cannot be read: {cause}"));
    }
}

#[test]
fn debug_shows_no_secret() {
    let secret = "0123456789abcdef0123456789abcdef";
    let text = format!("tokens.secret = '{secret}'");
    let (layer, _) = Layer::of_text(&text, Origin::Default, &[]).unwrap();
    for shown in [format!("{layer:?}"), format!("{:?}", load(&text, &[]).unwrap())] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest::proptest! {
    #[test]
    fn no_file_and_no_variable_panics_or_takes_two_lines(text in "(?s).{0,200}", key in 0..keys::KEYS.len()) {
        let variable = keys::KEYS[key].variable();
        for error in [
            load(&text, &[]),
            load(&format!("{} = {text}", keys::KEYS[key].name), &[]),
            load(&format!("{} = {text:?}", keys::KEYS[key].name), &[]),
            load("", &[(&variable, &text)]),
        ] {
            assert!(error.err().is_none_or(|line| !line.contains(char::is_control)));
        }
    }
}
