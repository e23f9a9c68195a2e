//! Variables: values that a state assigns and that later states read as `$name`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The variables that an expression sees.
pub trait Variables {
    /// Returns the value of the variable `name`, if one is assigned.
    fn get(&self, name: &str) -> Option<&Value>;
}

/// No variables at all.
#[derive(Clone, Copy, Debug)]
pub struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _name: &str) -> Option<&Value> {
        None
    }
}

impl Variables for BTreeMap<String, Value> {
    fn get(&self, name: &str) -> Option<&Value> {
        Self::get(self, name)
    }
}

/// Splits `$name.rest` into the name and what follows it; `None` where no variable is named.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix('$')?;
    let end = after
        .find(|next: char| !continues_name(next))
        .unwrap_or(after.len());
    let (name, rest) = after.split_at(end);
    is_name(name).then_some((name, rest))
}

/// Says whether `name` can be a variable's: a letter or `_`, then letters, digits and `_`.
pub(crate) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(continues_name)
}

fn continues_name(next: char) -> bool {
    next.is_alphanumeric() || next == '_'
}
