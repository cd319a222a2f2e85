//! One import style: everything imported from a module is in one `use`.

use std::collections::BTreeMap;

/// Modules imported from these get a line each, to be grepped.
const LINE_EACH: [&str; 2] = ["std", "crate"];

/// The lines that import from a module which another line of their block imports from as well.
pub(crate) fn repeated(text: &str, one_crate: bool) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen = BTreeMap::<usize, Vec<(String, String)>>::new();
    let mut attributes = String::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        let depth = line.len() - code.len();
        if code.is_empty() || code.starts_with("//") {
            continue;
        }
        // A line with less indentation ends the block of all deeper lines.
        seen.retain(|known, _| *known <= depth);
        if code.starts_with("#[") {
            attributes.push_str(code);
            continue;
        }
        let attributes = std::mem::take(&mut attributes);
        let Some((visibility, path)) = import(code) else { continue };
        let Some(module) = module(path) else { continue };
        if LINE_EACH.contains(&module) && (one_crate || module == "std") {
            continue;
        }
        let key = (format!("{attributes}{visibility}"), module.to_owned());
        let block = seen.entry(depth).or_default();
        if block.contains(&key) {
            found.push(number + 1);
        }
        block.push(key);
    }
    found
}

/// The visibility and the path of an import.
fn import(code: &str) -> Option<(&str, &str)> {
    let at = code.find("use ").filter(|at| *at == 0 || code[..*at].starts_with("pub"))?;
    let visibility = code[..at].trim_end();
    let is_one = visibility.is_empty() || visibility == "pub" || visibility.ends_with(')');
    is_one.then(|| (visibility, &code[at + "use ".len()..]))
}

/// The module that a path imports from: the part before its braces, or before its last name.
fn module(path: &str) -> Option<&str> {
    let end = path.find('{').or_else(|| path.rfind("::").map(|at| at + "::".len()))?;
    path[..end].strip_suffix("::")
}

#[test]
fn a_second_line_of_a_module_is_found() {
    let text = "use a::b::C;\nuse a::b::{D, E};\npub use a::b::F;\n#[cfg(x)]\nuse a::b::G;\n\
                use a::H;\nmod tests {\n    use a::b::C;\n    use a::b::D;\n}\nuse std::fs;\nuse std::io;\n";
    assert_eq!(repeated(text, true), [2, 9]);
    assert_eq!(repeated("use crate::a;\nuse crate::b;\n", false), [2]);
}
