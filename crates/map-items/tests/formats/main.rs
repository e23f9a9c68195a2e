//! Each format by examples: the bytes of a file and the items in it, whatever the pieces they come in.

mod csv;
mod json;
mod properties;

use map_items::{
    CsvDecoder, CsvHeaders, Decoder, Delimiter, FormatError, HEADER_BYTES_MAX, ITEM_BYTES_MAX,
    JsonDecoder, JsonLinesDecoder,
};

/// What is read.
#[derive(Clone, Debug)]
enum Format {
    Csv(Delimiter, CsvHeaders),
    Json(&'static str),
    JsonLines,
}

impl Format {
    fn decoder(&self) -> Result<Box<dyn Decoder>, FormatError> {
        Ok(match self {
            Self::Csv(delimiter, headers) => {
                Box::new(CsvDecoder::new(*delimiter, headers.clone())?)
            }
            Self::Json(pointer) => Box::new(JsonDecoder::new(pointer)?),
            Self::JsonLines => Box::new(JsonLinesDecoder::new()),
        })
    }
}

/// Returns the items of `bytes`, which come `piece` at a time: `value`, or `key=value`.
fn decode(format: &Format, bytes: &[u8], piece: usize) -> Result<Vec<String>, FormatError> {
    let mut decoder = format.decoder()?;
    let mut items = Vec::new();
    let mut add = |item: map_items::Entry| match item.key {
        Some(key) => items.push(format!("{key}={}", item.value)),
        None => items.push(item.value.to_string()),
    };
    for mut piece in bytes.chunks(piece) {
        while let Some(item) = decoder.decode(&mut piece)? {
            add(item);
        }
        assert!(piece.is_empty(), "what is not used up is lost");
        if decoder.is_done() {
            break;
        }
    }
    while let Some(item) = decoder.finish()? {
        add(item);
    }
    Ok(items)
}

/// Decodes at once and in pieces of several sizes; all must agree.
fn check(name: &str, format: Format, bytes: impl AsRef<[u8]>, expected: Result<&[&str], &str>) {
    let bytes = bytes.as_ref();
    for piece in [usize::MAX, 1, 2, 3, 7] {
        let items = decode(&format, bytes, piece.min(bytes.len().max(1)));
        let items = items.map_err(|error| error.to_string());
        let expected = expected
            .map(|items| items.iter().map(|item| (*item).to_owned()).collect())
            .map_err(str::to_owned);
        assert_eq!(items, expected, "{name}, in pieces of {piece}");
    }
}

fn first_row(delimiter: Delimiter) -> Format {
    Format::Csv(delimiter, CsvHeaders::FirstRow)
}

fn given(names: &[&str]) -> Format {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Format::Csv(Delimiter::Comma, CsvHeaders::Given(names))
}
