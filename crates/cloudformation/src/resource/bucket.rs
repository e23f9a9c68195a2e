//! `AWS::S3::Bucket`. Versioning, encryption and access lists are kept with the stack and not acted upon:
//! there is one version of an object, and the disk is the person's own (docs/adr/0050). What is blocked of
//! public access and the tags are told to S3 once the bucket is there.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use super::simple::Simple;
use super::{Made, NotCreated, ResourceHandler, Services, properties};

/// A bucket with its settings.
pub(super) struct Bucket;

/// The bucket by itself.
const BUCKET: Simple = Simple {
    kind: "AWS::S3::Bucket",
    service: "s3",
    properties: &[
        "AccessControl",
        "BucketEncryption",
        "BucketName",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "Tags",
        "VersioningConfiguration",
    ],
    name_property: "BucketName",
    name_chars_max: 63,
    small_letters: true,
    immutable: &["BucketName"],
    tagged: false,
    attribute_names: &[
        "Arn",
        "DomainName",
        "DualStackDomainName",
        "RegionalDomainName",
    ],
    attributes: &[
        ("Arn", "arn:aws:s3:::{name}"),
        ("DomainName", "{name}.s3.amazonaws.com"),
        (
            "DualStackDomainName",
            "{name}.s3.dualstack.{region}.amazonaws.com",
        ),
        ("RegionalDomainName", "{name}.s3.{region}.amazonaws.com"),
    ],
    physical_id: "{name}",
    key: "Bucket",
    describe: ("HeadBucket", "NoSuchBucket"),
    create: ("CreateBucket", "Bucket", &[]),
    also: place,
    delete: "DeleteBucket",
};

/// Outside of us-east-1, S3 wants to be told where it is.
fn place(site: &Site) -> Map<String, Value> {
    match &*site.region {
        "us-east-1" => Map::new(),
        region => properties::object([(
            "CreateBucketConfiguration",
            json!({"LocationConstraint": region}),
        )]),
    }
}

/// Members of `PublicAccessBlockConfiguration`.
const BLOCKS: &[&str] = &[
    "BlockPublicAcls",
    "BlockPublicPolicy",
    "IgnorePublicAcls",
    "RestrictPublicBuckets",
];

/// Tells S3 of the settings that differ from those that the bucket has.
async fn settle(
    services: &Services,
    bucket: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), Failure> {
    let named = || properties::object([("Bucket", bucket.into())]);
    let (block, tags) = ("PublicAccessBlockConfiguration", "Tags");
    if properties::differ(before, after, &[block]) {
        let mut input = named();
        match after.get(block) {
            Some(given) => {
                let mut given = given.clone();
                properties::booleans(&mut given, BLOCKS);
                input.insert(block.to_owned(), given);
                services.call("s3", "PutPublicAccessBlock", input).await?;
            }
            None => {
                services
                    .call("s3", "DeletePublicAccessBlock", input)
                    .await?;
            }
        }
    }
    if properties::differ(before, after, &[tags]) {
        let given = properties::tags(after.get(tags)).into_iter();
        let given: Vec<Value> = given
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        let mut input = named();
        let operation = match given.is_empty() {
            true => "DeleteBucketTagging",
            false => {
                input.insert("Tagging".to_owned(), json!({"TagSet": given}));
                "PutBucketTagging"
            }
        };
        services.call("s3", operation, input).await?;
    }
    Ok(())
}

#[async_trait]
impl ResourceHandler for Bucket {
    fn kind(&self) -> &'static str {
        BUCKET.kind()
    }

    fn properties(&self) -> &'static [&'static str] {
        BUCKET.properties
    }

    fn name_property(&self) -> &'static str {
        BUCKET.name_property
    }

    fn immutable(&self) -> &'static [&'static str] {
        BUCKET.immutable
    }

    fn attributes(&self) -> &'static [&'static str] {
        BUCKET.attribute_names
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        BUCKET.draw_name(stack, logical_id)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        BUCKET.exists(services, physical_id).await
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let made = BUCKET.create(services, name, given).await?;
        // A new bucket blocks everything that is not said to be open.
        match settle(services, name, &Map::new(), given).await {
            Ok(()) => Ok(made),
            Err(failure) => Err(NotCreated {
                failure,
                partly: true,
            }),
        }
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        settle(services, physical_id, before, after).await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        BUCKET.delete(services, physical_id).await
    }
}
