//! The reader of calls. Calls nest at most ten deep.

use serde_json::{Number, Value};

use crate::query::Allowed;
use crate::query::intrinsic::{Argument, Call, FUNCTIONS};
use crate::query::path::Source;

/// How deep calls may nest (Step Functions developer guide, "Intrinsic functions").
const NESTING_MAX: usize = 10;

/// Reads a whole text as one call.
pub(super) fn call(text: &str) -> Result<Call, String> {
    let mut reader = Reader { rest: text };
    let call = reader.call(0)?;
    reader.skip_blanks();
    if reader.rest.is_empty() {
        Ok(call)
    } else {
        Err(format!("unexpected text after the call: {}", reader.rest))
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, expected: char) -> bool {
        let stripped = self.rest.strip_prefix(expected);
        self.rest = stripped.unwrap_or(self.rest);
        stripped.is_some()
    }

    /// Steps over the first `length` bytes and returns them.
    fn cut(&mut self, length: usize) -> &'a str {
        let (head, tail) = self.rest.split_at(length);
        self.rest = tail;
        head
    }

    fn call(&mut self, depth: usize) -> Result<Call, String> {
        if depth >= NESTING_MAX {
            return Err(format!("calls nest more than {NESTING_MAX} deep"));
        }
        let end = self.rest.find('(').ok_or("expected '('")?;
        let name = self.cut(end);
        let known = FUNCTIONS.iter().find(|(known, _)| *known == name);
        let (_, function) = known.ok_or_else(|| format!("there is no function {name}"))?;
        self.take('(');
        Ok(Call {
            function: *function,
            arguments: self.arguments(depth)?,
        })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Argument>, String> {
        let mut arguments = Vec::new();
        self.skip_blanks();
        if self.take(')') {
            return Ok(arguments);
        }
        loop {
            self.skip_blanks();
            arguments.push(self.argument(depth)?);
            self.skip_blanks();
            if self.take(')') {
                return Ok(arguments);
            }
            if !self.take(',') {
                return Err(format!("expected ',' or ')' before: {}", self.rest));
            }
        }
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, String> {
        match self.rest.chars().next() {
            Some('\'') => self.quoted(),
            Some('$') => {
                let text = self.cut(path_length(self.rest));
                let source = Source::parse(text, Allowed::Context)?;
                Ok(Argument::Path {
                    text: text.into(),
                    source,
                })
            }
            Some('S') => Ok(Argument::Call(self.call(depth + 1)?)),
            _ => self.scalar(),
        }
    }

    /// Reads a quoted text. Only quotes, braces and backslashes are escaped; any other escape is
    /// refused when a machine is created.
    fn quoted(&mut self) -> Result<Argument, String> {
        self.take('\'');
        let mut value = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((place, next)) = characters.next() {
            match next {
                '\'' => {
                    let raw = self.cut(place);
                    self.take('\'');
                    return Ok(Argument::Text {
                        raw: raw.into(),
                        value: Value::String(value),
                    });
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\'' | '{' | '}' | '\\'))) => value.push(escaped),
                    Some((_, other)) => return Err(format!("'\\{other}' is not an escape")),
                    None => break,
                },
                other => value.push(other),
            }
        }
        Err("a quoted text does not end".to_owned())
    }

    fn scalar(&mut self) -> Result<Argument, String> {
        let end = self.rest.find([',', ')']).unwrap_or(self.rest.len());
        let value = match self.cut(end).trim_end() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            number => {
                let number: Number = number
                    .parse()
                    .map_err(|_| format!("not an argument: {number}"))?;
                Value::Number(number)
            }
        };
        Ok(Argument::Literal(value))
    }
}

/// Returns how long the path at the start of `text` is: up to a comma or a closing parenthesis that
/// stands outside brackets, quotes and the parentheses of a path's own function.
fn path_length(text: &str) -> usize {
    let (mut open, mut quote, mut escaped) = (0usize, None, false);
    for (place, next) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, next) {
            (_, '\\') => escaped = true,
            (Some(end), _) if next == end => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if open > 0 => quote = Some(next),
            (None, '[' | '(') => open += 1,
            (None, ',' | ')') if open == 0 => return text[..place].trim_end().len(),
            (None, ']' | ')') => open = open.saturating_sub(1),
            (None, _) => {}
        }
    }
    text.trim_end().len()
}
