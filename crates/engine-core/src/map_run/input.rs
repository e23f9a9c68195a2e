//! The inputs of children: items as the selector makes them, alone or in batches.

use std::cell::RefCell;

use asl::query::{Context, Scope, Variables};
use asl::{Map, StateKind, StateMachine};
use serde_json::{Map as Object, Value, json};
use vocab::{Entropy, Timestamp};

use super::progress::Failure;
use super::start::{Batching, MapRunStart};
use crate::payload::{NESTING_MAX, Payload};

/// An item with what `$$.Map.Item` says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemContext {
    /// Its number among all items.
    pub index: u64,
    /// Its name, where an object is iterated.
    pub key: Option<String>,
    /// `STATE_DATA`, or the place in a bucket that it was read from.
    pub source: String,
    /// The item.
    pub value: Value,
}

impl ItemContext {
    fn shown(&self) -> Value {
        let mut item = Object::new();
        item.insert("Index".into(), self.index.into());
        if let Some(key) = &self.key {
            item.insert("Key".into(), key.as_str().into());
        }
        item.insert("Value".into(), self.value.clone());
        item.insert("Source".into(), self.source.as_str().into());
        Value::Object(item)
    }

    /// What a child without a selector gets: the item, or the pair of an object.
    fn plain(&self) -> Value {
        match &self.key {
            Some(key) => json!({"Key": key, "Value": self.value}),
            None => self.value.clone(),
        }
    }
}

/// Returns what a child, or a place in its batch, gets of an item; `now` is for expressions that tell the
/// time.
pub fn child_input(
    machine: &StateMachine,
    start: &MapRunStart,
    item: &ItemContext,
    now: Timestamp,
) -> Result<Payload, Failure> {
    let selector = map_of(machine, &start.state).and_then(|map| map.item_selector.as_ref());
    let (Some(selector), Some(input)) = (selector, &start.input) else {
        return made(start, item.plain());
    };
    let context = ItemInContext { start, item };
    let entropy = Entropy::from_seed(start.seed ^ item.index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let scope = Scope {
        input: input.value(),
        context: &context,
        variables: &Given(start.variables.value()),
        entropy: &RefCell::new(entropy),
        result: None,
        error_output: None,
        now,
    };
    let selected = selector
        .evaluate(&scope)
        .map_err(|failure| named(start, &failure.error, &failure.cause))?;
    made(start, selected)
}

fn map_of<'m>(machine: &'m StateMachine, state: &str) -> Option<&'m Map> {
    match &machine.find(state)?.kind {
        StateKind::Map(map) => Some(map),
        _ => None,
    }
}

fn made(start: &MapRunStart, value: Value) -> Result<Payload, Failure> {
    let payload = Payload::from_value(value);
    if payload.nests_deeper_than(NESTING_MAX) {
        let cause = format!("The value is nested more than {NESTING_MAX} levels deep.");
        return Err(named(start, "States.Runtime", &cause));
    }
    Ok(payload)
}

fn named(start: &MapRunStart, error: &str, cause: &str) -> Failure {
    let (state, entered) = (&start.state, start.entered);
    let cause = format!(
        "An error occurred while executing the state '{state}' (entered at the event id #{entered}). {cause}"
    );
    Failure {
        error: error.into(),
        cause: cause.into(),
    }
}

struct ItemInContext<'a> {
    start: &'a MapRunStart,
    item: &'a ItemContext,
}

impl Context for ItemInContext<'_> {
    fn object(&self) -> Value {
        let mut context = self.start.context.value().clone();
        context["Map"] = json!({ "Item": self.item.shown() });
        context
    }

    fn with_member(&self, name: &str) -> Value {
        match name {
            "Map" => json!({"Map": {"Item": self.item.shown()}}),
            name => match self.start.context.value().get(name) {
                Some(member) => {
                    let members = [(name.to_owned(), member.clone())];
                    Value::Object(members.into_iter().collect())
                }
                None => json!({}),
            },
        }
    }
}

/// The variables that the state saw when the run began.
struct Given<'a>(&'a Value);

impl Variables for Given<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// A child's input in the making: `{"BatchInput": …, "Items": […]}`.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    batching: Option<&'a Batching>,
    bytes_max: usize,
    text: String,
    items: u64,
}

impl<'a> Batch<'a> {
    /// Returns an empty one; `bytes_max` is the longest input that any execution may have.
    pub fn new(batching: Option<&'a Batching>, bytes_max: usize) -> Self {
        let asked = batching.map_or(0, |batching| batching.bytes_max);
        let bytes_max = match usize::try_from(asked).unwrap_or(usize::MAX) {
            0 => bytes_max,
            asked => asked.min(bytes_max),
        };
        let text = match batching.and_then(|batching| batching.input.as_ref()) {
            Some(input) => format!(r#"{{"BatchInput":{},"Items":["#, input.text()),
            None => r#"{"Items":["#.to_owned(),
        };
        Self {
            batching,
            bytes_max,
            text,
            items: 0,
        }
    }

    /// Returns how many items are in it.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Says whether nothing more goes in.
    pub fn is_full(&self) -> bool {
        match self.batching {
            None => self.items == 1,
            Some(batching) => batching.items_max > 0 && self.items >= batching.items_max,
        }
    }

    /// Puts an item in; false when there is no room for it. The first one always goes in.
    pub fn add(&mut self, item: &Payload) -> bool {
        if self.batching.is_none() {
            self.text = item.text().to_owned();
            self.items = 1;
            return true;
        }
        let closed = self.text.len() + item.len() + 1 + "]}".len();
        if self.items > 0 && closed > self.bytes_max {
            return false;
        }
        if self.items > 0 {
            self.text.push(',');
        }
        self.text.push_str(item.text());
        self.items += 1;
        true
    }

    /// Returns the input.
    pub fn finish(mut self) -> Payload {
        if self.batching.is_some() {
            self.text.push_str("]}");
        }
        Payload::trusted(&self.text)
    }
}
