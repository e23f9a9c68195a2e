//! What an expression may not say, found when its definition is read.
//!
//! An expression is evaluated without a context: what does not begin at `$states` or a variable
//! reads nothing, and AWS refuses it. Only the first step of a path is read at the top level; later
//! steps, predicates, groups and sort terms are read from what came before them, while the body of a
//! function keeps the context of the expression around it (measured).

use std::collections::BTreeSet;

use jlens_core::{Node, NodeKind};

use super::engine::{self, Program};
use super::{Place, Refusal};
use crate::diagnostic::{INVALID_JSONATA_EXPRESSION, UNSUPPORTED_JSONATA_EXPRESSION};

/// Reports everything in the expression that is refused; each thing once, in the order written.
pub(super) fn check(program: &Program, place: Place<'_>) -> Result<(), Vec<Refusal>> {
    let root = &program.ast().root;
    let mut found = Found::default();
    root.walk(&mut |node| found.regex(node));
    found.top_level(root);
    root.walk(&mut |node| found.anywhere(node, place));
    if found.refusals.is_empty() {
        Ok(())
    } else {
        Err(found.refusals)
    }
}

#[derive(Default)]
struct Found {
    seen: BTreeSet<String>,
    refusals: Vec<Refusal>,
}

impl Found {
    fn refuse(&mut self, message: String) {
        if self.seen.insert(message.clone()) {
            self.refusals.push(Refusal {
                code: UNSUPPORTED_JSONATA_EXPRESSION,
                message,
            });
        }
    }

    fn reference(&mut self, name: &str) {
        self.refuse(format!(
            "Reference to '{name}' at the top level is not supported."
        ));
    }

    /// Looks at what is read at the top level; recurses as deep as the parser lets expressions nest.
    fn top_level(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Path { steps, .. } => {
                if let Some(first) = steps.first() {
                    self.top_level(first);
                }
            }
            NodeKind::Name { name } => self.reference(name),
            NodeKind::Variable { name } if name.is_empty() => self.reference("$"),
            NodeKind::Binary { lhs, rhs, .. }
            | NodeKind::Fallback { lhs, rhs, .. }
            | NodeKind::Apply { lhs, rhs } => {
                self.top_level(lhs);
                self.top_level(rhs);
            }
            NodeKind::Bind { rhs, .. } => self.top_level(rhs),
            NodeKind::Negate { expr } => self.top_level(expr),
            NodeKind::Array { items } => items.iter().for_each(|item| self.top_level(item)),
            NodeKind::Object { pairs } => pairs.iter().for_each(|(key, value)| {
                self.top_level(key);
                self.top_level(value);
            }),
            NodeKind::Condition {
                condition,
                then,
                otherwise,
            } => {
                self.top_level(condition);
                self.top_level(then);
                if let Some(otherwise) = otherwise {
                    self.top_level(otherwise);
                }
            }
            NodeKind::Block { exprs, .. } => exprs.iter().for_each(|one| self.top_level(one)),
            NodeKind::Function { procedure, args } | NodeKind::Partial { procedure, args } => {
                self.top_level(procedure);
                args.iter().for_each(|argument| self.top_level(argument));
            }
            NodeKind::Lambda(lambda) => self.top_level(&lambda.body),
            NodeKind::Variable { .. }
            | NodeKind::String { .. }
            | NodeKind::Number { .. }
            | NodeKind::Bool { .. }
            | NodeKind::Null
            | NodeKind::Regex { .. }
            | NodeKind::Wildcard
            | NodeKind::Descendant
            | NodeKind::Parent { .. }
            | NodeKind::Placeholder
            | NodeKind::Transform(_)
            | NodeKind::Sort { .. }
            | NodeKind::Error { .. } => {}
        }
    }

    /// Looks at a regular expression, which the engine compiles only when it comes to it.
    fn regex(&mut self, node: &Node) {
        if let NodeKind::Regex { pattern, flags } = &node.kind
            && let Some(trouble) = engine::trouble_with_regex(pattern, flags)
        {
            self.refusals.push(Refusal {
                code: INVALID_JSONATA_EXPRESSION,
                message: format!("Invalid regular expression: /{pattern}/{flags}: {trouble}"),
            });
        }
    }

    /// Looks at what is refused wherever it stands: `$$`, and members that `$states` does not have.
    fn anywhere(&mut self, node: &Node, place: Place<'_>) {
        if matches!(&node.kind, NodeKind::Variable { name } if name == "$") {
            self.refuse("Reference to '$$' is not supported.".to_owned());
        }
        let NodeKind::Path { steps, .. } = &node.kind else {
            return;
        };
        let [first, second, ..] = &steps[..] else {
            return;
        };
        let (NodeKind::Variable { name: root }, NodeKind::Name { name: member }) =
            (&first.kind, &second.kind)
        else {
            return;
        };
        let exists = match member.as_str() {
            "result" => place.readable.result,
            "errorOutput" => place.readable.error_output,
            _ => true,
        };
        if root == "states" && !exists {
            self.refuse(format!("Field '$states.{member}' does not exist."));
        }
    }
}
