//! A finding, explained to the person who wrote the text: which bytes to look at, what to do next.
//!
//! What is known about messages is the table in [`families`]; this file only applies it.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, MISSING_END_STATE};
use crate::json_fault::JsonFault;
use crate::outline::{Outline, Place};

mod families;
mod nearest;

use families::{FAMILIES, FIELD_HOMES, FIELDS, Family, Hint, INTEGRATIONS, Mark};
use nearest::nearest;

/// What is to be shown with a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The bytes to point at, in the order of the text; none when the finding has no place.
    pub marks: Vec<Range<usize>>,
    /// What to do next.
    pub hint: Option<String>,
}

/// Explains what `diagnose` found in the text of `outline`.
pub fn explain(finding: &Diagnostic, text: &str, outline: &Outline) -> Explanation {
    let subject = Subject {
        finding,
        text,
        outline,
        location: finding.location.as_deref().unwrap_or("/"),
    };
    let (family, captured) = FAMILIES
        .iter()
        .find_map(|family| Some((family, captures(family.message, &finding.message)?)))
        .unzip();
    let captured = captured.unwrap_or_default();
    let mut marks = subject.marks(family, &captured);
    marks.sort_by_key(|mark| mark.start);
    Explanation {
        marks,
        hint: family.and_then(|family| subject.hint(&family.hint, &captured)),
    }
}

/// Matches `message` with a pattern whose `{}` stand for any text; returns what they stand for.
fn captures<'m>(pattern: &str, message: &'m str) -> Option<Vec<&'m str>> {
    let mut parts = pattern.split("{}");
    let mut rest = message.strip_prefix(parts.next()?)?;
    let mut captured = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let end = match parts.peek() {
            Some(_) => rest.find(part)?,
            // The last part ends the message.
            None => rest.strip_suffix(part)?.len(),
        };
        captured.push(&rest[..end]);
        rest = &rest[end + part.len()..];
    }
    rest.is_empty().then_some(captured)
}

/// A finding with everything that is known about its place.
struct Subject<'s> {
    finding: &'s Diagnostic,
    text: &'s str,
    outline: &'s Outline,
    location: &'s str,
}

impl Subject<'_> {
    fn marks(&self, family: Option<&Family>, captured: &[&str]) -> Vec<Range<usize>> {
        if self.location.starts_with("[Source: ") {
            return vec![self.fault()];
        }
        if self.finding.location.is_none() {
            // Of several workflows it is not said which one cannot end.
            let states = self.outline.field("/", "States");
            let is_single = self.finding.code == MISSING_END_STATE && self.is_single_workflow();
            return states.filter(|_| is_single).map(key).into_iter().collect();
        }
        let fields = match family.map(|family| &family.mark) {
            Some(Mark::Field(place)) => captured.get(*place).map_or(vec![], |name| vec![*name]),
            Some(Mark::Fields) => captured
                .first()
                .map_or(vec![], |names| names.split(", ").collect()),
            Some(Mark::Place) | None => Vec::new(),
        };
        let found: Vec<_> = fields
            .iter()
            .filter_map(|name| self.outline.field(self.location, name).map(key))
            .collect();
        if !found.is_empty() {
            return found;
        }
        let place = self.outline.find(self.location);
        place
            .map(|place| match place.is_scalar {
                true => place.value,
                false => key(place),
            })
            .into_iter()
            .collect()
    }

    /// Returns the place of a syntax error. In JSON the reader finds it once more, because the location
    /// says how far it had read; of YAML the location tells line and column.
    fn fault(&self) -> Range<usize> {
        if self.location.starts_with("[Source: (String)\"") {
            let error = serde_json::from_str::<serde_json::Value>(self.text).err();
            return error.map_or(0..0, |error| JsonFault::of(self.text, &error).bytes);
        }
        let number = |name: &str| -> Option<usize> {
            let (_, rest) = self.location.split_once(name)?;
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            rest[..end].parse().ok()
        };
        let (Some(line), Some(column)) = (number("line: "), number("column: ")) else {
            return 0..0;
        };
        let lines = self.text.split_inclusive('\n');
        let before: usize = lines.take(line.saturating_sub(1)).map(str::len).sum();
        let mut at = (before + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let length = self.text[at..].chars().next().map_or(0, char::len_utf8);
        at..at + length
    }

    fn is_single_workflow(&self) -> bool {
        let states = self.outline.names("/States");
        states.iter().all(|name| {
            let fields = self.outline.names(&format!("/States/{name}"));
            let holds = ["Branches", "ItemProcessor", "Iterator"];
            !fields.iter().any(|field| holds.contains(field))
        })
    }

    fn hint(&self, hint: &Hint, captured: &[&str]) -> Option<String> {
        let first = captured.first().copied().unwrap_or_default();
        match hint {
            Hint::Text(text) => Some((*text).to_owned()),
            Hint::State => Some(self.state_hint(first)),
            Hint::UnknownField => Some(self.field_hint(first)),
            Hint::MissingField => self.missing_hint(first),
            Hint::OneOf => {
                let own = self.own_text();
                let words = captured.get(1)?.split(", ");
                let near = nearest(&own, words)?;
                Some(did_you_mean(near))
            }
            Hint::Operator => {
                let unknown = self.outline.names(self.location);
                let known = |name: &&str| !FIELDS.contains(name);
                let near = unknown
                    .into_iter()
                    .filter(known)
                    .find_map(|name| nearest(name, families::OPERATORS.iter().copied()));
                Some(near.map_or_else(
                    || {
                        "say what to compare with: \"StringEquals\", \"NumericLessThan\", \"BooleanEquals\", \"IsPresent\", …"
                            .to_owned()
                    },
                    did_you_mean,
                ))
            }
            Hint::Integration => {
                let near = nearest(first, INTEGRATIONS.iter().copied());
                Some(near.map_or_else(
                    || "integrations are named arn:aws:states:::SERVICE:ACTION, with .sync or .waitForTaskToken behind it to wait".to_owned(),
                    did_you_mean,
                ))
            }
        }
    }

    fn state_hint(&self, missing: &str) -> String {
        let states = self.outline.states_around(self.location);
        match nearest(missing, states.iter().copied()) {
            Some(near) => did_you_mean(near),
            None => {
                "a transition leads to a state beside it, never into or out of a branch or a map; add the state or name another"
                    .to_owned()
            }
        }
    }

    fn field_hint(&self, unknown: &str) -> String {
        let home = FIELD_HOMES
            .iter()
            .find(|(fields, _)| fields.contains(&unknown));
        if let Some((_, home)) = home {
            return format!("{home}; remove it here");
        }
        let present = self.outline.names(self.location);
        let candidates = FIELDS
            .iter()
            .chain(families::OPERATORS)
            .copied()
            .filter(|name| !present.contains(name));
        nearest(unknown, candidates).map_or_else(
            || "the language has no such field here; a \"Comment\" takes notes".to_owned(),
            did_you_mean,
        )
    }

    fn missing_hint(&self, names: &str) -> Option<String> {
        let present = self.outline.names(self.location);
        let unknown = present.iter().filter(|name| !FIELDS.contains(name));
        let missing: Vec<&str> = names.split(", ").collect();
        let typo = unknown
            .clone()
            .find_map(|name| Some((name, nearest(name, missing.iter().copied())?)));
        if let Some((written, meant)) = typo {
            return Some(format!("'{written}' is there: did you mean '{meant}'?"));
        }
        let known = families::REQUIRED
            .iter()
            .find(|(name, _)| missing.contains(name));
        known.map(|(_, hint)| (*hint).to_owned())
    }

    /// Returns the text of the value, without quotes.
    fn own_text(&self) -> String {
        let place = self.outline.find(self.location);
        let text = place.and_then(|place| self.text.get(place.value));
        text.unwrap_or_default()
            .trim_matches(['"', '\''])
            .to_owned()
    }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean '{name}'?")
}

/// Returns the key of a node; the first byte of what has none.
fn key(place: Place) -> Range<usize> {
    let start = place.value.start;
    place.key.unwrap_or(start..place.value.end.min(start + 1))
}
