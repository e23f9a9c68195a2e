//! Evaluation: a walk for the part of a path that selects one node, a widening set for the rest.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value};

use crate::error::NotFound;
use crate::filter;
use crate::function::kind;
use crate::path::{JsonPath, Segment};

/// Most nodes that one evaluation may visit: the size of an input is bounded, but `$..*..*` squares it.
const NODES_MAX: u64 = 10_000_000;

/// What an evaluation, with the filters inside it, may still spend.
pub(crate) struct Fuel(Cell<u64>);

impl Fuel {
    pub(crate) fn spend(&self, nodes: usize) -> Result<(), NotFound> {
        let left = self.0.get().checked_sub(nodes as u64);
        self.0
            .set(left.ok_or(NotFound::TooManyNodes { limit: NODES_MAX })?);
        Ok(())
    }
}

/// Evaluates `path` with `root` for `$`.
pub(crate) fn evaluate<'a>(path: &JsonPath, root: &'a Value) -> Result<Cow<'a, Value>, NotFound> {
    evaluate_from(path, root, root, &Fuel(Cell::new(NODES_MAX)))
}

/// Evaluates the segments of `path` from `start`; filters inside see `root` as `$`.
pub(crate) fn evaluate_from<'a>(
    path: &JsonPath,
    start: &'a Value,
    root: &'a Value,
    fuel: &Fuel,
) -> Result<Cow<'a, Value>, NotFound> {
    let mut node = start;
    for place in 0..path.single_prefix {
        node = step(path, place, node)?;
    }
    let rest = &path.segments[path.single_prefix..];
    let selected = if rest.is_empty() {
        Cow::Borrowed(node)
    } else if path.merges() {
        Cow::Owned(merge(path, node)?)
    } else {
        check_applicable(path, node)?;
        let nodes = widen(rest, node, root, fuel)?;
        Cow::Owned(Value::Array(nodes.into_iter().cloned().collect()))
    };
    match path.function {
        None => Ok(selected),
        Some(function) => function.apply(&selected),
    }
}

/// Takes the one step at `place`, which names a property or an index.
fn step<'a>(path: &JsonPath, place: usize, node: &'a Value) -> Result<&'a Value, NotFound> {
    let is_leaf = place + 1 == path.segments.len() && path.function.is_none();
    match (&path.segments[place], node) {
        (Segment::Child(name), Value::Object(fields)) => fields.get(&**name).ok_or_else(|| {
            let path = path.canonical(place + 1);
            if is_leaf {
                NotFound::NoResults { path }
            } else {
                NotFound::MissingProperty { path }
            }
        }),
        (Segment::Child(name), other) => Err(NotFound::NotAnObject {
            property: name.to_string(),
            path: path.canonical(place),
            found: kind(other),
        }),
        (Segment::Index(index), Value::Array(items)) => at(items, *index).ok_or_else(|| {
            let path = path.canonical(path.segments.len());
            if is_leaf {
                NotFound::PastEnd { path }
            } else {
                NotFound::NoResults { path }
            }
        }),
        (segment, other) => Err(not_an_array(path, place, segment, other)),
    }
}

fn not_an_array(path: &JsonPath, place: usize, segment: &Segment, found: &Value) -> NotFound {
    match found {
        Value::Null => NotFound::Null {
            path: path.canonical(place),
        },
        other => NotFound::NotAnArray {
            step: segment.canonical(),
            context: other.to_string(),
        },
    }
}

fn at(items: &[Value], index: i64) -> Option<&Value> {
    let index = if index < 0 {
        index.checked_add_unsigned(items.len() as u64)?
    } else {
        index
    };
    items.get(usize::try_from(index).ok()?)
}

/// `$.a['b','c']` is one object with the names that are there.
fn merge(path: &JsonPath, node: &Value) -> Result<Value, NotFound> {
    let Some(Segment::Children(names)) = path.segments.last() else {
        return Ok(Value::Object(Map::new()));
    };
    let Value::Object(fields) = node else {
        return Err(NotFound::NotAnObject {
            property: names.join("','"),
            path: path.canonical(path.single_prefix),
            found: kind(node),
        });
    };
    let present = names
        .iter()
        .filter_map(|name| fields.get_key_value(&**name));
    Ok(Value::Object(
        present
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    ))
}

/// The first indefinite step must fit what the definite beginning found; later ones just skip.
fn check_applicable(path: &JsonPath, node: &Value) -> Result<(), NotFound> {
    let segment = &path.segments[path.single_prefix];
    let fits = match segment {
        Segment::Indices(_) | Segment::Slice { .. } => node.is_array(),
        Segment::Filter(_) => node.is_array() || node.is_object(),
        Segment::Child(_)
        | Segment::Children(_)
        | Segment::Index(_)
        | Segment::Wildcard
        | Segment::Descend => true,
    };
    if fits {
        Ok(())
    } else {
        Err(not_an_array(path, path.single_prefix, segment, node))
    }
}

/// Applies `segments` one after the other to a growing set of nodes, in the order of the document.
fn widen<'a>(
    segments: &[Segment],
    start: &'a Value,
    root: &'a Value,
    fuel: &Fuel,
) -> Result<Vec<&'a Value>, NotFound> {
    let mut nodes = vec![start];
    let mut after_descend = false;
    for segment in segments {
        let mut next = Vec::new();
        for node in nodes {
            let before = next.len();
            match segment {
                Segment::Descend => descend(node, &mut next, fuel)?,
                Segment::Filter(filter) => {
                    pick_filtered(filter, node, root, after_descend, &mut next, fuel)?;
                }
                simple => pick(simple, node, &mut next),
            }
            fuel.spend(1 + next.len() - before)?;
        }
        after_descend = matches!(segment, Segment::Descend);
        nodes = next;
    }
    Ok(nodes)
}

/// Adds what `segment` selects directly under `node`; a segment that does not fit selects nothing.
fn pick<'a>(segment: &Segment, node: &'a Value, next: &mut Vec<&'a Value>) {
    match (segment, node) {
        (Segment::Child(name), Value::Object(fields)) => next.extend(fields.get(&**name)),
        (Segment::Children(names), Value::Object(fields)) => {
            next.extend(names.iter().filter_map(|name| fields.get(&**name)));
        }
        (Segment::Wildcard, Value::Object(fields)) => next.extend(fields.values()),
        (Segment::Wildcard, Value::Array(items)) => next.extend(items),
        (Segment::Index(index), Value::Array(items)) => next.extend(at(items, *index)),
        (Segment::Indices(indices), Value::Array(items)) => {
            next.extend(indices.iter().filter_map(|index| at(items, *index)));
        }
        (Segment::Slice { from, to, step }, Value::Array(items)) => {
            let step = usize::try_from(*step).unwrap_or(1);
            let from = bound(*from, items.len()).unwrap_or(0);
            let to = bound(*to, items.len()).unwrap_or(items.len());
            next.extend(items.iter().take(to).skip(from).step_by(step));
        }
        _ => {}
    }
}

fn bound(bound: Option<i64>, length: usize) -> Option<usize> {
    let bound = bound?;
    let from_start = if bound < 0 {
        bound.saturating_add_unsigned(length as u64).max(0)
    } else {
        bound
    };
    Some(usize::try_from(from_start).map_or(length, |place| place.min(length)))
}

/// Adds what a filter lets through: the items of an array, or an object itself.
/// After `..` every object comes by on its own, so arrays are not opened again.
fn pick_filtered<'a>(
    filter: &filter::Filter,
    node: &'a Value,
    root: &'a Value,
    after_descend: bool,
    next: &mut Vec<&'a Value>,
    fuel: &Fuel,
) -> Result<(), NotFound> {
    match node {
        Value::Array(items) if !after_descend => {
            for item in items {
                if filter.accepts(item, root, fuel)? {
                    next.push(item);
                }
            }
        }
        Value::Object(_) => {
            if filter.accepts(node, root, fuel)? {
                next.push(node);
            }
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// Adds `node` and everything below it, parents first.
fn descend<'a>(node: &'a Value, next: &mut Vec<&'a Value>, fuel: &Fuel) -> Result<(), NotFound> {
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        fuel.spend(1)?;
        next.push(node);
        match node {
            Value::Array(items) => stack.extend(items.iter().rev()),
            Value::Object(fields) => stack.extend(fields.values().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}
