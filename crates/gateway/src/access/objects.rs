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
        return keys
            .flat_map(|key| object_needs("DeleteObject", Some(bucket), Some(key), None))
            .collect();
    }
    object_needs(
        operation,
        bucket.as_deref(),
        members.text("Key").as_deref(),
        source.as_deref(),
    )
}

/// Returns what an operation on a bucket or an object needs.
pub(crate) fn object_needs(
    operation: &str,
    bucket: Option<&str>,
    key: Option<&str>,
    source: Option<&str>,
) -> Vec<Need> {
    let of_bucket = || bucket.map(|bucket| format!("arn:aws:s3:::{bucket}"));
    let of_object = || match (bucket, key) {
        (Some(bucket), Some(key)) => Some(format!("arn:aws:s3:::{bucket}/{key}")),
        // All keys of the bucket, where a call names them in its body.
        (Some(bucket), None) => Some(format!("arn:aws:s3:::{bucket}/*")),
        (None, _) => None,
    };
    let (action, resource) = match operation {
        "ListBuckets" => ("ListAllMyBuckets".to_owned(), None),
        "ListObjects" | "ListObjectsV2" | "HeadBucket" => ("ListBucket".to_owned(), of_bucket()),
        "ListObjectVersions" => ("ListBucketVersions".to_owned(), of_bucket()),
        "ListMultipartUploads" => ("ListBucketMultipartUploads".to_owned(), of_bucket()),
        "ListParts" => ("ListMultipartUploadParts".to_owned(), of_object()),
        "HeadObject" | "GetObject" | "GetObjectAttributes" => ("GetObject".to_owned(), of_object()),
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload"
        | "PostObject" => ("PutObject".to_owned(), of_object()),
        "DeleteObjects" => ("DeleteObject".to_owned(), of_object()),
        other if other.contains("Object") || other == "AbortMultipartUpload" => {
            (other.to_owned(), of_object())
        }
        other => (other.to_owned(), of_bucket()),
    };
    let resource = resource.unwrap_or_else(|| "*".to_owned());
    let mut needs = vec![Need::new(format!("s3:{action}"), resource)];
    if let Some(source) = source {
        let source = percent_encoding::percent_decode_str(source).decode_utf8_lossy();
        let source = source.trim_start_matches('/');
        let source = source.split('?').next().unwrap_or(source);
        needs.push(Need::new("s3:GetObject", format!("arn:aws:s3:::{source}")));
    }
    needs
}
