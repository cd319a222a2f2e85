//! A prefix that nginx does not strip: everything is below it, and nothing leads out of it.

use super::Nginx;
use crate::harness::{App, FORM};
use crate::people::PASSWORD;

/// nginx forwards whole paths if `proxy_pass` names no path.
fn behind(app: &App) -> Nginx {
    Nginx::with(&app.address, &[("location / {", "location /api/ {")])
}

#[test]
fn a_prefix_that_nginx_passes_on_is_served() {
    let config = "[server]\nroot_path = \"/api\"\nstrip_root_path = true\n";
    let app = App::demo().config(config).spawn();
    let nginx = behind(&app);
    let document = nginx.send("GET", "/api/openapi.json", &[], "");
    assert_eq!(document.status, 200, "{}", document.body);
    let document = document.json();
    assert_eq!(document["servers"][0]["url"], "/api");
    assert!(document["paths"]["/users/me"].is_object());

    // The page and everything it requests.
    let docs = nginx.send("GET", "/api/docs", &[], "");
    assert_eq!(docs.status, 200);
    let parts: Vec<_> = docs.body.split(['"', '\'']).filter(|part| part.starts_with('/')).collect();
    assert!(parts.len() > 2, "{}", docs.body);
    for part in parts {
        assert!(part.starts_with("/api/"), "{part}");
        // An icon is not text.
        if !part.contains("favicon") {
            assert_eq!(nginx.send("GET", part, &[], "").status, 200, "{part}");
        }
    }
    assert_eq!(nginx.send("GET", "/api/redoc", &[], "").status, 200);

    // Authorize: the login URL in the document.
    let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");
    let login = schemes
        .values()
        .find_map(|scheme| scheme["flows"]["password"]["tokenUrl"].as_str())
        .expect("a login");
    assert!(login.starts_with("/api/"), "{login}");
    let form = [("content-type", FORM)];
    let answer = nginx.send("POST", login, &form, "username=johndoe&password=1234&scope=me");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    let bearer = format!("Bearer {token}");
    for path in ["/api/users/me", "/api/users/me/"] {
        let me = nginx.send("GET", path, &[("authorization", &bearer)], "");
        assert_eq!((me.status, me.json()["username"].as_str()), (200, Some("johndoe")), "{path}");
    }

    // A created resource has its address below the prefix, and exists.
    let add = [
        "users",
        "add",
        "admin",
        "--scope",
        "users:write",
        "--scope",
        "users:read",
        "--password-stdin",
    ];
    assert!(app.command(&add, PASSWORD).status.success());
    let admin = format!("Bearer {}", app.login("admin", PASSWORD, "users:write+users:read"));
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    let body =
        format!("{{\"username\": \"jane\", \"password\": \"{PASSWORD}\", \"scopes\": [\"me\"]}}");
    let made = nginx.send("POST", "/api/users", &headers, &body);
    assert_eq!(
        (made.status, made.header("location")),
        (201, Some("/api/users/jane")),
        "{}",
        made.body
    );
    assert_eq!(nginx.send("GET", "/api/users/jane", &headers, "").status, 200);

    // The log shows the path as sent.
    app.stdout.wait_for("\"POST /api/users HTTP/");
    // The prefix is removed once: nginx has checked what follows it.
    assert_eq!(nginx.send("GET", "/api/api/openapi.json", &[], "").status, 404);
    assert_eq!(nginx.send("GET", "/users/me", &[], "").status, 404);
    // Without it, for health checks and other local clients.
    assert_eq!(app.get("/openapi.json").status, 200);
    assert_eq!(app.get("/apiopenapi.json").status, 404);
}

#[test]
fn a_prefix_stays_unless_the_server_is_told_to_strip_it() {
    let app = App::demo().config("[server]\nroot_path = \"/api\"\n").spawn();
    assert_eq!(app.get("/api/openapi.json").status, 404);
    assert_eq!(app.get("/openapi.json").status, 200);
    app.stderr.wait_for("Documentation at: /api/docs, through the proxy");
}
