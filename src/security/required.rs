//! Required scopes as constants: they add up along a chain, outermost first, without allocation.

use crate::domain::Scope;
use std::marker::PhantomData;

/// A compile-time list of scope names, outermost first, without duplicates.
#[derive(Clone, Copy, Debug)]
pub struct Required {
    names: [&'static str; Required::MOST],
    len: usize,
}

impl Required {
    /// How many scopes one operation can require; more fail the build.
    pub const MOST: usize = 16;

    /// Requires nothing.
    pub const NONE: Self = Self { names: [""; Self::MOST], len: 0 };

    /// Appends a name, unless it is already listed.
    ///
    /// # Panics
    /// At build time, with more than [`Required::MOST`] names.
    #[must_use]
    pub const fn with(mut self, name: &'static str) -> Self {
        let mut at = 0;
        while at < self.len {
            if same(self.names[at], name) {
                return self;
            }
            at += 1;
        }
        assert!(self.len < Self::MOST, "an operation can require 16 scopes at most");
        self.names[self.len] = name;
        self.len += 1;
        self
    }

    /// Appends the names of another list.
    #[must_use]
    pub const fn and(mut self, inner: Self) -> Self {
        let mut at = 0;
        while at < inner.len {
            self = self.with(inner.names[at]);
            at += 1;
        }
        self
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names[..self.len]
    }
}

/// `str` has no `==` in constants yet.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Scopes as a type: one [`Scope`], a tuple of up to four, or `()`.
pub trait ScopeList: 'static {
    /// The names.
    const REQUIRED: Required;
}

impl<S: Scope> ScopeList for S {
    const REQUIRED: Required = Required::NONE.with(S::NAME);
}

/// The scopes of `Outer`, then those of `Inner`.
#[derive(Debug)]
pub struct Chain<Outer, Inner>(PhantomData<(Outer, Inner)>);

impl<Outer: ScopeList, Inner: ScopeList> ScopeList for Chain<Outer, Inner> {
    const REQUIRED: Required = Outer::REQUIRED.and(Inner::REQUIRED);
}

macro_rules! lists {
    ($(($($member:ident),*))*) => {$(
        impl<$($member: ScopeList),*> ScopeList for ($($member,)*) {
            const REQUIRED: Required = Required::NONE$(.and($member::REQUIRED))*;
        }
    )*};
}

lists! { () (A) (A, B) (A, B, C) (A, B, C, D) }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ItemsRead, MeRead};

    #[test]
    fn outermost_first_and_once() {
        type Nested = Chain<Chain<ItemsRead, MeRead>, (MeRead, ItemsRead)>;
        assert_eq!(Nested::REQUIRED.names(), ["items", "me"]);
        assert_eq!(<()>::REQUIRED.names(), [""; 0]);
    }
}
