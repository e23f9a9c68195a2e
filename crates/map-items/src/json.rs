//! The items of one JSON text: the elements of an array, or the members of an object.
//!
//! The text is not held: only the item that is being read is. A JSON Pointer (RFC 6901) leads to an array
//! or object inside; what is not on the way is passed over with as little looking as finds its end, and
//! what follows the items is not looked at.

use serde_json::Value;

use crate::{Decoder, Entry, FormatError, ITEM_BYTES_MAX};

/// Reads the items at a pointer.
pub struct JsonDecoder {
    pointer: String,
    /// The pointer's tokens, unescaped.
    tokens: Vec<String>,
    /// How many tokens led to the container that is being read.
    depth: usize,
    state: State,
    /// The container that is being read is an object.
    is_object: bool,
    /// How many members or elements of it have begun.
    members: u64,
    /// Of the member that is being read.
    key: Option<String>,
    /// The bytes of a name or an item.
    captured: Vec<u8>,
    scan: Scan,
    /// How much of the byte order mark may still come.
    mark: &'static [u8],
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value that must be an array or object: the text's, or one on the way to the items.
    Container,
    /// The first member or element, or the end.
    First,
    /// A member or element after a comma.
    Next,
    /// The rest of a name.
    Name,
    /// The colon after a name.
    Colon,
    /// A value after a colon.
    Value,
    /// The rest of a value.
    Inside,
    /// A comma, or the end.
    After,
    /// Nothing: the items of the whole text have ended.
    End,
    /// Anything: the items were a part of the text.
    Done,
}

/// Finds the end of one value.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// A number or a name such as `true`: its end is the byte before the next.
    is_bare: bool,
}

/// Where a value ends.
enum End {
    NotYet,
    /// With this byte.
    Here,
    /// Before this byte.
    Before,
}

impl JsonDecoder {
    /// Returns a decoder of the items at `pointer`; an empty one is the whole text.
    pub fn new(pointer: &str) -> Result<Self, FormatError> {
        Ok(Self {
            pointer: pointer.to_owned(),
            tokens: tokens(pointer)
                .ok_or_else(|| FormatError::InvalidPointer(pointer.to_owned()))?,
            depth: 0,
            state: State::Container,
            is_object: false,
            members: 0,
            key: None,
            captured: Vec::new(),
            scan: Scan::default(),
            mark: b"\xEF\xBB\xBF",
        })
    }

    fn holds_items(&self) -> bool {
        self.depth == self.tokens.len()
    }

    /// Says whether the member that begins is the next on the way to the items.
    fn leads_to_items(&self) -> bool {
        let Some(token) = self.tokens.get(self.depth) else {
            return false;
        };
        match &self.key {
            Some(key) => key == token,
            None => (self.members - 1).to_string() == *token,
        }
    }

    /// Takes one byte; returns the item that is whole with it. `false` leaves the byte to be taken again.
    fn take(&mut self, byte: u8) -> Result<(Option<Entry>, bool), FormatError> {
        if let Some((expected, rest)) = self.mark.split_first() {
            self.mark = if byte == *expected { rest } else { &[] };
            if byte == *expected {
                return Ok((None, true));
            }
        }
        match self.state {
            State::Name => {
                self.capture(byte)?;
                if matches!(self.scan.take(byte), End::Here) {
                    self.key = Some(self.name()?);
                    self.state = State::Colon;
                }
                return Ok((None, true));
            }
            State::Inside => return self.take_inside(byte),
            State::Done => return Ok((None, true)),
            _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => return Ok((None, true)),
            State::Container => self.enter(byte)?,
            State::First if byte == self.closing() => self.leave()?,
            State::First | State::Next => return self.begin_member(byte),
            State::Colon if byte == b':' => self.state = State::Value,
            State::Value => return self.begin_value(byte).map(|()| (None, false)),
            State::After if byte == b',' => self.state = State::Next,
            State::After if byte == self.closing() => self.leave()?,
            State::Colon => return Err(self.unexpected(byte, "a colon")),
            State::After => return Err(self.unexpected(byte, "a comma or the end")),
            State::End => return Err(self.unexpected(byte, "the end of the text")),
        }
        Ok((None, true))
    }

    fn take_inside(&mut self, byte: u8) -> Result<(Option<Entry>, bool), FormatError> {
        let end = self.scan.take(byte);
        let is_taken = !matches!(end, End::Before);
        if self.holds_items() && is_taken {
            self.capture(byte)?;
        }
        if matches!(end, End::NotYet) {
            return Ok((None, true));
        }
        self.state = State::After;
        let item = match self.holds_items() {
            true => Some(self.item()?),
            false => None,
        };
        Ok((item, is_taken))
    }

    fn enter(&mut self, byte: u8) -> Result<(), FormatError> {
        self.is_object = match byte {
            b'{' => true,
            b'[' => false,
            b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if self.holds_items() => {
                return Err(FormatError::NotIterable);
            }
            b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => return Err(self.not_found()),
            _ => return Err(self.unexpected(byte, "a value")),
        };
        self.members = 0;
        self.state = State::First;
        Ok(())
    }

    /// Ends the container. One on the way to the items ends without them: they are not there.
    fn leave(&mut self) -> Result<(), FormatError> {
        if !self.holds_items() {
            return Err(self.not_found());
        }
        self.state = match self.tokens.is_empty() {
            true => State::End,
            false => State::Done,
        };
        Ok(())
    }

    fn begin_member(&mut self, byte: u8) -> Result<(Option<Entry>, bool), FormatError> {
        self.members += 1;
        self.key = None;
        if !self.is_object {
            self.state = State::Value;
            return Ok((None, false));
        }
        if byte != b'"' {
            return Err(self.unexpected(byte, "a name in quotation marks"));
        }
        self.captured.clear();
        self.capture(byte)?;
        self.scan = Scan::default();
        self.scan.take(byte);
        self.state = State::Name;
        Ok((None, true))
    }

    fn begin_value(&mut self, byte: u8) -> Result<(), FormatError> {
        if self.leads_to_items() {
            self.depth += 1;
            self.state = State::Container;
            return Ok(());
        }
        if matches!(byte, b',' | b':' | b']' | b'}') {
            return Err(self.unexpected(byte, "a value"));
        }
        self.captured.clear();
        self.scan = Scan {
            is_bare: !matches!(byte, b'"' | b'{' | b'['),
            ..Scan::default()
        };
        self.state = State::Inside;
        Ok(())
    }

    fn closing(&self) -> u8 {
        match self.is_object {
            true => b'}',
            false => b']',
        }
    }

    fn capture(&mut self, byte: u8) -> Result<(), FormatError> {
        if self.captured.len() >= ITEM_BYTES_MAX {
            return Err(FormatError::ItemTooLong {
                index: self.members.saturating_sub(1),
            });
        }
        self.captured.push(byte);
        Ok(())
    }

    fn name(&self) -> Result<String, FormatError> {
        serde_json::from_slice(&self.captured).map_err(|error| self.not_json(&error.to_string()))
    }

    fn item(&mut self) -> Result<Entry, FormatError> {
        let value: Value = serde_json::from_slice(&self.captured)
            .map_err(|error| self.not_json(&error.to_string()))?;
        self.captured.clear();
        // One large item must not hold its room for all that follow.
        if self.captured.capacity() > ITEM_BYTES_MAX / 8 {
            self.captured = Vec::new();
        }
        Ok(Entry {
            key: self.key.take(),
            value,
        })
    }

    fn unexpected(&self, byte: u8, expected: &str) -> FormatError {
        let byte = char::from(byte);
        self.not_json(&format!(
            "unexpected character '{byte}', expected {expected}"
        ))
    }

    fn not_json(&self, reason: &str) -> FormatError {
        let place = match (self.members, self.holds_items()) {
            (0, _) | (_, false) => "the file".to_owned(),
            (members, true) => format!("the item at index {}", members - 1),
        };
        FormatError::NotJson {
            place,
            reason: reason.to_owned(),
        }
    }

    fn not_found(&self) -> FormatError {
        FormatError::PointerNotFound(self.pointer.clone())
    }
}

impl Scan {
    fn take(&mut self, byte: u8) -> End {
        if self.is_bare {
            return match byte {
                b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' => End::Before,
                _ => End::NotYet,
            };
        }
        match byte {
            _ if std::mem::take(&mut self.escaped) => {}
            b'\\' => self.escaped = self.in_text,
            b'"' => {
                self.in_text = !self.in_text;
                if !self.in_text && self.depth == 0 {
                    return End::Here;
                }
            }
            b'{' | b'[' if !self.in_text => self.depth += 1,
            b'}' | b']' if !self.in_text => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return End::Here;
                }
            }
            _ => {}
        }
        End::NotYet
    }
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Entry>, FormatError> {
        while let Some((byte, rest)) = input.split_first() {
            let (item, is_taken) = self.take(*byte)?;
            if is_taken {
                *input = rest;
            }
            if item.is_some() {
                return Ok(item);
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<Entry>, FormatError> {
        match self.state {
            State::End | State::Done => Ok(None),
            // A text without a value has no node to map over.
            State::Container if self.depth == 0 => Err(FormatError::NotIterable),
            _ => Err(self.not_json("the text ends too early")),
        }
    }

    fn is_done(&self) -> bool {
        self.state == State::Done
    }
}

/// Returns the tokens of a JSON Pointer; none for the whole text.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    let mut tokens = Vec::new();
    for token in rest.split('/') {
        let is_escaped = |at: usize| matches!(token.as_bytes().get(at + 1), Some(b'0' | b'1'));
        if token.match_indices('~').any(|(at, _)| !is_escaped(at)) {
            return None;
        }
        tokens.push(token.replace("~1", "/").replace("~0", "~"));
    }
    Some(tokens)
}
