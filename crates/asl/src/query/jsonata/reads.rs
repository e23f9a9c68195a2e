//! What an expression reads of `$states` and of the variables, and only that is given to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::query::Scope;

/// What is needed of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// All of it.
    Whole,
    /// Of objects these members, of arrays the same of every item.
    Members(BTreeMap<Box<str>, Need>),
}

/// What an expression reads.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads {
    /// Of `$states`.
    pub(super) states: Option<Need>,
    /// Of the variables, by name. Names that nobody assigns are among them, and those of functions,
    /// which a variable of the same name hides.
    pub(super) variables: BTreeMap<Arc<str>, Need>,
    /// Those of the names that can only be a variable's.
    pub(super) named: BTreeSet<Arc<str>>,
}

/// The members of `$states`, in the recorded order.
const MEMBERS: [&str; 4] = ["input", "context", "result", "errorOutput"];

impl Reads {
    pub(super) fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        names.extend(self.named.iter().cloned());
    }

    /// Returns `$states` with what is read of it; `None` where nothing is.
    pub(super) fn states(&self, scope: &Scope<'_>) -> Option<Value> {
        let need = self.states.as_ref()?;
        let members = MEMBERS.iter().filter_map(|name| {
            let need = need.member(name)?;
            Some(((*name).to_owned(), member(name, need, scope)?))
        });
        Some(Value::Object(members.collect::<Map<_, _>>()))
    }

    /// Returns the variables that are read and assigned.
    pub(super) fn variables(&self, scope: &Scope<'_>) -> impl Iterator<Item = (String, Value)> {
        self.variables.iter().filter_map(|(name, need)| {
            let value = scope.variables.get(name)?;
            Some((name.to_string(), need.cut(value)))
        })
    }
}

fn member(name: &str, need: &Need, scope: &Scope<'_>) -> Option<Value> {
    match name {
        "input" => Some(need.cut(scope.input)),
        "result" => scope.result.map(|value| need.cut(value)),
        "errorOutput" => scope.error_output.map(|value| need.cut(value)),
        _ => Some(match need {
            Need::Whole => scope.context.object(),
            Need::Members(members) => context(members, scope),
        }),
    }
}

/// Makes only the members of the context that are read: one of them holds the execution's input.
fn context(members: &BTreeMap<Box<str>, Need>, scope: &Scope<'_>) -> Value {
    let made = members.iter().filter_map(|(name, need)| {
        let object = scope.context.with_member(name);
        let value = object.get(&**name)?;
        Some((name.to_string(), need.cut(value)))
    });
    Value::Object(made.collect())
}

impl Need {
    fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Whole => Some(self),
            Self::Members(members) => members.get(name),
        }
    }

    /// Returns what is needed of `value`; recurses as deep as the paths of an expression.
    fn cut(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Members(members), Value::Object(object)) => Value::Object(
                object
                    .iter()
                    .filter_map(|(name, value)| {
                        Some((name.clone(), members.get(name.as_str())?.cut(value)))
                    })
                    .collect(),
            ),
            (Self::Members(_), Value::Array(items)) => {
                Value::Array(items.iter().map(|item| self.cut(item)).collect())
            }
            (_, value) => value.clone(),
        }
    }
}
