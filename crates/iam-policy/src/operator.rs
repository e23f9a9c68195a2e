//! The operators of conditions: how one value of the request is compared with one of the policy.

use core::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::arn::ArnPattern;
use crate::context::Facts;
use crate::error::Malformed;
use crate::pattern::{Fold, Pattern, Reading};

/// How values are compared; `Not…` is the same comparison with the other answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    Arn,
}

/// An order of numbers and moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
}

impl Order {
    fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Self::Equals => left == right,
            Self::Less => left < right,
            Self::LessOrEquals => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEquals => left >= right,
        }
    }
}

/// Returns the operator that `name` is, and whether it is a negation. Capitals do not matter to IAM.
pub(crate) fn named(name: &str) -> Option<(Operator, bool)> {
    use Operator::{Arn, Binary, Bool, Date, IpAddress, Numeric};
    use Operator::{StringEquals, StringEqualsIgnoreCase, StringLike};
    let found = match name.to_ascii_lowercase().as_str() {
        "stringequals" => (StringEquals, false),
        "stringnotequals" => (StringEquals, true),
        "stringequalsignorecase" => (StringEqualsIgnoreCase, false),
        "stringnotequalsignorecase" => (StringEqualsIgnoreCase, true),
        "stringlike" => (StringLike, false),
        "stringnotlike" => (StringLike, true),
        "numericequals" => (Numeric(Order::Equals), false),
        "numericnotequals" => (Numeric(Order::Equals), true),
        "numericlessthan" => (Numeric(Order::Less), false),
        "numericlessthanequals" => (Numeric(Order::LessOrEquals), false),
        "numericgreaterthan" => (Numeric(Order::Greater), false),
        "numericgreaterthanequals" => (Numeric(Order::GreaterOrEquals), false),
        "dateequals" => (Date(Order::Equals), false),
        "datenotequals" => (Date(Order::Equals), true),
        "datelessthan" => (Date(Order::Less), false),
        "datelessthanequals" => (Date(Order::LessOrEquals), false),
        "dategreaterthan" => (Date(Order::Greater), false),
        "dategreaterthanequals" => (Date(Order::GreaterOrEquals), false),
        "bool" => (Bool, false),
        "binaryequals" => (Binary, false),
        "ipaddress" => (IpAddress, false),
        "notipaddress" => (IpAddress, true),
        "arnequals" | "arnlike" => (Arn, false),
        "arnnotequals" | "arnnotlike" => (Arn, true),
        _ => return None,
    };
    Some(found)
}

/// A value of a policy, ready to be compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Text(Pattern, Fold),
    Number(Order, f64),
    Moment(Order, i128),
    Bool(bool),
    Bytes(Vec<u8>),
    Network {
        address: IpAddr,
        bits: u32,
    },
    Arn(ArnPattern),
    /// What is only known with the request, for it has variables.
    Later(Operator, Pattern),
    /// What nothing is equal to.
    Nothing,
}

impl Operand {
    /// Reads a value for `operator`.
    pub fn new(
        operator: Operator,
        name: &str,
        text: &str,
        variables: bool,
    ) -> Result<Self, Malformed> {
        let reading = Reading {
            wildcards: operator == Operator::StringLike,
            variables,
        };
        match operator {
            Operator::StringEquals | Operator::StringLike => {
                return Ok(Self::Text(Pattern::new(text, reading), Fold::Exact));
            }
            Operator::StringEqualsIgnoreCase => {
                return Ok(Self::Text(Pattern::new(text, reading), Fold::IgnoreCase));
            }
            // IAM takes texts here that are no ARNs; nothing is like them.
            Operator::Arn => {
                return Ok(ArnPattern::new(text, variables).map_or(Self::Nothing, Self::Arn));
            }
            _ if variables && text.contains("${") => {
                return Ok(Self::Later(operator, Pattern::new(text, reading)));
            }
            _ => {}
        }
        Self::fixed(operator, text).ok_or_else(|| Malformed::Value {
            operator: name.to_owned(),
            value: text.to_owned(),
        })
    }

    fn fixed(operator: Operator, text: &str) -> Option<Self> {
        Some(match operator {
            Operator::Numeric(order) => Self::Number(order, number(text)?),
            Operator::Date(order) => Self::Moment(order, moment(text)?),
            Operator::Bool => Self::Bool(truth(text)?),
            Operator::Binary => Self::Bytes(STANDARD.decode(text).ok()?),
            Operator::IpAddress => {
                let (address, bits) = network(text)?;
                Self::Network { address, bits }
            }
            Operator::StringEquals
            | Operator::StringEqualsIgnoreCase
            | Operator::StringLike
            | Operator::Arn => return None,
        })
    }

    /// Says whether values that are so are few: no wildcard, no variable, no network of half the world.
    pub fn is_fixed(&self) -> bool {
        match self {
            Self::Text(pattern, _) => pattern.is_fixed(),
            Self::Arn(pattern) => {
                let parts = pattern.parts();
                !parts.is_empty() && parts.iter().all(Pattern::is_fixed)
            }
            Self::Network { address, bits } => *bits >= if address.is_ipv4() { 8 } else { 32 },
            Self::Later(..) | Self::Number(..) | Self::Moment(..) | Self::Bool(_) => false,
            Self::Bytes(_) | Self::Nothing => true,
        }
    }

    /// Returns the patterns whose variables are filled in with the request.
    pub fn patterns(&self) -> &[Pattern] {
        match self {
            Self::Text(pattern, _) | Self::Later(_, pattern) => core::slice::from_ref(pattern),
            Self::Arn(pattern) => pattern.parts(),
            Self::Number(..)
            | Self::Moment(..)
            | Self::Bool(_)
            | Self::Bytes(_)
            | Self::Network { .. }
            | Self::Nothing => &[],
        }
    }

    /// Says whether a value of the request is as the policy has it. What cannot be compared is not.
    pub fn matches(&self, value: &str, facts: &dyn Facts) -> bool {
        match self {
            Self::Text(pattern, fold) => pattern.matches(value, facts, *fold),
            Self::Arn(pattern) => pattern.matches(value, facts),
            Self::Number(order, right) => {
                number(value).is_some_and(|left| order.holds(left, *right))
            }
            Self::Moment(order, right) => {
                moment(value).is_some_and(|left| order.holds(left, *right))
            }
            Self::Bool(right) => truth(value) == Some(*right),
            Self::Bytes(right) => STANDARD.decode(value).is_ok_and(|left| left == *right),
            Self::Network { address, bits } => value
                .parse()
                .is_ok_and(|value| is_within(value, *address, *bits)),
            Self::Later(operator, pattern) => {
                let fixed = pattern
                    .text(facts)
                    .and_then(|text| Self::fixed(*operator, &text));
                fixed.is_some_and(|operand| operand.matches(value, facts))
            }
            Self::Nothing => false,
        }
    }
}

/// Reads `true` or `false`.
pub(crate) fn truth(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

/// Returns nanoseconds since 1970 of a moment: in one of the forms of ISO 8601 that W3C names, or in
/// seconds.
fn moment(text: &str) -> Option<i128> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        // A year alone is four digits, and far before every moment that is meant in seconds.
        if text.len() != 4 {
            return seconds.is_finite().then_some((seconds * 1e9) as i128);
        }
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_nanosecond());
    }
    // `2019-07-16T12:00Z` has no seconds, and a date no time; what has no zone is UTC.
    let text = text.strip_suffix('Z').unwrap_or(text);
    let civil = match text.len() {
        4 => format!("{text}-01-01T00:00:00"),
        7 => format!("{text}-01T00:00:00"),
        10 => format!("{text}T00:00:00"),
        16 => format!("{text}:00"),
        _ => text.to_owned(),
    };
    let timestamp: jiff::Timestamp = format!("{civil}Z").parse().ok()?;
    Some(timestamp.as_nanosecond())
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some((address, bits))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
