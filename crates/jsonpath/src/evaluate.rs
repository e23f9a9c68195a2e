//! Evaluation: a walk for the part of a path that selects one node, a widening set for the rest.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value};

use crate::error::NotFound;
use crate::filter::Filter;
use crate::function::Function;
use crate::java::{class, java_text};
use crate::path::{JsonPath, Segment};

/// Most nodes that one evaluation may visit: the size of an input is bounded, but `$..*..*` squares it.
const NODES_MAX: u64 = 10_000_000;

/// What the filters of a path read beside the node that they look at, and what the evaluation may
/// still spend.
pub(crate) struct Surroundings<'a> {
    root: &'a Value,
    variables: &'a dyn Fn(&str) -> Option<&'a Value>,
    nodes_left: Cell<u64>,
}

impl<'a> Surroundings<'a> {
    /// The value that `$` names.
    pub(crate) fn root(&self) -> &'a Value {
        self.root
    }

    /// The value of the variable `name`, if it has one.
    pub(crate) fn variable(&self, name: &str) -> Option<&'a Value> {
        (self.variables)(name)
    }

    pub(crate) fn spend(&self, nodes: usize) -> Result<(), NotFound> {
        let left = self.nodes_left.get().checked_sub(nodes as u64);
        let left = left.ok_or(NotFound::TooManyNodes { limit: NODES_MAX })?;
        self.nodes_left.set(left);
        Ok(())
    }
}

/// Evaluates `path` with `root` for `$`.
pub(crate) fn evaluate<'a: 'f, 'f>(
    path: &JsonPath,
    root: &'a Value,
    variables: &'f dyn Fn(&str) -> Option<&'f Value>,
) -> Result<Cow<'a, Value>, NotFound> {
    let around = Surroundings {
        root,
        variables,
        nodes_left: Cell::new(NODES_MAX),
    };
    evaluate_from(path, root, &around)
}

/// Evaluates the segments of `path` from `start`.
pub(crate) fn evaluate_from<'v>(
    path: &JsonPath,
    start: &'v Value,
    around: &Surroundings<'_>,
) -> Result<Cow<'v, Value>, NotFound> {
    let mut node = start;
    for place in 0..path.single_prefix {
        node = step(path, place, node)?;
    }
    if path.single_prefix == path.segments.len() {
        return match path.function {
            None => Ok(Cow::Borrowed(node)),
            Some(function) => function.apply(node).map(Cow::Owned),
        };
    }
    check_applicable(path, node)?;
    if path.merges() {
        return merge(path, node).map(Cow::Owned);
    }
    let nodes = select(path, node, around)?;
    let value = match path.function {
        None => Value::Array(nodes.into_iter().map(Cow::into_owned).collect()),
        // Behind a deep scan from the root a function sees all that was found …
        Some(Function::Length) if path.scans_from_root() => {
            let children = nodes.iter().map(|node| match &**node {
                Value::Array(items) => items.len(),
                Value::Object(fields) => fields.len(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
            });
            Value::from(children.sum::<usize>())
        }
        Some(function) if path.scans_from_root() => function.apply(&Value::Array(
            nodes.into_iter().map(Cow::into_owned).collect(),
        ))?,
        // … elsewhere each of the nodes by itself.
        Some(function) => nodes
            .iter()
            .map(|node| function.apply(node))
            .collect::<Result<_, _>>()
            .map(Value::Array)?,
    };
    Ok(Cow::Owned(value))
}

/// Takes the one step at `place`, which names a property or an index.
fn step<'v>(path: &JsonPath, place: usize, node: &'v Value) -> Result<&'v Value, NotFound> {
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
            found: class(other),
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
            context: java_text(other),
        },
    }
}

fn at(items: &[Value], index: i32) -> Option<&Value> {
    let place = if index < 0 {
        items.len().checked_sub(index.unsigned_abs() as usize)?
    } else {
        index.unsigned_abs() as usize
    };
    items.get(place)
}

/// `$.a['b','c']` is one object with the names that are there.
fn merge(path: &JsonPath, node: &Value) -> Result<Value, NotFound> {
    match (path.segments.last(), node) {
        (Some(Segment::Children(names)), Value::Object(fields)) => Ok(merged(names, fields)),
        (Some(Segment::Children(names)), other) => Err(NotFound::NotAnObject {
            property: names.join("','"),
            path: path.canonical(path.single_prefix),
            found: class(other),
        }),
        _ => Ok(Value::Object(Map::new())),
    }
}

fn merged(names: &[Box<str>], fields: &Map<String, Value>) -> Value {
    let present = names
        .iter()
        .filter_map(|name| fields.get_key_value(&**name));
    Value::Object(
        present
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// The first indefinite step must fit what the definite beginning found; later ones just skip.
fn check_applicable(path: &JsonPath, node: &Value) -> Result<(), NotFound> {
    let segment = &path.segments[path.single_prefix];
    match segment {
        Segment::Indices(_) | Segment::Slice { .. } if !node.is_array() => {
            Err(not_an_array(path, path.single_prefix, segment, node))
        }
        Segment::Filter(_) if !node.is_array() && !node.is_object() => Err(NotFound::Primitive {
            context: java_text(node),
        }),
        Segment::Children(names) if !node.is_object() => Err(NotFound::NotAnObject {
            property: names.join("','"),
            path: path.canonical(path.single_prefix),
            found: class(node),
        }),
        Segment::Child(_)
        | Segment::Children(_)
        | Segment::Index(_)
        | Segment::Indices(_)
        | Segment::Slice { .. }
        | Segment::Wildcard
        | Segment::Filter(_)
        | Segment::Descend => Ok(()),
    }
}

/// Applies what follows the definite beginning, in the order of the document. Several names at the
/// end make one object for each node.
fn select<'v>(
    path: &JsonPath,
    start: &'v Value,
    around: &Surroundings<'_>,
) -> Result<Vec<Cow<'v, Value>>, NotFound> {
    let rest = &path.segments[path.single_prefix..];
    let is_end = path.function.is_none() || path.scans_from_root();
    let Some((Segment::Children(names), before)) = rest.split_last().filter(|_| is_end) else {
        let nodes = widen(rest, is_end, start, around)?;
        return Ok(nodes.into_iter().map(Cow::Borrowed).collect());
    };
    // A deep scan passes by objects that have not all of the names.
    let after_descend = matches!(before.last(), Some(Segment::Descend));
    let nodes = widen(before, false, start, around)?;
    let objects = nodes.into_iter().filter_map(Value::as_object);
    let wanted = objects
        .filter(|fields| !after_descend || names.iter().all(|name| fields.contains_key(&**name)));
    Ok(wanted
        .map(|fields| Cow::Owned(merged(names, fields)))
        .collect())
}

/// Applies `segments` one after the other to a growing set of nodes; `is_end` says that nothing
/// follows the last of them.
fn widen<'v>(
    segments: &[Segment],
    is_end: bool,
    start: &'v Value,
    around: &Surroundings<'_>,
) -> Result<Vec<&'v Value>, NotFound> {
    let mut nodes = vec![start];
    let mut after_descend = false;
    for (place, segment) in segments.iter().enumerate() {
        let is_leaf = is_end && place + 1 == segments.len();
        let mut next = Vec::new();
        for node in nodes {
            let before = next.len();
            match (segment, node) {
                (Segment::Descend, node) => descend(node, &mut next, around)?,
                (Segment::Filter(filter), node) => {
                    let scan = after_descend.then_some(is_leaf);
                    pick_filtered(filter, node, scan, &mut next, around)?;
                }
                // Behind `..` the library goes on with every item of an array, not with the one asked
                // for, when more steps follow.
                (
                    Segment::Index(_) | Segment::Indices(_) | Segment::Slice { .. },
                    Value::Array(items),
                ) if after_descend && !is_leaf => next.extend(items),
                (simple, node) => pick(simple, node, &mut next),
            }
            around.spend(1 + next.len() - before)?;
        }
        after_descend = matches!(segment, Segment::Descend);
        nodes = next;
    }
    Ok(nodes)
}

/// Adds what `segment` selects directly under `node`; a segment that does not fit selects nothing.
fn pick<'v>(segment: &Segment, node: &'v Value, next: &mut Vec<&'v Value>) {
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
        (Segment::Slice { from, to }, Value::Array(items)) => slice(items, *from, *to, next),
        _ => {}
    }
}

/// With one bound, a negative one counts from the end. With two bounds each index between them is
/// taken by itself, as the library does: `[0:-1]` is nothing, `[-2:1]` the last two and the first.
fn slice<'v>(items: &'v [Value], from: Option<i32>, to: Option<i32>, next: &mut Vec<&'v Value>) {
    let length = i32::try_from(items.len()).unwrap_or(i32::MAX);
    let from_end = |bound: i32| if bound < 0 { length + bound } else { bound };
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from.max(-length), to.min(length)),
        (Some(from), None) => (from_end(from).max(0), length),
        (None, to) => (0, to.map_or(length, from_end).min(length)),
    };
    next.extend((from..to).filter_map(|index| at(items, index)));
}

/// Adds what a filter lets through: the items of an array, or an object itself.
///
/// Behind `..` (`scan` then says whether the filter ends the path) an array must itself pass before
/// its items are looked at; every object comes by on its own.
fn pick_filtered<'v>(
    filter: &Filter,
    node: &'v Value,
    scan: Option<bool>,
    next: &mut Vec<&'v Value>,
    around: &Surroundings<'_>,
) -> Result<(), NotFound> {
    match node {
        Value::Array(items) => {
            if scan.is_some() && !filter.accepts(node, around)? {
                return Ok(());
            }
            for item in items {
                if scan == Some(false) || filter.accepts(item, around)? {
                    next.push(item);
                }
            }
        }
        Value::Object(_) => {
            if filter.accepts(node, around)? {
                next.push(node);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// Adds `node` and everything below it, parents first.
fn descend<'v>(
    node: &'v Value,
    next: &mut Vec<&'v Value>,
    around: &Surroundings<'_>,
) -> Result<(), NotFound> {
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        around.spend(1)?;
        next.push(node);
        match node {
            Value::Array(items) => stack.extend(items.iter().rev()),
            Value::Object(fields) => stack.extend(fields.values().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}
