//! What a bucket could be told beside its objects and is not, asked for by tools that read back everything
//! (docs/adr/0067): nothing is set, and the answer says so in S3's way. Setting one of them is not built.

use s3s::dto::{self, *};
use service::Failure;

use crate::backend::Backend;

/// Operations that answer that there is none, with the code and the text of S3.
macro_rules! absent {
    ($($method:ident: $input:ident => $output:ident, $code:literal, $text:literal;)*) => {
        impl Backend {
            $(pub async fn $method(&self, input: dto::$input) -> Result<dto::$output, Failure> {
                self.bucket(&input.bucket).await?;
                self.check_owner(input.expected_bucket_owner.as_deref())?;
                let failure = Failure::client($code, $text).with_status(404);
                Err(failure.with_field("BucketName", input.bucket.as_str()))
            })*
        }
    };
}

absent! {
    get_bucket_cors: GetBucketCorsInput => GetBucketCorsOutput,
        "NoSuchCORSConfiguration", "The CORS configuration does not exist";
    get_bucket_lifecycle_configuration: GetBucketLifecycleConfigurationInput => GetBucketLifecycleConfigurationOutput,
        "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist";
    get_bucket_replication: GetBucketReplicationInput => GetBucketReplicationOutput,
        "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
    get_bucket_website: GetBucketWebsiteInput => GetBucketWebsiteOutput,
        "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration";
    get_object_lock_configuration: GetObjectLockConfigurationInput => GetObjectLockConfigurationOutput,
        "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket";
}

/// Operations that answer what holds for every bucket here.
macro_rules! fixed {
    ($($method:ident: $input:ident => $output:ident, |$backend:ident| $answer:expr;)*) => {
        impl Backend {
            $(pub async fn $method(&self, input: dto::$input) -> Result<dto::$output, Failure> {
                self.bucket(&input.bucket).await?;
                self.check_owner(input.expected_bucket_owner.as_deref())?;
                let $backend = self;
                let _ = $backend;
                Ok($answer)
            })*
        }
    };
}

fixed! {
    get_bucket_accelerate_configuration: GetBucketAccelerateConfigurationInput => GetBucketAccelerateConfigurationOutput,
        |backend| GetBucketAccelerateConfigurationOutput::default();
    get_bucket_acl: GetBucketAclInput => GetBucketAclOutput,
        |backend| owned(backend.owner());
    get_bucket_encryption: GetBucketEncryptionInput => GetBucketEncryptionOutput,
        |backend| encrypted();
    get_bucket_logging: GetBucketLoggingInput => GetBucketLoggingOutput,
        |backend| GetBucketLoggingOutput::default();
    get_bucket_notification_configuration: GetBucketNotificationConfigurationInput => GetBucketNotificationConfigurationOutput,
        |backend| GetBucketNotificationConfigurationOutput::default();
    get_bucket_ownership_controls: GetBucketOwnershipControlsInput => GetBucketOwnershipControlsOutput,
        |backend| enforced();
    get_bucket_request_payment: GetBucketRequestPaymentInput => GetBucketRequestPaymentOutput,
        |backend| GetBucketRequestPaymentOutput {
            payer: Some(Payer::from_static(Payer::BUCKET_OWNER)),
        };
}

/// The owner may do everything with a bucket, and nobody else is named.
fn owned(owner: Owner) -> GetBucketAclOutput {
    let grantee = Grantee {
        display_name: None,
        email_address: None,
        id: owner.id.clone(),
        type_: Type::from_static(Type::CANONICAL_USER),
        uri: None,
    };
    GetBucketAclOutput {
        grants: Some(vec![Grant {
            grantee: Some(grantee),
            permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
        }]),
        owner: Some(owner),
    }
}

/// What S3 says of a bucket of which nothing was said; here the disk encrypts, or nobody.
fn encrypted() -> GetBucketEncryptionOutput {
    let algorithm = ServerSideEncryption::from_static(ServerSideEncryption::AES256);
    let by_default = ServerSideEncryptionByDefault {
        kms_master_key_id: None,
        sse_algorithm: algorithm,
    };
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(by_default),
        bucket_key_enabled: Some(false),
    };
    GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(ServerSideEncryptionConfiguration {
            rules: vec![rule],
        }),
    }
}

/// Buckets own what is in them.
fn enforced() -> GetBucketOwnershipControlsOutput {
    let owner = ObjectOwnership::from_static(ObjectOwnership::BUCKET_OWNER_ENFORCED);
    GetBucketOwnershipControlsOutput {
        ownership_controls: Some(OwnershipControls {
            rules: vec![OwnershipControlsRule {
                object_ownership: owner,
            }],
        }),
    }
}
