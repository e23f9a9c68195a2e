//! The operations by name, for calls in process: what is read of the input and written of the output.
//!
//! A member that is not listed here is refused by name rather than overlooked.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use s3s::dto::{self, StreamingBlob};
use serde_json::{Map, Value};
use service::{Call, Failure, Reply};

use crate::backend::Backend;
use crate::blanks::{access_block, bucket_tagging, copy, deletion, part_copy, policy, tagging};
use crate::failure;
use crate::json::{self, put, take};
use crate::objects::Trailer;

/// Most bytes of an object that are answered in process at once; more is read range by range.
const REPLY_BYTES_MAX: i64 = 256 << 20;

/// Runs an operation to its end, even if nobody waits for it any more: a caller who goes away
/// between a commit and what follows it must leave nothing half done.
pub(crate) async fn to_the_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::spawn(operation).await {
        Ok(answer) => answer,
        Err(error) => Err(failure::internal("carrying out an operation", &error)),
    }
}

/// Answers a call in process.
pub(crate) async fn call(backend: &Arc<Backend>, call: &Call) -> Result<Reply, Failure> {
    let input: Map<String, Value> = match call.input.is_empty() {
        true => Map::new(),
        false => serde_json::from_slice(&call.input)
            .map_err(|_| failure::invalid_request("The input is no JSON object"))?,
    };
    if call.operation == "PutBucketPolicy" {
        return put_bucket_policy(backend, input, call.principal.arn()).await;
    }
    run(backend, &call.operation, input, call.payload.clone()).await
}

/// Gives a bucket a policy, which is the one operation whose answer depends on who asks.
async fn put_bucket_policy(
    backend: &Arc<Backend>,
    mut members: Map<String, Value>,
    caller: String,
) -> Result<Reply, Failure> {
    let mut input = policy();
    let name = "PutBucketPolicy";
    take(name, &mut members, "Bucket", &mut input.bucket)?;
    take(name, &mut members, "Policy", &mut input.policy)?;
    let owner = &mut input.expected_bucket_owner;
    take(name, &mut members, "ExpectedBucketOwner", owner)?;
    let confirmed = &mut input.confirm_remove_self_bucket_access;
    take(
        name,
        &mut members,
        "ConfirmRemoveSelfBucketAccess",
        confirmed,
    )?;
    json::nothing_left(name, &members)?;
    let backend = Arc::clone(backend);
    to_the_end(async move { backend.put_bucket_policy(input, caller).await }).await?;
    Ok(Reply {
        output: Bytes::from_static(b"{}"),
        payload: Bytes::new(),
    })
}

/// Returns an input that says nothing yet.
macro_rules! blank {
    ($input:ident) => {
        dto::$input::default()
    };
    ($input:ident $blank:ident) => {
        $blank()
    };
}

/// One operation: its name, its method and types, the members of both, and the two that carry bytes.
macro_rules! operations {
    ($($name:literal: $method:ident($input:ident { $($field:ident: $member:literal),* $(,)? } $(of $blank:ident)?)
        $(takes $body:ident)? => $output:ident { $($out:ident: $told:literal),* $(,)? } $(gives $blob:ident)?;)*) => {
        async fn run(
            backend: &Arc<Backend>,
            operation: &str,
            input: Map<String, Value>,
            payload: Bytes,
        ) -> Result<Reply, Failure> {
            match operation {
                $($name => {
                    #[allow(unused_mut)]
                    let (mut members, mut input) = (input, blank!($input $($blank)?));
                    $(take($name, &mut members, $member, &mut input.$field)?;)*
                    json::nothing_left($name, &members)?;
                    $(input.$body = Some(StreamingBlob::from(s3s::Body::from(payload.clone())));)?
                    let _ = &payload;
                    let backend = Arc::clone(backend);
                    #[allow(unused_mut)]
                    let mut output: dto::$output = to_the_end(async move {
                        backend.$method(input $(, { let $body = Trailer::default(); $body })?).await
                    })
                    .await?;
                    #[allow(unused_mut)]
                    let mut told = Map::new();
                    $(put(&mut told, $told, &output.$out);)*
                    #[allow(unused_mut, unused_assignments)]
                    let mut payload = Bytes::new();
                    $(payload = whole(output.content_length, output.$blob.take()).await?;)?
                    let _ = &mut output;
                    Ok(Reply { output: Value::Object(told).to_string().into(), payload })
                })*
                other => Err(failure::not_implemented(other)),
            }
        }
    };
}

/// Collects the bytes of an answer, if they are few enough to be held in memory.
async fn whole(length: Option<i64>, blob: Option<StreamingBlob>) -> Result<Bytes, Failure> {
    let length = length.unwrap_or_default();
    if length > REPLY_BYTES_MAX {
        let message = format!(
            "The object has {length} bytes; at most {REPLY_BYTES_MAX} are answered at once. Use Range."
        );
        return Err(failure::invalid_request(&message));
    }
    let Some(mut blob) = blob else {
        return Ok(Bytes::new());
    };
    let mut whole = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
    while let Some(piece) = blob.next().await {
        whole.extend_from_slice(
            &piece.map_err(|error| failure::internal("reading an object", &error))?,
        );
    }
    Ok(whole.freeze())
}

operations! {
    "CreateBucket": create_bucket(CreateBucketInput {
        bucket: "Bucket",
        acl: "ACL",
        create_bucket_configuration: "CreateBucketConfiguration",
    }) => CreateBucketOutput { location: "Location" };
    "DeleteBucket": delete_bucket(DeleteBucketInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => DeleteBucketOutput {};
    "HeadBucket": head_bucket(HeadBucketInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => HeadBucketOutput { bucket_region: "BucketRegion" };
    "ListBuckets": list_buckets(ListBucketsInput {
        max_buckets: "MaxBuckets",
        continuation_token: "ContinuationToken",
        prefix: "Prefix",
    }) => ListBucketsOutput {
        buckets: "Buckets",
        owner: "Owner",
        continuation_token: "ContinuationToken",
        prefix: "Prefix",
    };
    "GetBucketLocation": get_bucket_location(GetBucketLocationInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => GetBucketLocationOutput { location_constraint: "LocationConstraint" };
    "GetBucketVersioning": get_bucket_versioning(GetBucketVersioningInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => GetBucketVersioningOutput {};
    "GetBucketPolicy": get_bucket_policy(GetBucketPolicyInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => GetBucketPolicyOutput { policy: "Policy" };
    "DeleteBucketPolicy": delete_bucket_policy(DeleteBucketPolicyInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => DeleteBucketPolicyOutput {};
    "GetBucketPolicyStatus": get_bucket_policy_status(GetBucketPolicyStatusInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => GetBucketPolicyStatusOutput { policy_status: "PolicyStatus" };
    "PutPublicAccessBlock": put_public_access_block(PutPublicAccessBlockInput {
        bucket: "Bucket",
        public_access_block_configuration: "PublicAccessBlockConfiguration",
        expected_bucket_owner: "ExpectedBucketOwner",
    } of access_block) => PutPublicAccessBlockOutput {};
    "GetPublicAccessBlock": get_public_access_block(GetPublicAccessBlockInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => GetPublicAccessBlockOutput { public_access_block_configuration: "PublicAccessBlockConfiguration" };
    "DeletePublicAccessBlock": delete_public_access_block(DeletePublicAccessBlockInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => DeletePublicAccessBlockOutput {};
    "PutBucketTagging": put_bucket_tagging(PutBucketTaggingInput {
        bucket: "Bucket",
        tagging: "Tagging",
        expected_bucket_owner: "ExpectedBucketOwner",
    } of bucket_tagging) => PutBucketTaggingOutput {};
    "GetBucketTagging": get_bucket_tagging(GetBucketTaggingInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => GetBucketTaggingOutput { tag_set: "TagSet" };
    "DeleteBucketTagging": delete_bucket_tagging(DeleteBucketTaggingInput {
        bucket: "Bucket",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => DeleteBucketTaggingOutput {};
    "PutObject": put_object(PutObjectInput {
        acl: "ACL",
        bucket: "Bucket",
        cache_control: "CacheControl",
        content_disposition: "ContentDisposition",
        content_encoding: "ContentEncoding",
        content_language: "ContentLanguage",
        content_length: "ContentLength",
        content_md5: "ContentMD5",
        content_type: "ContentType",
        checksum_algorithm: "ChecksumAlgorithm",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
        expires: "Expires",
        if_match: "IfMatch",
        if_none_match: "IfNoneMatch",
        key: "Key",
        metadata: "Metadata",
        server_side_encryption: "ServerSideEncryption",
        storage_class: "StorageClass",
        tagging: "Tagging",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) takes body => PutObjectOutput {
        e_tag: "ETag",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
        checksum_type: "ChecksumType",
    };
    "GetObject": get_object(GetObjectInput {
        bucket: "Bucket",
        if_match: "IfMatch",
        if_modified_since: "IfModifiedSince",
        if_none_match: "IfNoneMatch",
        if_unmodified_since: "IfUnmodifiedSince",
        key: "Key",
        range: "Range",
        version_id: "VersionId",
        part_number: "PartNumber",
        expected_bucket_owner: "ExpectedBucketOwner",
        checksum_mode: "ChecksumMode",
    }) => GetObjectOutput {
        accept_ranges: "AcceptRanges",
        last_modified: "LastModified",
        content_length: "ContentLength",
        e_tag: "ETag",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
        checksum_type: "ChecksumType",
        cache_control: "CacheControl",
        content_disposition: "ContentDisposition",
        content_encoding: "ContentEncoding",
        content_language: "ContentLanguage",
        content_range: "ContentRange",
        content_type: "ContentType",
        expires: "Expires",
        metadata: "Metadata",
        storage_class: "StorageClass",
        parts_count: "PartsCount",
        tag_count: "TagCount",
    } gives body;
    "HeadObject": head_object(HeadObjectInput {
        bucket: "Bucket",
        if_match: "IfMatch",
        if_modified_since: "IfModifiedSince",
        if_none_match: "IfNoneMatch",
        if_unmodified_since: "IfUnmodifiedSince",
        key: "Key",
        range: "Range",
        version_id: "VersionId",
        part_number: "PartNumber",
        expected_bucket_owner: "ExpectedBucketOwner",
        checksum_mode: "ChecksumMode",
    }) => HeadObjectOutput {
        accept_ranges: "AcceptRanges",
        last_modified: "LastModified",
        content_length: "ContentLength",
        e_tag: "ETag",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
        checksum_type: "ChecksumType",
        cache_control: "CacheControl",
        content_disposition: "ContentDisposition",
        content_encoding: "ContentEncoding",
        content_language: "ContentLanguage",
        content_range: "ContentRange",
        content_type: "ContentType",
        expires: "Expires",
        metadata: "Metadata",
        storage_class: "StorageClass",
        parts_count: "PartsCount",
    };
    "DeleteObject": delete_object(DeleteObjectInput {
        bucket: "Bucket",
        key: "Key",
        version_id: "VersionId",
        if_match: "IfMatch",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => DeleteObjectOutput {};
    "DeleteObjects": delete_all_objects(DeleteObjectsInput {
        bucket: "Bucket",
        delete: "Delete",
        expected_bucket_owner: "ExpectedBucketOwner",
    } of deletion) => DeleteObjectsOutput { deleted: "Deleted", errors: "Errors" };
    "ListObjects": list_objects(ListObjectsInput {
        bucket: "Bucket",
        delimiter: "Delimiter",
        encoding_type: "EncodingType",
        marker: "Marker",
        max_keys: "MaxKeys",
        prefix: "Prefix",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => ListObjectsOutput {
        is_truncated: "IsTruncated",
        marker: "Marker",
        next_marker: "NextMarker",
        contents: "Contents",
        name: "Name",
        prefix: "Prefix",
        delimiter: "Delimiter",
        max_keys: "MaxKeys",
        common_prefixes: "CommonPrefixes",
        encoding_type: "EncodingType",
    };
    "ListObjectsV2": list_objects_v2(ListObjectsV2Input {
        bucket: "Bucket",
        delimiter: "Delimiter",
        encoding_type: "EncodingType",
        max_keys: "MaxKeys",
        prefix: "Prefix",
        continuation_token: "ContinuationToken",
        fetch_owner: "FetchOwner",
        start_after: "StartAfter",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => ListObjectsV2Output {
        is_truncated: "IsTruncated",
        contents: "Contents",
        name: "Name",
        prefix: "Prefix",
        delimiter: "Delimiter",
        max_keys: "MaxKeys",
        common_prefixes: "CommonPrefixes",
        encoding_type: "EncodingType",
        key_count: "KeyCount",
        continuation_token: "ContinuationToken",
        next_continuation_token: "NextContinuationToken",
        start_after: "StartAfter",
    };
    "CopyObject": copy_object(CopyObjectInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        copy_source: "CopySource",
        copy_source_if_match: "CopySourceIfMatch",
        copy_source_if_modified_since: "CopySourceIfModifiedSince",
        copy_source_if_none_match: "CopySourceIfNoneMatch",
        copy_source_if_unmodified_since: "CopySourceIfUnmodifiedSince",
        expected_source_bucket_owner: "ExpectedSourceBucketOwner",
        acl: "ACL",
        cache_control: "CacheControl",
        content_disposition: "ContentDisposition",
        content_encoding: "ContentEncoding",
        content_language: "ContentLanguage",
        content_type: "ContentType",
        checksum_algorithm: "ChecksumAlgorithm",
        expires: "Expires",
        metadata: "Metadata",
        server_side_encryption: "ServerSideEncryption",
        storage_class: "StorageClass",
        tagging: "Tagging",
        metadata_directive: "MetadataDirective",
        tagging_directive: "TaggingDirective",
    } of copy) => CopyObjectOutput { copy_object_result: "CopyObjectResult" };
    "GetObjectTagging": get_object_tagging(GetObjectTaggingInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        version_id: "VersionId",
    }) => GetObjectTaggingOutput { tag_set: "TagSet" };
    "PutObjectTagging": put_object_tagging(PutObjectTaggingInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        version_id: "VersionId",
        tagging: "Tagging",
    } of tagging) => PutObjectTaggingOutput {};
    "DeleteObjectTagging": delete_object_tagging(DeleteObjectTaggingInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        version_id: "VersionId",
    }) => DeleteObjectTaggingOutput {};
    "CreateMultipartUpload": create_multipart_upload(CreateMultipartUploadInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        acl: "ACL",
        cache_control: "CacheControl",
        content_disposition: "ContentDisposition",
        content_encoding: "ContentEncoding",
        content_language: "ContentLanguage",
        content_type: "ContentType",
        checksum_algorithm: "ChecksumAlgorithm",
        expires: "Expires",
        metadata: "Metadata",
        server_side_encryption: "ServerSideEncryption",
        storage_class: "StorageClass",
        tagging: "Tagging",
        checksum_type: "ChecksumType",
    }) => CreateMultipartUploadOutput {
        bucket: "Bucket",
        key: "Key",
        upload_id: "UploadId",
        checksum_algorithm: "ChecksumAlgorithm",
        checksum_type: "ChecksumType",
    };
    "UploadPart": upload_part(UploadPartInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
        content_length: "ContentLength",
        content_md5: "ContentMD5",
        checksum_algorithm: "ChecksumAlgorithm",
        part_number: "PartNumber",
        upload_id: "UploadId",
    }) takes body => UploadPartOutput {
        e_tag: "ETag",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
    };
    "UploadPartCopy": upload_part_copy(UploadPartCopyInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        copy_source: "CopySource",
        copy_source_if_match: "CopySourceIfMatch",
        copy_source_if_modified_since: "CopySourceIfModifiedSince",
        copy_source_if_none_match: "CopySourceIfNoneMatch",
        copy_source_if_unmodified_since: "CopySourceIfUnmodifiedSince",
        expected_source_bucket_owner: "ExpectedSourceBucketOwner",
        copy_source_range: "CopySourceRange",
        part_number: "PartNumber",
        upload_id: "UploadId",
    } of part_copy) => UploadPartCopyOutput { copy_part_result: "CopyPartResult" };
    "CompleteMultipartUpload": complete_multipart_upload(CompleteMultipartUploadInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
        checksum_type: "ChecksumType",
        if_match: "IfMatch",
        if_none_match: "IfNoneMatch",
        mpu_object_size: "MpuObjectSize",
        multipart_upload: "MultipartUpload",
        upload_id: "UploadId",
    }) => CompleteMultipartUploadOutput {
        location: "Location",
        bucket: "Bucket",
        key: "Key",
        e_tag: "ETag",
        checksum_crc32: "ChecksumCRC32",
        checksum_crc32c: "ChecksumCRC32C",
        checksum_crc64nvme: "ChecksumCRC64NVME",
        checksum_sha1: "ChecksumSHA1",
        checksum_sha256: "ChecksumSHA256",
        checksum_type: "ChecksumType",
    };
    "AbortMultipartUpload": abort_multipart_upload(AbortMultipartUploadInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        upload_id: "UploadId",
    }) => AbortMultipartUploadOutput {};
    "ListParts": list_parts(ListPartsInput {
        bucket: "Bucket",
        key: "Key",
        expected_bucket_owner: "ExpectedBucketOwner",
        max_parts: "MaxParts",
        part_number_marker: "PartNumberMarker",
        upload_id: "UploadId",
    }) => ListPartsOutput {
        bucket: "Bucket",
        key: "Key",
        upload_id: "UploadId",
        part_number_marker: "PartNumberMarker",
        next_part_number_marker: "NextPartNumberMarker",
        max_parts: "MaxParts",
        is_truncated: "IsTruncated",
        parts: "Parts",
        initiator: "Initiator",
        owner: "Owner",
        storage_class: "StorageClass",
        checksum_algorithm: "ChecksumAlgorithm",
        checksum_type: "ChecksumType",
    };
    "ListMultipartUploads": list_multipart_uploads(ListMultipartUploadsInput {
        bucket: "Bucket",
        delimiter: "Delimiter",
        encoding_type: "EncodingType",
        key_marker: "KeyMarker",
        max_uploads: "MaxUploads",
        prefix: "Prefix",
        upload_id_marker: "UploadIdMarker",
        expected_bucket_owner: "ExpectedBucketOwner",
    }) => ListMultipartUploadsOutput {
        bucket: "Bucket",
        key_marker: "KeyMarker",
        upload_id_marker: "UploadIdMarker",
        next_key_marker: "NextKeyMarker",
        next_upload_id_marker: "NextUploadIdMarker",
        prefix: "Prefix",
        delimiter: "Delimiter",
        max_uploads: "MaxUploads",
        is_truncated: "IsTruncated",
        uploads: "Uploads",
        common_prefixes: "CommonPrefixes",
        encoding_type: "EncodingType",
    };
}
