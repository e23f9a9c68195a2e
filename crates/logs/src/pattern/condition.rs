//! Conditions: comparisons joined by `&&` and `||`, over whatever is compared.

use regex::Regex;

use super::lexer::Token;
use super::{DEPTH_MAX, PatternError, regex};

/// A condition over operands of the type `S`: places in JSON, or a field.
#[derive(Debug)]
pub(super) enum Condition<S> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare {
        operand: S,
        operator: Operator,
        value: Literal,
    },
    Is {
        operand: S,
        what: What,
    },
}

/// What `IS` and `NOT` ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Null,
    True,
    False,
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
    AtMost,
    AtLeast,
}

/// What is compared with.
#[derive(Debug)]
pub(super) enum Literal {
    /// A number as it is written, which a text may equal too.
    Number(f64, String),
    /// A text; `*` stands for anything.
    Text(String),
    Regex(Regex),
}

impl Operator {
    fn of(sign: &str) -> Self {
        match sign {
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            ">" => Self::Greater,
            "<=" => Self::AtMost,
            ">=" => Self::AtLeast,
            _ => Self::Equal,
        }
    }

    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::Greater => left > right,
            Self::AtMost => left <= right,
            Self::AtLeast => left >= right,
        }
    }
}

/// Says whether a number compares as asked.
pub(super) fn compare_number(number: f64, operator: Operator, value: &Literal) -> bool {
    match value {
        Literal::Number(other, _) => operator.holds(number, *other),
        Literal::Text(_) | Literal::Regex(_) => operator == Operator::NotEqual,
    }
}

/// Says whether a text compares as asked.
pub(super) fn compare_text(text: &str, operator: Operator, value: &Literal) -> bool {
    let equal = match value {
        Literal::Number(_, written) => text == written,
        Literal::Text(pattern) => wildcard(pattern, text),
        Literal::Regex(regex) => regex.is_match(text),
    };
    match operator {
        Operator::Equal => equal,
        Operator::NotEqual => !equal,
        Operator::Less | Operator::Greater | Operator::AtMost | Operator::AtLeast => false,
    }
}

/// Says whether `text` is as `pattern`, in which `*` stands for any letters.
fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Reads conditions; `operand` reads what is compared.
pub(super) struct Parser<'t, F> {
    pub tokens: &'t [Token],
    pub operand: F,
    pub depth: usize,
}

impl<'t, S, F: Fn(&Token) -> Result<S, PatternError>> Parser<'t, F> {
    /// Reads a whole condition.
    pub fn whole(mut self) -> Result<Condition<S>, PatternError> {
        let condition = self.any()?;
        if self.tokens.is_empty() {
            Ok(condition)
        } else {
            Err(PatternError::Invalid)
        }
    }

    fn any(&mut self) -> Result<Condition<S>, PatternError> {
        let mut parts = vec![self.all()?];
        while self.takes(&Token::Or) {
            parts.push(self.all()?);
        }
        Ok(Condition::Any(parts))
    }

    fn all(&mut self) -> Result<Condition<S>, PatternError> {
        let mut parts = vec![self.one()?];
        while self.takes(&Token::And) {
            parts.push(self.one()?);
        }
        Ok(Condition::All(parts))
    }

    /// Reads a comparison, or a condition in parentheses: not deeper than `DEPTH_MAX`.
    fn one(&mut self) -> Result<Condition<S>, PatternError> {
        if self.takes(&Token::Open) {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(PatternError::Invalid);
            }
            let inner = self.any()?;
            self.depth -= 1;
            return if self.takes(&Token::Close) {
                Ok(inner)
            } else {
                Err(PatternError::Invalid)
            };
        }
        let token = self.next()?;
        let operand = (self.operand)(token)?;
        match self.next()? {
            Token::Operator(sign) => Ok(Condition::Compare {
                operand,
                operator: Operator::of(sign),
                value: literal(self.next()?)?,
            }),
            Token::Bare(word) => {
                let second = match self.next()? {
                    Token::Bare(second) => second.to_ascii_uppercase(),
                    _ => return Err(PatternError::Invalid),
                };
                let what = match (word.to_ascii_uppercase().as_str(), second.as_str()) {
                    ("IS", "NULL") => What::Null,
                    ("IS", "TRUE") => What::True,
                    ("IS", "FALSE") => What::False,
                    ("NOT", "EXISTS") => What::Missing,
                    _ => return Err(PatternError::Invalid),
                };
                Ok(Condition::Is { operand, what })
            }
            _ => Err(PatternError::Invalid),
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        let taken = self.tokens.first() == Some(token);
        if taken {
            self.tokens = &self.tokens[1..];
        }
        taken
    }

    fn next(&mut self) -> Result<&'t Token, PatternError> {
        let (first, rest) = self.tokens.split_first().ok_or(PatternError::Invalid)?;
        self.tokens = rest;
        Ok(first)
    }
}

fn literal(token: &Token) -> Result<Literal, PatternError> {
    match token {
        Token::Quoted(text) => Ok(Literal::Text(text.clone())),
        Token::Regex(text) => regex(text).map(Literal::Regex),
        Token::Bare(text) => Ok(match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Literal::Number(number, text.clone()),
            Ok(_) | Err(_) => Literal::Text(text.clone()),
        }),
        Token::Operator(_) | Token::And | Token::Or | Token::Open | Token::Close => {
            Err(PatternError::Invalid)
        }
    }
}
