//! The parameters of a request, each once (RFC 6749 §3.1).

use std::fmt;

/// Names and values, in order. It prints no value: some are secrets.
#[derive(Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of a query, or of a form's body. An empty one counts as absent.
    #[must_use]
    pub fn of_query(query: &str) -> Self {
        let all = form_urlencoded::parse(query.as_bytes());
        let all = all.filter(|(_, value)| !value.is_empty());
        Self(all.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first with this name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The only one with this name; the name, if there are several.
    pub fn once(&self, name: &'static str) -> Result<Option<&str>, &'static str> {
        let mut all = self.0.iter().filter(|(known, _)| known == name);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(name),
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
        }
    }

    /// These only, in this order, as a query.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in names {
            if let Some(value) = self.first(name) {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
