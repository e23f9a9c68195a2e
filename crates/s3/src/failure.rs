//! S3's errors: code, status and the text that S3 writes, with the members that it puts beside them.

use service::Failure;
use store::StoreError;

fn error(code: &'static str, status: u16, message: &str) -> Failure {
    Failure::client(code, message).with_status(status)
}

pub(crate) fn no_such_bucket(bucket: &str) -> Failure {
    error("NoSuchBucket", 404, "The specified bucket does not exist")
        .with_field("BucketName", bucket)
}

pub(crate) fn no_such_key(key: &str) -> Failure {
    error("NoSuchKey", 404, "The specified key does not exist.").with_field("Key", key)
}

pub(crate) fn no_such_upload(upload: &str) -> Failure {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload \
                   may have been aborted or completed.";
    error("NoSuchUpload", 404, message).with_field("UploadId", upload)
}

pub(crate) fn no_such_version(key: &str, version: &str) -> Failure {
    error(
        "NoSuchVersion",
        404,
        "The specified version does not exist.",
    )
    .with_field("Key", key)
    .with_field("VersionId", version)
}

pub(crate) fn bucket_already_owned(bucket: &str) -> Failure {
    let message =
        "Your previous request to create the named bucket succeeded and you already own it.";
    error("BucketAlreadyOwnedByYou", 409, message).with_field("BucketName", bucket)
}

pub(crate) fn bucket_not_empty(bucket: &str) -> Failure {
    let message = "The bucket you tried to delete is not empty";
    error("BucketNotEmpty", 409, message).with_field("BucketName", bucket)
}

pub(crate) fn invalid_bucket_name(bucket: &str) -> Failure {
    error(
        "InvalidBucketName",
        400,
        "The specified bucket is not valid.",
    )
    .with_field("BucketName", bucket)
}

pub(crate) fn key_too_long(bytes: usize) -> Failure {
    error("KeyTooLongError", 400, "Your key is too long")
        .with_field("Size", bytes.to_string())
        .with_field("MaxSizeAllowed", crate::names::KEY_BYTES_MAX.to_string())
}

pub(crate) fn illegal_location(asked: &str) -> Failure {
    let message = format!(
        "The {asked} location constraint is incompatible for the region specific endpoint this \
         request was sent to."
    );
    error("IllegalLocationConstraintException", 400, &message)
}

pub(crate) fn invalid_range(asked: &str, size: u64) -> Failure {
    error(
        "InvalidRange",
        416,
        "The requested range is not satisfiable",
    )
    .with_field("RangeRequested", asked)
    .with_field("ActualObjectSize", size.to_string())
}

pub(crate) fn invalid_part_number(asked: i32, parts: u32) -> Failure {
    error(
        "InvalidPartNumber",
        416,
        "The requested partnumber is not satisfiable",
    )
    .with_field("PartNumberRequested", asked.to_string())
    .with_field("ActualPartCount", parts.to_string())
}

pub(crate) fn precondition_failed(condition: &str) -> Failure {
    let message = "At least one of the pre-conditions you specified did not hold";
    error("PreconditionFailed", 412, message).with_field("Condition", condition)
}

/// Not an error in itself: the caller has what it asks for.
pub(crate) fn not_modified(e_tag: &str) -> Failure {
    error("NotModified", 304, "Not Modified").with_field("ETag", e_tag)
}

pub(crate) fn malformed_policy(message: &str) -> Failure {
    error("MalformedPolicy", 400, message)
}

pub(crate) fn no_such_bucket_policy(bucket: &str) -> Failure {
    error(
        "NoSuchBucketPolicy",
        404,
        "The bucket policy does not exist",
    )
    .with_field("BucketName", bucket)
}

pub(crate) fn no_such_public_access_block(bucket: &str) -> Failure {
    let message = "The public access block configuration was not found";
    error("NoSuchPublicAccessBlockConfiguration", 404, message).with_field("BucketName", bucket)
}

pub(crate) fn no_such_tag_set(bucket: &str) -> Failure {
    error("NoSuchTagSet", 404, "The TagSet does not exist").with_field("BucketName", bucket)
}

/// A policy that lets in everybody, where that is blocked.
pub(crate) fn public_policy(bucket: &str, caller: &str) -> Failure {
    let message = format!(
        "User: {caller} is not authorized to perform: s3:PutBucketPolicy on resource: \
         \"arn:aws:s3:::{bucket}\" because public policies are blocked by the BlockPublicPolicy block \
         public access setting."
    );
    error("AccessDenied", 403, &message)
}

pub(crate) fn access_denied() -> Failure {
    error("AccessDenied", 403, "Access Denied")
}

pub(crate) fn bad_digest(what: &str, expected: &str, calculated: &str) -> Failure {
    let message = match what {
        "MD5" => "The Content-MD5 you specified did not match what we received.".to_owned(),
        _ => format!("The {what} you specified did not match the calculated checksum."),
    };
    error("BadDigest", 400, &message)
        .with_field("ExpectedDigest", expected)
        .with_field("CalculatedDigest", calculated)
}

pub(crate) fn invalid_digest(value: &str) -> Failure {
    error(
        "InvalidDigest",
        400,
        "The Content-MD5 you specified was invalid.",
    )
    .with_field("Content-MD5", value)
}

pub(crate) fn incomplete_body() -> Failure {
    let message =
        "You did not provide the number of bytes specified by the Content-Length HTTP header";
    error("IncompleteBody", 400, message)
}

pub(crate) fn entity_too_large(proposed: u64, allowed: u64) -> Failure {
    let message = "Your proposed upload exceeds the maximum allowed size";
    error("EntityTooLarge", 400, message)
        .with_field("ProposedSize", proposed.to_string())
        .with_field("MaxSizeAllowed", allowed.to_string())
}

pub(crate) fn entity_too_small(size: u64, part: u32, e_tag: &str) -> Failure {
    let message = "Your proposed upload is smaller than the minimum allowed size";
    error("EntityTooSmall", 400, message)
        .with_field("ProposedSize", size.to_string())
        .with_field(
            "MinSizeAllowed",
            crate::multipart::PART_BYTES_MIN.to_string(),
        )
        .with_field("PartNumber", part.to_string())
        .with_field("ETag", e_tag)
}

pub(crate) fn invalid_part(upload: &str, part: i32, e_tag: &str) -> Failure {
    let message = "One or more of the specified parts could not be found.  The part may not have been \
                   uploaded, or the specified entity tag may not match the part's entity tag.";
    error("InvalidPart", 400, message)
        .with_field("UploadId", upload)
        .with_field("PartNumber", part.to_string())
        .with_field("ETag", e_tag)
}

pub(crate) fn invalid_part_order(upload: &str) -> Failure {
    let message =
        "The list of parts was not in ascending order. Parts must be ordered by part number.";
    error("InvalidPartOrder", 400, message).with_field("UploadId", upload)
}

pub(crate) fn malformed_xml() -> Failure {
    let message =
        "The XML you provided was not well-formed or did not validate against our published schema";
    error("MalformedXML", 400, message)
}

pub(crate) fn metadata_too_large(bytes: usize, allowed: usize) -> Failure {
    let message = "Your metadata headers exceed the maximum allowed metadata size";
    error("MetadataTooLarge", 400, message)
        .with_field("Size", bytes.to_string())
        .with_field("MaxSizeAllowed", allowed.to_string())
}

pub(crate) fn invalid_argument(name: &str, value: &str, message: &str) -> Failure {
    error("InvalidArgument", 400, message)
        .with_field("ArgumentName", name)
        .with_field("ArgumentValue", value)
}

pub(crate) fn invalid_request(message: &str) -> Failure {
    error("InvalidRequest", 400, message)
}

pub(crate) fn invalid_storage_class(asked: &str) -> Failure {
    error(
        "InvalidStorageClass",
        400,
        "The storage class you specified is not valid",
    )
    .with_field("StorageClassRequested", asked)
}

pub(crate) fn invalid_tag(message: &str) -> Failure {
    error("InvalidTag", 400, message)
}

/// What this server does not have; the text names it.
pub(crate) fn not_implemented(what: &str) -> Failure {
    let message =
        format!("A header you provided implies functionality that is not implemented: {what}");
    error("NotImplemented", 501, &message)
}

/// A fault of ours. What happened goes into the log, never to the caller.
pub(crate) fn internal(doing: &str, cause: &dyn std::fmt::Display) -> Failure {
    tracing::error!(doing, %cause, "S3 failed");
    let message = "We encountered an internal error. Please try again.";
    error("InternalError", 500, message)
}

pub(crate) fn of_store(error: &StoreError) -> Failure {
    let cause =
        std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    internal("using the store", &format!("{error}{cause}"))
}
