//! What buckets are told beside their objects: policies, the block of public access, tags.

mod common;

use common::World;
use serde_json::{Value, json};

/// Makes a call, and returns what it answered: the output, or the code and the text.
async fn told(world: &World, operation: &str, more: &Value) -> String {
    let mut input = json!({"Bucket": "things"});
    for (name, value) in more.as_object().expect("members are an object") {
        input[name] = value.clone();
    }
    match world.call(operation, &input, b"").await {
        Ok(reply) => String::from_utf8_lossy(&reply.output).into_owned(),
        Err(failure) => format!("{} {} {}", failure.status, failure.code, failure.message),
    }
}

async fn check(world: &World, steps: &[(&str, Value, &str)]) {
    for (operation, more, expected) in steps {
        let got = told(world, operation, more).await;
        assert_eq!(got, *expected, "{operation} {more}");
    }
}

fn policy(principal: &str) -> Value {
    let statement = json!({
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::things/*",
    });
    let document = json!({"Version": "2012-10-17", "Statement": [statement]});
    // People indent; the bucket does not keep that.
    json!({"Policy": serde_json::to_string_pretty(&document).expect("plain values")})
}

const PUBLIC: &str = r#"{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::things/*\"}]}"}"#;

#[tokio::test]
async fn settings() {
    let world = World::new().await;
    let none = || json!({});
    let all = |value: bool| {
        json!({"PublicAccessBlockConfiguration": {
            "BlockPublicAcls": value, "IgnorePublicAcls": value,
            "BlockPublicPolicy": value, "RestrictPublicBuckets": value,
        }})
    };
    let no_bucket = "404 NoSuchBucket The specified bucket does not exist";
    let no_policy = "404 NoSuchBucketPolicy The bucket policy does not exist";
    check(
        &world,
        &[
            ("GetBucketPolicy", none(), no_bucket),
            ("PutBucketPolicy", policy("*"), no_bucket),
            ("CreateBucket", none(), r#"{"Location":"/things"}"#),
            ("GetBucketPolicy", none(), no_policy),
            ("GetBucketPolicyStatus", none(), no_policy),
            ("GetPublicAccessBlock", none(), &all(true).to_string()),
            (
                "PutBucketPolicy",
                policy("*"),
                "403 AccessDenied User: arn:aws:iam::000000000000:root is not authorized to perform: \
                 s3:PutBucketPolicy on resource: \"arn:aws:s3:::things\" because public policies are \
                 blocked by the BlockPublicPolicy block public access setting.",
            ),
            (
                "PutBucketPolicy",
                json!({"Policy": "[]"}),
                "400 MalformedPolicy Policies must be valid JSON and the first byte must be '{'",
            ),
            (
                "PutPublicAccessBlock",
                json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true}}),
                "{}",
            ),
            (
                "GetPublicAccessBlock",
                none(),
                r#"{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"IgnorePublicAcls":false,"BlockPublicPolicy":false,"RestrictPublicBuckets":false}}"#,
            ),
            ("PutBucketPolicy", policy("*"), "{}"),
            ("GetBucketPolicy", none(), PUBLIC),
            (
                "GetBucketPolicyStatus",
                none(),
                r#"{"PolicyStatus":{"IsPublic":true}}"#,
            ),
            ("DeletePublicAccessBlock", none(), "{}"),
            (
                "GetPublicAccessBlock",
                none(),
                "404 NoSuchPublicAccessBlockConfiguration The public access block configuration was not found",
            ),
            ("GetBucketTagging", none(), "404 NoSuchTagSet The TagSet does not exist"),
            (
                "PutBucketTagging",
                json!({"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
                "{}",
            ),
            (
                "PutBucketTagging",
                json!({"Tagging": {"TagSet": [{"Key": "aws:a", "Value": "b"}]}}),
                "400 InvalidTag System tags cannot be added/updated by requester",
            ),
        ],
    )
    .await;
    assert!(world.s3.is_open("things"));
    // All of it is there after a restart.
    let world = world.again().await;
    assert!(world.s3.is_open("things"));
    check(
        &world,
        &[
            ("GetBucketPolicy", none(), PUBLIC),
            (
                "GetBucketTagging",
                none(),
                r#"{"TagSet":[{"Key":"a","Value":"b"}]}"#,
            ),
            ("DeleteBucketTagging", none(), "{}"),
            (
                "GetBucketTagging",
                none(),
                "404 NoSuchTagSet The TagSet does not exist",
            ),
            ("PutPublicAccessBlock", all(true), "{}"),
        ],
    )
    .await;
    assert!(!world.s3.is_open("things"), "restricted");
    check(
        &world,
        &[
            ("DeletePublicAccessBlock", none(), "{}"),
            ("DeleteBucketPolicy", none(), "{}"),
            ("DeleteBucketPolicy", none(), "{}"),
            ("GetBucketPolicy", none(), no_policy),
            ("PutBucketPolicy", policy("*"), "{}"),
            ("DeleteBucket", none(), "{}"),
            ("CreateBucket", none(), r#"{"Location":"/things"}"#),
            ("GetBucketPolicy", none(), no_policy),
            ("GetPublicAccessBlock", none(), &all(true).to_string()),
        ],
    )
    .await;
    assert!(!world.s3.is_open("things"), "it is another bucket");
}
