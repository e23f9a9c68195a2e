//! What one item of a leaf demands of a value.

use core::net::IpAddr;

use serde_json::Value;

use crate::PatternError;

/// The operators there are.
const OPERATORS: [&str; 8] = [
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
];

/// Says whether a key is an operator's name.
pub(crate) fn is_operator(key: &str) -> bool {
    OPERATORS.contains(&key)
}

/// One demand.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    Exact(Value),
    Text(TextMatcher),
    /// None of them.
    AnythingBut(Vec<Matcher>),
    Numeric(Vec<(Comparison, f64)>),
    Cidr(IpAddr, u32),
    Exists(bool),
}

/// A demand on text.
#[derive(Clone, Debug)]
pub(crate) enum TextMatcher {
    Prefix(String),
    Suffix(String),
    PrefixIgnoringCase(String),
    SuffixIgnoringCase(String),
    EqualsIgnoringCase(String),
    /// What stands between the stars.
    Wildcard(Vec<String>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

fn wrong(reason: impl Into<String>) -> PatternError {
    PatternError::new(reason)
}

impl Matcher {
    pub(crate) fn read(value: &Value) -> Result<Self, PatternError> {
        let members = match value {
            Value::Object(members) => members,
            Value::Array(_) => {
                return Err(wrong(
                    "Match value must be String, number, true, false, or null",
                ));
            }
            scalar => return Ok(Self::Exact(scalar.clone())),
        };
        let mut members = members.iter();
        let (Some((operator, operand)), None) = (members.next(), members.next()) else {
            return Err(wrong("Only one key allowed in match expression"));
        };
        match operator.as_str() {
            "exists" => match operand {
                Value::Bool(there) => Ok(Self::Exists(*there)),
                _ => Err(wrong("exists match pattern must be either true or false.")),
            },
            "numeric" => Self::numeric(operand),
            "cidr" => Self::cidr(operand),
            "anything-but" => Self::anything_but(operand),
            operator => Ok(Self::Text(TextMatcher::read(operator, operand)?)),
        }
    }

    fn numeric(operand: &Value) -> Result<Self, PatternError> {
        let malformed = || wrong("Value of numeric must be an array of operators and numbers");
        let parts = operand.as_array().ok_or_else(malformed)?;
        if parts.is_empty() || parts.len() % 2 != 0 || parts.len() > 4 {
            return Err(malformed());
        }
        let pair = |pair: &[Value]| {
            let comparison = match pair[0].as_str()? {
                "=" => Comparison::Equal,
                "<" => Comparison::Less,
                "<=" => Comparison::LessOrEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterOrEqual,
                _ => return None,
            };
            Some((comparison, pair[1].as_f64()?))
        };
        let pairs = parts.chunks(2).map(pair).collect::<Option<_>>();
        pairs.map(Self::Numeric).ok_or_else(malformed)
    }

    fn cidr(operand: &Value) -> Result<Self, PatternError> {
        let text = operand.as_str().unwrap_or_default();
        let (address, bits) = match text.split_once('/') {
            Some(parts) => parts,
            None if text.parse::<IpAddr>().is_ok() => (text, "128"),
            None => return Err(wrong("Malformed CIDR, one '/' required")),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| wrong(format!("Malformed CIDR, '{text}'")))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits: u32 = match bits.parse() {
            Ok(bits) if bits <= most => bits,
            Ok(_) if !text.contains('/') => most,
            _ => return Err(wrong("Malformed CIDR, mask bits must be an integer")),
        };
        Ok(Self::Cidr(address, bits))
    }

    fn anything_but(operand: &Value) -> Result<Self, PatternError> {
        let refused: Vec<&Value> = match operand {
            Value::Array(refused) => refused.iter().collect(),
            one => vec![one],
        };
        if refused.is_empty() {
            return Err(wrong("Empty arrays are not allowed"));
        }
        let mut matchers = Vec::new();
        for refused in refused {
            let Value::Object(members) = refused else {
                if refused.is_array() {
                    return Err(wrong(
                        "Inside anything but list, number|start|null|boolean is not supported.",
                    ));
                }
                matchers.push(Self::Exact(refused.clone()));
                continue;
            };
            for (operator, operand) in members {
                let operands: Vec<&Value> = match operand {
                    Value::Array(operands) => operands.iter().collect(),
                    one => vec![one],
                };
                for operand in operands {
                    matchers.push(Self::Text(TextMatcher::read(operator, operand)?));
                }
            }
        }
        Ok(Self::AnythingBut(matchers))
    }

    /// Says whether the demand holds of a value; `None` is one that is not there.
    pub(crate) fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(there), value) => {
                // Only what has no members is a leaf that can be there.
                let found = value.is_some_and(|value| !value.is_object());
                found == *there
            }
            (_, None) => false,
            (matcher, Some(Value::Array(items))) => items.iter().any(|item| matcher.holds_of(item)),
            (matcher, Some(value)) => matcher.holds_of(value),
        }
    }

    fn holds_of(&self, value: &Value) -> bool {
        match self {
            Self::Exists(_) => false,
            Self::Exact(expected) => expected == value,
            Self::Text(matcher) => value.as_str().is_some_and(|text| matcher.holds(text)),
            Self::AnythingBut(refused) => {
                !value.is_object() && !refused.iter().any(|matcher| matcher.holds_of(value))
            }
            Self::Numeric(comparisons) => value.as_f64().is_some_and(|number| {
                comparisons
                    .iter()
                    .all(|(comparison, bound)| match comparison {
                        Comparison::Equal => number == *bound,
                        Comparison::Less => number < *bound,
                        Comparison::LessOrEqual => number <= *bound,
                        Comparison::Greater => number > *bound,
                        Comparison::GreaterOrEqual => number >= *bound,
                    })
            }),
            Self::Cidr(network, bits) => {
                let address = value.as_str().and_then(|text| text.parse().ok());
                address.is_some_and(|address| is_within(address, *network, *bits))
            }
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            u128::from(u32::from(address)),
            u128::from(u32::from(network)),
            32,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (u128::from(address), u128::from(network), 128)
        }
        _ => return false,
    };
    let shift = width - bits;
    address.checked_shr(shift).unwrap_or(0) == network.checked_shr(shift).unwrap_or(0)
}

impl TextMatcher {
    fn read(operator: &str, operand: &Value) -> Result<Self, PatternError> {
        let text = |value: &Value| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| wrong(format!("{operator} match pattern must be a string")))
        };
        let ignoring = |value: &Value| {
            let inner = value
                .as_object()
                .and_then(|inner| inner.get("equals-ignore-case"));
            inner.and_then(Value::as_str).map(str::to_lowercase)
        };
        match operator {
            "prefix" => match ignoring(operand) {
                Some(prefix) => Ok(Self::PrefixIgnoringCase(prefix)),
                None => text(operand).map(Self::Prefix),
            },
            "suffix" => match ignoring(operand) {
                Some(suffix) => Ok(Self::SuffixIgnoringCase(suffix)),
                None => text(operand).map(Self::Suffix),
            },
            "equals-ignore-case" => {
                text(operand).map(|text| Self::EqualsIgnoringCase(text.to_lowercase()))
            }
            "wildcard" => wildcard(&text(operand)?).map(Self::Wildcard),
            other => Err(wrong(format!("Unrecognized match type {other}"))),
        }
    }

    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::PrefixIgnoringCase(prefix) => text.to_lowercase().starts_with(prefix.as_str()),
            Self::SuffixIgnoringCase(suffix) => text.to_lowercase().ends_with(suffix.as_str()),
            Self::EqualsIgnoringCase(expected) => text.to_lowercase() == *expected,
            Self::Wildcard(pieces) => fits(text, pieces),
        }
    }
}

/// Reads the pieces between stars; a backslash takes a star or a backslash as it is.
fn wildcard(text: &str) -> Result<Vec<String>, PatternError> {
    let mut pieces = vec![String::new()];
    let mut letters = text.chars().enumerate();
    let mut after_star = false;
    while let Some((at, letter)) = letters.next() {
        let piece = pieces.last_mut();
        match letter {
            '*' if after_star => {
                return Err(wrong(format!(
                    "Consecutive wildcard characters at pos {at}"
                )));
            }
            '*' => {
                pieces.push(String::new());
                after_star = true;
                continue;
            }
            '\\' => match letters.next() {
                Some((_, escaped @ ('*' | '\\'))) => {
                    piece.into_iter().for_each(|piece| piece.push(escaped));
                }
                _ => return Err(wrong(format!("Invalid escape character at pos {at}"))),
            },
            letter => piece.into_iter().for_each(|piece| piece.push(letter)),
        }
        after_star = false;
    }
    Ok(pieces)
}

/// Says whether `text` is the pieces with anything between them. Each is looked for from where the one
/// before ended, so the work is bounded by the text and the pieces.
fn fits(text: &str, pieces: &[String]) -> bool {
    let [first, middle @ .., last] = pieces else {
        return pieces.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for piece in middle {
        match rest.find(piece.as_str()) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}
