//! Expressions that only point at a value: `$states.input.order.id`, `$total`.
//!
//! Most expressions of a definition are of this kind. They need no engine, and the value that they find
//! keeps the form of its numbers, which the engine would make anew.

use std::borrow::Cow;

use jlens_core::{Ast, Node, NodeKind};
use serde_json::Value;

use crate::query::Scope;

/// A variable and the members to go through from there.
#[derive(Debug)]
pub(super) struct Plain {
    root: Box<str>,
    members: Box<[Box<str>]>,
}

/// What a plain expression came to.
pub(super) enum Found {
    /// The value.
    Value(Value),
    /// There is nothing there.
    Nothing,
    /// An array is on the way: it takes the engine to go through its items.
    Elsewhere,
}

impl Plain {
    /// Returns the expression as a plain one, if it is.
    pub(super) fn of(ast: &Ast) -> Option<Self> {
        let steps = match &ast.root.kind {
            NodeKind::Variable { .. } => std::slice::from_ref(&ast.root),
            NodeKind::Path {
                steps,
                keep_singleton_array: false,
            } if is_bare(&ast.root) => &steps[..],
            _ => return None,
        };
        let (first, rest) = steps.split_first()?;
        let NodeKind::Variable { name: root } = &first.kind else {
            return None;
        };
        let members = rest.iter().map(|step| match &step.kind {
            NodeKind::Name { name } if is_bare(step) => Some(name.as_str().into()),
            _ => None,
        });
        let members: Box<[Box<str>]> = members.collect::<Option<_>>()?;
        (is_bare(first) && !matches!(root.as_str(), "" | "$")).then(|| Self {
            root: root.as_str().into(),
            members,
        })
    }

    /// Returns what the expression points at.
    pub(super) fn find(&self, scope: &Scope<'_>) -> Found {
        let (start, members): (Cow<'_, Value>, &[Box<str>]) = if &*self.root == "states" {
            let Some((member, rest)) = self.members.split_first() else {
                return Found::Elsewhere;
            };
            let value = match &**member {
                "input" => Some(Cow::Borrowed(scope.input)),
                "result" => scope.result.map(Cow::Borrowed),
                "errorOutput" => scope.error_output.map(Cow::Borrowed),
                "context" => Some(Cow::Owned(match rest.first() {
                    Some(name) => scope.context.with_member(name),
                    None => scope.context.object(),
                })),
                _ => None,
            };
            match value {
                Some(value) => (value, rest),
                None => return Found::Nothing,
            }
        } else {
            // What is no variable can be a function.
            match scope.variables.get(&self.root) {
                Some(value) => (Cow::Borrowed(value), &self.members),
                None => return Found::Elsewhere,
            }
        };
        through(&start, members)
    }
}

fn through(start: &Value, members: &[Box<str>]) -> Found {
    let mut value = start;
    for member in members {
        match value {
            Value::Object(object) => match object.get(&**member) {
                Some(next) => value = next,
                None => return Found::Nothing,
            },
            Value::Array(_) => return Found::Elsewhere,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Found::Nothing;
            }
        }
    }
    Found::Value(value.clone())
}

/// Says whether nothing hangs on the node: no predicate, group, sort, binding or `[]`.
fn is_bare(node: &Node) -> bool {
    let attrs = &node.attrs;
    !(attrs.keep_array || attrs.cons_array || attrs.tuple)
        && attrs.focus.is_none()
        && attrs.index.is_none()
        && attrs.stages.is_empty()
        && attrs.predicate.is_empty()
        && attrs.group.is_none()
        && attrs.ancestor.is_none()
        && attrs.seeking_parent.is_empty()
}
