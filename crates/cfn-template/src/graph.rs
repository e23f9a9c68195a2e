//! Which resource needs which, and an order in which they can be created.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use crate::bindings::Bindings;
use crate::error::TemplateError;
use crate::intrinsics::{Piece, pieces, single};
use crate::resolve::{attribute_of, sub_arguments};
use crate::template::{Output, Resource};

/// The resources of one deployment in the order of their references.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Logical ids; each comes after all that it needs, and otherwise as the template has them.
    pub order: Vec<String>,
    /// For each resource, the resources that it names.
    pub needs: IndexMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Orders `resources`, which came from [`Bindings::resources`], and checks that every name in
    /// them and in `outputs` belongs to something.
    pub fn new(
        resources: &IndexMap<String, Resource>,
        outputs: &IndexMap<String, Output>,
        bindings: &Bindings,
    ) -> Result<Self, TemplateError> {
        let mut needs = IndexMap::new();
        let mut unresolved = Vec::new();
        for (id, resource) in resources {
            let mut names = references(resource.properties.values(), bindings)?;
            names.extend(resource.depends_on.iter().cloned());
            unresolved.extend(
                names
                    .iter()
                    .filter(|name| !resources.contains_key(*name))
                    .cloned(),
            );
            needs.insert(id.clone(), names.into_iter().collect::<BTreeSet<String>>());
        }
        refuse_unresolved(unresolved, "Resources")?;
        let named = references(outputs.values().map(|output| &output.value), bindings)?;
        refuse_unresolved(
            named
                .into_iter()
                .filter(|name| !resources.contains_key(name))
                .collect(),
            "Outputs",
        )?;
        Ok(Self {
            order: order(&needs)?,
            needs,
        })
    }
}

fn refuse_unresolved(mut names: Vec<String>, block: &'static str) -> Result<(), TemplateError> {
    if names.is_empty() {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Err(TemplateError::UnresolvedDependencies { names, block })
}

/// Takes, again and again, the first resource of the document that needs none of the others.
fn order(needs: &IndexMap<String, BTreeSet<String>>) -> Result<Vec<String>, TemplateError> {
    let mut needed_by: IndexMap<&str, Vec<usize>> = IndexMap::new();
    let mut waits_for = Vec::with_capacity(needs.len());
    for (index, names) in needs.values().enumerate() {
        names
            .iter()
            .for_each(|name| needed_by.entry(name).or_default().push(index));
        waits_for.push(names.len());
    }
    let mut ready: BTreeSet<usize> = (0..needs.len())
        .filter(|index| waits_for[*index] == 0)
        .collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(index) = ready.pop_first() {
        let (id, _) = needs
            .get_index(index)
            .expect("the index came from this map");
        order.push(id.clone());
        for dependent in needed_by.get(id.as_str()).into_iter().flatten() {
            waits_for[*dependent] -= 1;
            if waits_for[*dependent] == 0 {
                ready.insert(*dependent);
            }
        }
    }
    if order.len() == needs.len() {
        return Ok(order);
    }
    let names = needs
        .keys()
        .enumerate()
        .filter(|(index, _)| waits_for[*index] > 0);
    Err(TemplateError::CircularDependency {
        names: names.map(|(_, id)| id.clone()).collect(),
    })
}

/// Returns the resources that `values` name, in the order in which they are met.
fn references<'a>(
    values: impl Iterator<Item = &'a Value>,
    bindings: &Bindings,
) -> Result<Vec<String>, TemplateError> {
    let mut names = Vec::new();
    let mut open: Vec<&Value> = values.collect();
    open.reverse();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(entries) => match single(entries) {
                Some(("Ref", Value::String(name))) => names.push(name.clone()),
                Some(("Fn::GetAtt", arguments)) => names.push(attribute_of(arguments)?.0),
                Some(("Fn::Sub", arguments)) => {
                    let (text, own) = sub_arguments(arguments)?;
                    open.extend(own.into_iter().flat_map(|own| own.values()));
                    for piece in pieces(text) {
                        let Piece::Name(name) = piece else { continue };
                        if own.is_some_and(|own| own.contains_key(name)) {
                            continue;
                        }
                        names.push(name.split_once('.').map_or(name, |(id, _)| id).to_owned());
                    }
                }
                _ => open.extend(entries.values().rev()),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    names.retain(|name| !bindings.knows(name));
    Ok(names)
}
