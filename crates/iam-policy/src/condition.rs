//! Conditions: `{"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a*", "b"]}}`.
//!
//! The rules are IAM's: all conditions must hold, one value of a list suffices (none may match for a
//! negation), and what the request does not say makes a condition fail unless it is a negation or ends
//! in `IfExists`. Of what nobody here knows, every condition fails in a statement that allows and holds in one
//! that denies.

use serde_json::{Map, Value};

use crate::context::Facts;
use crate::document::Effect;
use crate::error::Malformed;
use crate::operator::{self, Operand, truth};

/// One operator with one key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Whether the key must be absent: `true`, `false`, or either.
    Null(Vec<bool>),
    Compare {
        quantifier: Quantifier,
        negated: bool,
        if_exists: bool,
        operands: Vec<Operand>,
    },
}

/// Which of a request's values are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// There is one value.
    Single,
    All,
    Any,
}

/// Keys that say where a request comes from, so that fixed values of them let in few (S3's meaning of "public").
const NARROWING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];

impl Condition {
    /// Says whether a statement with the condition lets in only a fixed few.
    pub fn narrows(&self) -> bool {
        let Test::Compare {
            quantifier,
            negated: false,
            if_exists: false,
            operands,
        } = &self.test
        else {
            return false;
        };
        *quantifier != Quantifier::All
            && NARROWING.contains(&self.key.as_str())
            && operands.iter().all(Operand::is_fixed)
    }

    /// Returns the keys whose values the condition looks at.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let operands = match &self.test {
            Test::Null(_) => &[],
            Test::Compare { operands, .. } => operands.as_slice(),
        };
        let patterns = operands.iter().flat_map(Operand::patterns);
        core::iter::once(self.key.as_str()).chain(patterns.flat_map(|pattern| pattern.keys()))
    }

    /// Says whether the condition of a statement with this effect holds for a request.
    pub fn holds(&self, facts: &dyn Facts, effect: Effect) -> bool {
        if facts.is_unknown(&self.key) {
            return effect == Effect::Deny;
        }
        let values = facts.values(&self.key).filter(|values| !values.is_empty());
        let (quantifier, negated, if_exists, operands) = match &self.test {
            Test::Null(absent) => return absent.contains(&values.is_none()),
            Test::Compare {
                quantifier,
                negated,
                if_exists,
                operands,
            } => (*quantifier, *negated, *if_exists, operands),
        };
        let Some(values) = values else {
            return if_exists
                || match quantifier {
                    Quantifier::Single => negated,
                    Quantifier::All => true,
                    Quantifier::Any => false,
                };
        };
        let is_one_of =
            |value: &String| operands.iter().any(|operand| operand.matches(value, facts));
        match (quantifier, negated) {
            (Quantifier::All, false) => values.iter().all(is_one_of),
            (Quantifier::All | Quantifier::Single, true) => !values.iter().any(is_one_of),
            (Quantifier::Any, true) => !values.iter().all(is_one_of),
            // A key with several values wants a quantifier; without one, one of them suffices.
            (Quantifier::Any | Quantifier::Single, false) => values.iter().any(is_one_of),
        }
    }
}

/// Reads the `Condition` of a statement.
pub(crate) fn read(value: &Value, variables: bool) -> Result<Vec<Condition>, Malformed> {
    let Value::Object(operators) = value else {
        return Err(Malformed::Syntax);
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            return Err(Malformed::Syntax);
        };
        read_operator(operator, keys, variables, &mut conditions)?;
    }
    Ok(conditions)
}

fn read_operator(
    written: &str,
    keys: &Map<String, Value>,
    variables: bool,
    conditions: &mut Vec<Condition>,
) -> Result<(), Malformed> {
    let unknown = || Malformed::Operator(written.to_owned());
    let (quantifier, rest) = match written.split_once(':') {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => {
            (Quantifier::All, rest)
        }
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => {
            (Quantifier::Any, rest)
        }
        Some(_) => return Err(unknown()),
        None => (Quantifier::Single, written),
    };
    let is_null = rest.eq_ignore_ascii_case("Null");
    if is_null && quantifier != Quantifier::Single {
        return Err(unknown());
    }
    let suffix = rest.len().checked_sub("IfExists".len());
    let (name, if_exists) = match suffix.and_then(|at| rest.split_at_checked(at)) {
        Some((name, suffix)) if suffix.eq_ignore_ascii_case("IfExists") => (name, true),
        _ => (rest, false),
    };
    for (key, values) in keys {
        let values = texts(values)?;
        let test = if is_null {
            let absent = values.iter().map(|value| {
                truth(value).ok_or_else(|| Malformed::Value {
                    operator: written.to_owned(),
                    value: value.clone(),
                })
            });
            Test::Null(absent.collect::<Result<_, _>>()?)
        } else {
            let (operator, negated) = operator::named(name).ok_or_else(unknown)?;
            let operands = values
                .iter()
                .map(|value| Operand::new(operator, written, value, variables));
            Test::Compare {
                quantifier,
                negated,
                if_exists,
                operands: operands.collect::<Result<_, _>>()?,
            }
        };
        if !key.contains(':') {
            return Err(Malformed::NoVendor);
        }
        conditions.push(Condition {
            key: key.to_ascii_lowercase(),
            test,
        });
    }
    Ok(())
}

/// Returns one value or a list of them as texts.
fn texts(value: &Value) -> Result<Vec<String>, Malformed> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Malformed::Syntax),
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}
