//! `AWS::S3::Bucket`. Versioning, encryption and who may read are kept with the stack and not acted
//! upon: there is one version of an object, the disk is the person's own, and nothing is public
//! (docs/adr/0050).

use serde_json::{Map, Value, json};
use service::Site;

use super::properties;
use super::simple::Simple;

pub(super) const BUCKET: Simple = Simple {
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
    // There is no PutBucketTagging here: the stack's row has them.
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
