//! Payload templates: JSON of which a part is computed, everything else copied.
//!
//! In JSONPath the fields are computed whose names end in `.$`; in JSONata the texts of the form
//! `{% … %}`, wherever they stand.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jsonpath::NotFound;
use serde_json::{Map, Value};

use crate::query::path::{Source, not_in_input};
use crate::query::{Allowed, Budget, Expression, Failure, Place, Refusal, Scope};

/// A payload template: JSON of which a part is computed, in either query language.
#[derive(Clone, Debug)]
pub struct Template(Node);

/// A part of a template. Parts without computed fields stay plain JSON.
#[derive(Clone, Debug)]
enum Node {
    Literal(Value),
    Object(Vec<Field>),
    Array(Vec<Node>),
    Expression(Expression),
}

#[derive(Clone, Debug)]
struct Field {
    /// The name in the payload: without `.$`.
    name: Box<str>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Node(Node),
    Computed { text: Box<str>, source: Source },
}

/// A field of a template whose expression cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidField {
    /// The name as written, with `.$`.
    pub(crate) name: String,
    /// Where the object that holds it stands in the template: `/a/b[0]`.
    pub(crate) location: String,
}

impl InvalidField {
    /// Says what is wrong with the field.
    pub(crate) fn message(&self) -> String {
        format!(
            "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call",
            self.name
        )
    }
}

impl Template {
    /// Compiles a template and collects every field that cannot be read.
    ///
    /// Recurses as deep as the JSON nests, which the reader of definitions limits.
    pub(crate) fn parse(json: &Value) -> Result<Self, Vec<InvalidField>> {
        let mut invalid = Vec::new();
        let node = Node::parse(json, "", &mut invalid);
        if invalid.is_empty() {
            Ok(Self(node))
        } else {
            Err(invalid)
        }
    }

    /// Says what is wrong with a payload that has fields like a JSONPath template's: AWS reads what came of
    /// a template once more before it starts a task.
    pub fn faults_of_payload(payload: &Value) -> Vec<String> {
        let invalid = Self::parse(payload).err().unwrap_or_default();
        invalid.iter().map(InvalidField::message).collect()
    }

    /// Compiles a JSONata template and collects every expression that is refused, each with its place
    /// in its state: `Output/a/b[0]`.
    ///
    /// Recurses as deep as the JSON nests, which the reader of definitions limits.
    pub(crate) fn parse_jsonata(
        json: &Value,
        place: Place<'_>,
    ) -> Result<Self, Vec<(String, Refusal)>> {
        let mut refused = Vec::new();
        let node = Node::parse_jsonata(json, place, &mut refused);
        if refused.is_empty() {
            Ok(Self(node))
        } else {
            Err(refused)
        }
    }

    /// Returns the payload when nothing in it is computed.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.0 {
            Node::Literal(value) => Some(value),
            Node::Object(_) | Node::Array(_) | Node::Expression(_) => None,
        }
    }

    /// Returns the expression that the whole template is, if it is one.
    pub fn as_expression(&self) -> Option<&Expression> {
        match &self.0 {
            Node::Expression(expression) => Some(expression),
            Node::Literal(_) | Node::Object(_) | Node::Array(_) => None,
        }
    }

    /// Adds the names of the variables that the template reads.
    pub(crate) fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        self.0.add_variables(names);
    }

    /// Returns the payload.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        self.0.evaluate(scope, &Budget::new())
    }
}

impl Node {
    fn parse(json: &Value, location: &str, invalid: &mut Vec<InvalidField>) -> Self {
        match json {
            Value::Object(fields) => {
                let fields: Vec<Field> = fields
                    .iter()
                    .filter_map(|(name, value)| Field::parse(name, value, location, invalid))
                    .collect();
                if fields.iter().all(Field::is_literal) {
                    Self::Literal(json.clone())
                } else {
                    Self::Object(fields)
                }
            }
            Value::Array(items) => {
                let nodes: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(place, item)| {
                        Self::parse(item, &format!("{location}[{place}]"), invalid)
                    })
                    .collect();
                let literal = nodes.iter().all(|node| matches!(node, Self::Literal(_)));
                if literal {
                    Self::Literal(json.clone())
                } else {
                    Self::Array(nodes)
                }
            }
            scalar => Self::Literal(scalar.clone()),
        }
    }

    fn parse_jsonata(json: &Value, place: Place<'_>, refused: &mut Vec<(String, Refusal)>) -> Self {
        match json {
            Value::Object(members) => {
                let fields: Vec<Field> = members
                    .iter()
                    .map(|(name, value)| {
                        let location = format!("{}/{name}", place.location);
                        let place = Place {
                            location: &location,
                            ..place
                        };
                        Field {
                            name: name.as_str().into(),
                            content: Content::Node(Self::parse_jsonata(value, place, refused)),
                        }
                    })
                    .collect();
                if fields.iter().all(Field::is_literal) {
                    Self::Literal(json.clone())
                } else {
                    Self::Object(fields)
                }
            }
            Value::Array(items) => {
                let nodes: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| {
                        let location = format!("{}[{at}]", place.location);
                        let place = Place {
                            location: &location,
                            ..place
                        };
                        Self::parse_jsonata(item, place, refused)
                    })
                    .collect();
                if nodes.iter().all(|node| matches!(node, Self::Literal(_))) {
                    Self::Literal(json.clone())
                } else {
                    Self::Array(nodes)
                }
            }
            Value::String(text) => match Expression::written(text) {
                None => Self::Literal(json.clone()),
                Some(text) => match Expression::parse(text, place) {
                    Ok(expression) => Self::Expression(expression),
                    Err(refusals) => {
                        let found = refusals.into_iter();
                        refused.extend(found.map(|one| (place.location.to_owned(), one)));
                        Self::Literal(Value::Null)
                    }
                },
            },
            scalar => Self::Literal(scalar.clone()),
        }
    }

    fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        match self {
            Self::Literal(_) => {}
            Self::Expression(expression) => expression.add_variables(names),
            Self::Array(nodes) => nodes.iter().for_each(|node| node.add_variables(names)),
            Self::Object(fields) => {
                for field in fields {
                    match &field.content {
                        Content::Node(node) => node.add_variables(names),
                        Content::Computed { source, .. } => source.add_variables(names),
                    }
                }
            }
        }
    }

    fn evaluate(&self, scope: &Scope<'_>, budget: &Budget) -> Result<Value, Failure> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(expression) => {
                let value = expression.evaluate(scope)?;
                budget.spend(&value)?;
                Ok(value)
            }
            Self::Array(nodes) => nodes
                .iter()
                .map(|node| node.evaluate(scope, budget))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Self::Object(fields) => {
                let mut object = Map::with_capacity(fields.len());
                for field in fields {
                    object.insert(field.name.to_string(), field.evaluate(scope, budget)?);
                }
                Ok(Value::Object(object))
            }
        }
    }
}

impl Field {
    fn parse(
        name: &str,
        value: &Value,
        location: &str,
        invalid: &mut Vec<InvalidField>,
    ) -> Option<Self> {
        let Some(stem) = name.strip_suffix(".$") else {
            let node = Node::parse(value, &format!("{location}/{name}"), invalid);
            return Some(Self {
                name: name.into(),
                content: Content::Node(node),
            });
        };
        let compiled = value
            .as_str()
            .and_then(|text| Some((text, Source::parse(text, Allowed::Call).ok()?)));
        match compiled {
            Some((text, source)) => Some(Self {
                name: stem.into(),
                content: Content::Computed {
                    text: text.into(),
                    source,
                },
            }),
            None => {
                invalid.push(InvalidField {
                    name: name.to_owned(),
                    location: location.to_owned(),
                });
                None
            }
        }
    }

    fn is_literal(&self) -> bool {
        matches!(&self.content, Content::Node(Node::Literal(_)))
    }

    fn evaluate(&self, scope: &Scope<'_>, budget: &Budget) -> Result<Value, Failure> {
        match &self.content {
            Content::Node(node) => node.evaluate(scope, budget),
            Content::Computed { text, source } => match source.select(scope, text, budget)? {
                Ok(found) => {
                    budget.spend(&found)?;
                    Ok(Cow::into_owned(found))
                }
                // An index past the end is null here, and only here (measured on AWS).
                Err(NotFound::PastEnd { .. }) => Ok(Value::Null),
                Err(_) => Err(not_in_input(text, &format!("{}.$", self.name), scope)),
            },
        }
    }
}
