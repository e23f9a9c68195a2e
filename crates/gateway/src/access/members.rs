//! The members of an input, looked at without reading the whole of it.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_model::schema::Member;
use serde_json::Value;
use serde_json::value::RawValue;

/// The top level of an input; what is inside of its members is only found, not read.
#[derive(Default)]
pub(crate) struct Members<'a>(HashMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Members<'a> {
    /// Finds the members of `input`. What is no object has none, and its service will say so.
    pub fn of(input: &'a [u8]) -> Self {
        serde_json::from_slice(input).map(Self).unwrap_or_default()
    }

    /// Returns the same with those members alone that an operation's input has: no service reads others, so
    /// none of them says what a call is about.
    pub fn only(mut self, known: &[Member]) -> Self {
        self.0
            .retain(|name, _| known.iter().any(|member| member.name == name));
        self
    }

    /// Returns a member that is a text, and not an empty one.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let raw = self.0.get(name)?.get();
        // Most texts have nothing escaped, and need no copy.
        let text = match serde_json::from_str::<&'a str>(raw) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(serde_json::from_str(raw).ok()?),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Returns the first of `names` that is a text.
    pub fn any_text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        names.iter().find_map(|name| self.text(name))
    }

    /// Returns a member, read.
    pub fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// Returns the tags that a call gives: keys and values, in whichever form its service has them.
    pub fn tags(&self) -> Vec<(String, String)> {
        let given = ["tags", "Tags"].iter().find_map(|name| self.value(name));
        match given {
            Some(Value::Array(tags)) => {
                let text = |tag: &Value, names: [&str; 2]| {
                    let found = names.iter().find_map(|name| tag[*name].as_str());
                    found.unwrap_or_default().to_owned()
                };
                let pair = |tag| (text(tag, ["key", "Key"]), text(tag, ["value", "Value"]));
                tags.iter().map(pair).collect()
            }
            Some(Value::Object(tags)) => {
                let pair = |(key, value): (String, Value)| {
                    (key, value.as_str().unwrap_or_default().to_owned())
                };
                tags.into_iter().map(pair).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the keys of tags that a call gives or takes away.
    pub fn tag_keys(&self) -> Vec<String> {
        let taken = ["tagKeys", "TagKeys"]
            .iter()
            .find_map(|name| self.value(name));
        match taken {
            Some(Value::Array(keys)) => {
                let keys = keys.iter().filter_map(Value::as_str);
                keys.map(str::to_owned).collect()
            }
            _ => self.tags().into_iter().map(|(key, _)| key).collect(),
        }
    }
}
