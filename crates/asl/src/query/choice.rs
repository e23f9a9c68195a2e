//! Choice rules. Values are never coerced: a comparison with a value of another type is false.

use std::borrow::Cow;
use std::cmp::Ordering;

use jsonpath::compare_numbers;
use serde_json::{Number, Value};
use vocab::Timestamp;

use crate::query::{Expected, Expression, Failure, Path, Scope};

/// One rule of a Choice state, with the rules it is made of.
#[derive(Clone, Debug)]
pub struct ChoiceRule(pub(crate) Rule);

/// A rule; nested as deep as the definition's JSON, which its reader limits.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test {
        variable: Path,
        check: Check,
    },
    /// JSONata's `Condition`.
    Expression(Expression),
    /// A `Condition` that is written down (recorded).
    Constant(bool),
}

/// What a rule asks of its variable.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    IsPresent(bool),
    IsNull(bool),
    IsBoolean(bool),
    IsNumeric(bool),
    IsString(bool),
    IsTimestamp(bool),
    BooleanEquals(Operand<bool>),
    String(Comparison, Operand<Box<str>>),
    Numeric(Comparison, Operand<Number>),
    /// Nanoseconds since the epoch.
    Timestamp(Comparison, Operand<i128>),
    Matches(Pattern),
}

/// The right side of a comparison: written down, or found by the `…Path` form.
#[derive(Clone, Debug)]
pub(crate) enum Operand<T> {
    Literal(T),
    Path(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equals,
    GreaterThan,
    GreaterThanEquals,
    LessThan,
    LessThanEquals,
}

impl ChoiceRule {
    /// Says whether the rule holds.
    pub fn matches(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        self.0.matches(scope)
    }
}

impl Rule {
    fn matches(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        match self {
            Self::And(rules) => {
                for rule in rules {
                    if !rule.matches(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.matches(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => Ok(!rule.matches(scope)?),
            Self::Constant(holds) => Ok(*holds),
            Self::Expression(condition) => {
                let value = condition.evaluate_as(scope, Expected::Boolean)?;
                Ok(value == Value::Bool(true))
            }
            Self::Test {
                variable,
                check: Check::IsPresent(wanted),
            } => Ok(variable.find(scope)?.is_some() == *wanted),
            Self::Test { variable, check } => check.holds(&*variable.evaluate(scope)?, scope),
        }
    }
}

impl Check {
    fn holds(&self, value: &Value, scope: &Scope<'_>) -> Result<bool, Failure> {
        let holds = match self {
            Self::IsPresent(wanted) => *wanted,
            Self::IsNull(wanted) => value.is_null() == *wanted,
            Self::IsBoolean(wanted) => value.is_boolean() == *wanted,
            Self::IsNumeric(wanted) => value.is_number() == *wanted,
            Self::IsString(wanted) => value.is_string() == *wanted,
            Self::IsTimestamp(wanted) => timestamp(value).is_some() == *wanted,
            Self::Matches(pattern) => value.as_str().is_some_and(|text| pattern.matches(text)),
            Self::BooleanEquals(operand) => {
                let wanted = operand.get(scope, Value::as_bool)?;
                wanted.is_some() && wanted.as_deref() == value.as_bool().as_ref()
            }
            Self::String(comparison, operand) => {
                let wanted = operand.get(scope, |found| found.as_str().map(Box::from))?;
                let both = value.as_str().zip(wanted.as_deref());
                both.is_some_and(|(left, right)| comparison.holds(order_as_java(left, right)))
            }
            Self::Numeric(comparison, operand) => {
                let wanted = operand.get(scope, |found| found.as_number().cloned())?;
                let order = value.as_number().zip(wanted.as_deref());
                let order = order.and_then(|(left, right)| compare_numbers(left, right));
                order.is_some_and(|order| comparison.holds(order))
            }
            Self::Timestamp(comparison, operand) => {
                let wanted = operand.get(scope, timestamp)?;
                let both = timestamp(value).zip(wanted.as_deref());
                both.is_some_and(|(left, right)| comparison.holds(left.cmp(right)))
            }
        };
        Ok(holds)
    }
}

impl<T: Clone> Operand<T> {
    /// Returns the operand, or `None` where the path finds a value of another type.
    fn get(
        &self,
        scope: &Scope<'_>,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<Cow<'_, T>>, Failure> {
        match self {
            Self::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Self::Path(path) => Ok(read(&*path.evaluate(scope)?).map(Cow::Owned)),
        }
    }
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
        }
    }
}

fn timestamp(value: &Value) -> Option<i128> {
    value.as_str().and_then(Timestamp::rfc3339_nanos)
}

/// Java compares strings by UTF-16 units, which differs from code points above U+FFFF.
fn order_as_java(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        return left.cmp(right);
    }
    left.encode_utf16().cmp(right.encode_utf16())
}

/// A `StringMatches` pattern: `*` stands for any text, `\\*` for a star, `\\\\` for a backslash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The literal parts between the stars; never empty.
    parts: Vec<String>,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut characters = text.chars().peekable();
        while let Some(next) = characters.next() {
            let literal = match next {
                '*' => {
                    parts.push(String::new());
                    continue;
                }
                '\\' => characters
                    .next_if(|c| matches!(c, '*' | '\\'))
                    .unwrap_or('\\'),
                other => other,
            };
            parts
                .last_mut()
                .expect("starts with one part and only grows")
                .push(literal);
        }
        Self { parts }
    }

    /// Matches greedily from the left: the first place where a part fits is as good as any later one.
    fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return text == first;
        };
        let Some(mut text) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        for part in middle {
            let Some(place) = text.find(part.as_str()) else {
                return false;
            };
            text = &text[place + part.len()..];
        }
        text.ends_with(last.as_str())
    }
}
