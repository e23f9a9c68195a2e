//! A JSON text on each line.

use crate::{Decoder, Entry, FormatError, ITEM_BYTES_MAX};

/// Reads lines as items; lines with nothing but white space are none.
#[derive(Default)]
pub struct JsonLinesDecoder {
    line: Vec<u8>,
    /// Lines that have ended.
    lines: u64,
    items: u64,
}

impl JsonLinesDecoder {
    /// Returns a decoder at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    fn end_line(&mut self) -> Result<Option<Entry>, FormatError> {
        self.lines += 1;
        let mut line = &*self.line;
        if self.lines == 1 {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        let item = match line.trim_ascii() {
            b"" => Ok(None),
            text => match serde_json::from_slice(text) {
                Ok(value) => Ok(Some(Entry::value(value))),
                Err(error) => Err(FormatError::NotJson {
                    place: format!("line {}", self.lines),
                    reason: error.to_string(),
                }),
            },
        };
        self.items += u64::from(matches!(item, Ok(Some(_))));
        self.line.clear();
        item
    }
}

impl Decoder for JsonLinesDecoder {
    fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Entry>, FormatError> {
        while !input.is_empty() {
            let end = input.iter().position(|byte| *byte == b'\n');
            let part = &input[..end.unwrap_or(input.len())];
            if self.line.len() + part.len() > ITEM_BYTES_MAX {
                return Err(FormatError::ItemTooLong { index: self.items });
            }
            self.line.extend_from_slice(part);
            *input = &input[end.map_or(input.len(), |end| end + 1)..];
            if end.is_some()
                && let Some(item) = self.end_line()?
            {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<Entry>, FormatError> {
        match self.line.is_empty() {
            true => Ok(None),
            false => self.end_line(),
        }
    }
}
