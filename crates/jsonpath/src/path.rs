//! The compiled form of a path and its text in bracket notation.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::error::{NotFound, ParseError};
use crate::filter::Filter;
use crate::function::Function;
use crate::{evaluate, parse};

/// A compiled path that starts at `$`.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath {
    pub(crate) segments: Vec<Segment>,
    pub(crate) function: Option<Function>,
    /// How many segments at the front select exactly one node each.
    pub(crate) single_prefix: usize,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Segment {
    /// `.name`, `['name']`.
    Child(Box<str>),
    /// `['a','b']`.
    Children(Vec<Box<str>>),
    /// `.*`, `[*]`.
    Wildcard,
    /// `[3]`, `[-1]`.
    Index(i32),
    /// `[0,2]`.
    Indices(Vec<i32>),
    /// `[from:to]`; a step may be written, and is ignored.
    Slice { from: Option<i32>, to: Option<i32> },
    /// `[?(…)]`.
    Filter(Box<Filter>),
    /// `..`: the node itself and everything below it; the next segment picks from these.
    Descend,
}

impl JsonPath {
    /// Compiles `text`, which must start with `$`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::path(text)
    }

    pub(crate) fn new(segments: Vec<Segment>, function: Option<Function>) -> Self {
        let single_prefix = segments
            .iter()
            .take_while(|s| matches!(s, Segment::Child(_) | Segment::Index(_)))
            .count();
        Self {
            segments,
            function,
            single_prefix,
        }
    }

    /// Says whether the path is `$`: everything, as it is.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty() && self.function.is_none()
    }

    /// Says whether the path selects one value or fails; an indefinite path selects a list.
    ///
    /// Several names at the end (`$['a','b']`) are definite: they select one object with these names.
    /// A function behind an indefinite path gives a list too, one value for each node, except behind
    /// a deep scan from the root, all of whose nodes it takes together.
    pub fn is_definite(&self) -> bool {
        let takes_all = self.function.is_some() && self.scans_from_root();
        self.single_prefix == self.segments.len() || self.merges() || takes_all
    }

    /// Says whether the path begins with `$..`.
    pub(crate) fn scans_from_root(&self) -> bool {
        matches!(self.segments.first(), Some(Segment::Descend))
    }

    /// Says whether the path ends in several names after a definite beginning.
    pub(crate) fn merges(&self) -> bool {
        self.function.is_none()
            && self.single_prefix + 1 == self.segments.len()
            && matches!(self.segments.last(), Some(Segment::Children(_)))
    }

    /// Returns the one member of the root that the path looks into, if it is sure to be the only one.
    pub fn only_member(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Child(name)) if self.single_prefix == self.segments.len() => Some(name),
            _ => None,
        }
    }

    /// Adds the names of the variables that the path's filters read.
    pub fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        for segment in &self.segments {
            if let Segment::Filter(filter) = segment {
                filter.add_variables(names);
            }
        }
    }

    /// Returns what the path selects in `root`: a definite path's one value, an indefinite path's list.
    pub fn evaluate<'a>(&self, root: &'a Value) -> Result<Cow<'a, Value>, NotFound> {
        self.evaluate_with(root, &|_| None)
    }

    /// Like [`evaluate`](Self::evaluate), with the values of the variables (`$name`) that filters read;
    /// one without a value is like a path that finds nothing.
    pub fn evaluate_with<'a: 'f, 'f>(
        &self,
        root: &'a Value,
        variables: &'f dyn Fn(&str) -> Option<&'f Value>,
    ) -> Result<Cow<'a, Value>, NotFound> {
        evaluate::evaluate(self, root, variables)
    }

    /// Writes the first `count` segments in bracket notation: `$['a'][0]`.
    pub(crate) fn canonical(&self, count: usize) -> String {
        let mut text = String::from("$");
        for segment in &self.segments[..count] {
            text.push_str(&segment.canonical());
        }
        text
    }
}

impl Segment {
    /// Writes the segment in bracket notation.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Self::Child(name) => format!("['{name}']"),
            Self::Children(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                format!("[{}]", quoted.join(","))
            }
            Self::Wildcard => "[*]".to_owned(),
            Self::Index(index) => format!("[{index}]"),
            Self::Indices(indices) => {
                let texts: Vec<String> = indices.iter().map(i32::to_string).collect();
                format!("[{}]", texts.join(","))
            }
            Self::Slice { from, to } => {
                let end = |bound: &Option<i32>| bound.map(|b| b.to_string()).unwrap_or_default();
                format!("[{}:{}]", end(from), end(to))
            }
            Self::Filter(_) => "[?]".to_owned(),
            Self::Descend => "..".to_owned(),
        }
    }
}
