//! Inputs that say nothing yet, where a member that must be there has no blank of its own.

use s3s::dto;

/// Returns a blank input of `DeleteObjects`.
pub(crate) fn deletion() -> dto::DeleteObjectsInput {
    let nothing = dto::Delete::default();
    let input = dto::DeleteObjectsInput::builder()
        .bucket(String::new())
        .delete(nothing)
        .build();
    input.expect("all members that are needed are there")
}

fn nowhere() -> dto::CopySource {
    dto::CopySource::Bucket {
        bucket: "".into(),
        key: "".into(),
        version_id: None,
    }
}

/// Returns a blank input of `CopyObject`.
pub(crate) fn copy() -> dto::CopyObjectInput {
    let input = dto::CopyObjectInput::builder()
        .bucket(String::new())
        .key(String::new());
    input
        .copy_source(nowhere())
        .build()
        .expect("all members that are needed are there")
}

/// Returns a blank input of `UploadPartCopy`.
pub(crate) fn part_copy() -> dto::UploadPartCopyInput {
    let input = dto::UploadPartCopyInput::builder()
        .bucket(String::new())
        .key(String::new());
    let input = input
        .copy_source(nowhere())
        .part_number(0)
        .upload_id(String::new())
        .build();
    input.expect("all members that are needed are there")
}

/// Returns a blank input of `PutObjectTagging`.
pub(crate) fn tagging() -> dto::PutObjectTaggingInput {
    let nothing = dto::Tagging::default();
    let input = dto::PutObjectTaggingInput::builder()
        .bucket(String::new())
        .key(String::new());
    input
        .tagging(nothing)
        .build()
        .expect("all members that are needed are there")
}

/// Returns a blank input of `PutBucketPolicy`.
pub(crate) fn policy() -> dto::PutBucketPolicyInput {
    let input = dto::PutBucketPolicyInput::builder().bucket(String::new());
    input
        .policy(String::new())
        .build()
        .expect("all members that are needed are there")
}

/// Returns a blank input of `PutPublicAccessBlock`.
pub(crate) fn access_block() -> dto::PutPublicAccessBlockInput {
    let nothing = dto::PublicAccessBlockConfiguration::default();
    let input = dto::PutPublicAccessBlockInput::builder().bucket(String::new());
    input
        .public_access_block_configuration(nothing)
        .build()
        .expect("all members that are needed are there")
}

/// Returns a blank input of `PutBucketTagging`.
pub(crate) fn bucket_tagging() -> dto::PutBucketTaggingInput {
    let nothing = dto::Tagging::default();
    let input = dto::PutBucketTaggingInput::builder().bucket(String::new());
    input
        .tagging(nothing)
        .build()
        .expect("all members that are needed are there")
}
