//! `AWS::S3::BucketPolicy`: the one policy of a bucket.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

/// The policy of a bucket, which is called as the bucket is.
pub(super) struct BucketPolicy;

impl BucketPolicy {
    async fn put(
        &self,
        services: &Services,
        bucket: &str,
        given: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let policy = given.get("PolicyDocument").map(properties::text);
        let policy = policy.unwrap_or_default();
        let input = properties::object([("Bucket", bucket.into()), ("Policy", policy.into())]);
        services.call("s3", "PutBucketPolicy", input).await?;
        Ok(())
    }
}

#[async_trait]
impl ResourceHandler for BucketPolicy {
    fn kind(&self) -> &'static str {
        "AWS::S3::BucketPolicy"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Bucket", "PolicyDocument"]
    }

    fn name_property(&self) -> &'static str {
        "Bucket"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Bucket"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        // A template without a bucket is refused by S3.
        generated_name(stack, logical_id, 63)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("Bucket", physical_id.into())]);
        match services.call("s3", "GetBucketPolicy", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.status == 404 || failure.code.starts_with("NoSuch") => {
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        self.put(services, name, given).await?;
        Ok(Map::new().into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        self.put(services, physical_id, after).await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("Bucket", physical_id.into())]);
        let absent = "NoSuchBucket";
        services
            .delete("s3", "DeleteBucketPolicy", input, absent)
            .await
    }
}
