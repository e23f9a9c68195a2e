//! The transform `AWS::LanguageExtensions`, as far as it changes a template's shape: loops become what
//! they stand for before anything else is read. Its functions are intrinsics like the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::intrinsics::single;
use crate::parameters::scalar_text;

/// The transform's name.
pub(crate) const NAME: &str = "AWS::LanguageExtensions";

/// How the name of a loop begins.
const LOOP: &str = "Fn::ForEach::";
/// Most loops in loops (CloudFormation guide, "Fn::ForEach").
const NESTED_MAX: usize = 5;
/// Most values that a template may have once its loops are carried out; ours.
const VALUES_MAX: usize = 200_000;
/// Most bytes of text that loops may make and go through; ours.
const BYTES_MAX: usize = 16 << 20;
/// The sections that may have loops.
const SECTIONS: [&str; 3] = ["Conditions", "Outputs", "Resources"];

/// Says whether `transform`, the section of a template, names the transform.
pub(crate) fn is_named(transform: Option<&Value>) -> bool {
    match transform {
        Some(Value::Array(names)) => names.iter().any(|name| name == NAME),
        Some(name) => name == NAME,
        None => false,
    }
}

/// Carries out the loops of `sections`, and the `Ref`s of policies. `given` are the values of parameters.
pub(crate) fn expand(
    sections: &mut Map<String, Value>,
    given: &BTreeMap<String, String>,
) -> Result<(), TemplateError> {
    let declared = sections.get("Parameters").and_then(Value::as_object);
    let declared = declared.into_iter().flatten();
    let mut names = Names {
        declared: declared.map(|(name, _)| name.clone()).collect(),
        parameters: parameters(sections.get("Parameters"), given),
        mappings: sections.get("Mappings").cloned().unwrap_or_default(),
        values_left: VALUES_MAX,
        bytes_left: BYTES_MAX,
    };
    for section in SECTIONS {
        if let Some(value) = sections.get_mut(section) {
            *value = names.expanded(value, &[])?;
        }
    }
    let resources = sections.get_mut("Resources").and_then(Value::as_object_mut);
    for resource in resources.into_iter().flat_map(|all| all.values_mut()) {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            if let Some(value) = resource.get_mut(policy)
                && let Some(("Ref", Value::String(name))) = value.as_object().and_then(single)
                && let Some(Value::String(text)) = names.parameters.get(name)
            {
                *value = text.as_str().into();
            }
        }
    }
    Ok(())
}

/// Returns the values of the template's parameters: texts, and lists where a parameter is one.
fn parameters(
    section: Option<&Value>,
    given: &BTreeMap<String, String>,
) -> BTreeMap<String, Value> {
    let declared = section.and_then(Value::as_object).into_iter().flatten();
    let valued = declared.filter_map(|(name, parameter)| {
        let text = match given.get(name) {
            Some(text) => text.clone(),
            None => scalar_text(parameter.get("Default")?),
        };
        let kind = parameter.get("Type").and_then(Value::as_str);
        let is_list = kind.is_some_and(|kind| kind.contains("List"));
        let value = if is_list {
            text.split(',').map(str::trim).collect()
        } else {
            Value::from(text)
        };
        Some((name.clone(), value))
    });
    valued.collect()
}

/// What names mean while loops are carried out.
struct Names {
    /// The parameters, whether or not they have values.
    declared: BTreeSet<String>,
    parameters: BTreeMap<String, Value>,
    mappings: Value,
    /// How many values may still be made. A turn counts as one, whether or not it makes any.
    values_left: usize,
    /// How many bytes of text may still be made.
    bytes_left: usize,
}

impl Names {
    /// Takes from what may still be made.
    fn charge(&mut self, values: usize, bytes: usize) -> Result<(), TemplateError> {
        let beyond = |what: &str| {
            TemplateError::invalid(format!("The loops of the template make more than {what}."))
        };
        let left = self.values_left.checked_sub(values);
        self.values_left = left.ok_or_else(|| beyond(&format!("{VALUES_MAX} values")))?;
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.ok_or_else(|| beyond(&format!("{BYTES_MAX} bytes of text")))?;
        Ok(())
    }

    /// Returns `value` with its loops carried out; `around` are the loops that it is in, each with the
    /// value that is its turn. The recursion is as deep as the text was nested, which has a limit.
    fn expanded(
        &mut self,
        value: &Value,
        around: &[(&str, String)],
    ) -> Result<Value, TemplateError> {
        self.charge(1, 0)?;
        match value {
            Value::Object(entries) => {
                if let Some(("Ref", Value::String(name))) = single(entries)
                    && let Some((_, turn)) = around.iter().rev().find(|(own, _)| own == name)
                {
                    self.charge(0, turn.len())?;
                    return Ok(turn.as_str().into());
                }
                let mut expanded = Map::new();
                for (name, value) in entries {
                    match name.strip_prefix(LOOP) {
                        Some(loop_name) => self.run(loop_name, value, around, &mut expanded)?,
                        None => {
                            let value = self.expanded(value, around)?;
                            insert(&mut expanded, self.turned(name, around)?, value)?;
                        }
                    }
                }
                Ok(Value::Object(expanded))
            }
            Value::Array(items) => items
                .iter()
                .map(|item| self.expanded(item, around))
                .collect(),
            Value::String(text) => Ok(self.turned(text, around)?.into()),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
        }
    }

    /// Adds what the loop `name` makes to `into`.
    fn run(
        &mut self,
        name: &str,
        value: &Value,
        around: &[(&str, String)],
        into: &mut Map<String, Value>,
    ) -> Result<(), TemplateError> {
        let wrong = |detail: &str| {
            TemplateError::Intrinsic(format!("{LOOP}{name} could not be resolved: {detail}"))
        };
        let Some(
            [
                Value::String(identifier),
                collection,
                Value::Object(fragment),
            ],
        ) = value.as_array().map(Vec::as_slice)
        else {
            return Err(wrong(
                "it takes a list of an identifier, a collection and a template fragment",
            ));
        };
        if around.len() >= NESTED_MAX {
            return Err(wrong("loops are nested at most five deep"));
        }
        if around.iter().any(|(other, _)| other == identifier) || self.declared.contains(identifier)
        {
            return Err(wrong(&format!(
                "the identifier {identifier} is taken by a parameter or another loop"
            )));
        }
        let known = match self.is_open(collection) {
            // Somebody looks at a template before there are values: one turn shows what it makes.
            true => Some(vec![identifier.clone()]),
            false => self.collection(collection, around)?,
        };
        let collection =
            known.ok_or_else(|| wrong("its collection is no list of texts that is known"))?;
        for turn in collection {
            let mut inner = around.to_vec();
            inner.push((identifier, turn));
            self.charge(1, inner.iter().map(|(_, turn)| turn.len()).sum())?;
            for (key, value) in fragment {
                match key.strip_prefix(LOOP) {
                    Some(loop_name) => self.run(loop_name, value, &inner, into)?,
                    None => {
                        let own = self.turned(key, &inner[inner.len() - 1..])?;
                        if own == *key {
                            return Err(wrong(&format!(
                                "the key {key} does not have ${{{identifier}}}"
                            )));
                        }
                        let value = self.expanded(value, &inner)?;
                        insert(into, self.turned(key, &inner)?, value)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Says whether a collection is a parameter that has no value yet.
    fn is_open(&self, collection: &Value) -> bool {
        match collection.as_object().and_then(single) {
            Some(("Ref", Value::String(name))) => {
                self.declared.contains(name) && !self.parameters.contains_key(name)
            }
            _ => false,
        }
    }

    fn collection(
        &mut self,
        value: &Value,
        around: &[(&str, String)],
    ) -> Result<Option<Vec<String>>, TemplateError> {
        let items = match value {
            Value::Array(items) => items.clone(),
            other => match self.value(other, around)? {
                Some(Value::Array(items)) => items,
                Some(_) | None => return Ok(None),
            },
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in &items {
            match self.value(item, around)? {
                Some(Value::Array(more)) => texts.extend(more.iter().map(scalar_text)),
                Some(Value::Object(_)) | None => return Ok(None),
                Some(scalar) => texts.push(scalar_text(&scalar)),
            }
        }
        Ok(Some(texts))
    }

    /// Returns what a part of a collection means, as far as that is known before anything is made.
    fn value(
        &mut self,
        value: &Value,
        around: &[(&str, String)],
    ) -> Result<Option<Value>, TemplateError> {
        let Some(entries) = value.as_object() else {
            return Ok(Some(match value {
                Value::String(text) => self.turned(text, around)?.into(),
                other => other.clone(),
            }));
        };
        Ok(match single(entries) {
            Some(("Ref", Value::String(name))) => around
                .iter()
                .rev()
                .find(|(own, _)| own == name)
                .map(|(_, turn)| turn.as_str().into())
                .or_else(|| self.parameters.get(name).cloned()),
            Some(("Fn::FindInMap", Value::Array(names))) if names.len() >= 3 => {
                let mut keys = Vec::with_capacity(3);
                for name in &names[..3] {
                    match self.value(name, around)? {
                        Some(Value::String(key)) => keys.push(key),
                        Some(_) | None => return Ok(None),
                    }
                }
                let found = keys
                    .iter()
                    .try_fold(&self.mappings, |found, key| found.get(key));
                found.cloned()
            }
            Some(("Fn::Split", Value::Array(arguments))) => {
                let [delimiter, text] = arguments.as_slice() else {
                    return Ok(None);
                };
                let (delimiter, text) = (self.value(delimiter, around)?, self.value(text, around)?);
                match (delimiter, text) {
                    (Some(Value::String(delimiter)), Some(Value::String(text)))
                        if !delimiter.is_empty() =>
                    {
                        Some(text.split(delimiter.as_str()).collect())
                    }
                    _ => None,
                }
            }
            Some(_) | None => None,
        })
    }

    /// Returns `text` with the turns of loops in it: `${Name}`, and `&{Name}` for letters and digits alone.
    fn turned(&mut self, text: &str, around: &[(&str, String)]) -> Result<String, TemplateError> {
        self.charge(0, text.len())?;
        let mut turned = text.to_owned();
        if !text.contains('{') {
            return Ok(turned);
        }
        for (identifier, turn) in around {
            let plain: String = turn.chars().filter(char::is_ascii_alphanumeric).collect();
            for (mark, turn) in [
                (format!("${{{identifier}}}"), turn.as_str()),
                (format!("&{{{identifier}}}"), plain.as_str()),
            ] {
                // Charged before it is made: a text may be nothing but such marks.
                let marks = turned.matches(mark.as_str()).count();
                self.charge(0, marks.saturating_mul(turn.len()))?;
                if marks > 0 {
                    turned = turned.replace(mark.as_str(), turn);
                }
            }
        }
        Ok(turned)
    }
}

fn insert(into: &mut Map<String, Value>, name: String, value: Value) -> Result<(), TemplateError> {
    if into.contains_key(&name) {
        return Err(TemplateError::invalid(format!(
            "The loops of the template make {name} twice."
        )));
    }
    into.insert(name, value);
    Ok(())
}
