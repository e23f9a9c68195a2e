//! Manifests: files that name the files that hold the items.

use serde_json::Value;

use crate::{CsvDecoder, CsvHeaders, Delimiter, Entry, FormatError};

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectAddress {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// How the files of an inventory are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InventoryFormat {
    /// Delimited text, compressed by gzip.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// `manifest.json` of an S3 inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The names of the columns: `Bucket`, `Key`, `Size`, ….
    pub columns: Vec<String>,
    /// How the files are written.
    pub format: InventoryFormat,
    /// The files, in order.
    pub files: Vec<ObjectAddress>,
}

impl Inventory {
    /// Reads a manifest that was found in `bucket`, where the files are unless the manifest says another.
    pub fn parse(text: &[u8], bucket: &str) -> Result<Self, FormatError> {
        let manifest: Value =
            serde_json::from_slice(text).map_err(|error| FormatError::NotJson {
                place: "the inventory's manifest".to_owned(),
                reason: error.to_string(),
            })?;
        let member = |name: &str| manifest.get(name).and_then(Value::as_str);
        let missing = |name: &str| {
            FormatError::Malformed(format!("The inventory's manifest has no field '{name}'."))
        };
        let format = match member("fileFormat").ok_or_else(|| missing("fileFormat"))? {
            "CSV" => InventoryFormat::Csv,
            "Parquet" => InventoryFormat::Parquet,
            other => {
                return Err(FormatError::Malformed(format!(
                    "An inventory in the format '{other}' cannot be read: it must be CSV or Parquet."
                )));
            }
        };
        let bucket = match member("destinationBucket") {
            Some(arn) => arn.rsplit(':').next().unwrap_or(arn),
            None => bucket,
        };
        let schema = member("fileSchema").ok_or_else(|| missing("fileSchema"))?;
        let files = manifest.get("files").and_then(Value::as_array);
        let files = files.ok_or_else(|| missing("files"))?.iter().map(|file| {
            let key = file.get("key").and_then(Value::as_str);
            Ok(ObjectAddress {
                bucket: bucket.to_owned(),
                key: key.ok_or_else(|| missing("files.key"))?.to_owned(),
            })
        });
        Ok(Self {
            columns: schema
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect(),
            format,
            files: files.collect::<Result<_, FormatError>>()?,
        })
    }
}

/// Returns the decoder of the manifest of an Athena `UNLOAD`: rows whose first field is the address of a
/// file, which [`athena_address`] reads.
pub fn athena_manifest() -> CsvDecoder {
    let headers = CsvHeaders::Given(vec![String::new()]);
    CsvDecoder::new(Delimiter::Comma, headers).expect("one name is not repeated")
}

/// Returns the address in a row of [`athena_manifest`]; none of an empty line.
pub fn athena_address(row: &Entry) -> Result<Option<ObjectAddress>, FormatError> {
    let text = row
        .value
        .get("")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim();
    if text.is_empty() {
        return Ok(None);
    }
    let rest = text.split_once("://").map(|(scheme, rest)| {
        let is_s3 = scheme.eq_ignore_ascii_case("s3");
        is_s3.then(|| rest.split_once('/')).flatten()
    });
    match rest.flatten() {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(Some(ObjectAddress {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })),
        Some(_) | None => Err(FormatError::Malformed(format!(
            "The manifest names '{text}', which is not the address of an object in S3."
        ))),
    }
}
