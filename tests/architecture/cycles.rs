//! Which files of a floor need each other, and whether that forms a cycle.
//!
//! A folder's own file (`mod.rs`) combines the files below it, so its use of them does not count;
//! their use of it does. What it re-exports counts as a use of the defining file, and paths in
//! macros (`$crate::…`) belong to the macros' callers.

use std::collections::{BTreeMap, BTreeSet};

type Path = Vec<String>;

/// The files of the house by their module paths.
pub(crate) struct Modules {
    uses: BTreeMap<Path, Vec<Path>>,
    /// What each module re-exports, by name.
    exports: BTreeMap<Path, BTreeMap<String, Path>>,
}

impl Modules {
    /// From module paths and their code without comments and unit tests.
    pub(crate) fn read(sources: impl IntoIterator<Item = (Path, String)>) -> Self {
        let mut modules = Self { uses: BTreeMap::new(), exports: BTreeMap::new() };
        for (module, code) in sources {
            let (mut uses, mut exports) = (Vec::new(), BTreeMap::new());
            let mut rest = String::new();
            for statement in code.split_inclusive(';') {
                let Some((before, tree)) = imported(statement) else {
                    rest.push_str(statement);
                    continue;
                };
                rest.push_str(before);
                for path in branches(tree) {
                    let is_public = before.trim_end().ends_with("pub")
                        || before.trim_end().ends_with(')') && before.contains("pub(");
                    if is_public && let Some(name) = path.last() {
                        exports.insert(name.clone(), path.clone());
                    }
                    uses.push(path);
                }
            }
            uses.extend(paths_in(&rest));
            modules.uses.insert(module.clone(), uses);
            modules.exports.insert(module, exports);
        }
        modules
    }

    /// The files that need each other, one line per pair in a cycle.
    pub(crate) fn circles(&self) -> BTreeSet<String> {
        let needs: BTreeMap<&Path, BTreeSet<Path>> =
            self.uses.keys().map(|module| (module, self.needs(module))).collect();
        let mut circles = BTreeSet::new();
        for (from, direct) in &needs {
            for to in direct {
                if reaches(&needs, to, from) {
                    let (from, to) = (from.join("/"), to.join("/"));
                    circles.insert(format!("src/{from} needs src/{to}, which needs it in turn"));
                }
            }
        }
        circles
    }

    /// The other files of its floor that a file needs.
    fn needs(&self, module: &Path) -> BTreeSet<Path> {
        let paths = self.uses[module].iter().filter_map(|path| self.absolute(module, path));
        let files = paths.map(|path| self.file(&path, 0));
        files.filter(|file| file.first() == module.first() && !file.starts_with(module)).collect()
    }

    fn absolute(&self, module: &Path, path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => &[],
            "self" => &module[..],
            "super" => &module[..module.len() - 1],
            name => {
                let below = [&module[..], &[name.to_owned()]].concat();
                return self.uses.contains_key(&below).then(|| [below, rest.to_vec()].concat());
            }
        };
        Some([start, rest].concat())
    }

    /// The file that defines what a path names.
    fn file(&self, path: &[String], depth: usize) -> Path {
        let known = (0..=path.len()).rev().find(|n| self.uses.contains_key(&path[..*n]));
        let (file, rest) = path.split_at(known.unwrap_or(0));
        let file = file.to_vec();
        let export = rest.first().and_then(|name| self.exports.get(&file)?.get(name));
        match export.and_then(|export| self.absolute(&file, export)) {
            Some(defined) if depth < 8 => self.file(&[&defined, &rest[1..]].concat(), depth + 1),
            _ => file,
        }
    }
}

fn reaches(needs: &BTreeMap<&Path, BTreeSet<Path>>, from: &Path, to: &Path) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        if file == to {
            return true;
        }
        if seen.insert(file) {
            open.extend(needs.get(file).into_iter().flatten());
        }
    }
    false
}

/// The part before a `use` at the end of a statement, and the tree after it.
fn imported(statement: &str) -> Option<(&str, &str)> {
    let statement = statement.strip_suffix(';')?;
    let at = statement.rfind("use ")?;
    let (before, tree) = (&statement[..at], &statement[at + 4..]);
    let starts = before.is_empty() || before.ends_with(|c: char| c.is_whitespace());
    let is_tree = tree.chars().all(|c| c.is_alphanumeric() || "_:{}*, \n".contains(c));
    (starts && is_tree).then_some((before, tree))
}

/// The paths of a tree of imports; `self` at the end names the module.
fn branches(tree: &str) -> Vec<Path> {
    let tree = tree.trim();
    let Some((prefix, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let names = path.split("::").map(|name| name.trim().to_owned());
        let names: Path = names.filter(|name| !name.is_empty() && name != "*").collect();
        return if names.is_empty() { Vec::new() } else { vec![names] };
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts
        .flat_map(|part| match part {
            "self" => branches(prefix.trim_end_matches("::")),
            part => branches(&format!("{prefix}{part}")),
        })
        .collect()
}

/// The paths that name a module of the house outside imports.
fn paths_in(code: &str) -> Vec<Path> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let part = |c: char| c.is_alphanumeric() || c == '_';
            if code[..at].ends_with(|c| part(c) || c == '$' || c == ':') {
                continue;
            }
            let rest = &code[at..];
            let end = rest.find(|c| !part(c) && c != ':').unwrap_or(rest.len());
            paths.extend(branches(rest[..end].trim_end_matches(':')));
        }
    }
    paths
}

#[test]
fn a_circle_is_found_through_folders_and_their_exports() {
    let read = |sources: &[(&str, &str)]| {
        let sources = sources
            .iter()
            .map(|(path, code)| (path.split('/').map(str::to_owned).collect(), (*code).to_owned()));
        Modules::read(sources).circles()
    };
    let folder = ("a", "mod b;\nmod c;\npub use b::{B, Two as _};\nuse c::C;\n");
    let direct = [folder, ("a/b", "use crate::a::c::C;\n"), ("a/c", "fn f(_: super::b::B) {}\n")];
    assert_eq!(read(&direct).len(), 2);
    let exported = [folder, ("a/b", "use super::c::{self, C};\n"), ("a/c", "use crate::a::B;\n")];
    assert_eq!(read(&exported).len(), 2);
    let down = [folder, ("a/b", "use crate::a::c::C;\n"), ("a/c", "use crate::a::Own;\n")];
    assert!(read(&down).is_empty());
    let other_floor = [("a", "use crate::z::Z;\n"), ("z", "use crate::a::A;\n")];
    assert!(read(&other_floor).is_empty(), "the order of the floors forbids that");
}
