//! `Assign`: the variables that a state, a choice rule or a catcher sets, and the rules of their names.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vocab::limits::VARIABLE_NAME_CHARS_MAX;

use crate::parse::fields::Fields;
use crate::query::{Template, is_variable_name};

/// Reads `Assign`; an empty one assigns nothing.
pub(crate) fn assign(fields: &Fields<'_>) -> Option<Template> {
    let variables = fields.object("Assign")?;
    let mut any = false;
    for name in variables.names() {
        any = true;
        check_name(fields, stem(name));
    }
    fields.template("Assign").filter(|_| any)
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".$").unwrap_or(name)
}

fn check_name(fields: &Fields<'_>, name: &str) {
    if name == "states" {
        fields.refuse_field("Assign", "The variable name 'states' is reserved");
    } else if name.chars().count() > VARIABLE_NAME_CHARS_MAX {
        fields.refuse_field(
            "Assign",
            format!(
                "The variable name '{name}' is longer than {VARIABLE_NAME_CHARS_MAX} characters"
            ),
        );
    } else if !is_variable_name(name) {
        fields.refuse_field("Assign", format!("'{name}' is not a valid variable name"));
    }
}

/// Returns the names that the states of one workflow assign, not those of workflows inside them.
pub(crate) fn names_of<'j>(states: &Fields<'j>) -> BTreeSet<&'j str> {
    let states = states.names().filter_map(|name| states.get(name));
    states
        .flat_map(|state| {
            let members = ["Choices", "Catch"].into_iter();
            let members = members.filter_map(|list| state.get(list).and_then(Value::as_array));
            std::iter::once(state).chain(members.flatten())
        })
        .filter_map(|owner| owner.get("Assign").and_then(Value::as_object))
        .flat_map(Map::keys)
        .map(|name| stem(name))
        .collect()
}

/// Reports the variables of `states` that a workflow around them assigns: an inner workflow reads
/// those, but cannot assign them.
pub(crate) fn check_shadowing<'j>(
    states: &Fields<'j>,
    inner: &BTreeSet<&'j str>,
    outer: &[BTreeSet<&'j str>],
) {
    for name in inner {
        if outer.iter().any(|names| names.contains(name)) {
            states.refuse(format!(
                "The variable '{name}' is assigned in an outer scope and cannot be assigned here"
            ));
        }
    }
}
