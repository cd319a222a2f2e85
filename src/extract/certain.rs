//! Whether a JSON text certainly fits its type's schema as it is: read once, without a value being built.
//!
//! What does not is read again by `check`, which converts, or tells what is wrong. So this knows only what is
//! frequent and cheap, and is wrong in one direction only.

use crate::extract::check::Apply;
use crate::extract::node::{Bounds, Kind, Length, List, Node, Object, Rest, Text};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Whether nothing is wrong with the text, and nothing is to be converted.
pub(super) fn fits(root: &Node, nodes: &[Node], apply: Apply<'_>, text: &str) -> bool {
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = Seed::of(root, (nodes, apply));
    seed.is_some_and(|seed| seed.deserialize(&mut json).is_ok()) && json.end().is_ok()
}

/// The definitions and rules.
type Known<'a> = (&'a [Node], Apply<'a>);

/// One value, and what it must be.
struct Seed<'a> {
    kind: &'a Kind,
    nullable: bool,
    known: Known<'a>,
}

impl<'a> Seed<'a> {
    /// `None` if only `check` can tell.
    fn of(mut node: &'a Node, known: Known<'a>) -> Option<Self> {
        let mut nullable = node.nullable;
        loop {
            match &node.kind {
                Kind::Named(at) => node = &known.0[*at],
                Kind::All(parts) if parts.len() == 1 => node = &parts[0],
                Kind::Union(_)
                | Kind::Tagged(_)
                | Kind::All(_)
                | Kind::Decimal(..)
                | Kind::File => return None,
                kind => return Some(Self { kind, nullable, known }),
            }
            nullable |= node.nullable;
        }
    }

    fn is<E: Error>(fits: bool) -> Result<(), E> {
        if fits { Ok(()) } else { Err(unsure()) }
    }

    fn text(&self, text: &Text, content: &str) -> bool {
        let (_, apply) = self.known;
        let count = match (text.length.least, text.length.most) {
            (0, None) => 0,
            _ => content.chars().count(),
        };
        text.format.is_none()
            && text.rule.is_none_or(|rule| apply(rule, content).is_ok())
            && count >= text.length.least
            && text.length.most.is_none_or(|most| count <= most)
            && text.pattern.as_ref().is_none_or(|pattern| pattern.is_match(content))
    }

    fn whole<E: Error>(&self, number: i128, real: f64) -> Result<(), E> {
        Self::is(match self.kind {
            Kind::Any => true,
            Kind::Whole(bounds) => holds(bounds, number),
            Kind::Real(bounds) => holds(bounds, real),
            _ => false,
        })
    }

    fn list<'de, A: SeqAccess<'de>>(&self, list: &'a List, mut items: A) -> Result<(), A::Error> {
        let mut count = 0;
        if list.is_set {
            return Err(unsure());
        }
        while items.next_element_seed(self.within::<A::Error>(&list.item)?)?.is_some() {
            count += 1;
        }
        let fits = count >= list.length.least && list.length.most.is_none_or(|most| count <= most);
        Self::is(fits)
    }

    fn tuple<'de, A: SeqAccess<'de>>(
        &self,
        nodes: &'a [Node],
        mut items: A,
    ) -> Result<(), A::Error> {
        for node in nodes {
            let item = items.next_element_seed(self.within::<A::Error>(node)?)?;
            Self::is::<A::Error>(item.is_some())?;
        }
        Self::is(items.next_element_seed(self.anything())?.is_none())
    }

    fn object<'de, A: MapAccess<'de>>(
        &self,
        object: &'a Object,
        mut members: A,
    ) -> Result<(), A::Error> {
        let Object { fields, rest, length, .. } = object;
        let is_counted = length.least > 0 || length.most.is_some();
        if fields.len() > 64 || (is_counted && !matches!(rest, Rest::Ignored)) {
            return Err(unsure());
        }
        let mut seen = 0_u64;
        while let Some(found) = members.next_key_seed(Name(object))? {
            match (found, rest) {
                (Some(at), _) => {
                    // Of a member that is there twice, the last one would count.
                    Self::is::<A::Error>(seen & (1 << at) == 0)?;
                    seen |= 1 << at;
                    members.next_value_seed(self.within::<A::Error>(&fields[at].node)?)?;
                }
                (None, Rest::Ignored) => members.next_value_seed(self.anything())?,
                (None, Rest::Each(node)) => {
                    members.next_value_seed(self.within::<A::Error>(node)?)?;
                }
                (None, Rest::Forbidden) => return Err(unsure()),
            }
        }
        let mut missing = fields.iter().enumerate().filter(|(at, _)| seen & (1 << at) == 0);
        Self::is(missing.all(|(_, field)| !field.required))
    }

    fn within<E: Error>(&self, node: &'a Node) -> Result<Self, E> {
        Self::of(node, self.known).ok_or_else(unsure)
    }

    /// Read to the end like any other value, so that it is JSON, and not too deep.
    fn anything(&self) -> Self {
        Self { kind: &Kind::Any, nullable: true, known: self.known }
    }
}

/// A message costs more than the check.
fn unsure<E: Error>() -> E {
    E::custom("")
}

fn holds<N: Copy + PartialOrd>(bounds: &Bounds<N>, number: N) -> bool {
    let Bounds { multiple_of, le, lt, ge, gt } = *bounds;
    multiple_of.is_none()
        && le.is_none_or(|most| number <= most)
        && lt.is_none_or(|most| number < most)
        && ge.is_none_or(|least| number >= least)
        && gt.is_none_or(|least| number > least)
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the schema says")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Self::is(self.nullable || matches!(self.kind, Kind::Any | Kind::Null))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Self::is(matches!(self.kind, Kind::Any | Kind::Flag))
    }

    #[expect(clippy::cast_precision_loss, reason = "as serde_json does it")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.whole(number.into(), number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "as serde_json does it")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.whole(number.into(), number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        Self::is(match self.kind {
            Kind::Any => true,
            Kind::Real(bounds) => holds(bounds, number),
            _ => false,
        })
    }

    fn visit_str<E: Error>(self, content: &str) -> Result<(), E> {
        Self::is(match self.kind {
            Kind::Any => true,
            Kind::Text(text) => self.text(text, content),
            Kind::Choice(values, _) => values.iter().any(|value| value == content),
            _ => false,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        match self.kind {
            Kind::Any => {
                while items.next_element_seed(self.anything())?.is_some() {}
                Ok(())
            }
            Kind::List(list) => self.list(list, items),
            Kind::Tuple(nodes) => self.tuple(nodes, items),
            _ => Err(unsure()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        match self.kind {
            Kind::Any => {
                while members.next_key_seed(Name(&NO_FIELDS))?.is_some() {
                    members.next_value_seed(self.anything())?;
                }
                Ok(())
            }
            Kind::Object(object) => self.object(object, members),
            _ => Err(unsure()),
        }
    }
}

const NO_FIELDS: Object = Object {
    fields: Vec::new(),
    rest: Rest::Ignored,
    length: Length { least: 0, most: None },
    strict: false,
};

/// The name of a member: which field it is, if any.
struct Name<'a>(&'a Object);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<usize>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.fields.iter().position(|field| field.name == name))
    }
}
