//! Lists of objects: by prefix, folded at a delimiter, page by page.

use s3s::dto::{
    self, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
};
use service::Failure;
use store::prefix_end;

use crate::backend::{Backend, e_tag, moment};
use crate::rows::{self, ObjectRow};
use crate::{failure, receive};

/// Most entries of a page; S3's own limit.
const KEYS_MAX: i32 = 1_000;

/// Rows that are read at a time where a delimiter may fold most of them.
const FOLDED_SCAN: usize = 64;

/// What is listed.
struct Query<'a> {
    bucket: &'a str,
    prefix: &'a str,
    delimiter: Option<&'a str>,
    /// Only what sorts behind it.
    after: Option<&'a str>,
    limit: usize,
}

/// One page.
#[derive(Default)]
struct Page {
    objects: Vec<(String, ObjectRow)>,
    prefixes: Vec<String>,
    /// The last key or prefix of the page, when there is more behind it.
    next: Option<String>,
}

impl Backend {
    pub async fn list_objects_v2(
        &self,
        input: ListObjectsV2Input,
    ) -> Result<ListObjectsV2Output, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let keys_max = keys_max(input.max_keys)?;
        let encoding = Encoding::of(input.encoding_type.as_ref())?;
        let continued = input
            .continuation_token
            .as_deref()
            .map(resume)
            .transpose()?;
        let query = Query {
            bucket: &input.bucket,
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input
                .delimiter
                .as_deref()
                .filter(|delimiter| !delimiter.is_empty()),
            after: continued.as_deref().or(input.start_after.as_deref()),
            limit: keys_max.unsigned_abs() as usize,
        };
        let page = self.list(&query).await?;
        let owner = (input.fetch_owner == Some(true)).then(|| self.owner());
        let count = page.objects.len() + page.prefixes.len();
        Ok(ListObjectsV2Output {
            name: Some(input.bucket.clone()),
            prefix: Some(encoding.write(query.prefix)),
            max_keys: Some(keys_max),
            key_count: i32::try_from(count).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_deref().map(token),
            contents: contents(&page.objects, encoding, owner.as_ref()),
            common_prefixes: common_prefixes(&page.prefixes, encoding),
            delimiter: query.delimiter.map(|delimiter| encoding.write(delimiter)),
            start_after: input
                .start_after
                .as_deref()
                .map(|start| encoding.write(start)),
            continuation_token: input.continuation_token,
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }

    pub async fn list_objects(
        &self,
        input: ListObjectsInput,
    ) -> Result<ListObjectsOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let keys_max = keys_max(input.max_keys)?;
        let encoding = Encoding::of(input.encoding_type.as_ref())?;
        let query = Query {
            bucket: &input.bucket,
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input
                .delimiter
                .as_deref()
                .filter(|delimiter| !delimiter.is_empty()),
            after: input.marker.as_deref(),
            limit: keys_max.unsigned_abs() as usize,
        };
        let page = self.list(&query).await?;
        // Without a delimiter, callers go on from the last key; S3 names no marker then.
        let next = page.next.as_deref().filter(|_| query.delimiter.is_some());
        Ok(ListObjectsOutput {
            name: Some(input.bucket.clone()),
            prefix: Some(encoding.write(query.prefix)),
            marker: Some(encoding.write(query.after.unwrap_or_default())),
            max_keys: Some(keys_max),
            is_truncated: Some(page.next.is_some()),
            next_marker: next.map(|next| encoding.write(next)),
            contents: contents(&page.objects, encoding, Some(&self.owner())),
            common_prefixes: common_prefixes(&page.prefixes, encoding),
            delimiter: query.delimiter.map(|delimiter| encoding.write(delimiter)),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        })
    }

    async fn list(&self, query: &Query<'_>) -> Result<Page, Failure> {
        self.bucket(query.bucket).await?;
        let mut page = Page::default();
        if query.limit == 0 {
            return Ok(page);
        }
        let mut range = rows::objects_with(query.bucket, query.prefix);
        if let Some(after) = query.after {
            let start = match folded(after, query) {
                // What is folded into a prefix that was listed is not listed again.
                Some(prefix) if prefix == after => behind_prefix(query.bucket, prefix),
                Some(_) | None => Some(behind_key(query.bucket, after)),
            };
            let Some(start) = start else { return Ok(page) };
            range.start = range.start.max(start.into());
        }
        let scan = if query.delimiter.is_some() {
            FOLDED_SCAN
        } else {
            query.limit + 1
        };
        while !range.is_empty() {
            let found = self.scan(&range, scan).await?;
            let exhausted = found.len() < scan;
            let mut skip = None;
            for (row_key, row) in found {
                range.start = [&row_key, b"\0".as_slice()].concat().into();
                let Some(key) = rows::key_of(query.bucket, &row_key) else {
                    continue;
                };
                let full = page.objects.len() + page.prefixes.len() >= query.limit;
                if full {
                    // This one is the first of the next page.
                    page.next = last_of(&page);
                    return Ok(page);
                }
                if let Some(prefix) = folded(&key, query) {
                    skip = behind_prefix(query.bucket, prefix);
                    page.prefixes.push(prefix.to_owned());
                    break;
                }
                page.objects.push((key, rows::decode(&row)?));
            }
            match skip {
                Some(start) => range.start = start.into(),
                None if exhausted => break,
                None => {}
            }
        }
        Ok(page)
    }
}

/// Returns the prefix that `key` is folded into: all up to the first delimiter behind the prefix.
fn folded<'a>(key: &'a str, query: &Query<'_>) -> Option<&'a str> {
    let delimiter = query.delimiter?;
    let rest = key.strip_prefix(query.prefix)?;
    let at = rest.find(delimiter)?;
    key.get(..query.prefix.len() + at + delimiter.len())
}

fn behind_key(bucket: &str, key: &str) -> Vec<u8> {
    let row = rows::object_key(bucket, key).bytes;
    [&row, b"\0".as_slice()].concat()
}

fn behind_prefix(bucket: &str, prefix: &str) -> Option<Vec<u8>> {
    prefix_end(&rows::object_key(bucket, prefix).bytes).map(|end| end.to_vec())
}

/// Keys and prefixes come in one order, so the greater one was the last.
fn last_of(page: &Page) -> Option<String> {
    let key = page.objects.last().map(|(key, _)| key);
    key.into_iter().chain(page.prefixes.last()).max().cloned()
}

fn keys_max(asked: Option<i32>) -> Result<i32, Failure> {
    match asked.unwrap_or(KEYS_MAX) {
        negative if negative < 0 => {
            let message = "Argument maxKeys must be an integer between 0 and 2147483647";
            Err(failure::invalid_argument(
                "maxKeys",
                &negative.to_string(),
                message,
            ))
        }
        most => Ok(most.min(KEYS_MAX)),
    }
}

/// A token says where to go on, in a form that nobody is tempted to build.
fn token(last: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("1/{last}"))
}

fn resume(token: &str) -> Result<String, Failure> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let last = text.as_deref().and_then(|text| text.strip_prefix("1/"));
    last.map(str::to_owned).ok_or_else(|| {
        let message = "The continuation token provided is incorrect";
        failure::invalid_argument("continuation-token", token, message)
    })
}

/// How keys are written in an answer. XML cannot say every character that a key may have.
#[derive(Clone, Copy)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    pub fn of(asked: Option<&dto::EncodingType>) -> Result<Self, Failure> {
        match asked.map(dto::EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(other) => Err(failure::invalid_argument(
                "encoding-type",
                other,
                "Invalid Encoding Method specified in Request",
            )),
        }
    }

    pub fn write(self, text: &str) -> String {
        const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'.')
            .remove(b'_')
            .remove(b'*')
            .remove(b'/');
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => percent_encoding::utf8_percent_encode(text, KEPT).to_string(),
        }
    }
}

fn contents(
    objects: &[(String, ObjectRow)],
    encoding: Encoding,
    owner: Option<&dto::Owner>,
) -> Option<Vec<dto::Object>> {
    let object = |(key, row): &(String, ObjectRow)| {
        let made = receive::named(&row.checksums)
            .into_iter()
            .filter(|(_, value)| value.is_some());
        let algorithms = made
            .map(|(name, _)| dto::ChecksumAlgorithm::from_static(name))
            .collect();
        let class = row
            .description
            .storage_class
            .clone()
            .unwrap_or_else(|| "STANDARD".to_owned());
        dto::Object {
            checksum_algorithm: Some(algorithms),
            checksum_type: Some(crate::objects::checksum_type(&row.checksums)),
            e_tag: Some(e_tag(&row.e_tag)),
            key: Some(encoding.write(key)),
            last_modified: Some(moment(row.modified_at)),
            owner: owner.cloned(),
            size: i64::try_from(row.size).ok(),
            storage_class: Some(dto::ObjectStorageClass::from(class)),
            ..dto::Object::default()
        }
    };
    Some(objects.iter().map(object).collect()).filter(|all: &Vec<dto::Object>| !all.is_empty())
}

pub(crate) fn common_prefixes(
    prefixes: &[String],
    encoding: Encoding,
) -> Option<Vec<dto::CommonPrefix>> {
    let prefix = |prefix: &String| dto::CommonPrefix {
        prefix: Some(encoding.write(prefix)),
    };
    Some(prefixes.iter().map(prefix).collect())
        .filter(|all: &Vec<dto::CommonPrefix>| !all.is_empty())
}
