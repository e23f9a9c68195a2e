//! The compiled form of a path and its text in bracket notation.

use std::borrow::Cow;
use std::fmt::Write as _;

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
    Index(i64),
    /// `[0,2]`.
    Indices(Vec<i64>),
    /// `[from:to:step]`.
    Slice {
        from: Option<i64>,
        to: Option<i64>,
        step: i64,
    },
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
    pub fn is_definite(&self) -> bool {
        self.function.is_some() || self.single_prefix == self.segments.len() || self.merges()
    }

    /// Says whether the path ends in several names after a definite beginning.
    pub(crate) fn merges(&self) -> bool {
        self.function.is_none()
            && self.single_prefix + 1 == self.segments.len()
            && matches!(self.segments.last(), Some(Segment::Children(_)))
    }

    /// Returns what the path selects in `root`: a definite path's one value, an indefinite path's list.
    pub fn evaluate<'a>(&self, root: &'a Value) -> Result<Cow<'a, Value>, NotFound> {
        evaluate::evaluate(self, root)
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
                let texts: Vec<String> = indices.iter().map(i64::to_string).collect();
                format!("[{}]", texts.join(","))
            }
            Self::Slice { from, to, step } => {
                let end = |bound: &Option<i64>| bound.map(|b| b.to_string()).unwrap_or_default();
                let mut text = format!("[{}:{}", end(from), end(to));
                if *step != 1 {
                    // Writing to a String does not fail.
                    let _ = write!(text, ":{step}");
                }
                text.push(']');
                text
            }
            Self::Filter(_) => "[?]".to_owned(),
            Self::Descend => "..".to_owned(),
        }
    }
}
