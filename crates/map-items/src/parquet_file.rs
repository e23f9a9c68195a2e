//! The rows of a Parquet file as items.
//!
//! The file's index is at its end, so it is read from a file and not as it arrives; of its rows a page of
//! each column is in memory at a time. Each row is an object of its columns in the file's order.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};

use crate::{Entry, FormatError};

/// Most bytes of a row group (AWS: "256MB is the maximum row-group size").
const ROW_GROUP_BYTES_MAX: i64 = 256 * 1024 * 1024;
/// Most bytes of a footer (AWS: "5MB is the maximum footer size").
const FOOTER_BYTES_MAX: u32 = 5 * 1024 * 1024;

/// Reads the rows of one file.
pub struct ParquetItems {
    rows: RowIter<'static>,
}

impl ParquetItems {
    /// Opens a file; refuses what AWS refuses to read.
    pub fn open(mut file: File) -> Result<Self, FormatError> {
        let footer = footer_length(&mut file)?;
        if footer > FOOTER_BYTES_MAX {
            return Err(FormatError::Parquet(format!(
                "its footer has {footer} bytes, more than {FOOTER_BYTES_MAX}"
            )));
        }
        let reader = SerializedFileReader::new(file).map_err(of_parquet)?;
        for (index, group) in reader.metadata().row_groups().iter().enumerate() {
            let bytes = group.total_byte_size();
            if bytes > ROW_GROUP_BYTES_MAX {
                return Err(FormatError::Parquet(format!(
                    "its row group {index} has {bytes} bytes, more than {ROW_GROUP_BYTES_MAX}"
                )));
            }
        }
        Ok(Self {
            rows: reader.into_iter(),
        })
    }

    /// Returns the next row.
    pub fn next_item(&mut self) -> Result<Option<Entry>, FormatError> {
        match self.rows.next() {
            None => Ok(None),
            Some(Ok(row)) => Ok(Some(Entry::value(object(&row)))),
            Some(Err(error)) => Err(of_parquet(error)),
        }
    }
}

fn of_parquet(error: parquet::errors::ParquetError) -> FormatError {
    FormatError::Parquet(error.to_string())
}

/// The last eight bytes are the length of the footer and a mark.
fn footer_length(file: &mut File) -> Result<u32, FormatError> {
    let mut tail = [0u8; 8];
    let read = file
        .seek(SeekFrom::End(-8))
        .and_then(|_| file.read_exact(&mut tail))
        .and_then(|()| file.rewind());
    match read {
        Ok(()) if &tail[4..] == b"PAR1" => {
            Ok(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]))
        }
        Ok(()) | Err(_) => Err(FormatError::Parquet(
            "it does not end as a Parquet file does".to_owned(),
        )),
    }
}

fn object(row: &Row) -> Value {
    let members = row
        .get_column_iter()
        .map(|(name, field)| (name.clone(), value(field)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// Returns a field as JSON: moments as ISO 8601, bytes as base64, numbers that JSON does not have as null.
fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => Value::Bool(*value),
        Field::Byte(number) => Value::from(*number),
        Field::Short(number) => Value::from(*number),
        Field::Int(number) => Value::from(*number),
        Field::Long(number) => Value::from(*number),
        Field::UByte(number) => Value::from(*number),
        Field::UShort(number) => Value::from(*number),
        Field::UInt(number) => Value::from(*number),
        Field::ULong(number) => Value::from(*number),
        Field::Float16(number) => float(f64::from(f32::from(*number))),
        // By its own shortest text: 0.1 of single precision is 0.1, not 0.10000000149011612.
        Field::Float(number) => number.to_string().parse().map_or(Value::Null, float),
        Field::Double(number) => float(*number),
        // Text keeps all digits.
        Field::Decimal(_) => Value::String(field.to_string()),
        Field::Str(text) => Value::String(text.clone()),
        Field::Bytes(bytes) => Value::String(STANDARD.encode(bytes.data())),
        Field::Date(days) => moment(i64::from(*days).saturating_mul(86_400_000_000), |moment| {
            moment.strftime("%Y-%m-%d").to_string()
        }),
        Field::TimeMillis(millis) => time_of_day(i64::from(*millis).saturating_mul(1000), 3),
        Field::TimeMicros(micros) => time_of_day(*micros, 6),
        Field::TimestampMillis(millis) => {
            moment(millis.saturating_mul(1000), |moment| format!("{moment:.3}"))
        }
        Field::TimestampMicros(micros) => moment(*micros, |moment| format!("{moment:.6}")),
        Field::Group(row) => object(row),
        Field::ListInternal(list) => Value::Array(list.elements().iter().map(value).collect()),
        Field::MapInternal(map) => {
            let members = map.entries().iter();
            Value::Object(
                members
                    .map(|(name, field)| (key(name), value(field)))
                    .collect(),
            )
        }
    }
}

/// Returns the name of a map's member: a text as it is, anything else as its JSON.
fn key(field: &Field) -> String {
    match value(field) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Writes the moment `micros` after the epoch; one that no calendar has is null.
fn moment(micros: i64, write: impl Fn(Timestamp) -> String) -> Value {
    Timestamp::from_microsecond(micros).map_or(Value::Null, |moment| Value::String(write(moment)))
}

fn time_of_day(micros: i64, digits: usize) -> Value {
    moment(micros, |moment| {
        let text = format!("{moment:.digits$}");
        let time = text.split_once('T').map_or("", |(_, time)| time);
        time.trim_end_matches('Z').to_owned()
    })
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
