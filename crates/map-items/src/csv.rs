//! Delimited text, by the rules of the AWS page "How Step Functions parses input CSV files".
//!
//! They are not those of a CSV library: a backslash escapes, quotation marks that are repeated are one
//! within a field without quotes too (AWS's own example needs it), and a line with nothing on it is a
//! row of empty fields.

use serde_json::{Map, Value};

use crate::hash_order::hash_order;
use crate::{Decoder, Entry, FormatError, ITEM_BYTES_MAX};

/// Most bytes of all names of columns (AWS: "headers of up to 10 KiB").
pub const HEADER_BYTES_MAX: usize = 10 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What separates the fields of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `|`
    Pipe,
    /// `;`
    Semicolon,
    /// A space.
    Space,
    /// A tabulator.
    Tab,
}

impl Delimiter {
    /// Returns the delimiter that `CSVDelimiter` names.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "COMMA" => Self::Comma,
            "PIPE" => Self::Pipe,
            "SEMICOLON" => Self::Semicolon,
            "SPACE" => Self::Space,
            "TAB" => Self::Tab,
            _ => return None,
        })
    }

    fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Space => b' ',
            Self::Tab => b'\t',
        }
    }
}

/// Where the names of the columns are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvHeaders {
    /// In the first row.
    FirstRow,
    /// Here; every row is an item.
    Given(Vec<String>),
}

/// Reads rows as objects of strings.
pub struct CsvDecoder {
    delimiter: u8,
    /// None until the first row has named them.
    columns: Option<Columns>,
    /// Rows that have ended, the names of the columns included.
    rows: u64,
    items: u64,
    /// The fields of the row that are whole.
    fields: Vec<String>,
    field: Vec<u8>,
    place: Place,
    /// The byte before was a backslash that waits for what it escapes.
    escaped: bool,
    /// The row has a byte: without one the end of the file ends no row.
    begun: bool,
    /// The byte before ended a row by a carriage return: a line feed belongs to it.
    after_return: bool,
    row_bytes: usize,
    /// How much of the byte order mark was seen; none of it any more once something else was.
    mark: Option<usize>,
}

struct Columns {
    names: Vec<String>,
    order: Vec<usize>,
}

/// Where in a field the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing but white space so far.
    Start,
    /// In a field without quotes, or after the quotes.
    Plain,
    /// After a quotation mark within [`Self::Plain`]: a second one makes it one.
    PlainQuote,
    /// Between quotation marks.
    Quoted,
    /// After a quotation mark within [`Self::Quoted`]: a second one makes it one, else it was the end.
    QuotedQuote,
}

impl CsvDecoder {
    /// Returns a decoder; refuses names of columns that are repeated or too long.
    pub fn new(delimiter: Delimiter, headers: CsvHeaders) -> Result<Self, FormatError> {
        let columns = match headers {
            CsvHeaders::FirstRow => None,
            CsvHeaders::Given(names) => Some(Columns::of(names)?),
        };
        Ok(Self {
            delimiter: delimiter.byte(),
            columns,
            rows: 0,
            items: 0,
            fields: Vec::new(),
            field: Vec::new(),
            place: Place::Start,
            escaped: false,
            begun: false,
            after_return: false,
            row_bytes: 0,
            mark: Some(0),
        })
    }

    /// Takes one byte; says whether a row is whole with it.
    fn take(&mut self, byte: u8) -> Result<bool, FormatError> {
        if std::mem::take(&mut self.after_return) && byte == b'\n' {
            return Ok(false);
        }
        self.begun = true;
        self.row_bytes += 1;
        if self.row_bytes > ITEM_BYTES_MAX {
            return Err(FormatError::ItemTooLong { index: self.items });
        }
        if std::mem::take(&mut self.escaped) && self.is_escapable(byte) {
            self.add(byte);
            return Ok(false);
        }
        match (self.place, byte) {
            (_, b'\\') => {
                self.settle_quote();
                self.escaped = true;
            }
            (Place::Start, b'"') => {
                // White space before a quoted field is not part of it.
                self.field.clear();
                self.place = Place::Quoted;
            }
            (Place::Quoted, b'"') => self.place = Place::QuotedQuote,
            (Place::QuotedQuote, b'"') => {
                self.field.push(b'"');
                self.place = Place::Quoted;
            }
            (Place::Plain, b'"') => self.place = Place::PlainQuote,
            (Place::PlainQuote, b'"') => {
                self.field.push(b'"');
                self.place = Place::Plain;
            }
            (Place::Quoted, _) => self.field.push(byte),
            (Place::Start | Place::Plain | Place::PlainQuote | Place::QuotedQuote, _) => {
                self.settle_quote();
                return Ok(self.take_outside_of_quotes(byte));
            }
        }
        Ok(false)
    }

    fn take_outside_of_quotes(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' | b'\r' => {
                self.after_return = byte == b'\r';
                self.end_field();
                return true;
            }
            _ if byte == self.delimiter => self.end_field(),
            b' ' | b'\t' if self.place == Place::Start => self.field.push(byte),
            _ => self.add(byte),
        }
        false
    }

    fn is_escapable(&self, byte: u8) -> bool {
        byte == b'\\' || byte == b'"' || byte == self.delimiter
    }

    /// Decides what a quotation mark was, now that it is not followed by another.
    fn settle_quote(&mut self) {
        match self.place {
            Place::PlainQuote => {
                self.field.push(b'"');
                self.place = Place::Plain;
            }
            Place::QuotedQuote => self.place = Place::Plain,
            Place::Start | Place::Plain | Place::Quoted => {}
        }
    }

    /// Adds a byte that means itself.
    fn add(&mut self, byte: u8) {
        self.field.push(byte);
        if self.place == Place::Start {
            self.place = Place::Plain;
        }
    }

    fn end_field(&mut self) {
        // Fields without a column are skipped (recorded), so they need not be kept.
        let is_wanted = match &self.columns {
            Some(columns) => self.fields.len() < columns.names.len(),
            None => true,
        };
        if is_wanted {
            let text = String::from_utf8_lossy(&self.field).into_owned();
            self.fields.push(text);
        }
        self.field.clear();
        self.place = Place::Start;
    }

    /// Turns the fields of a whole row into an item, or into the names of the columns.
    fn end_row(&mut self) -> Result<Option<Entry>, FormatError> {
        self.begun = false;
        self.row_bytes = 0;
        self.rows += 1;
        let fields = std::mem::take(&mut self.fields);
        match &self.columns {
            Some(columns) => {
                self.items += 1;
                Ok(Some(Entry::value(columns.item(fields))))
            }
            None => {
                self.columns = Some(Columns::of(fields)?);
                Ok(None)
            }
        }
    }

    /// Skips the byte order mark; returns the bytes of a beginning that turned out to be none.
    fn skip_mark(&mut self, input: &mut &[u8]) -> &'static [u8] {
        while let (Some(seen), Some(byte)) = (self.mark, input.first()) {
            if *byte != BYTE_ORDER_MARK[seen] {
                self.mark = None;
                return &BYTE_ORDER_MARK[..seen];
            }
            *input = &input[1..];
            self.mark = (seen + 1 < BYTE_ORDER_MARK.len()).then_some(seen + 1);
        }
        &[]
    }
}

impl Columns {
    fn of(names: Vec<String>) -> Result<Self, FormatError> {
        let bytes: usize = names.iter().map(|name| name.len() + 1).sum();
        if bytes > HEADER_BYTES_MAX + 1 {
            return Err(FormatError::HeadersTooLong);
        }
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(FormatError::DuplicateHeaders);
        }
        let order = hash_order(&names);
        Ok(Self { names, order })
    }

    /// Fields that are missing are empty strings (recorded).
    fn item(&self, mut fields: Vec<String>) -> Value {
        fields.resize(self.names.len(), String::new());
        let mut item = Map::with_capacity(fields.len());
        for at in &self.order {
            item.insert(
                self.names[*at].clone(),
                Value::String(std::mem::take(&mut fields[*at])),
            );
        }
        Value::Object(item)
    }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Entry>, FormatError> {
        // Bytes of a mark that was none end no row.
        for byte in self.skip_mark(input) {
            self.take(*byte)?;
        }
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            if self.take(*byte)?
                && let Some(item) = self.end_row()?
            {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<Entry>, FormatError> {
        if let Some(seen) = self.mark.take() {
            for byte in &BYTE_ORDER_MARK[..seen] {
                self.take(*byte)?;
            }
        }
        if !self.begun {
            return Ok(None);
        }
        if self.place == Place::Quoted {
            return Err(FormatError::UnterminatedQuote { row: self.rows + 1 });
        }
        self.escaped = false;
        self.settle_quote();
        self.end_field();
        self.end_row()
    }
}
