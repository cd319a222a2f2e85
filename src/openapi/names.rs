//! What operations are called: their ids, which generators make functions of, and their tags.

use crate::openapi::method::HANDLER;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What an operation has no tag for, as in Swagger UI.
const UNTAGGED: &str = "default";

/// The server's own tags.
const OWN_TAGS: [(&str, &str); 6] = [
    ("token", "Logins, and what becomes of their tokens."),
    ("me", "What callers see and do of their own."),
    ("users", "The administration of users."),
    ("api keys", "Keys that programs use in place of a user's login."),
    ("clients", "Applications that sign users in, and services with tokens of their own."),
    ("status", "A route for the demonstration."),
];

/// Each operation with its path and method.
pub(super) fn operations(
    document: &mut Value,
) -> impl Iterator<Item = (&str, &str, &mut Map<String, Value>)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let members = item.as_object_mut().into_iter().flatten();
        members.filter(|(name, _)| METHODS.contains(&name.as_str())).filter_map(
            move |(method, operation)| {
                operation
                    .as_object_mut()
                    .map(|operation| (path.as_str(), method.as_str(), operation))
            },
        )
    })
}

/// Gives each operation an id of its own: the name of its handler. Handlers of the same name have their module's
/// before it, and a handler that serves several routes has path and method behind it, as in FastAPI; so no id
/// depends on the order of the routes. Without a doc comment the name is the summary, too: `Read Users Me`.
pub(super) fn name_operations(document: &mut Value) {
    let mut given = Vec::new();
    let mut wanted = Vec::new();
    for (path, method, operation) in operations(document) {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        match id.strip_prefix(HANDLER) {
            None if !id.is_empty() => given.push(id.to_owned()),
            handler => wanted.push(names(handler.unwrap_or_default(), path, method)),
        }
    }
    let mut chosen = choose(&wanted, &given).into_iter().zip(&wanted);
    for (_, _, operation) in operations(document) {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        let mut name = id.to_owned();
        if (id.is_empty() || id.starts_with(HANDLER))
            && let Some((id, [handler, ..])) = chosen.next()
        {
            operation.insert("operationId".to_owned(), json!(id));
            name = if handler.is_empty() { id } else { handler.clone() };
        }
        operation.entry("summary").or_insert_with(|| json!(in_words(&name)));
    }
}

/// `read_users_me` as FastAPI shows it.
fn in_words(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    };
    name.split('_').filter(|part| !part.is_empty()).map(word).collect::<Vec<_>>().join(" ")
}

/// What an operation may be called, the best first.
type Names = [String; 3];

fn names(handler: &str, path: &str, method: &str) -> Names {
    let plain = handler.split('<').next().unwrap_or_default();
    let mut parts = plain.rsplit("::").filter(|part| !part.starts_with('{'));
    let name = parts.next().unwrap_or_default();
    let with_module = parts.next().map(|module| format!("{module}_{name}"));
    let words = |text: &str| {
        let word = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '_' };
        text.chars().map(word).collect::<String>()
    };
    let mut route = words(&format!("{name}{path}_{method}"));
    if name.is_empty() {
        route = words(&format!("{method}{path}"));
        route = route.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
    }
    [name.to_owned(), with_module.unwrap_or_default(), route]
}

/// The first name of each that no other one has.
fn choose(wanted: &[Names], given: &[String]) -> Vec<String> {
    let mut chosen: Vec<Option<&str>> = vec![None; wanted.len()];
    for level in 0..3 {
        let mut count: HashMap<&str, u32> = HashMap::new();
        for taken in given.iter().map(String::as_str).chain(chosen.iter().flatten().copied()) {
            *count.entry(taken).or_default() += 1;
        }
        let open: Vec<usize> = (0..wanted.len()).filter(|at| chosen[*at].is_none()).collect();
        for at in &open {
            *count.entry(wanted[*at][level].as_str()).or_default() += 1;
        }
        for at in open {
            let name = wanted[at][level].as_str();
            if !name.is_empty() && (count[name] == 1 || level == 2) {
                chosen[at] = Some(name);
            }
        }
    }
    chosen.into_iter().map(|name| name.unwrap_or_default().to_owned()).collect()
}

/// Tags what has no tag by the first name in its path, and lists all tags: the application's, in the order in
/// which it describes them, then the server's.
pub(super) fn tag_operations(document: &mut Value, described: &[(&str, &str)]) {
    let mut used: Vec<String> = Vec::new();
    for (path, _, operation) in operations(document) {
        let tags = operation.entry("tags").or_insert_with(|| json!([]));
        if tags.as_array().is_none_or(Vec::is_empty) {
            let first = path.split('/').nth(1).unwrap_or_default();
            let is_name = !first.is_empty() && !first.contains('{');
            *tags = json!([if is_name { first } else { UNTAGGED }]);
        }
        for tag in tags.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !used.iter().any(|known| known == tag) {
                used.push(tag.to_owned());
            }
        }
    }
    let is_known = |all: &[(&str, &str)], tag: &str| all.iter().any(|(name, _)| *name == tag);
    let undescribed = used
        .iter()
        .map(|tag| (tag.as_str(), ""))
        .filter(|(tag, _)| !is_known(described, tag) && !is_known(&OWN_TAGS, tag));
    let own = OWN_TAGS
        .into_iter()
        .filter(|(tag, _)| !is_known(described, tag) && used.iter().any(|known| known == tag));
    let all = described.iter().copied().chain(undescribed).chain(own);
    let tags = all.map(|(name, text)| match text {
        "" => json!({"name": name}),
        _ => json!({"name": name, "description": text}),
    });
    document["tags"] = tags.collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(routes: &[(&str, &str, &str)]) -> Vec<String> {
        let mut document = json!({"paths": {}});
        for (path, method, id) in routes {
            document["paths"][path][method] = json!({ "operationId": id });
        }
        name_operations(&mut document);
        let ids = routes.iter().map(|(path, method, _)| {
            document["paths"][path][method]["operationId"].as_str().unwrap().to_owned()
        });
        ids.collect()
    }

    #[test]
    fn each_operation_has_an_id_of_its_own() {
        let routes = [
            ("/a", "get", "x-handler:shop::list"),
            ("/orders", "get", "x-handler:shop::orders::all"),
            ("/users", "get", "x-handler:shop::users::all"),
            ("/reports", "get", "x-handler:shop::report"),
            ("/reports/{day}", "get", "x-handler:shop::report"),
            ("/b", "get", "x-handler:shop::show_user"),
            ("/users/{name}", "get", "show_user"),
            ("/c", "post", "x-handler:shop::generic<alloc::vec::Vec<u8>>"),
            ("/d/{id}/", "put", ""),
        ];
        let expected = [
            "list",
            "orders_all",
            "users_all",
            "report_reports_get",
            "report_reports__day__get",
            "shop_show_user",
            "show_user",
            "generic",
            "put_d_id",
        ];
        assert_eq!(ids(&routes), expected);
        let mut backwards = routes;
        backwards.reverse();
        let mut found = ids(&backwards);
        found.reverse();
        assert_eq!(found, expected, "the order of the routes does not matter");
    }

    #[test]
    fn what_has_no_summary_is_called_as_its_handler() {
        assert_eq!(in_words("read_users_me"), "Read Users Me");
        assert_eq!(in_words("_all"), "All");
    }

    #[test]
    fn operations_are_tagged_by_their_paths() {
        let mut document = json!({"paths": {
            "/": {"get": {}},
            "/orders/{id}": {"get": {}, "put": {"tags": ["changes"]}},
            "/users": {"get": {"tags": ["users"]}},
            "/{any}": {"get": {"tags": []}},
        }});
        tag_operations(&mut document, &[("orders", "Orders.")]);
        let tags = |path: &str, method: &str| document["paths"][path][method]["tags"].clone();
        assert_eq!(tags("/", "get"), json!(["default"]));
        assert_eq!(tags("/{any}", "get"), json!(["default"]));
        assert_eq!(tags("/orders/{id}", "get"), json!(["orders"]));
        assert_eq!(tags("/orders/{id}", "put"), json!(["changes"]));
        let listed: Vec<_> =
            document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
        assert_eq!(listed, ["orders", "default", "changes", "users"]);
        assert_eq!(document["tags"][0]["description"], "Orders.");
    }
}
