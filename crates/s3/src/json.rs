//! Inputs and outputs as JSON with the names of the AWS model, for calls in process.
//!
//! Times are numbers of seconds, as in AWS's JSON protocols, and are also read as RFC 3339 text.

use s3s::dto::{self, ETag, ETagCondition, Range, Timestamp};
use serde_json::{Map, Value};
use service::Failure;

use crate::backend::{millis, moment};
use crate::failure;

/// A type of the wire that JSON can say.
pub(crate) trait Member: Sized {
    /// Reads a value; `None` when it is not one of this type.
    fn read(value: &Value) -> Option<Self>;
    /// Writes the value.
    fn write(&self) -> Value;
}

/// A structure of the wire: reads and writes a JSON object.
macro_rules! structure {
    ($name:ident { $($field:ident: $member:literal),* $(,)? }) => {
        impl $crate::json::Member for s3s::dto::$name {
            fn read(value: &serde_json::Value) -> Option<Self> {
                let object = value.as_object()?;
                let known = [$($member),*];
                if object.keys().any(|name| !known.contains(&name.as_str())) {
                    return None;
                }
                let mut read = Self::default();
                $($crate::json::set(&mut read.$field, object.get($member))?;)*
                Some(read)
            }
            fn write(&self) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                $($crate::json::put(&mut object, $member, &self.$field);)*
                object.into()
            }
        }
    };
}

/// A member that may be absent, or one that may not: how it is read and written.
pub(crate) trait Slot {
    fn set(&mut self, value: Option<&Value>) -> Option<()>;
    fn put(&self) -> Option<Value>;
}

impl<T: Member> Slot for Option<T> {
    fn set(&mut self, value: Option<&Value>) -> Option<()> {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            *self = Some(T::read(value)?);
        }
        Some(())
    }
    fn put(&self) -> Option<Value> {
        self.as_ref().map(Member::write)
    }
}

/// Members without which there is no request.
macro_rules! required {
    ($($name:ty),*) => {
        $(impl Slot for $name {
            fn set(&mut self, value: Option<&Value>) -> Option<()> {
                *self = <$name as Member>::read(value?)?;
                Some(())
            }
            fn put(&self) -> Option<Value> {
                Some(Member::write(self))
            }
        })*
    };
}
required!(
    String,
    dto::CopySource,
    i32,
    dto::Delete,
    dto::Tagging,
    Vec<dto::ObjectIdentifier>,
    Vec<dto::Tag>,
    dto::PublicAccessBlockConfiguration
);

pub(crate) fn set(slot: &mut impl Slot, value: Option<&Value>) -> Option<()> {
    slot.set(value)
}

pub(crate) fn put(object: &mut Map<String, Value>, name: &str, slot: &impl Slot) {
    if let Some(value) = slot.put() {
        object.insert(name.to_owned(), value);
    }
}

/// Reads one member of an operation's input, and takes it out.
pub(crate) fn take(
    operation: &str,
    object: &mut Map<String, Value>,
    name: &str,
    slot: &mut impl Slot,
) -> Result<(), Failure> {
    let value = object.shift_remove(name);
    slot.set(value.as_ref()).ok_or_else(|| match &value {
        Some(value) => {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let message = format!("The value of {name} is none that {operation} takes");
            failure::invalid_argument(name, &text, &message)
        }
        None => failure::invalid_request(&format!("{operation} needs {name}")),
    })
}

/// Refuses members of an input that nobody has read.
pub(crate) fn nothing_left(operation: &str, object: &Map<String, Value>) -> Result<(), Failure> {
    match object.keys().next() {
        Some(name) => Err(failure::not_implemented(&format!("{name} of {operation}"))),
        None => Ok(()),
    }
}

impl Member for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
    fn write(&self) -> Value {
        self.as_str().into()
    }
}

impl Member for i32 {
    fn read(value: &Value) -> Option<Self> {
        Self::try_from(i64::read(value)?).ok()
    }
    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Member for i64 {
    fn read(value: &Value) -> Option<Self> {
        // Definitions reckon with floating point; `10.0` is ten.
        let whole = |number: f64| {
            (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as Self)
        };
        value.as_i64().or_else(|| value.as_f64().and_then(whole))
    }
    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Member for bool {
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }
    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Member for Timestamp {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => {
                let parsed = vocab::Timestamp::parse_rfc3339(text).map(vocab::Timestamp::as_millis);
                let http = || Self::parse(dto::TimestampFormat::HttpDate, text).ok();
                parsed.map(moment).or_else(http)
            }
            _ => {
                let seconds = value.as_f64().filter(|seconds| seconds.abs() < 1.0e12)?;
                Some(moment((seconds * 1_000.0) as i64))
            }
        }
    }
    fn write(&self) -> Value {
        let millis = millis(self).unwrap_or_default();
        match millis % 1_000 {
            0 => (millis / 1_000).into(),
            _ => (millis as f64 / 1_000.0).into(),
        }
    }
}

impl Member for ETag {
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?;
        Some(Self::Strong(text.trim_matches('"').to_owned()))
    }
    fn write(&self) -> Value {
        format!("\"{}\"", self.value()).into()
    }
}

impl Member for ETagCondition {
    fn read(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "*" => Some(Self::Any),
            _ => ETag::read(value).map(Self::ETag),
        }
    }
    fn write(&self) -> Value {
        self.as_etag().map_or_else(|| "*".into(), Member::write)
    }
}

impl Member for Range {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
    fn write(&self) -> Value {
        self.to_header_string().into()
    }
}

impl Member for dto::CopySource {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
    fn write(&self) -> Value {
        self.format_to_string().into()
    }
}

impl Member for dto::Metadata {
    fn read(value: &Value) -> Option<Self> {
        let pair = |(name, value): (&String, &Value)| Some((name.clone(), String::read(value)?));
        value.as_object()?.iter().map(pair).collect()
    }
    fn write(&self) -> Value {
        let mut pairs: Vec<_> = self.iter().collect();
        pairs.sort();
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()));
        Value::Object(pairs.collect())
    }
}

impl<T: Member> Member for Vec<T> {
    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
    fn write(&self) -> Value {
        self.iter().map(Member::write).collect()
    }
}

/// Words of a known set, which `s3s` keeps as text.
macro_rules! words {
    ($($name:ident),* $(,)?) => {
        $(impl Member for dto::$name {
            fn read(value: &Value) -> Option<Self> {
                String::read(value).map(Self::from)
            }
            fn write(&self) -> Value {
                self.as_str().into()
            }
        })*
    };
}
words!(
    BucketCannedACL,
    BucketLocationConstraint,
    ChecksumAlgorithm,
    ChecksumMode,
    ChecksumType,
    EncodingType,
    MetadataDirective,
    ObjectCannedACL,
    ObjectStorageClass,
    ServerSideEncryption,
    StorageClass,
    TaggingDirective,
);

structure!(Bucket {
    name: "Name",
    creation_date: "CreationDate",
    bucket_region: "BucketRegion"
});
structure!(Owner {
    display_name: "DisplayName",
    id: "ID"
});
structure!(CreateBucketConfiguration {
    location_constraint: "LocationConstraint"
});
structure!(CommonPrefix { prefix: "Prefix" });
structure!(Object {
    key: "Key",
    last_modified: "LastModified",
    e_tag: "ETag",
    checksum_algorithm: "ChecksumAlgorithm",
    checksum_type: "ChecksumType",
    size: "Size",
    storage_class: "StorageClass",
    owner: "Owner",
});
structure!(ObjectIdentifier {
    key: "Key",
    version_id: "VersionId",
    e_tag: "ETag"
});
structure!(Delete {
    objects: "Objects",
    quiet: "Quiet"
});
structure!(DeletedObject {
    key: "Key",
    version_id: "VersionId"
});
structure!(Error {
    key: "Key",
    version_id: "VersionId",
    code: "Code",
    message: "Message"
});
structure!(Tag {
    key: "Key",
    value: "Value"
});
structure!(Tagging { tag_set: "TagSet" });
structure!(PolicyStatus {
    is_public: "IsPublic"
});
structure!(PublicAccessBlockConfiguration {
    block_public_acls: "BlockPublicAcls",
    ignore_public_acls: "IgnorePublicAcls",
    block_public_policy: "BlockPublicPolicy",
    restrict_public_buckets: "RestrictPublicBuckets",
});

structure!(CopyObjectResult {
    e_tag: "ETag",
    last_modified: "LastModified",
    checksum_type: "ChecksumType",
    checksum_crc32: "ChecksumCRC32",
    checksum_crc32c: "ChecksumCRC32C",
    checksum_crc64nvme: "ChecksumCRC64NVME",
    checksum_sha1: "ChecksumSHA1",
    checksum_sha256: "ChecksumSHA256",
});
structure!(CopyPartResult {
    e_tag: "ETag",
    last_modified: "LastModified",
    checksum_crc32: "ChecksumCRC32",
    checksum_crc32c: "ChecksumCRC32C",
    checksum_crc64nvme: "ChecksumCRC64NVME",
    checksum_sha1: "ChecksumSHA1",
    checksum_sha256: "ChecksumSHA256",
});
structure!(CompletedMultipartUpload { parts: "Parts" });
structure!(CompletedPart {
    e_tag: "ETag",
    checksum_crc32: "ChecksumCRC32",
    checksum_crc32c: "ChecksumCRC32C",
    checksum_crc64nvme: "ChecksumCRC64NVME",
    checksum_sha1: "ChecksumSHA1",
    checksum_sha256: "ChecksumSHA256",
    part_number: "PartNumber",
});
structure!(Part {
    part_number: "PartNumber",
    last_modified: "LastModified",
    e_tag: "ETag",
    size: "Size",
    checksum_crc32: "ChecksumCRC32",
    checksum_crc32c: "ChecksumCRC32C",
    checksum_crc64nvme: "ChecksumCRC64NVME",
    checksum_sha1: "ChecksumSHA1",
    checksum_sha256: "ChecksumSHA256",
});
structure!(Initiator {
    id: "ID",
    display_name: "DisplayName"
});
structure!(MultipartUpload {
    upload_id: "UploadId",
    key: "Key",
    initiated: "Initiated",
    storage_class: "StorageClass",
    owner: "Owner",
    initiator: "Initiator",
    checksum_algorithm: "ChecksumAlgorithm",
    checksum_type: "ChecksumType",
});
