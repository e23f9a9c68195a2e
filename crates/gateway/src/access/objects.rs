//! S3, whose actions have other names than its operations.

use super::{Members, Need};

/// Returns what a call in process needs.
pub(super) fn needs(operation: &str, members: &Members<'_>) -> Vec<Need> {
    let bucket = members.text("Bucket");
    let source = members.text("CopySource");
    if operation == "DeleteObjects"
        && let (Some(bucket), Some(delete)) = (&bucket, members.value("Delete"))
    {
        let objects = delete["Objects"].as_array().cloned().unwrap_or_default();
        let keys = objects.iter().filter_map(|object| object["Key"].as_str());
        let arns = keys.map(|key| format!("arn:aws:s3:::{bucket}/{key}"));
        return Need::on_each("s3:DeleteObject", arns);
    }
    let key = members.text("Key");
    let mut needs = object_needs(
        operation,
        bucket.as_deref(),
        key.as_deref(),
        source.as_deref(),
    );
    if members.text("Tagging").is_some() {
        needs.extend(tagging_need(bucket.as_deref(), key.as_deref()));
    }
    needs
}

/// Returns the need to give a new object tags, which may decide who may read it.
pub(crate) fn tagging_need(bucket: Option<&str>, key: Option<&str>) -> Option<Need> {
    let arn = format!("arn:aws:s3:::{}/{}", bucket?, key?);
    Some(Need::new("s3:PutObjectTagging", arn))
}

/// Returns what an operation on a bucket or an object needs.
pub(crate) fn object_needs(
    operation: &str,
    bucket: Option<&str>,
    key: Option<&str>,
    source: Option<&str>,
) -> Vec<Need> {
    let of_bucket = |action: &str| match bucket {
        Some(bucket) => Need::new(format!("s3:{action}"), format!("arn:aws:s3:::{bucket}")),
        None => Need::on_any(format!("s3:{action}")),
    };
    let of_object = |action: &str| match (bucket, key) {
        (Some(bucket), Some(key)) => Need::new(
            format!("s3:{action}"),
            format!("arn:aws:s3:::{bucket}/{key}"),
        ),
        // The keys are in the body, which is not read here.
        (Some(bucket), None) => {
            Need::on_some(format!("s3:{action}"), format!("arn:aws:s3:::{bucket}/"))
        }
        (None, _) => Need::on_any(format!("s3:{action}")),
    };
    let need = match operation {
        "ListBuckets" => Need::new("s3:ListAllMyBuckets", "*"),
        "ListObjects" | "ListObjectsV2" | "HeadBucket" => of_bucket("ListBucket"),
        "ListObjectVersions" => of_bucket("ListBucketVersions"),
        "ListMultipartUploads" => of_bucket("ListBucketMultipartUploads"),
        "ListParts" => of_object("ListMultipartUploadParts"),
        "GetBucketAccelerateConfiguration" => of_bucket("GetAccelerateConfiguration"),
        "GetBucketCors" => of_bucket("GetBucketCORS"),
        "GetBucketEncryption" => of_bucket("GetEncryptionConfiguration"),
        "GetBucketLifecycleConfiguration" => of_bucket("GetLifecycleConfiguration"),
        "GetBucketNotificationConfiguration" => of_bucket("GetBucketNotification"),
        "GetBucketReplication" => of_bucket("GetReplicationConfiguration"),
        "GetObjectLockConfiguration" => of_bucket("GetBucketObjectLockConfiguration"),
        "HeadObject" | "GetObject" | "GetObjectAttributes" => of_object("GetObject"),
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload"
        | "PostObject" => of_object("PutObject"),
        "DeleteObjects" => of_object("DeleteObject"),
        "GetPublicAccessBlock" => of_bucket("GetBucketPublicAccessBlock"),
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => {
            of_bucket("PutBucketPublicAccessBlock")
        }
        "DeleteBucketTagging" => of_bucket("PutBucketTagging"),
        other if other.contains("Object") || other == "AbortMultipartUpload" => of_object(other),
        other => of_bucket(other),
    };
    let mut needs = vec![need];
    if let Some(source) = source {
        // A `?` of the key itself is encoded.
        let source = source.split('?').next().unwrap_or(source);
        let source = percent_encoding::percent_decode_str(source).decode_utf8_lossy();
        let source = source.trim_start_matches('/');
        needs.push(Need::new("s3:GetObject", format!("arn:aws:s3:::{source}")));
    }
    needs
}
