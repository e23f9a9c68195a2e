//! Conditions on events that are JSON: `{ $.status = 4* && $.user.name NOT EXISTS }`.

use serde_json::Value;

use super::PatternError;
use super::condition::{Condition, Parser, What, compare_number, compare_text};
use super::lexer::{Token, tokens};

pub(super) struct JsonCondition(Condition<Selector>);

/// A way into an event.
#[derive(Debug)]
struct Selector(Vec<Step>);

#[derive(Debug)]
enum Step {
    Member(String),
    Element(usize),
    /// Any element of an array.
    Elements,
}

impl JsonCondition {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let tokens = tokens(text)?;
        let parser = Parser {
            tokens: &tokens,
            operand: |token: &Token| match token {
                Token::Bare(text) => Selector::parse(text),
                _ => Err(PatternError::Invalid),
            },
            depth: 0,
        };
        parser.whole().map(Self)
    }

    pub fn matches(&self, message: &str) -> bool {
        // Most lines that are not JSON are told by their first letter.
        if !message.trim_start().starts_with(['{', '[']) {
            return false;
        }
        serde_json::from_str::<Value>(message).is_ok_and(|event| holds(&self.0, &event))
    }
}

fn holds(condition: &Condition<Selector>, event: &Value) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| holds(part, event)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, event)),
        Condition::Compare {
            operand,
            operator,
            value,
        } => operand.values(event).into_iter().any(|found| match found {
            Value::Number(number) => number
                .as_f64()
                .is_some_and(|number| compare_number(number, *operator, value)),
            Value::String(text) => compare_text(text, *operator, value),
            Value::Bool(flag) => {
                compare_text(if *flag { "true" } else { "false" }, *operator, value)
            }
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        }),
        Condition::Is { operand, what } => {
            let found = operand.values(event);
            match what {
                What::Missing => found.is_empty(),
                What::Null => found.into_iter().any(Value::is_null),
                What::True => found.into_iter().any(|value| *value == Value::Bool(true)),
                What::False => found.into_iter().any(|value| *value == Value::Bool(false)),
            }
        }
    }
}

impl Selector {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let mut rest = text.strip_prefix('$').ok_or(PatternError::Invalid)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            // `$.['a b']` and `$['a b']` are the same.
            let dotted = rest.strip_prefix('.');
            let inner = dotted.unwrap_or(rest);
            if let Some(bracketed) = inner.strip_prefix('[') {
                let (step, behind) = bracket(bracketed)?;
                steps.push(step);
                rest = behind;
                continue;
            }
            let Some(name) = dotted else {
                return Err(PatternError::Invalid);
            };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 {
                return Err(PatternError::Invalid);
            }
            steps.push(Step::Member(name[..end].to_owned()));
            rest = &name[end..];
        }
        if steps.is_empty() {
            return Err(PatternError::Invalid);
        }
        Ok(Self(steps))
    }

    fn values<'v>(&self, event: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![event];
        for step in &self.0 {
            found = match step {
                Step::Member(name) => found.into_iter().filter_map(|at| at.get(name)).collect(),
                Step::Element(index) => found.into_iter().filter_map(|at| at.get(index)).collect(),
                Step::Elements => {
                    let arrays = found.into_iter().filter_map(Value::as_array);
                    arrays.flatten().collect()
                }
            };
        }
        found
    }
}

/// Reads what stands behind `[`, up to `]`.
fn bracket(text: &str) -> Result<(Step, &str), PatternError> {
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"'));
    if let Some(quote) = quote {
        let end = format!("{quote}]");
        let (name, behind) = text[1..].split_once(&end).ok_or(PatternError::Invalid)?;
        return Ok((Step::Member(name.to_owned()), behind));
    }
    let (index, behind) = text.split_once(']').ok_or(PatternError::Invalid)?;
    let step = match index {
        "*" => Step::Elements,
        index => Step::Element(index.parse().map_err(|_| PatternError::Invalid)?),
    };
    Ok((step, behind))
}
