//! The facts of a request that conditions and variables ask for: `aws:SourceIp`, `aws:username`.

use std::collections::BTreeMap;

/// Who knows the facts of a request. Only what a policy asks for is ever computed.
pub trait Facts {
    /// Returns the values of `key`, which is in small letters; `None` where the request has no such key.
    fn values(&self, key: &str) -> Option<Vec<String>>;

    /// Says whether the request may have `key`, and nobody here knows. A condition on it never lets a
    /// statement allow, and never keeps one from denying.
    fn is_unknown(&self, _key: &str) -> bool {
        false
    }
}

/// Facts that are given at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Returns keys with one value each. Capitals of keys do not matter.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(key, value)| (key.to_ascii_lowercase(), vec![value.to_owned()]))
                .collect(),
        )
    }

    /// Returns the same with the values of one more key.
    #[must_use]
    pub fn with<'a>(mut self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().map(str::to_owned).collect();
        self.0.insert(key.to_ascii_lowercase(), values);
        self
    }

    /// Sets the values of a key.
    pub fn insert(&mut self, key: &str, values: Vec<String>) {
        self.0.insert(key.to_ascii_lowercase(), values);
    }
}

impl Facts for Context {
    fn values(&self, key: &str) -> Option<Vec<String>> {
        self.0.get(key).cloned()
    }
}
