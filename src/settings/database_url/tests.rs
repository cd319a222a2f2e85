//! Which URLs are accepted, what they mean, and that no refusal shows a part of a password.

use super::*;
use crate::settings::Layers;
use proptest::prelude::*;

fn postgres(text: &str) -> PostgresUrl {
    match DatabaseUrl::parse(text) {
        Ok(DatabaseUrl::Postgres(url)) => *url,
        other => panic!("{text}: {other:?}"),
    }
}

fn problem(text: &str) -> DatabaseUrlProblem {
    DatabaseUrl::parse(text).err().unwrap_or_else(|| panic!("{text}: taken"))
}

#[test]
fn a_file_is_named_as_a_path_or_as_sqlalchemy_does() {
    use DatabaseUrlProblem::{Memory, Quoted, Scheme, SqliteOptions, SqliteSlashes};
    for (text, path) in [
        ("", "/data/bailiwick.db"),
        ("sqlite:b.db", "b.db"),
        ("sqlite:./b.db", "./b.db"),
        ("sqlite:/srv/b.db", "/srv/b.db"),
        ("sqlite:/srv/50% of it, b@home#1.db", "/srv/50% of it, b@home#1.db"),
        ("sqlite:///b.db", "b.db"),
        ("sqlite:///./b.db", "./b.db"),
        ("sqlite:////srv/b.db", "/srv/b.db"),
        ("sqlite+aiosqlite:///./b.db", "./b.db"),
        ("sqlite+pysqlite:////srv/b.db", "/srv/b.db"),
    ] {
        let url = DatabaseUrl::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        assert_eq!(url.file(Path::new("/data")).as_deref(), Some(Path::new(path)), "{text}");
    }
    for (text, expected) in [
        ("b.db", Scheme),
        ("/srv/b.db", Scheme),
        ("sqlite", Scheme),
        ("mysql://db/users", Scheme),
        ("sqlite+swordfish:///b.db", Scheme),
        ("sqlite:", Memory),
        ("sqlite://", Memory),
        ("sqlite:///", Memory),
        ("sqlite::memory:", Memory),
        ("sqlite:///:memory:", Memory),
        ("sqlite:file:b", SqliteOptions),
        ("sqlite:b?mode=ro", SqliteOptions),
        ("sqlite://b.db", SqliteSlashes),
        ("sqlite+aiosqlite:b.db", SqliteSlashes),
        ("\"sqlite:b.db\"", Quoted),
        (" sqlite:b.db", Quoted),
    ] {
        assert_eq!(problem(text), expected, "{text}");
    }
}

#[test]
fn a_server_is_named_part_by_part() {
    let url = postgres(
        "postgresql://me:p%40ss%2Fw%3Ard@db.example.com:5433/us%20ers?sslmode=verify-ca&\
         sslrootcert=/etc/ca.pem&sslcert=/c.pem&sslkey=/k.pem&options=-c%20search_path%3Dauth&\
         application_name=a+b&connect_timeout=9&channel_binding=prefer&target_session_attrs=primary",
    );
    assert_eq!(url.user.as_deref(), Some("me"));
    assert_eq!(url.password.as_ref().unwrap().expose(), "p@ss/w:rd");
    assert_eq!(shown(&url), "db.example.com:5433");
    assert_eq!((url.target_session, url.name.as_str()), (TargetSession::Primary, "us ers"));
    assert_eq!(url.written_ssl_mode, Some(SslMode::VerifyCa));
    assert_eq!(url.ssl_root, SslRoot::File("/etc/ca.pem".into()));
    assert_eq!(url.client_certificate, Some(("/c.pem".into(), "/k.pem".into())));
    assert_eq!(url.options.as_deref(), Some("-c search_path=auth"));
    assert_eq!(url.application_name.as_deref(), Some("a+b"));
    assert_eq!(url.connect_timeout.unwrap().get(), 9);

    for (text, host) in [
        ("postgres://db/users", Host::Tcp("db".to_owned())),
        ("POSTGRES://db/users", Host::Tcp("db".to_owned())),
        ("postgresql+psycopg://db/users", Host::Tcp("db".to_owned())),
        ("postgres://me@[::1]:5433/users", Host::Tcp("::1".to_owned())),
        ("postgres://me@%2Frun%2Fpostgresql/users", Host::Socket("/run/postgresql".into())),
        ("postgres:///users?host=/run/postgresql&user=me", Host::Socket("/run/postgresql".into())),
        ("postgres:///?host=db&port=5433&dbname=users", Host::Tcp("db".to_owned())),
        ("postgres://:pw@db/users", Host::Tcp("db".to_owned())),
        ("postgres://me:a:b!$&'()*+,;=~[^|]\"<é@db/üsers", Host::Tcp("db".to_owned())),
    ] {
        assert_eq!(postgres(text).servers[0].host, host, "{text}");
    }
}

/// The servers, with `-` for a missing port.
fn shown(url: &PostgresUrl) -> String {
    let show = |server: &PostgresServer| {
        let port = server.port.map_or("-".to_owned(), |port| port.to_string());
        format!("{}:{port}", server.host)
    };
    url.servers.iter().map(show).collect::<Vec<_>>().join(" ")
}

#[test]
fn several_servers_are_named_as_for_libpq() {
    for (text, servers) in [
        ("postgres://a,b/d", "a:- b:-"),
        ("postgres://me:pw@a:1,b:2/d", "a:1 b:2"),
        ("postgres://a:1,b,c:3/d", "a:1 b:- c:3"),
        ("postgres://[::1]:1,[::2]/d", "::1:1 ::2:-"),
        ("postgres://%2Frun%2Fa,b/d", "/run/a:- b:-"),
        ("postgres:///d?host=a,b", "a:- b:-"),
        ("postgres:///d?host=a,b&port=1", "a:1 b:1"),
        ("postgres:///d?host=a,/run/b&port=1,2", "a:1 /run/b:2"),
        ("postgres:///d?host=a,b&port=,2", "a:- b:2"),
        ("postgres://a,b/d?port=7", "a:7 b:7"),
    ] {
        assert_eq!(shown(&postgres(text)), servers, "{text}");
    }
    for (word, target) in [
        ("any", TargetSession::Any),
        ("read-write", TargetSession::ReadWrite),
        ("primary", TargetSession::Primary),
    ] {
        let url = postgres(&format!("postgres://a,b/d?target_session_attrs={word}"));
        assert_eq!(url.target_session, target);
    }
    assert_eq!(postgres("postgres://a,b/d").target_session, TargetSession::Any);
}

#[test]
fn invalid_servers_are_refused_with_the_reason() {
    use DatabaseUrlProblem::*;
    for (text, expected) in [
        ("postgres:db/users", Slashes),
        ("postgres:me:pw@db/b", Slashes),
        ("postgres://db", NoName),
        ("postgres://db/", NoName),
        ("postgres://me@/users", NoHost),
        ("postgres:///users", NoHost),
        ("postgres://app:hunter?2@db/app", Unencoded),
        ("postgres://app:p@ss?x", NoValue),
        ("postgres://app:p@ss@db/app", Unencoded),
        ("postgres://app:p@ss?x@db/app", Unencoded),
        ("postgres://me:a#b@h/d", Unencoded),
        ("postgres://me:a/b@h/d", Unencoded),
        ("postgres://me:a b@h/d", Unencoded),
        ("postgres://me:50%off@h/d", Percent),
        ("postgres://me:%ff@h/d", Percent),
        ("postgres://me:x%@h/d", Percent),
        ("postgres://me:%00@h/d", Control),
        ("postgres://h/d%0Ae", Control),
        ("postgres://me:${PASSWORD}@h/d", Variable),
        ("postgres://me:{{ password }}@h/d", Variable),
        ("postgres://h:99999/d", Port),
        ("postgres://h:0/d", Port),
        ("postgres://h:+1/d", Port),
        ("postgres://h:/d", Port),
        ("postgres://h:port/d", Port),
        ("postgres://[::1]x/d", Port),
        ("postgres://[::1/d", Brackets),
        ("postgres://[h]/d", Brackets),
        ("postgres://::1/d", Brackets),
        ("postgres://a,,b/d", NoHost),
        ("postgres:///d?host=,a", NoHost),
        ("postgres://a:1,b:99999/d", Port),
        ("postgres://a,b;c/d", Host),
        ("postgres://[::1],::2/d", Brackets),
        ("postgres://a,b,c/d?port=1,2", Ports),
        ("postgres://a/d?port=1,2", Ports),
        ("postgres://a:1,b:2/d?port=3", Twice("port")),
        ("postgres://bücher/d", Host),
        ("postgres://a;b/d", Host),
        ("postgres://h/d/e", Unencoded),
        ("postgres://h/d?sslmode", NoValue),
        ("postgres://h/d?sslmode=", NoValue),
        ("postgres://h/d?sslmod=require", UnknownParameter { nearest: Some("sslmode") }),
        ("postgres://h/d?what=ever", UnknownParameter { nearest: None }),
        ("postgres://h/d?sslmode=disable&sslmode=require", Twice("sslmode")),
        ("postgres://h:1/d?port=2", Twice("port")),
        ("jdbc:postgresql://h/d?user=me&password=pw", Jdbc),
        ("host=h user=me password=pw", Pairs),
        ("user=me password='p:w' host=h", Pairs),
        ("postgres://h/d\n", Control),
        ("'postgres://h/d'", Quoted),
    ] {
        assert_eq!(problem(text), expected, "{text}");
    }
    for value in [
        "sslmode=on",
        "sslmode=require&sslrootcert=system",
        "connect_timeout=0",
        "connect_timeout=-1",
        "connect_timeout=3601",
        "sslcert=/c.pem",
        "sslkey=/k.pem",
        "sslkey=-----BEGIN%20PRIVATE%20KEY-----&sslcert=/c.pem",
    ] {
        let text = format!("postgres://h/d?{value}");
        assert!(matches!(problem(&text), Value { .. }), "{text}");
    }
}

/// libpq's parameters are accepted or refused by name, nothing else.
#[test]
fn every_parameter_of_libpq_is_known() {
    let libpq = "host hostaddr port dbname user password passfile require_auth channel_binding \
        connect_timeout client_encoding options application_name fallback_application_name \
        keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout \
        replication gssencmode sslmode requiressl sslnegotiation sslcompression sslcert sslkey \
        sslkeylogfile sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer \
        ssl_min_protocol_version ssl_max_protocol_version min_protocol_version \
        max_protocol_version krbsrvname gsslib gssdelegation scram_client_key scram_server_key \
        service servicefile target_session_attrs load_balance_hosts oauth_issuer oauth_client_id \
        oauth_client_secret oauth_scope";
    for name in libpq.split_whitespace() {
        match DatabaseUrl::parse(&format!("postgres://h/d?{name}=what")) {
            Ok(_) => {}
            Err(DatabaseUrlProblem::UnknownParameter { .. } | DatabaseUrlProblem::NoValue) => {
                panic!("{name} is not known")
            }
            Err(problem) if name == "port" => assert_eq!(problem, DatabaseUrlProblem::Port),
            Err(problem) => {
                let taken = matches!(problem, DatabaseUrlProblem::Twice(_));
                assert!(taken || problem.to_string().contains(&format!("`{name}`")), "{problem}");
            }
        }
    }
    let line = problem("postgres://h/d?channel_binding=require").to_string();
    assert!(line.contains("`channel_binding`") && line.contains("sslmode=verify-full"), "{line}");
    let line = problem("postgres://h/d?target_session_attrs=standby").to_string();
    assert!(line.contains("`target_session_attrs`") && line.contains("read-write"), "{line}");
}

#[test]
fn tls_is_verified_unless_the_server_is_local_or_less_is_asked_for() {
    use SslMode::{Prefer, Require, VerifyCa, VerifyFull};
    for (host, mode) in [
        ("db.example.com", VerifyFull),
        ("10.0.0.1", VerifyFull),
        ("localhost.example.com", VerifyFull),
        ("127.example.com", VerifyFull),
        ("[2001:db8::1]", VerifyFull),
        ("0.0.0.0", VerifyFull),
        ("localhost", Prefer),
        ("127.0.0.1", Prefer),
        ("127.8.8.8", Prefer),
        ("[::1]", Prefer),
        ("[::ffff:127.0.0.1]", Prefer),
        ("localhost,127.0.0.1:5433", Prefer),
        ("localhost,db", VerifyFull),
        ("%2Frun%2Fpostgresql", Prefer),
    ] {
        assert_eq!(postgres(&format!("postgres://{host}/d")).ssl_mode(None), mode, "{host}");
    }
    for (query, variable, mode) in [
        ("?sslmode=prefer", None, Prefer),
        ("?sslmode=require", Some("disable"), Require),
        ("", Some("require"), Require),
        ("", Some("of course"), VerifyFull),
        // As in libpq: naming an authority means verifying against it.
        ("?sslmode=require&sslrootcert=/ca.pem", None, VerifyCa),
        ("?sslrootcert=/ca.pem", None, VerifyFull),
        ("?sslrootcert=system", Some("prefer"), VerifyFull),
    ] {
        let url = postgres(&format!("postgres://db/d{query}"));
        assert_eq!(url.ssl_mode(variable), mode, "{query} {variable:?}");
    }
    assert_eq!(postgres("postgres://localhost/d?sslrootcert=system").ssl_mode(None), VerifyFull);
}

#[test]
fn passwords_are_masked() {
    for (text, shown) in [
        ("", ""),
        ("sqlite:/var/lib/b@home:x.db", "sqlite:/var/lib/b@home:x.db"),
        ("postgres:me:pw@db/b", "***"),
        ("mysql://me:pw@db/b", "***"),
        ("postgres://me@db/b", "postgres://me@db/b"),
        ("postgres://me:pw@db/b", "postgres://me:***@db/b"),
        ("postgres://:pw@db/b", "postgres://:***@db/b"),
        (
            "postgres://me:p%40:w@[::1]:1/b?sslmode=disable",
            "postgres://me:***@[::1]:1/b?sslmode=disable",
        ),
        (
            "postgres://db/b?user=me&password=p%26w&port=1",
            "postgres://db/b?user=me&password=***&port=1",
        ),
        ("postgres://db/b?user=me&Password=pw", "***"),
    ] {
        assert_eq!(DatabaseUrl::masked(text), shown);
    }
    let shown = format!("{:?}", DatabaseUrl::parse("postgres://me:swordfish@db/b").unwrap());
    assert!(!shown.contains("swordfish"), "{shown}");
}

/// Ways to write a URL with `PASS`, well or badly.
const SHAPES: [&str; 40] = [
    "postgres://app:PASS@db/app",
    "postgres://app:PASS@db:5432/app?sslmode=require",
    "postgresql://app:PASS@db.example.com:99999/app",
    "postgres://app:PASS@db",
    "postgres://app:PASS@db/",
    "postgres://app:PASS@",
    "postgres://app:PASS@/app",
    "postgres://app:PASS@db/app?sslmod=require",
    "postgres://app:PASS@db/app?sslmode=on",
    "postgres://app:PASS@a,b/app?target_session_attrs=read-write",
    "postgres://app:PASS@[::1/app",
    "postgres://:PASS@db/app",
    "postgres:app:PASS@db/app",
    "postgres:/app:PASS@db/app",
    "postgres:PASS",
    "postgres//app:PASS@db/app",
    "postgres;//app:PASS@db/app",
    "postgres://db/app?user=app&password=PASS",
    "postgres://db/app?password=PASS&password=PASS",
    "postgres://db/app?Password=PASS",
    "postgres://db/app?pass=PASS",
    "postgres://db/app?pwd=PASS&user=app",
    "postgres://db/app?sslpassword=PASS",
    "postgres://db/app?PASS",
    "postgres://app@db/app?passwd=PASS@db",
    "postgresql+asyncpg://app:PASS@db/app?ssl=require",
    "postgres+PASS://app@db/app",
    "mysql://app:PASS@db/app",
    "app:PASS@db/app",
    "app:PASS",
    "PASS",
    "host=db password=PASS",
    "host=db password='PASS' dbname=app",
    "password = PASS host = db",
    "jdbc:postgresql://db/app?user=app&password=PASS",
    "\"postgres://app:PASS@db/app\"",
    "'postgres://app:PASS@db/app",
    " postgres://app:PASS@db/app ",
    "Server=db;Database=app;User Id=app;Password=PASS;",
    "{\"url\": \"postgres://app:PASS@db/app\"}",
];

/// A URL as people write it, and the parts of its password that no message may show: letters and
/// digits that occur in no message, with anything between them.
fn written() -> impl Strategy<Value = (String, Vec<String>)> {
    let between = "[@:/?#%&=+$^!*,;<>|~ \"'\\\\\\[\\]{}()\t\n`é√\u{1F511}-]{1,3}";
    // Not a number: the defaults contain some.
    let mark = "[QZXJ][QZXJ0-9]{2,5}";
    let parts = (mark, prop::collection::vec((between, mark), 0..4));
    (prop::sample::select(&SHAPES[..]), parts).prop_map(|(shape, (first, rest))| {
        let mut password = first.clone();
        let mut marks = vec![first];
        for (between, mark) in rest {
            password.extend([between, mark.clone()]);
            marks.push(mark);
        }
        (shape.replace("PASS", &password), marks)
    })
}

fn shows<'a>(message: &str, marks: &'a [String]) -> Option<&'a String> {
    marks.iter().find(|mark| message.contains(*mark))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_message_shows_a_part_of_a_password((text, marks) in written()) {
        let (shown, masked) = (DatabaseUrl::parse(&text), DatabaseUrl::masked(&text));
        prop_assert_eq!(shown.is_ok(), masked != "***" || text == "***");
        let shown = match shown {
            Ok(url) => format!("{url:?}"),
            Err(problem) => format!("{problem} {problem:?}"),
        };
        prop_assert_eq!(shows(&shown, &marks), None, "{}", shown);
        prop_assert_eq!(shows(&masked, &marks), None, "{}", masked);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_layer_shows_a_part_of_a_password((text, marks) in written(), layer in 0..6) {
        let file = Some("b".into());
        let toml = |value: &str| Some(format!("[database]\nurl = {value}\n"));
        let line = |value: &str| Some(format!("BAILIWICK__DATABASE__URL={value}\n"));
        let none = Layers::default();
        let layers = match layer {
            0 => Layers { file, text: toml(&serde_json::to_string(&text).unwrap()), ..none },
            1 => Layers { file, text: toml(&text), ..none },
            2 => Layers { env_file: file, env_text: line(&text), ..none },
            3 => Layers { env_file: file, env_text: line(&format!("'{text}'")), ..none },
            4 => Layers { environment: vec![("BAILIWICK__DATABASE__URL".to_owned(), text)], ..none },
            _ => Layers { flags: vec![("database.url".to_owned(), text)], ..none },
        };
        let shown = match layers.load() {
            Ok(loaded) => format!("{:?} {:?}", loaded.effective().collect::<Vec<_>>(), loaded.settings),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert_eq!(shows(&shown, &marks), None, "{}", shown);
    }
}
