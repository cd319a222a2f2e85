//! The `OpenAPI` document of all routes, checked against what is served.

use crate::http::{Mounts, Routes, ServeError, monitoring};
use crate::openapi::{self, gather};
use crate::routes::{self, docs, oauth};
use crate::security::taken_by;
use crate::services::scope_table;
use crate::settings::Settings;
use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use serde_json::Value;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The finished document of the built-in routes and the application's.
///
/// An application route hidden by the server's own is an error: it would never be reached.
pub fn document(mounts: &Mounts, settings: &Settings) -> Result<Value, ServeError> {
    let scopes = scope_table(settings).map_err(ServeError::Services)?;
    let panicked = |cause: Box<dyn Any + Send>| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("mounting the routes panicked");
        ServeError::Application(text.to_owned())
    };
    let gather = |built_in: bool, added: bool| {
        let gathered = AssertUnwindSafe(|| {
            taken_by(|| {
                gather(|routes: &mut Routes<'_>| {
                    if built_in {
                        routes::mount(routes, settings);
                    }
                    if added {
                        mounts.configure(routes);
                    }
                })
            })
        });
        let (document, taken) = catch_unwind(gathered).map_err(panicked)?;
        mounts.check_state(&taken).map(|()| document)
    };
    if !mounts.is_empty()
        && let Some((route, hidden_by)) =
            hidden_route(&gather(true, false)?, &gather(false, true)?, settings)
    {
        return Err(ServeError::HiddenRoute { route, hidden_by });
    }
    Ok(openapi::finish(gather(true, true)?, settings, &scopes))
}

/// The first route of the application that is never reached, because a route of the server matches
/// all its requests; and that route.
fn hidden_route(own: &Value, added: &Value, settings: &Settings) -> Option<(String, String)> {
    let pages = settings.docs.enabled.then_some(docs::PATHS).into_iter().flatten();
    let monitoring = settings.admin.public.then_some(monitoring::PATHS).into_iter().flatten();
    let oauth = settings.server.public_url.iter().flat_map(oauth::paths);
    let oauth = oauth.flat_map(|(path, methods)| {
        methods.into_iter().map(move |method| (method.to_string(), path.clone()))
    });
    let extra = pages.chain(monitoring).map(str::to_owned);
    let extra =
        extra.flat_map(|path| ["GET", "HEAD"].map(|method| (method.to_owned(), path.clone())));
    let people = settings.server.public_url.iter().flat_map(|_| routes::pages::paths(settings));
    let people = people.flat_map(|(path, methods)| {
        methods.into_iter().map(move |method| (method.to_string(), path.clone()))
    });
    let own: Vec<_> = operations(own).chain(extra).chain(oauth).chain(people).collect();
    operations(added).find_map(|(method, path)| {
        let hides = |(by, pattern): &&(String, String)| {
            *by == method && ResourceDef::new(pattern.as_str()).is_match(path.trim_end_matches('/'))
        };
        let (by, pattern) = own.iter().find(hides)?;
        Some((format!("{method} {path}"), format!("{by} {pattern}")))
    })
}

/// Method and path of each operation.
fn operations(document: &Value) -> impl Iterator<Item = (String, String)> {
    document["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().filter_map(|(method, operation)| {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
            operation.is_object().then(|| (method.to_string(), path.clone()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::tests::harness::plain_settings;
    use crate::security::{EnabledUser, State, guard};
    use crate::settings::DemoSettings;
    use paperclip::actix::api_v2_operation;
    use paperclip::actix::web::{self, get, post};
    use std::any::TypeId;

    #[api_v2_operation]
    async fn hello() -> &'static str {
        "hello"
    }

    fn made(settings: &Settings, mount: fn(&mut Routes<'_>)) -> Result<Value, ServeError> {
        let mut mounts = Mounts::default();
        mounts.add(mount);
        document(&mounts, settings)
    }

    #[test]
    fn paths_match_the_routers() {
        let settings = Settings { demo: DemoSettings { routes: false }, ..plain_settings() };
        let document = made(&settings, |routes| {
            let orders =
                web::scope("/orders").route("", get().to(hello)).route("", post().to(hello));
            routes
                .service(guard::<EnabledUser>(orders.route("/{id}", get().to(hello))))
                .service(
                    web::scope("/plain").service(web::scope("/in/{id}").route("", get().to(hello))),
                )
                .service(web::scope("/slash").route("/", get().to(hello)))
                .route("/both/", get().to(hello))
                .route("/both", post().to(hello));
        });
        let document = document.unwrap();
        let found: Vec<_> = operations(&document)
            .filter(|(_, path)| !path.starts_with("/users") && path != "/token")
            .map(|(method, path)| format!("{method} {path}"))
            .collect();
        let expected = [
            "POST /both",
            "GET /both/",
            "GET /orders",
            "POST /orders",
            "GET /orders/{id}",
            "GET /plain/in/{id}",
            "GET /slash/",
        ];
        assert_eq!(found, expected);
        assert!(document["paths"]["/orders"]["get"]["security"].is_array());
    }

    #[test]
    fn state_that_nobody_opens_is_refused() {
        #[api_v2_operation]
        async fn counts(_: State<u8>) -> &'static str {
            "counted"
        }
        let mut mounts = Mounts::default();
        mounts.add(|routes| {
            routes.route("/counts", get().to(counts));
        });
        let refused = document(&mounts, &plain_settings()).unwrap_err().to_string();
        assert_eq!(refused, "a handler takes State<u8>, and no Server::state opens it");
        mounts.add_state(TypeId::of::<u8>());
        document(&mounts, &plain_settings()).unwrap();
    }

    #[test]
    fn a_route_that_would_never_be_reached_is_refused() {
        let on = plain_settings();
        let mut off = plain_settings();
        off.demo.routes = false;
        let hidden = |settings, mount| match made(settings, mount) {
            Ok(_) => None,
            Err(ServeError::HiddenRoute { route, hidden_by }) => Some((route, hidden_by)),
            Err(other) => panic!("{other}"),
        };
        let by = |route: &str, hidden_by: &str| Some((route.to_owned(), hidden_by.to_owned()));
        let status: fn(&mut Routes<'_>) = |routes| {
            routes.route("/status", get().to(hello));
        };
        assert_eq!(hidden(&on, status), by("GET /status", "GET /status"));
        assert_eq!(hidden(&off, status), None);
        let slash: fn(&mut Routes<'_>) = |routes| {
            routes.route("/status/", get().to(hello));
        };
        assert_eq!(hidden(&on, slash), by("GET /status/", "GET /status"));
        let export: fn(&mut Routes<'_>) = |routes| {
            routes.service(web::scope("/users").route("/export", get().to(hello)));
        };
        assert_eq!(hidden(&off, export), by("GET /users/export", "GET /users/{username}"));
        let named: fn(&mut Routes<'_>) = |routes| {
            routes.route("/users/{id}", get().to(hello));
        };
        assert_eq!(hidden(&off, named), by("GET /users/{id}", "GET /users/{username}"));
        let other: fn(&mut Routes<'_>) = |routes| {
            routes.route("/users/me", post().to(hello));
        };
        assert_eq!(hidden(&on, other), None, "another method has a place");
        let docs: fn(&mut Routes<'_>) = |routes| {
            routes.route("/docs", get().to(hello));
        };
        assert_eq!(hidden(&on, docs), None, "the docs are off in these tests");
        let mut with_docs = plain_settings();
        with_docs.docs.enabled = true;
        assert_eq!(hidden(&with_docs, docs), by("GET /docs", "GET /docs"));
    }
}
