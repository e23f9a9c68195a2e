//! EventBridge's event patterns: which events one lets through.
//!
//! Rules use them, and so do filters of event source mappings and of subscriptions. A pattern is parsed
//! once and asked often. Rules: the user guide, "Amazon EventBridge event patterns" and "Comparison
//! operators". Deliberately absent: an index over many patterns.

#![forbid(unsafe_code)]

mod matcher;

use serde_json::{Map, Value};

use crate::matcher::Matcher;

/// Deepest nesting of a pattern.
const LEVELS_MAX: usize = 32;

/// A pattern that was read.
#[derive(Clone, Debug)]
pub struct Pattern {
    fields: Fields,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// For people, as it stands behind `Reason: `.
    pub reason: String,
}

impl PatternError {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for PatternError {}

/// What must hold of an object: all of it.
#[derive(Clone, Debug, Default)]
struct Fields {
    fields: Vec<(String, Field)>,
    /// Of each, one.
    alternatives: Vec<Vec<Fields>>,
}

#[derive(Clone, Debug)]
enum Field {
    /// One of them must hold of the value, or of one item where the value is a list.
    Leaf(Vec<Matcher>),
    Nested(Fields),
}

impl Pattern {
    /// Reads the text of a pattern.
    ///
    /// # Errors
    /// With the reason, where it is none.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        match serde_json::from_str(text) {
            Ok(Value::Object(pattern)) => Self::of(&pattern),
            Ok(_) => Err(PatternError::new("Filter is not an object")),
            Err(error) => Err(PatternError::new(error.to_string())),
        }
    }

    /// Reads a pattern that is JSON already.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of(pattern: &Map<String, Value>) -> Result<Self, PatternError> {
        let fields = fields(pattern, LEVELS_MAX)?;
        if fields.fields.is_empty() && fields.alternatives.is_empty() {
            return Err(PatternError::new("Empty objects are not allowed"));
        }
        Ok(Self { fields })
    }

    /// Says whether the pattern lets `event` through.
    pub fn matches(&self, event: &Value) -> bool {
        self.fields.hold(event)
    }
}

/// The recursion is as deep as the pattern, which has a limit.
fn fields(pattern: &Map<String, Value>, levels: usize) -> Result<Fields, PatternError> {
    if levels == 0 {
        return Err(PatternError::new("The pattern is nested too deep"));
    }
    let mut read = Fields::default();
    for (name, value) in pattern {
        match value {
            Value::Array(alternatives) if name == "$or" && is_or(alternatives) => {
                let alternatives = alternatives.iter().filter_map(Value::as_object);
                let alternatives = alternatives.map(|alternative| fields(alternative, levels - 1));
                read.alternatives
                    .push(alternatives.collect::<Result<_, _>>()?);
            }
            Value::Array(matchers) => {
                if matchers.is_empty() {
                    return Err(PatternError::new("Empty arrays are not allowed"));
                }
                let matchers = matchers.iter().map(Matcher::read);
                let matchers = matchers.collect::<Result<_, _>>()?;
                read.fields.push((name.clone(), Field::Leaf(matchers)));
            }
            Value::Object(nested) if nested.is_empty() => {
                return Err(PatternError::new("Empty objects are not allowed"));
            }
            Value::Object(nested) => {
                let nested = fields(nested, levels - 1)?;
                read.fields.push((name.clone(), Field::Nested(nested)));
            }
            _ => {
                return Err(PatternError::new(format!(
                    "\"{name}\" must be an object or an array"
                )));
            }
        }
    }
    Ok(read)
}

/// A list of two or more objects, none of which is the operator of a leaf.
fn is_or(alternatives: &[Value]) -> bool {
    let pattern = |value: &Value| {
        let fields = value.as_object();
        fields.is_some_and(|fields| {
            !fields.is_empty() && !fields.keys().all(|key| matcher::is_operator(key))
        })
    };
    alternatives.len() > 1 && alternatives.iter().all(pattern)
}

impl Fields {
    fn hold(&self, event: &Value) -> bool {
        let all = self.fields.iter().all(|(name, field)| {
            let value = event.get(name);
            match field {
                Field::Leaf(matchers) => matchers.iter().any(|matcher| matcher.holds(value)),
                Field::Nested(fields) => match value {
                    Some(Value::Array(items)) => items.iter().any(|item| fields.hold(item)),
                    Some(value) => fields.hold(value),
                    // What must not be there is not there.
                    None => fields.hold(&Value::Null),
                },
            }
        });
        all && self
            .alternatives
            .iter()
            .all(|alternatives| alternatives.iter().any(|fields| fields.hold(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_let_through_what_they_say() {
        let event = json!({
            "source": "aws.ec2", "detail": {
                "state": "running", "count": 7, "ratio": 0.5, "list": ["a", "b"], "none": null,
                "file": "dir/image.PNG", "ip": "10.0.0.7", "ip6": "2001:db8::7", "empty": "", "yes": true,
                "items": [{"k": "x", "n": 1}, {"k": "y", "n": 2}],
            },
        });
        let cases = [
            (json!({"source": ["aws.ec2"]}), true),
            (json!({"source": ["aws.s3", "aws.ec2"]}), true),
            (json!({"source": ["aws.s3"]}), false),
            (
                json!({"detail": {"state": ["running"], "count": [7]}}),
                true,
            ),
            (
                json!({"detail": {"state": ["running"], "count": [8]}}),
                false,
            ),
            (json!({"detail": {"list": ["b"]}}), true),
            (json!({"detail": {"list": ["c"]}}), false),
            (
                json!({"detail": {"none": [null], "empty": [""], "yes": [true]}}),
                true,
            ),
            (json!({"detail": {"state": [{"prefix": "run"}]}}), true),
            (
                json!({"detail": {"state": [{"prefix": {"equals-ignore-case": "RUN"}}]}}),
                true,
            ),
            (json!({"detail": {"state": [{"suffix": "ing"}]}}), true),
            (json!({"detail": {"file": [{"suffix": ".png"}]}}), false),
            (
                json!({"detail": {"file": [{"suffix": {"equals-ignore-case": ".png"}}]}}),
                true,
            ),
            (
                json!({"detail": {"state": [{"equals-ignore-case": "RUNNING"}]}}),
                true,
            ),
            (
                json!({"detail": {"state": [{"anything-but": "running"}]}}),
                false,
            ),
            (
                json!({"detail": {"state": [{"anything-but": ["a", "b"]}]}}),
                true,
            ),
            (
                json!({"detail": {"state": [{"anything-but": {"prefix": "run"}}]}}),
                false,
            ),
            (
                json!({"detail": {"state": [{"anything-but": {"suffix": ["x", "ing"]}}]}}),
                false,
            ),
            (
                json!({"detail": {"state": [{"anything-but": {"equals-ignore-case": ["RUNNING"]}}]}}),
                false,
            ),
            (
                json!({"detail": {"state": [{"anything-but": {"wildcard": "*nn*"}}]}}),
                false,
            ),
            (
                json!({"detail": {"missing": [{"anything-but": "x"}]}}),
                false,
            ),
            (json!({"detail": {"count": [{"anything-but": [7]}]}}), false),
            (
                json!({"detail": {"count": [{"numeric": [">", 0, "<=", 7]}]}}),
                true,
            ),
            (json!({"detail": {"count": [{"numeric": ["<", 7]}]}}), false),
            (
                json!({"detail": {"ratio": [{"numeric": ["=", 0.5]}]}}),
                true,
            ),
            (json!({"detail": {"state": [{"numeric": ["=", 0]}]}}), false),
            (json!({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}), true),
            (json!({"detail": {"ip": [{"cidr": "10.0.1.0/24"}]}}), false),
            (
                json!({"detail": {"ip6": [{"cidr": "2001:db8::/32"}]}}),
                true,
            ),
            (
                json!({"detail": {"state": [{"exists": true}], "missing": [{"exists": false}]}}),
                true,
            ),
            (json!({"detail": {"state": [{"exists": false}]}}), false),
            (json!({"missing": {"deep": [{"exists": false}]}}), true),
            (
                json!({"detail": {"file": [{"wildcard": "dir/*.PNG"}]}}),
                true,
            ),
            (json!({"detail": {"file": [{"wildcard": "*age*"}]}}), true),
            (json!({"detail": {"file": [{"wildcard": "dir"}]}}), false),
            (
                json!({"$or": [{"source": ["x"]}, {"detail": {"count": [7]}}]}),
                true,
            ),
            (
                json!({"$or": [{"source": ["x"]}, {"source": ["y"]}], "source": ["aws.ec2"]}),
                false,
            ),
            (json!({"detail": {"items": {"k": ["x"], "n": [1]}}}), true),
            (json!({"detail": {"items": {"k": ["x"], "n": [2]}}}), false),
        ];
        for (pattern, expected) in cases {
            let read = Pattern::parse(&pattern.to_string()).expect("a pattern");
            assert_eq!(read.matches(&event), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        for (pattern, reason) in [
            ("[]", "Filter is not an object"),
            ("{}", "Empty objects are not allowed"),
            (r#"{"a": []}"#, "Empty arrays are not allowed"),
            (r#"{"a": "b"}"#, "\"a\" must be an object or an array"),
            (r#"{"a": [{"like": "b"}]}"#, "Unrecognized match type like"),
            (
                r#"{"a": [{"numeric": [">"]}]}"#,
                "Value of numeric must be an array of operators and numbers",
            ),
            (
                r#"{"a": [{"wildcard": "a**"}]}"#,
                "Consecutive wildcard characters at pos 2",
            ),
            (
                r#"{"a": [{"cidr": "x"}]}"#,
                "Malformed CIDR, one '/' required",
            ),
            (
                r#"{"a": [["b"]]}"#,
                "Match value must be String, number, true, false, or null",
            ),
        ] {
            let error = Pattern::parse(pattern).expect_err("no pattern");
            assert_eq!(error.reason, reason, "{pattern}");
        }
    }
}
