//! The model as values: shapes with their constraints, operations, errors.
//!
//! `generated.rs` is full of statics of these types. The typed structures ask them whether a value
//! holds; [`crate::check`] walks them to say in AWS's words why one does not; `aws-wire` reads the
//! HTTP bindings.

use std::sync::OnceLock;

/// A type of the model, with what it demands of a value.
#[derive(Debug)]
pub struct Shape {
    /// The name in the model; AWS prints structures with it.
    pub name: &'static str,
    /// Whether a value may never be repeated in a message.
    pub sensitive: bool,
    /// What it is made of.
    pub kind: Kind,
}

/// What a [`Shape`] is made of.
#[derive(Debug)]
pub enum Kind {
    /// An object with known members.
    Structure(&'static [Member]),
    /// An array.
    List {
        /// The shape of every element.
        of: &'static Shape,
        /// How many elements.
        bounds: Bounds,
    },
    /// An object whose keys are data.
    Map {
        /// The shape of every key.
        key: &'static Shape,
        /// The shape of every value.
        value: &'static Shape,
    },
    /// A string.
    Text {
        /// How many UTF-16 code units, as Java counts.
        bounds: Bounds,
        /// What it must match, whole.
        pattern: Option<&'static Pattern>,
    },
    /// A string out of a set, in the order in which AWS prints the set.
    Enumeration(&'static [&'static str]),
    /// Bytes; base64 in JSON.
    Blob,
    /// A whole number.
    Integer {
        /// Its value.
        bounds: Bounds,
        /// How AWS calls the type: `Integer` or `Long`.
        java: &'static str,
    },
    /// A number.
    Float {
        /// Its value.
        bounds: Bounds,
        /// How AWS calls the type: `Float` or `Double`.
        java: &'static str,
    },
    /// `true` or `false`.
    Boolean,
    /// A moment, as seconds since the epoch.
    Timestamp,
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// The name in the model and in JSON.
    pub name: &'static str,
    /// Its shape.
    pub shape: &'static Shape,
    /// Whether it may be left out.
    pub required: bool,
    /// Where a REST protocol carries it.
    pub location: Location,
}

/// Where a REST protocol carries a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the JSON body.
    Body,
    /// In the path, in place of `{name}`.
    Path(&'static str),
    /// In the query string, under this name.
    Query(&'static str),
    /// In a header of this name.
    Header(&'static str),
    /// It is the status of the answer.
    StatusCode,
    /// It is the whole body, raw.
    Payload,
}

/// An inclusive range; an end that is not there does not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub min: Option<i64>,
    /// The most.
    pub max: Option<i64>,
}

impl Bounds {
    /// Says whether `number` lies within.
    pub fn admit(self, number: f64) -> bool {
        self.min.is_none_or(|min| number >= min as f64)
            && self.max.is_none_or(|max| number <= max as f64)
    }

    /// Says whether a whole `number` lies within.
    pub const fn admit_whole(self, number: i64) -> bool {
        let low = matches!(self.min, Some(min) if number < min);
        let high = matches!(self.max, Some(max) if number > max);
        !low && !high
    }

    /// Says whether the length of `text` lies within.
    pub fn admit_length_of(self, text: &str) -> bool {
        // UTF-8 is never shorter than UTF-16, so the exact count is seldom needed.
        let bytes = text.len() as i64;
        let short_enough = self.max.is_none_or(|max| bytes <= max);
        let long_enough = self
            .min
            .is_none_or(|min| bytes >= min && (min <= 1 || text.is_ascii()));
        (short_enough && long_enough) || self.admit_whole(utf16_length(text))
    }
}

/// Returns the length of `text` as Java counts it.
pub fn utf16_length(text: &str) -> i64 {
    text.chars().map(|c| c.len_utf16() as i64).sum()
}

/// A regular expression of the model, compiled when it is first asked.
#[derive(Debug)]
pub struct Pattern {
    /// The expression as the model has it, for messages.
    pub text: &'static str,
    /// The same in expressions without look-around: a value must match every one, whole.
    parts: &'static [&'static str],
    compiled: OnceLock<Vec<regex::Regex>>,
}

impl Pattern {
    /// Returns the pattern `text`, which holds where all of `parts` match.
    pub const fn new(text: &'static str, parts: &'static [&'static str]) -> Self {
        Self {
            text,
            parts,
            compiled: OnceLock::new(),
        }
    }

    /// Says whether the whole of `value` matches.
    pub fn admits(&self, value: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            let compile = |part: &&str| {
                regex::Regex::new(&format!("^(?:{part})$"))
                    .expect("the generator's patterns compile (a test reads all)")
            };
            self.parts.iter().map(compile).collect()
        });
        compiled.iter().all(|part| part.is_match(value))
    }
}

impl Shape {
    /// Says whether `text` satisfies a text shape; other shapes demand nothing of it.
    pub fn admits_text(&self, text: &str) -> bool {
        match &self.kind {
            // The length is asked first: it keeps expressions away from long values.
            Kind::Text { bounds, pattern } => {
                bounds.admit_length_of(text) && pattern.is_none_or(|pattern| pattern.admits(text))
            }
            Kind::Enumeration(values) => values.contains(&text),
            Kind::Structure(_)
            | Kind::List { .. }
            | Kind::Map { .. }
            | Kind::Blob
            | Kind::Integer { .. }
            | Kind::Float { .. }
            | Kind::Boolean
            | Kind::Timestamp => true,
        }
    }

    /// Returns the bounds of a number or of a list's length.
    pub const fn bounds(&self) -> Bounds {
        match &self.kind {
            Kind::Integer { bounds, .. }
            | Kind::Float { bounds, .. }
            | Kind::List { bounds, .. }
            | Kind::Text { bounds, .. } => *bounds,
            Kind::Structure(_)
            | Kind::Map { .. }
            | Kind::Enumeration(_)
            | Kind::Blob
            | Kind::Boolean
            | Kind::Timestamp => Bounds {
                min: None,
                max: None,
            },
        }
    }

    /// Returns the members of a structure, nothing of another shape.
    pub const fn members(&self) -> &'static [Member] {
        match &self.kind {
            Kind::Structure(members) => members,
            Kind::List { .. }
            | Kind::Map { .. }
            | Kind::Text { .. }
            | Kind::Enumeration(_)
            | Kind::Blob
            | Kind::Integer { .. }
            | Kind::Float { .. }
            | Kind::Boolean
            | Kind::Timestamp => &[],
        }
    }
}

/// An error of the model.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelledError {
    /// The code as clients match it.
    pub code: &'static str,
    /// The HTTP status of the answer.
    pub status: u16,
    /// How the member with the text is called: `message` or `Message`.
    pub message: &'static str,
    /// Whether a member `Type` says whose fault it is.
    pub typed: bool,
}

/// What the model says of one operation.
#[derive(Debug)]
pub struct OperationModel {
    /// The operation's name.
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path with `{labels}`; `/` in the protocols that name the operation in a header.
    pub uri: &'static str,
    /// The HTTP status of an answer that worked.
    pub status: u16,
    /// Whether the model calls it idempotent.
    pub idempotent: bool,
    /// The errors that it may answer.
    pub errors: &'static [&'static ModelledError],
    /// The input, where it has members.
    pub input: Option<&'static Shape>,
    /// The output, in REST protocols: they put members outside the body.
    pub output: Option<&'static Shape>,
}

/// What is known of a service of AWS: enough to recognize a request to it.
#[derive(Debug)]
pub struct ServiceEntry {
    /// The endpoint prefix: `states`.
    pub service: &'static str,
    /// The name in the scope of a signature.
    pub signing_name: &'static str,
    /// How it speaks.
    pub protocol: Protocol,
    /// What stands before the operation in `X-Amz-Target`; empty where the protocol has no such header.
    pub target_prefix: &'static str,
    /// The operations, by name; `(name, "METHOD /path")`, the binding empty outside REST.
    pub operations: &'static [(&'static str, &'static str)],
}

impl ServiceEntry {
    /// Returns the operation `name` as the catalogue has it, or `None` when AWS has none of that name.
    pub fn operation(&self, name: &str) -> Option<&'static str> {
        let found = self
            .operations
            .binary_search_by(|(known, _)| (*known).cmp(name))
            .ok()?;
        Some(self.operations[found].0)
    }
}

/// The protocols that AWS services speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson 1.0.
    Json10,
    /// awsJson 1.1.
    Json11,
    /// restJson1.
    RestJson,
    /// Forms in, XML out.
    Query,
    /// REST with XML bodies.
    RestXml,
}
