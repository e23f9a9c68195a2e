//! Reference paths: they name exactly one place, so that they can be written to.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::error::{NotFound, ParseError, WriteError};
use crate::path::{JsonPath, Segment};

/// A path of names and indices only: `$.a.b[0]` (Amazon States Language, "Reference Paths").
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath(JsonPath);

impl ReferencePath {
    /// Compiles `text`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::from_path(JsonPath::parse(text)?).ok_or_else(|| ParseError {
            message: "the path can name more than one place".into(),
            position: 0,
        })
    }

    /// Returns the path as a reference path, if it names exactly one place.
    pub fn from_path(path: JsonPath) -> Option<Self> {
        let single = path.single_prefix == path.segments.len() && path.function.is_none();
        single.then_some(Self(path))
    }

    /// Says whether the path is `$`.
    pub fn is_root(&self) -> bool {
        self.0.is_root()
    }

    /// Returns the value at the path.
    pub fn read<'a>(&self, root: &'a Value) -> Result<Cow<'a, Value>, NotFound> {
        self.0.evaluate(root)
    }

    /// Says whether `value` could be put at the path without touching `root`.
    fn check_write(&self, root: &Value) -> Result<(), WriteError> {
        let mut node = Some(root);
        for segment in &self.0.segments {
            node = match (segment, node) {
                // Below a name that is missing, objects are made: names fit, indices do not.
                (Segment::Child(_), None) => None,
                (Segment::Child(name), Some(Value::Object(fields))) => fields.get(&**name),
                (Segment::Index(index), Some(Value::Array(items))) => {
                    let item = place(*index, items.len()).and_then(|place| items.get(place));
                    Some(item.ok_or_else(|| refused(segment))?)
                }
                (segment, _) => return Err(refused(segment)),
            };
        }
        Ok(())
    }

    /// Puts `value` at the path. Objects on the way are made where they are missing; an index must
    /// exist. When this fails, `root` is unchanged.
    pub fn write(&self, root: &mut Value, value: Value) -> Result<(), WriteError> {
        self.check_write(root)?;
        let mut node = root;
        for segment in &self.0.segments {
            node = match (segment, node) {
                (Segment::Child(name), Value::Object(fields)) => fields
                    .entry(&**name)
                    .or_insert_with(|| Value::Object(Map::new())),
                (Segment::Index(index), Value::Array(items)) => {
                    let place = place(*index, items.len()).ok_or_else(|| refused(segment))?;
                    items.get_mut(place).ok_or_else(|| refused(segment))?
                }
                (segment, _) => return Err(refused(segment)),
            };
        }
        *node = value;
        Ok(())
    }
}

fn place(index: i32, length: usize) -> Option<usize> {
    let distance = index.unsigned_abs() as usize;
    if index < 0 {
        length.checked_sub(distance)
    } else {
        Some(distance)
    }
}

fn refused(segment: &Segment) -> WriteError {
    let step = match segment {
        Segment::Child(name) => name.to_string(),
        other => other.canonical(),
    };
    WriteError::Step { step }
}
