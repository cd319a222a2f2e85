//! A browser without a window: it keeps cookies, and says where its forms come from.

use super::URL;
use crate::example_server::Example;
use crate::harness::{App, FORM, Response};
use std::collections::BTreeMap;

/// Keeps the cookies of one server.
pub(crate) struct Visitor<'a> {
    server: Server<'a>,
    cookies: BTreeMap<String, String>,
    /// What it says of where a form comes from.
    pub(crate) site: Option<&'static str>,
    pub(crate) language: &'static str,
    pub(crate) agent: &'static str,
}

enum Server<'a> {
    Binary(&'a App),
    Example(&'a Example),
}

/// The address of a path.
pub(crate) fn at(path: &str) -> String {
    format!("{URL}{path}")
}

impl<'a> Visitor<'a> {
    pub(crate) fn of(app: &'a App) -> Self {
        Self::at(Server::Binary(app))
    }

    pub(crate) fn of_example(app: &'a Example) -> Self {
        Self::at(Server::Example(app))
    }

    fn at(server: Server<'a>) -> Self {
        let (site, language, agent) = (Some("same-origin"), "en", "Firefox/1");
        Self { server, cookies: BTreeMap::new(), site, language, agent }
    }

    /// From now on its requests meet another server.
    pub(crate) fn meets(&mut self, app: &'a App) {
        self.server = Server::Binary(app);
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn forget_cookie(&mut self, name: &str) {
        self.cookies.remove(name);
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, &[], "")
    }

    /// Sends a form.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send("POST", path, &[("content-type", FORM)], &form.finish())
    }

    /// Any request, with the cookies.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut all = vec![("accept-language", self.language), ("user-agent", self.agent)];
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        if let Some(site) = self.site {
            all.push(("sec-fetch-site", site));
        }
        all.extend(headers);
        let answer = match self.server {
            Server::Binary(app) => app.send(method, path, &all, body),
            Server::Example(app) => app.send(method, path, &all, body),
        };
        for set in answer.headers("set-cookie") {
            let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Opens the login page and sends its form.
    pub(crate) fn try_log_in(&mut self, username: &str, password: &str) -> Response {
        // Without the session, the form is shown again.
        let before = self.cookies.remove("bailiwick-9");
        let page = self.get("/auth/login");
        if let Some(before) = before {
            self.set_cookie("bailiwick-9", &before);
        }
        let (action, token) = form(&page.body, "/auth/login");
        let fields = [("form_token", &*token), ("username", username), ("password", password)];
        self.post(&action, &fields)
    }

    /// The same; it must succeed.
    pub(crate) fn log_in(&mut self, username: &str, password: &str) {
        let answer = self.try_log_in(username, password);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    /// Sends the form of the account page.
    pub(crate) fn sign_out(&mut self) {
        let page = self.get("/auth/account");
        let (action, token) = form(&page.body, "/auth/account/sign-out");
        let answer = self.post(&action, &[("form_token", &token)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
}

/// The whole address and the token of the form that is sent to this path.
pub(crate) fn form(page: &str, path: &str) -> (String, String) {
    let start = page.find(&format!("action=\"{path}")).unwrap_or_else(|| panic!("{path}: {page}"));
    let value = |after: &str| {
        let rest = &page[start..];
        let rest = &rest[rest.find(after).expect("its place") + after.len()..];
        rest[..rest.find('"').expect("an end")].replace("&#38;", "&").replace("&amp;", "&")
    };
    (value("action=\""), value("name=\"form_token\" value=\""))
}
