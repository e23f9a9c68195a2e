//! From text to JSON, within limits: size, depth, and names that an object has twice.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use vocab::limits::DEFINITION_LEVELS_MAX;

use crate::diagnostic::{
    DUPLICATE_STATE_NAME, Diagnostic, INVALID_JSON_DESCRIPTION, MISSING_DESCRIPTION,
    SCHEMA_VALIDATION_FAILED, TOO_DEEPLY_NESTED,
};
use crate::json_fault::JsonFault;

/// Reads a definition; adds to `findings` the states that have the name of another beside them.
pub(super) fn read(
    text: &str,
    bytes_max: usize,
    findings: &mut Vec<Diagnostic>,
) -> Result<Map<String, Value>, Diagnostic> {
    if text.len() > bytes_max {
        let message = format!("Definition is longer than {bytes_max} bytes");
        return Err(Diagnostic::error(SCHEMA_VALIDATION_FAILED, message, None));
    }
    if text.trim_ascii().is_empty() {
        let message = "Definition must not be empty";
        return Err(Diagnostic::error(MISSING_DESCRIPTION, message, None));
    }
    match json(text, findings).map_err(|error| broken(text, &error))? {
        Value::Object(definition) => Ok(definition),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let message = "Definition must be a valid JSON object";
            Err(Diagnostic::error(SCHEMA_VALIDATION_FAILED, message, None))
        }
    }
}

fn json(text: &str, findings: &mut Vec<Diagnostic>) -> serde_json::Result<Value> {
    let repeated = RefCell::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = Seed {
        place: &Place::Root,
        repeated: &repeated,
    };
    let json = seed.deserialize(&mut reader)?;
    reader.end()?;
    findings.extend(repeated.into_inner());
    Ok(json)
}

fn broken(text: &str, error: &serde_json::Error) -> Diagnostic {
    let fault = JsonFault::of(text, error);
    let location = Some(fault.location(text));
    // The reader's own limit, which is the named one.
    if fault.message == "recursion limit exceeded" {
        let message =
            format!("The definition is nested more than {DEFINITION_LEVELS_MAX} levels deep");
        return Diagnostic::error(TOO_DEEPLY_NESTED, message, location);
    }
    Diagnostic::error(INVALID_JSON_DESCRIPTION, fault.message, location)
}

/// Where a value stands, as a list on the stack of the reader.
enum Place<'p> {
    Root,
    Field(&'p Place<'p>, &'p str),
    Member(&'p Place<'p>, usize),
}

impl Place<'_> {
    /// Says whether the object here holds the states of a workflow.
    fn holds_states(&self) -> bool {
        matches!(self, Self::Field(workflow, "States") if workflow.is_workflow())
    }

    fn is_workflow(&self) -> bool {
        match self {
            Self::Root => true,
            Self::Member(Self::Field(state, "Branches"), _)
            | Self::Field(state, "ItemProcessor" | "Iterator") => state.is_state(),
            Self::Field(..) | Self::Member(..) => false,
        }
    }

    fn is_state(&self) -> bool {
        matches!(self, Self::Field(states, _) if states.holds_states())
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(owner, name) => write!(f, "{owner}/{name}"),
            Self::Member(owner, place) => write!(f, "{owner}[{place}]"),
        }
    }
}

/// Reads the value at a place as `Value` itself would: of fields with one name the last one counts.
/// Recurses as deep as the JSON, which `serde_json` limits.
#[derive(Clone, Copy)]
struct Seed<'s> {
    place: &'s Place<'s>,
    repeated: &'s RefCell<Vec<Diagnostic>>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            let seed = Seed {
                place: &Place::Member(self.place, array.len()),
                repeated: self.repeated,
            };
            match members.next_element_seed(seed)? {
                Some(member) => array.push(member),
                None => return Ok(array.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let place = Place::Field(self.place, &name);
            let value = fields.next_value_seed(Seed {
                place: &place,
                repeated: self.repeated,
            })?;
            if object.contains_key(&name) && self.place.holds_states() {
                self.repeated.borrow_mut().push(Diagnostic::error(
                    DUPLICATE_STATE_NAME,
                    format!("Duplicate State name: {name}"),
                    Some(place.to_string()),
                ));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}
