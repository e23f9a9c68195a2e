//! An `ItemReader` whose templates, paths and expressions have been evaluated.

use map_items::{CsvDecoder, CsvHeaders, Decoder, Delimiter, JsonLinesDecoder};
use serde_json::{Map, Value};

use super::ItemsFailed;

/// Most items that a map run reads; what is configured above is capped.
pub const ITEMS_MAX: u64 = 100_000_000;

/// Which call the items come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderResource {
    /// `arn:aws:states:::s3:getObject`: the items are in an object.
    GetObject,
    /// `arn:aws:states:::s3:listObjectsV2`: the items are the objects of a bucket.
    ListObjectsV2,
}

/// How the items of an object are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputType {
    /// Delimited text; without headers the configuration is refused when it is read.
    Csv {
        /// Where the names of the columns are.
        headers: CsvHeaders,
        /// What separates fields.
        delimiter: Delimiter,
    },
    /// One JSON text: the array or object at the JSON Pointer.
    Json {
        /// `ItemsPointer`; empty for the whole text.
        pointer: String,
    },
    /// A JSON text on each line.
    JsonLines,
    /// An Apache Parquet file.
    Parquet,
}

/// What the object of `getObject` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The items themselves.
    Items(InputType),
    /// `manifest.json` of an S3 inventory: the items are the rows of the inventory.
    S3Inventory,
    /// The manifest of an Athena `UNLOAD`: a list of objects that hold the items.
    AthenaData(InputType),
    /// The objects of a listing, as their metadata.
    Listing,
    /// The objects of a listing, opened one after the other (`LOAD_AND_FLATTEN`).
    LoadAndFlatten(InputType),
}

/// An evaluated `ItemReader`.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemReader {
    /// Which call is made.
    pub resource: ReaderResource,
    /// The call's input: `Bucket`, and `Key`, `VersionId`, `Prefix`, `ExpectedBucketOwner`, ….
    pub parameters: Map<String, Value>,
    /// What the items are.
    pub layout: Layout,
    /// Most items to read.
    pub items_max: u64,
}

impl ItemReader {
    /// Returns the reader of an `ItemReader` field: its `Resource`; its `Parameters` or `Arguments` after
    /// evaluation; and its `ReaderConfig` after evaluation, with `MaxItems` in place of `MaxItemsPath`.
    ///
    /// Both are objects or null. What is missing or makes no sense is `States.ItemReaderFailed`.
    pub fn from_evaluated(
        resource: &str,
        parameters: &Value,
        config: &Value,
    ) -> Result<Self, ItemsFailed> {
        let resource = match resource.rsplit(':').next() {
            Some("getObject") => ReaderResource::GetObject,
            Some("listObjectsV2") => ReaderResource::ListObjectsV2,
            Some(_) | None => {
                return Err(ItemsFailed::reading(format!(
                    "The resource '{resource}' is not one that items are read from."
                )));
            }
        };
        let Value::Object(parameters) = parameters else {
            return Err(ItemsFailed::reading(
                "The parameters of the ItemReader must be an object.",
            ));
        };
        let config = config.as_object().cloned().unwrap_or_default();
        let required: &[&str] = match resource {
            ReaderResource::GetObject => &["Bucket", "Key"],
            ReaderResource::ListObjectsV2 => &["Bucket"],
        };
        for name in required {
            if !parameters.get(*name).is_some_and(Value::is_string) {
                return Err(ItemsFailed::reading(format!(
                    "The parameter '{name}' of the ItemReader must be a string."
                )));
            }
        }
        Ok(Self {
            resource,
            parameters: parameters.clone(),
            layout: layout(resource, &config)?,
            items_max: items_max(config.get("MaxItems"))?,
        })
    }

    /// Returns the bucket.
    pub fn bucket(&self) -> &str {
        self.parameters
            .get("Bucket")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Returns the items of a text, read as `config` says; of formats other than CSV and JSON Lines there are none.
pub(crate) fn decode_text(
    config: &Map<String, Value>,
    text: &str,
) -> Result<Vec<Value>, ItemsFailed> {
    let failed = |error: map_items::FormatError| ItemsFailed::reading(error.to_string());
    let mut decoder: Box<dyn Decoder> = match input_type(config)? {
        InputType::Csv { headers, delimiter } => {
            Box::new(CsvDecoder::new(delimiter, headers).map_err(failed)?)
        }
        InputType::JsonLines => Box::new(JsonLinesDecoder::new()),
        InputType::Json { .. } | InputType::Parquet => return Ok(Vec::new()),
    };
    let (mut items, mut rest) = (Vec::new(), text.as_bytes());
    while let Some(entry) = decoder.decode(&mut rest).map_err(failed)? {
        items.push(entry.value);
    }
    while let Some(entry) = decoder.finish().map_err(failed)? {
        items.push(entry.value);
    }
    Ok(items)
}

/// Recorded: zero is no limit, what is negative fails, what is above the most is the most.
fn items_max(told: Option<&Value>) -> Result<u64, ItemsFailed> {
    match told {
        None | Some(Value::Null) => Ok(ITEMS_MAX),
        Some(value) => match (value.as_u64(), value.as_f64()) {
            (Some(0), _) => Ok(ITEMS_MAX),
            (Some(most), _) => Ok(most.min(ITEMS_MAX)),
            (None, Some(number)) if number < 0.0 => {
                Err(ItemsFailed::reading("field MaxItems must be positive"))
            }
            // A whole number that JSON wrote with a fraction or an exponent.
            (None, Some(number)) if number.fract() == 0.0 => {
                Ok((number as u64).clamp(1, ITEMS_MAX))
            }
            (None, _) => Err(ItemsFailed::reading(
                "field MaxItems must be a whole number",
            )),
        },
    }
}

fn layout(resource: ReaderResource, config: &Map<String, Value>) -> Result<Layout, ItemsFailed> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    match resource {
        ReaderResource::ListObjectsV2 => match text("Transformation") {
            None | Some("NONE") => Ok(Layout::Listing),
            Some("LOAD_AND_FLATTEN") => Ok(Layout::LoadAndFlatten(input_type(config)?)),
            Some(other) => Err(unknown("Transformation", other)),
        },
        ReaderResource::GetObject => match (text("ManifestType"), text("InputType")) {
            (Some("S3_INVENTORY"), _) | (None, Some("MANIFEST")) => Ok(Layout::S3Inventory),
            (Some("ATHENA_DATA"), _) => Ok(Layout::AthenaData(input_type(config)?)),
            (Some(other), _) => Err(unknown("ManifestType", other)),
            (None, _) => Ok(Layout::Items(input_type(config)?)),
        },
    }
}

fn input_type(config: &Map<String, Value>) -> Result<InputType, ItemsFailed> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    match text("InputType") {
        Some("CSV") => Ok(InputType::Csv {
            headers: headers(config)?,
            delimiter: match text("CSVDelimiter") {
                None => Delimiter::Comma,
                Some(name) => {
                    Delimiter::named(name).ok_or_else(|| unknown("CSVDelimiter", name))?
                }
            },
        }),
        Some("JSON") => Ok(InputType::Json {
            pointer: text("ItemsPointer").unwrap_or_default().to_owned(),
        }),
        Some("JSONL") => Ok(InputType::JsonLines),
        Some("PARQUET") => Ok(InputType::Parquet),
        Some(other) => Err(unknown("InputType", other)),
        None => Err(ItemsFailed::reading(
            "The ReaderConfig must have the field InputType.",
        )),
    }
}

fn headers(config: &Map<String, Value>) -> Result<CsvHeaders, ItemsFailed> {
    match config.get("CSVHeaderLocation").and_then(Value::as_str) {
        Some("FIRST_ROW") => Ok(CsvHeaders::FirstRow),
        Some("GIVEN") => {
            let names = config.get("CSVHeaders").and_then(Value::as_array);
            let names = names.map(|names| {
                names
                    .iter()
                    .map(|name| name.as_str().map(str::to_owned))
                    .collect::<Option<Vec<_>>>()
            });
            names.flatten().map(CsvHeaders::Given).ok_or_else(|| {
                ItemsFailed::reading("The field CSVHeaders must be an array of strings.")
            })
        }
        Some(other) => Err(unknown("CSVHeaderLocation", other)),
        None => Err(ItemsFailed::reading(
            "The ReaderConfig must have the field CSVHeaderLocation when InputType is CSV.",
        )),
    }
}

fn unknown(field: &str, value: &str) -> ItemsFailed {
    ItemsFailed::reading(format!(
        "The value '{value}' is not one of the values of the field {field}."
    ))
}
