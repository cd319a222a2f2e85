//! Compiled schemas, which values are checked against.

use crate::extract::rule::Rule;
use regex::Regex;
use serde_json::Value;

/// The requirements on a value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    /// Never echoed.
    pub(super) secret: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Any,
    Null,
    Flag,
    Whole(Bounds<i128>),
    Real(Bounds<f64>),
    /// A number, or a text that is one.
    Decimal(Bounds<f64>, Option<Regex>),
    Text(Text),
    File,
    /// One of these values, and the list for messages.
    Choice(Vec<Value>, String),
    List(List),
    Tuple(Vec<Node>),
    Object(Object),
    /// One of these, each with its label in errors.
    Union(Vec<(String, Node)>),
    Tagged(Tagged),
    /// All of these.
    All(Vec<Node>),
    /// One of the definitions.
    Named(usize),
}

#[derive(Debug)]
pub(super) struct Bounds<N> {
    pub(super) multiple_of: Option<N>,
    pub(super) le: Option<N>,
    pub(super) lt: Option<N>,
    pub(super) ge: Option<N>,
    pub(super) gt: Option<N>,
}

impl<N: Copy> Bounds<N> {
    /// The same bounds as numbers of another type.
    pub(super) fn map<M>(&self, change: impl Fn(N) -> M) -> Bounds<M> {
        let Self { multiple_of, le, lt, ge, gt } = *self;
        Bounds {
            multiple_of: multiple_of.map(&change),
            le: le.map(&change),
            lt: lt.map(&change),
            ge: ge.map(&change),
            gt: gt.map(&change),
        }
    }
}

#[derive(Debug)]
pub(super) struct Text {
    pub(super) length: Length,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<Format>,
    pub(super) rule: Option<&'static Rule>,
}

/// What a text is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    DateTime,
    Date,
    Email,
    Uri,
    Uuid,
}

/// Bounds on the number of characters, items or members.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    pub(super) least: usize,
    pub(super) most: Option<usize>,
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) item: Box<Node>,
    pub(super) length: Length,
    pub(super) is_set: bool,
}

#[derive(Debug)]
pub(super) struct Object {
    pub(super) fields: Vec<Field>,
    pub(super) rest: Rest,
    pub(super) length: Length,
    /// Converts nothing, and never echoes unknown fields.
    pub(super) strict: bool,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) node: Node,
    pub(super) required: bool,
}

/// How unknown members are treated.
#[derive(Debug)]
pub(super) enum Rest {
    Ignored,
    Forbidden,
    Each(Box<Node>),
}

/// Objects distinguished by one field.
#[derive(Debug)]
pub(super) struct Tagged {
    pub(super) tag: String,
    pub(super) branches: Vec<(String, Node)>,
}

impl Node {
    /// Whether it contains a secret.
    pub(super) fn hides(&self, definitions: &[Self]) -> bool {
        self.hides_beyond(definitions, &mut Vec::new())
    }

    fn hides_beyond(&self, definitions: &[Self], seen: &mut Vec<usize>) -> bool {
        let mut any = |mut nodes: &mut dyn Iterator<Item = &Self>| {
            Iterator::any(&mut nodes, |node| node.hides_beyond(definitions, seen))
        };
        self.secret
            || match &self.kind {
                Kind::List(list) => any(&mut [&*list.item].into_iter()),
                Kind::Tuple(nodes) | Kind::All(nodes) => any(&mut nodes.iter()),
                Kind::Union(branches) | Kind::Tagged(Tagged { branches, .. }) => {
                    any(&mut branches.iter().map(|(_, node)| node))
                }
                Kind::Object(object) => {
                    let each = match &object.rest {
                        Rest::Each(node) => Some(&**node),
                        Rest::Ignored | Rest::Forbidden => None,
                    };
                    any(&mut object.fields.iter().map(|field| &field.node).chain(each))
                }
                Kind::Named(at) if !seen.contains(at) => {
                    seen.push(*at);
                    definitions[*at].hides_beyond(definitions, seen)
                }
                _ => false,
            }
    }

    /// The node, or the definition it refers to.
    pub(super) fn resolved<'a>(&'a self, definitions: &'a [Self]) -> &'a Self {
        match &self.kind {
            Kind::Named(at) => definitions[*at].resolved(definitions),
            Kind::All(nodes) if nodes.len() == 1 => nodes[0].resolved(definitions),
            _ => self,
        }
    }
}
