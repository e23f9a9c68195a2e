//! YAML and JSON text as one kind of value, with the short forms of intrinsic functions written out
//! (`!Ref X` is `{"Ref": "X"}`) and the places of its nodes.
//!
//! Anchors are expanded, but never beyond a number of nodes; nesting has a limit; a key that
//! appears twice in one mapping is an error.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

use crate::error::{Location, TemplateError};

mod scalar;
mod tag;

/// Longest text, in bytes (CloudFormation quotas, "Template body size in an Amazon S3 object").
pub const TEXT_BYTES_MAX: usize = 1_048_576;
/// Deepest nesting of a template.
const DEPTH_MAX: usize = 64;
/// Most nodes once anchors are expanded: some for every few bytes of the longest text.
const NODES_MAX: usize = 200_000;
/// Down to which depth places are kept: `/Resources/Name/Properties/Property`.
const PLACES_DEPTH_MAX: usize = 4;

/// A parsed text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// Where the entries of the outer mappings are, by JSON pointer. Empty for JSON.
    pub places: BTreeMap<String, Location>,
}

/// Parses `text`: JSON when it begins with a brace, YAML otherwise.
pub fn parse(text: &str) -> Result<Document, TemplateError> {
    let start = Location { line: 1, column: 1 };
    if text.len() > TEXT_BYTES_MAX {
        return Err(fault(
            start,
            format!("the text is longer than {TEXT_BYTES_MAX} bytes"),
        ));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        let value = serde_json::from_str(text).map_err(|error| TemplateError::NotWellFormed {
            format: "JSON",
            detail: error.to_string(),
            at: Location {
                line: error.line(),
                column: error.column(),
            },
        })?;
        return Ok(Document {
            value,
            places: BTreeMap::new(),
        });
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| fault(place(error.marker()), error.info().to_owned()))?;
        builder.take(event, place(&span.start))?;
    }
    Ok(Document {
        value: builder.root.unwrap_or(Value::Null),
        places: builder.places,
    })
}

fn place(marker: &Marker) -> Location {
    Location {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

fn fault(at: Location, detail: impl Into<String>) -> TemplateError {
    TemplateError::NotWellFormed {
        format: "YAML",
        detail: detail.into(),
        at,
    }
}

/// A collection whose end has not been seen.
struct Open {
    kind: Kind,
    tag: Option<Tag>,
    anchor: usize,
    nodes_before: usize,
    at: Location,
}

enum Kind {
    Sequence(Vec<Value>),
    Mapping {
        entries: Map<String, Value>,
        /// The key whose value comes next.
        key: Option<String>,
        /// Keys that came by `<<` and give way to written ones.
        merged: BTreeSet<String>,
    },
}

/// Puts events together. A stack instead of recursion: the depth is the text's.
#[derive(Default)]
struct Builder {
    root: Option<Value>,
    documents: usize,
    open: Vec<Open>,
    /// Finished nodes that have an anchor, with the number of nodes in them.
    anchors: BTreeMap<usize, (Value, usize)>,
    nodes: usize,
    places: BTreeMap<String, Location>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Location) -> Result<(), TemplateError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(fault(at, "a template is one document"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, at)?;
                self.scalar(&text, style, anchor, tag.as_deref(), at)
            }
            Event::SequenceStart(anchor, tag) => self.begin(
                Kind::Sequence(Vec::new()),
                anchor,
                tag.map(|tag| tag.into_owned()),
                at,
            ),
            Event::MappingStart(anchor, tag) => {
                let kind = Kind::Mapping {
                    entries: Map::new(),
                    key: None,
                    merged: BTreeSet::new(),
                };
                self.begin(kind, anchor, tag.map(|tag| tag.into_owned()), at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((value, nodes)) = self.anchors.get(&anchor).cloned() else {
                    return Err(fault(at, "an alias stands within its own anchor"));
                };
                self.count(nodes, at)?;
                self.place_value(value, at)
            }
        }
    }

    /// Counts nodes, so that anchors of anchors end before memory does.
    fn count(&mut self, nodes: usize, at: Location) -> Result<(), TemplateError> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            return Err(fault(
                at,
                format!(
                    "the template has more than {NODES_MAX} nodes once its aliases are expanded"
                ),
            ));
        }
        Ok(())
    }

    fn begin(
        &mut self,
        kind: Kind,
        anchor: usize,
        tag: Option<Tag>,
        at: Location,
    ) -> Result<(), TemplateError> {
        self.refuse_as_key(at)?;
        if self.open.len() >= DEPTH_MAX {
            return Err(fault(
                at,
                format!("the template is nested deeper than {DEPTH_MAX} levels"),
            ));
        }
        self.count(1, at)?;
        self.open.push(Open {
            kind,
            tag,
            anchor,
            nodes_before: self.nodes - 1,
            at,
        });
        Ok(())
    }

    /// Refuses a collection where a mapping waits for a key.
    fn refuse_as_key(&self, at: Location) -> Result<(), TemplateError> {
        match self.open.last() {
            Some(Open {
                kind: Kind::Mapping { key: None, .. },
                ..
            }) => Err(fault(at, "a key must be text")),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), TemplateError> {
        let open = self.open.pop().expect("the parser ends only what it began");
        let value = match open.kind {
            Kind::Sequence(items) => Value::Array(items),
            Kind::Mapping { entries, .. } => Value::Object(entries),
        };
        let value = match &open.tag {
            Some(tag) => tag::apply(tag, value).map_err(|detail| fault(open.at, detail))?,
            None => value,
        };
        if open.anchor != 0 {
            self.anchors
                .insert(open.anchor, (value.clone(), self.nodes - open.nodes_before));
        }
        self.place_value(value, open.at)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Location,
    ) -> Result<(), TemplateError> {
        if let Some(Open {
            kind: Kind::Mapping { key, .. },
            ..
        }) = self.open.last_mut()
            && key.is_none()
        {
            // Keys are names: `on:` and `0123:` mean what is written.
            *key = Some(text.to_owned());
            if anchor != 0 {
                self.anchors.insert(anchor, (Value::from(text), 1));
            }
            self.remember_place(at);
            return Ok(());
        }
        let value = match (tag, style) {
            (Some(tag), _) => tag::apply_to_text(tag, text).map_err(|detail| fault(at, detail))?,
            (None, ScalarStyle::Plain) => scalar::resolve(text),
            (None, _) => Value::from(text),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), 1));
        }
        self.place_value(value, at)
    }

    /// Notes where the entry is whose key was just read.
    fn remember_place(&mut self, at: Location) {
        if self.open.len() > PLACES_DEPTH_MAX {
            return;
        }
        let mut pointer = String::new();
        for open in &self.open {
            match &open.kind {
                Kind::Mapping { key: Some(key), .. } => {
                    pointer.push('/');
                    pointer.push_str(key);
                }
                Kind::Mapping { key: None, .. } | Kind::Sequence(_) => return,
            }
        }
        self.places.insert(pointer, at);
    }

    /// Puts a finished value where it belongs.
    fn place_value(&mut self, value: Value, at: Location) -> Result<(), TemplateError> {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(value),
            Some(Kind::Sequence(items)) => items.push(value),
            Some(Kind::Mapping {
                entries,
                key,
                merged,
            }) => match key.take() {
                None => match value {
                    Value::String(text) => *key = Some(text),
                    _ => return Err(fault(at, "a key must be text")),
                },
                Some(name) if name == "<<" => {
                    merge(entries, merged, value).map_err(|detail| fault(at, detail))?
                }
                Some(name) => {
                    if entries.contains_key(&name) && !merged.remove(&name) {
                        return Err(fault(at, format!("the key {name} appears twice")));
                    }
                    entries.insert(name, value);
                }
            },
        }
        Ok(())
    }
}

/// Merges the entries of one mapping or of several; what is there already stays.
fn merge(
    entries: &mut Map<String, Value>,
    merged: &mut BTreeSet<String>,
    value: Value,
) -> Result<(), &'static str> {
    let sources = match value {
        Value::Array(sources) => sources,
        source => vec![source],
    };
    for source in sources {
        let Value::Object(source) = source else {
            return Err("<< takes a mapping or a list of mappings");
        };
        for (name, value) in source {
            if !entries.contains_key(&name) {
                merged.insert(name.clone());
                entries.insert(name, value);
            }
        }
    }
    Ok(())
}
