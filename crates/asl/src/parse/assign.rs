//! `Assign`: the variables that a state, a choice rule or a catcher sets, and the rules of their names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use vocab::limits::VARIABLE_NAME_CHARS_MAX;

use crate::parse::fields::Fields;
use crate::parse::workflow::Language;
use crate::query::{Readable, Template, is_variable_name};

/// Reads the `Assign` of a state without a result, or of a choice rule; an empty one assigns nothing.
pub(crate) fn assign(fields: &Fields<'_>) -> Option<Template> {
    assign_reading(fields, Readable::default())
}

/// Reads an `Assign` that may read more of `$states` than `input` and `context`.
pub(crate) fn assign_reading(fields: &Fields<'_>, readable: Readable) -> Option<Template> {
    let variables = fields.object("Assign")?;
    let mut any = false;
    for name in variables.names() {
        any = true;
        let is_template = fields.language() == Language::JsonPath;
        check_name(fields, if is_template { stem(name) } else { name });
    }
    fields.template_reading("Assign", readable).filter(|_| any)
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

/// The names that the states of one workflow assign, not those of workflows inside them, each with the
/// number of places that assign it.
pub(crate) type Assigned<'j> = BTreeMap<&'j str, usize>;

/// Returns the names that `states` assign.
pub(crate) fn names_of<'j>(states: &Fields<'j>) -> Assigned<'j> {
    let mut assigned = Assigned::new();
    for state in states.names().filter_map(|name| states.get(name)) {
        let in_rules = members(state, "Choices").chain(members(state, "Catch"));
        for name in std::iter::once(state).chain(in_rules).flat_map(names_in) {
            *assigned.entry(name).or_default() += 1;
        }
    }
    assigned
}

/// Takes out what the catchers of `state` assign, for the workflows inside it: its catchers assign when
/// those have ended, so that they may assign the same names (recorded).
pub(crate) fn take_caught<'j>(assigned: &mut Assigned<'j>, state: &'j Value) {
    for name in members(state, "Catch").flat_map(names_in) {
        if let Some(places) = assigned.get_mut(name) {
            *places = places.saturating_sub(1);
        }
    }
}

/// Puts back what [`take_caught`] took.
pub(crate) fn put_caught<'j>(assigned: &mut Assigned<'j>, state: &'j Value) {
    for name in members(state, "Catch").flat_map(names_in) {
        *assigned.entry(name).or_default() += 1;
    }
}

fn members<'j>(state: &'j Value, list: &str) -> impl Iterator<Item = &'j Value> {
    let list = state.get(list).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn names_in(owner: &Value) -> impl Iterator<Item = &str> {
    let names = owner.get("Assign").and_then(Value::as_object);
    names.into_iter().flat_map(Map::keys).map(|name| stem(name))
}

/// Reports the variables of `states` that a workflow around them assigns: an inner workflow reads
/// those, but cannot assign them.
pub(crate) fn check_shadowing<'j>(
    states: &Fields<'j>,
    inner: &Assigned<'j>,
    outer: &[Assigned<'j>],
) {
    for name in inner.keys() {
        if outer
            .iter()
            .any(|names| names.get(name).is_some_and(|places| *places > 0))
        {
            states.refuse(format!(
                "The variable '{name}' is assigned in an outer scope and cannot be assigned here"
            ));
        }
    }
}
