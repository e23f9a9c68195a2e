//! What a caller says of an object beside its bytes: checked, kept, told again.

use s3s::dto::{Metadata, StorageClass, Timestamp};
use service::Failure;

use crate::backend::{millis, moment};
use crate::failure;
use crate::rows::Description;

/// Most bytes of the names and values of user metadata together.
const METADATA_BYTES_MAX: usize = 2_048;

/// Most tags of an object.
const TAGS_MAX: usize = 10;
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;

/// What S3 says of bytes of which nothing was said.
const CONTENT_TYPE: &str = "binary/octet-stream";

/// Classes in which an object can be read at once. Here they are but a label.
const STORAGE_CLASSES: [&str; 7] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "EXPRESS_ONEZONE",
];

/// Classes that an object must be restored from, which is not built.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// Reads the members of an input that describe an object; they are called the same everywhere.
macro_rules! description_of {
    ($input:expr) => {
        $crate::describe::description(
            $crate::rows::Description {
                content_type: $input.content_type.take(),
                cache_control: $input.cache_control.take(),
                content_disposition: $input.content_disposition.take(),
                content_encoding: $input.content_encoding.take(),
                content_language: $input.content_language.take(),
                ..Default::default()
            },
            $input.expires.take(),
            $input.metadata.take(),
            $input.storage_class.take(),
        )
    };
}
pub(crate) use description_of;

/// Refuses members of an input that ask for what is not built, by name.
macro_rules! refuse_unbuilt {
    ($input:expr) => {{
        let input = &$input;
        $crate::describe::refuse(&[
            (
                "x-amz-server-side-encryption-customer-algorithm",
                input.sse_customer_algorithm.is_some(),
            ),
            (
                "x-amz-server-side-encryption-aws-kms-key-id",
                input.ssekms_key_id.is_some(),
            ),
            (
                "x-amz-website-redirect-location",
                input.website_redirect_location.is_some(),
            ),
            ("x-amz-object-lock-mode", input.object_lock_mode.is_some()),
            (
                "x-amz-object-lock-legal-hold",
                input.object_lock_legal_hold_status.is_some(),
            ),
        ])?;
        let grants = [
            &input.grant_full_control,
            &input.grant_read,
            &input.grant_read_acp,
            &input.grant_write_acp,
        ];
        let acl = input.acl.as_ref().map(s3s::dto::ObjectCannedACL::as_str);
        $crate::describe::check_access(acl, grants.iter().any(|grant| grant.is_some()))?;
        let encryption = input.server_side_encryption.as_ref();
        $crate::describe::check_encryption(encryption.map(s3s::dto::ServerSideEncryption::as_str))?;
    }};
}
pub(crate) use refuse_unbuilt;

pub(crate) fn refuse(asked: &[(&str, bool)]) -> Result<(), Failure> {
    match asked.iter().find(|(_, asked)| *asked) {
        Some((name, _)) => Err(failure::not_implemented(name)),
        None => Ok(()),
    }
}

/// Buckets own what is in them, as new ones of S3 do: access lists are refused, as there.
pub(crate) fn check_access(acl: Option<&str>, grants: bool) -> Result<(), Failure> {
    let owned = matches!(acl, None | Some("private" | "bucket-owner-full-control"));
    if owned && !grants {
        return Ok(());
    }
    let message = "The bucket does not allow ACLs";
    Err(Failure::client("AccessControlListNotSupported", message))
}

/// S3 encrypts everything with keys of its own (`AES256`); here the disk does, or nobody. Asking for
/// it changes nothing, so it is let through; asking for keys of one's own is refused.
pub(crate) fn check_encryption(asked: Option<&str>) -> Result<(), Failure> {
    match asked {
        None | Some("AES256") => Ok(()),
        Some(other) => Err(failure::not_implemented(&format!(
            "x-amz-server-side-encryption: {other}"
        ))),
    }
}

/// Completes a description, or says what of it S3 refuses.
pub(crate) fn description(
    mut description: Description,
    expires: Option<Timestamp>,
    metadata: Option<Metadata>,
    storage_class: Option<StorageClass>,
) -> Result<Description, Failure> {
    description.content_type = description.content_type.filter(|kind| !kind.is_empty());
    description
        .content_type
        .get_or_insert_with(|| CONTENT_TYPE.to_owned());
    description.expires = expires.as_ref().and_then(millis);
    let mut metadata: Vec<(String, String)> = metadata.unwrap_or_default().into_iter().collect();
    for (name, _) in &mut metadata {
        name.make_ascii_lowercase();
    }
    metadata.sort();
    let bytes = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(failure::metadata_too_large(bytes, METADATA_BYTES_MAX));
    }
    description.metadata = metadata;
    if let Some(class) = storage_class {
        let class = class.as_str();
        if ARCHIVES.contains(&class) {
            return Err(failure::not_implemented(&format!(
                "x-amz-storage-class: {class}"
            )));
        }
        if !STORAGE_CLASSES.contains(&class) {
            return Err(failure::invalid_storage_class(class));
        }
        description.storage_class = Some(class.to_owned()).filter(|class| class != "STANDARD");
    }
    Ok(description)
}

/// Returns user metadata as the wire's types have it; nothing where there is none.
pub(crate) fn metadata(description: &Description) -> Option<Metadata> {
    Some(description.metadata.iter().cloned().collect()).filter(|all: &Metadata| !all.is_empty())
}

/// Returns the time that the caller gave as `Expires`.
pub(crate) fn expires(description: &Description) -> Option<Timestamp> {
    description.expires.map(moment)
}

/// Reads the header `x-amz-tagging`, which is written like a query.
pub(crate) fn tags_of_header(header: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let mut tags = Vec::new();
    for pair in header
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(&text.replace('+', " "))
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| failure::invalid_argument("x-amz-tagging", pair, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."))
        };
        tags.push((decoded(name)?, decoded(value)?));
    }
    check_tags(tags)
}

/// Refuses tags that no object can have.
pub(crate) fn check_tags(tags: Vec<(String, String)>) -> Result<Vec<(String, String)>, Failure> {
    check_tags_of(tags, TAGS_MAX, "Object tags cannot be greater than 10")
}

/// Refuses tags that cannot be, and more than `most` of them with the text `too_many`.
pub(crate) fn check_tags_of(
    tags: Vec<(String, String)>,
    most: usize,
    too_many: &str,
) -> Result<Vec<(String, String)>, Failure> {
    if tags.len() > most {
        return Err(Failure::client("BadRequest", too_many));
    }
    for (at, (name, value)) in tags.iter().enumerate() {
        if name.is_empty() || name.chars().count() > TAG_KEY_MAX {
            return Err(failure::invalid_tag(
                "The TagKey you have provided is invalid",
            ));
        }
        if value.chars().count() > TAG_VALUE_MAX {
            return Err(failure::invalid_tag(
                "The TagValue you have provided is invalid",
            ));
        }
        if name.starts_with("aws:") {
            let message = "System tags cannot be added/updated by requester";
            return Err(failure::invalid_tag(message));
        }
        if tags[..at].iter().any(|(other, _)| other == name) {
            let message = "Cannot provide multiple Tags with the same key";
            return Err(failure::invalid_tag(message));
        }
    }
    Ok(tags)
}
