//! The reader of paths: one pass over the text; only filters nest, and their depth is limited.

use crate::error::ParseError;
use crate::filter;
use crate::function::Function;
use crate::path::{JsonPath, Segment};

/// How deep parentheses and paths within filters may nest.
pub(crate) const FILTER_DEPTH_MAX: usize = 32;

/// Reads a whole text as a path.
pub(crate) fn path(text: &str) -> Result<JsonPath, ParseError> {
    let mut reader = Reader::new(text);
    if !reader.take("$") {
        return Err(reader.error("a path starts with '$'"));
    }
    let path = reader.segments(Extent::Whole, 0)?;
    if reader.rest().is_empty() {
        Ok(path)
    } else {
        Err(reader.error("unexpected text after the path"))
    }
}

/// Where a path ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// At the end of the text.
    Whole,
    /// Within a filter: also at a blank, an operator or a closing bracket.
    Operand,
}

/// A text and how far it has been read.
pub(crate) struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn advance(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    /// Steps over `expected` if it comes next.
    pub(crate) fn take(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.position += expected.len();
        }
        found
    }

    pub(crate) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    /// Steps over the characters that `wanted` accepts and returns them.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    pub(crate) fn expect(&mut self, expected: &str) -> Result<(), ParseError> {
        if self.take(expected) {
            Ok(())
        } else {
            Err(self.error(&format!("expected '{expected}'")))
        }
    }

    pub(crate) fn error(&self, message: &str) -> ParseError {
        ParseError {
            message: message.to_owned(),
            position: self.position,
        }
    }

    /// Reads what follows `$` or `@`.
    pub(crate) fn segments(
        &mut self,
        extent: Extent,
        depth: usize,
    ) -> Result<JsonPath, ParseError> {
        let mut segments = Vec::new();
        let mut function = None;
        while function.is_none() {
            match self.peek() {
                Some('.') => {
                    if self.take("..") {
                        segments.push(Segment::Descend);
                    } else {
                        self.advance();
                    }
                    // `$.abc.['def ghi']` is how the developer guide writes it.
                    if self.peek() == Some('[') {
                        segments.push(self.bracket(depth)?);
                        continue;
                    }
                    match self.dotted(extent)? {
                        Dotted::Segment(segment) => segments.push(segment),
                        Dotted::Function(found) => function = Some(found),
                    }
                }
                Some('[') => segments.push(self.bracket(depth)?),
                _ => break,
            }
        }
        Ok(JsonPath::new(segments, function))
    }

    /// Reads what follows a dot: `*`, a name, or a function's name with its parentheses.
    fn dotted(&mut self, extent: Extent) -> Result<Dotted, ParseError> {
        if self.take("*") {
            return Ok(Dotted::Segment(Segment::Wildcard));
        }
        let name = self.dotted_name(extent)?;
        if self.peek() != Some('(') {
            return Ok(Dotted::Segment(Segment::Child(name.into())));
        }
        let function = Function::from_name(&name)
            .ok_or_else(|| self.error(&format!("the function '{name}' is not supported")))?;
        self.expect("(")?;
        self.skip_blanks();
        self.expect(")")?;
        Ok(Dotted::Function(function))
    }

    /// Reads a name after a dot; a backslash takes the next character as it is, `\uXXXX` names one.
    pub(crate) fn dotted_name(&mut self, extent: Extent) -> Result<String, ParseError> {
        let mut name = String::new();
        while let Some(next) = self.peek() {
            match next {
                '.' | '[' | '(' => break,
                '\\' => {
                    self.advance();
                    name.push(self.escaped()?);
                }
                blank if blank.is_whitespace() && extent == Extent::Operand => break,
                blank if blank.is_whitespace() => {
                    return Err(self.error("a name with blanks needs brackets: ['a name']"));
                }
                ')' | ']' | ',' | '=' | '!' | '<' | '>' | '&' | '|'
                    if extent == Extent::Operand =>
                {
                    break;
                }
                ']' | ')' | ',' | '*' | '\'' | '"' => {
                    return Err(self.error(&format!("unexpected '{next}' in a name")));
                }
                other => {
                    self.advance();
                    name.push(other);
                }
            }
        }
        if name.is_empty() {
            Err(self.error("a name is missing"))
        } else {
            Ok(name)
        }
    }

    /// Reads what follows a backslash in a name after a dot.
    fn escaped(&mut self) -> Result<char, ParseError> {
        let Some(next) = self.advance() else {
            return Err(self.error("the text ends with a backslash"));
        };
        let digits = self
            .rest()
            .get(..4)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let (Some(digits), 'u') = (digits, next) else {
            return Ok(next);
        };
        let high = u32::from_str_radix(digits, 16).unwrap_or(0);
        self.position += 4;
        if let Some(plain) = char::from_u32(high) {
            return Ok(plain);
        }
        let low = self
            .rest()
            .strip_prefix("\\u")
            .and_then(|rest| rest.get(..4));
        let low = low.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let pair = low.filter(|low| (0xdc00..0xe000).contains(low) && high < 0xdc00);
        let pair = pair
            .and_then(|low| char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)));
        let pair = pair.ok_or_else(|| self.error("half of a surrogate pair"))?;
        self.position += 6;
        Ok(pair)
    }

    /// Reads `[…]`.
    fn bracket(&mut self, depth: usize) -> Result<Segment, ParseError> {
        self.expect("[")?;
        self.skip_blanks();
        let segment = match self.peek() {
            Some('\'' | '"') => self.names()?,
            Some('*') => {
                self.advance();
                Segment::Wildcard
            }
            Some('?') => {
                self.advance();
                self.skip_blanks();
                self.expect("(")?;
                let filter = filter::parse(self, depth + 1)?;
                self.skip_blanks();
                self.expect(")")?;
                Segment::Filter(Box::new(filter))
            }
            _ => self.places()?,
        };
        self.skip_blanks();
        self.expect("]")?;
        Ok(segment)
    }

    fn names(&mut self) -> Result<Segment, ParseError> {
        let mut names: Vec<Box<str>> = Vec::new();
        loop {
            self.skip_blanks();
            names.push(self.quoted()?.into());
            self.skip_blanks();
            if !self.take(",") {
                break;
            }
        }
        match <[Box<str>; 1]>::try_from(names) {
            Ok([name]) => Ok(Segment::Child(name)),
            Err(names) => Ok(Segment::Children(names)),
        }
    }

    /// Reads a quoted text. A backslash escapes the quote and itself; before anything else it stays,
    /// as AWS keeps it.
    pub(crate) fn quoted(&mut self) -> Result<String, ParseError> {
        let Some(quote @ ('\'' | '"')) = self.advance() else {
            return Err(self.error("expected a quoted text"));
        };
        let mut text = String::new();
        while let Some(next) = self.advance() {
            match next {
                end if end == quote => return Ok(text),
                '\\' => match self.peek() {
                    Some(escaped) if escaped == quote || escaped == '\\' => {
                        self.advance();
                        text.push(escaped);
                    }
                    _ => text.push('\\'),
                },
                other => text.push(other),
            }
        }
        Err(self.error("the quoted text does not end"))
    }

    /// Reads an index, a list of indices, or a slice.
    fn places(&mut self) -> Result<Segment, ParseError> {
        let first = self.integer()?;
        self.skip_blanks();
        if self.take(":") {
            return self.slice(first);
        }
        let first =
            first.ok_or_else(|| self.error("expected an index, a quoted name, '*' or '?('"))?;
        let mut indices = vec![first];
        while self.take(",") {
            self.skip_blanks();
            indices.push(
                self.integer()?
                    .ok_or_else(|| self.error("expected an index"))?,
            );
            self.skip_blanks();
        }
        match indices[..] {
            [index] => Ok(Segment::Index(index)),
            _ => Ok(Segment::Indices(indices)),
        }
    }

    /// Reads what follows the first colon of a slice. The library reads a step and ignores it.
    fn slice(&mut self, from: Option<i32>) -> Result<Segment, ParseError> {
        self.skip_blanks();
        let to = self.integer()?;
        self.skip_blanks();
        while self.take(":") {
            self.integer()?;
            self.skip_blanks();
        }
        if from.is_none() && to.is_none() {
            return Err(self.error("a slice needs a bound"));
        }
        Ok(Segment::Slice { from, to })
    }

    fn integer(&mut self) -> Result<Option<i32>, ParseError> {
        let start = self.position;
        self.take("-");
        self.take_while(|c| c.is_ascii_digit());
        let digits = &self.text[start..self.position];
        if digits.is_empty() {
            return Ok(None);
        }
        digits
            .parse()
            .map(Some)
            .map_err(|_| self.error("not an index"))
    }
}

enum Dotted {
    Segment(Segment),
    Function(Function),
}
