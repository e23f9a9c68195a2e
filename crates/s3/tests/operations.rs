//! The operations in process: what is called, with what, and what must come back.

mod common;

use common::{World, at, with};
use serde_json::{Value, json};

/// What a call must answer.
enum Expected {
    /// These members, and this payload.
    Told(Value, &'static str),
    /// A failure with this code, this status and this in its message.
    Failed(&'static str, u16, &'static str),
}
use Expected::{Failed, Told};

/// Makes the calls one after another on one service.
async fn check(calls: &[(&str, Value, &str, Expected)]) {
    let world = World::new().await;
    for (operation, input, payload, expected) in calls {
        let answered = world.call(operation, input, payload.as_bytes()).await;
        let shown = format!("{operation} {input}");
        match (expected, answered) {
            (Told(members, payload), Ok(reply)) => {
                let output: Value = serde_json::from_slice(&reply.output).expect("output is JSON");
                for (name, value) in members.as_object().expect("members are an object") {
                    assert_eq!(&output[name], value, "{shown}: {name} of {output}");
                }
                assert_eq!(String::from_utf8_lossy(&reply.payload), *payload, "{shown}");
            }
            (Failed(code, status, message), Err(failure)) => {
                assert_eq!(
                    (&*failure.code, failure.status),
                    (*code, *status),
                    "{shown}: {failure}"
                );
                assert!(failure.message.contains(message), "{shown}: {failure}");
            }
            (Told(..), Err(failure)) => panic!("{shown} failed: {failure} {:?}", failure.fields),
            (Failed(code, ..), Ok(reply)) => panic!("{shown} did not fail with {code}: {reply:?}"),
        }
    }
}

fn bucket() -> (&'static str, Value, &'static str, Expected) {
    (
        "CreateBucket",
        json!({ "Bucket": "things" }),
        "",
        Told(json!({ "Location": "/things" }), ""),
    )
}

/// The MD5 of `hello world`.
const E_TAG: &str = "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"";

fn hello() -> (&'static str, Value, &'static str, Expected) {
    (
        "PutObject",
        at("hello"),
        "hello world",
        Told(json!({ "ETag": E_TAG }), ""),
    )
}

#[tokio::test]
async fn buckets() {
    let things = || json!({ "Bucket": "things" });
    check(&[
        (
            "HeadBucket",
            things(),
            "",
            Failed("NoSuchBucket", 404, "The specified bucket does not exist"),
        ),
        (
            "CreateBucket",
            json!({ "Bucket": "No" }),
            "",
            Failed("InvalidBucketName", 400, "not valid"),
        ),
        bucket(),
        bucket(),
        (
            "HeadBucket",
            things(),
            "",
            Told(json!({ "BucketRegion": "us-east-1" }), ""),
        ),
        (
            "GetBucketLocation",
            things(),
            "",
            Told(json!({ "LocationConstraint": null }), ""),
        ),
        (
            "HeadBucket",
            with(things(), "ExpectedBucketOwner", "111111111111"),
            "",
            Failed("AccessDenied", 403, "Access Denied"),
        ),
        hello(),
        (
            "DeleteBucket",
            things(),
            "",
            Failed("BucketNotEmpty", 409, "is not empty"),
        ),
        ("DeleteObject", at("hello"), "", Told(json!({}), "")),
        ("DeleteObject", at("hello"), "", Told(json!({}), "")),
        ("DeleteBucket", things(), "", Told(json!({}), "")),
        (
            "PutObject",
            at("hello"),
            "",
            Failed("NoSuchBucket", 404, ""),
        ),
        (
            "GetObject",
            at("hello"),
            "",
            Failed("NoSuchBucket", 404, ""),
        ),
        (
            "PutBucketAcl",
            things(),
            "",
            Failed("NotImplemented", 501, "PutBucketAcl"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn objects_and_their_ranges() {
    let range = |range: &str| with(at("hello"), "Range", range);
    let part = |content_range: &str| Told(json!({ "ContentRange": content_range }), "");
    let got = |range: &'static str, payload| Told(json!({ "ContentRange": range }), payload);
    check(&[
        bucket(),
        (
            "GetObject",
            at("hello"),
            "",
            Failed("NoSuchKey", 404, "The specified key does not exist."),
        ),
        hello(),
        (
            "GetObject",
            at("hello"),
            "",
            Told(
                json!({
                    "ContentLength": 11, "ETag": E_TAG, "ContentRange": null,
                    "ContentType": "binary/octet-stream", "AcceptRanges": "bytes",
                }),
                "hello world",
            ),
        ),
        (
            "GetObject",
            range("bytes=0-4"),
            "",
            got("bytes 0-4/11", "hello"),
        ),
        (
            "GetObject",
            range("bytes=6-"),
            "",
            got("bytes 6-10/11", "world"),
        ),
        (
            "GetObject",
            range("bytes=-3"),
            "",
            got("bytes 8-10/11", "rld"),
        ),
        (
            "GetObject",
            range("bytes=6-99"),
            "",
            got("bytes 6-10/11", "world"),
        ),
        (
            "GetObject",
            range("bytes=11-"),
            "",
            Failed("InvalidRange", 416, "not satisfiable"),
        ),
        ("HeadObject", range("bytes=0-4"), "", part("bytes 0-4/11")),
        (
            "GetObject",
            with(at("hello"), "PartNumber", 1),
            "",
            got("bytes 0-10/11", "hello world"),
        ),
        (
            "GetObject",
            with(at("hello"), "PartNumber", 2),
            "",
            Failed("InvalidPartNumber", 416, ""),
        ),
        (
            "GetObject",
            with(at("hello"), "VersionId", "null"),
            "",
            Told(json!({}), "hello world"),
        ),
        (
            "GetObject",
            with(at("hello"), "VersionId", "v1"),
            "",
            Failed("NoSuchVersion", 404, ""),
        ),
        ("PutObject", at("empty"), "", Told(json!({}), "")),
        (
            "GetObject",
            at("empty"),
            "",
            Told(json!({ "ContentLength": 0 }), ""),
        ),
        (
            "GetObject",
            with(at("empty"), "Range", "bytes=0-"),
            "",
            Failed("InvalidRange", 416, "not satisfiable"),
        ),
        (
            "PutObject",
            at(&"k".repeat(1025)),
            "",
            Failed("KeyTooLongError", 400, "Your key is too long"),
        ),
        (
            "PutObject",
            at("../../../../etc/passwd"),
            "x",
            Told(json!({}), ""),
        ),
        (
            "GetObject",
            at("../../../../etc/passwd"),
            "",
            Told(json!({}), "x"),
        ),
        (
            "GetObject",
            with(at("hello"), "SSECustomerKey", "k"),
            "",
            Failed("NotImplemented", 501, "SSECustomerKey"),
        ),
        (
            "GetObject",
            with(at("hello"), "PartNumber", "one"),
            "",
            Failed("InvalidArgument", 400, "PartNumber"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn conditions() {
    let when = |name: &str, value: &str| with(at("hello"), name, value);
    let failed = || {
        Failed(
            "PreconditionFailed",
            412,
            "At least one of the pre-conditions",
        )
    };
    check(&[
        bucket(),
        (
            "PutObject",
            when("IfMatch", E_TAG),
            "x",
            Failed("NoSuchKey", 404, ""),
        ),
        (
            "PutObject",
            when("IfNoneMatch", "*"),
            "hello world",
            Told(json!({ "ETag": E_TAG }), ""),
        ),
        ("PutObject", when("IfNoneMatch", "*"), "other", failed()),
        ("PutObject", when("IfMatch", "\"0\""), "other", failed()),
        (
            "GetObject",
            when("IfMatch", E_TAG),
            "",
            Told(json!({}), "hello world"),
        ),
        ("GetObject", when("IfMatch", "\"0\""), "", failed()),
        (
            "GetObject",
            when("IfNoneMatch", E_TAG),
            "",
            Failed("NotModified", 304, ""),
        ),
        (
            "GetObject",
            when("IfNoneMatch", "\"0\""),
            "",
            Told(json!({}), "hello world"),
        ),
        (
            "GetObject",
            when("IfModifiedSince", "2099-01-01T00:00:00Z"),
            "",
            Failed("NotModified", 304, ""),
        ),
        (
            "GetObject",
            when("IfUnmodifiedSince", "2001-01-01T00:00:00Z"),
            "",
            failed(),
        ),
        ("DeleteObject", when("IfMatch", "\"0\""), "", failed()),
        (
            "PutObject",
            when("IfMatch", E_TAG),
            "other",
            Told(json!({}), ""),
        ),
        ("GetObject", at("hello"), "", Told(json!({}), "other")),
    ])
    .await;
}

#[tokio::test]
async fn what_is_said_of_an_object_is_told_again_or_refused() {
    let mut said = at("said");
    for (name, value) in [
        ("ContentType", json!("text/csv")),
        ("CacheControl", json!("no-store")),
        ("Metadata", json!({ "Colour": "red" })),
        ("StorageClass", json!("STANDARD_IA")),
        ("ContentMD5", json!("XrY7u+Ae7tCTyyK7j1rNww==")),
        ("ChecksumCRC32", json!("DUoRhQ==")),
        ("Tagging", json!("a=1&b=two+words")),
    ] {
        said = with(said, name, value);
    }
    check(&[
        bucket(),
        (
            "PutObject",
            said,
            "hello world",
            Told(json!({ "ChecksumCRC32": "DUoRhQ==" }), ""),
        ),
        (
            "HeadObject",
            with(at("said"), "ChecksumMode", "ENABLED"),
            "",
            Told(
                json!({
                    "ContentType": "text/csv", "CacheControl": "no-store",
                    "Metadata": { "colour": "red" }, "StorageClass": "STANDARD_IA",
                    "ChecksumCRC32": "DUoRhQ==", "ChecksumType": "FULL_OBJECT",
                }),
                "",
            ),
        ),
        (
            "PutObject",
            with(at("x"), "ContentMD5", "XrY7u+Ae7tCTyyK7j1rNww=="),
            "other",
            Failed(
                "BadDigest",
                400,
                "The Content-MD5 you specified did not match what we received.",
            ),
        ),
        (
            "PutObject",
            with(at("x"), "ContentMD5", "?"),
            "",
            Failed("InvalidDigest", 400, "invalid"),
        ),
        (
            "PutObject",
            with(at("x"), "ChecksumCRC32", "AAAAAA=="),
            "other",
            Failed("BadDigest", 400, "CRC32"),
        ),
        (
            "PutObject",
            with(at("x"), "ContentLength", 9),
            "other",
            Failed("IncompleteBody", 400, ""),
        ),
        (
            "PutObject",
            with(at("x"), "ACL", "public-read"),
            "",
            Failed("AccessControlListNotSupported", 400, ""),
        ),
        (
            "PutObject",
            with(at("x"), "StorageClass", "GLACIER"),
            "",
            Failed("NotImplemented", 501, "GLACIER"),
        ),
        (
            "PutObject",
            with(at("x"), "StorageClass", "X"),
            "",
            Failed("InvalidStorageClass", 400, ""),
        ),
        (
            "PutObject",
            with(at("x"), "ServerSideEncryption", "aws:kms"),
            "",
            Failed("NotImplemented", 501, "aws:kms"),
        ),
        (
            "PutObject",
            with(at("x"), "Metadata", json!({ "long": "v".repeat(2_048) })),
            "",
            Failed("MetadataTooLarge", 400, ""),
        ),
        ("GetObject", at("x"), "", Failed("NoSuchKey", 404, "")),
    ])
    .await;
}

#[tokio::test]
async fn copies_and_tags() {
    let tag = |value: &str| json!([{ "Key": "colour", "Value": value }]);
    let copy = |source: &str| with(at("copy"), "CopySource", source);
    let replaced = with(
        with(copy("things/hello"), "MetadataDirective", "REPLACE"),
        "ContentType",
        "text/csv",
    );
    check(&[
        bucket(),
        ("PutObject", with(at("hello"), "Tagging", "colour=red"), "hello world", Told(json!({ "ETag": E_TAG }), "")),
        ("CopyObject", copy("things/nothing"), "", Failed("NoSuchKey", 404, "")),
        ("CopyObject", copy("nowhere/hello"), "", Failed("NoSuchBucket", 404, "")),
        ("CopyObject", with(copy("things/hello"), "CopySourceIfNoneMatch", E_TAG), "", Failed("PreconditionFailed", 412, "")),
        ("CopyObject", with(copy("things/hello"), "Key", "hello"), "", Failed("InvalidRequest", 400, "to itself")),
        ("CopyObject", copy("/things/hello"), "", Told(json!({}), "")),
        ("GetObjectTagging", at("copy"), "", Told(json!({ "TagSet": tag("red") }), "")),
        ("PutObject", at("hello"), "other", Told(json!({}), "")),
        ("GetObject", at("copy"), "", Told(json!({ "ETag": E_TAG, "TagCount": 1 }), "hello world")),
        ("CopyObject", replaced, "", Told(json!({}), "")),
        ("GetObject", at("copy"), "", Told(json!({ "ContentType": "text/csv" }), "other")),
        ("PutObjectTagging", with(at("copy"), "Tagging", json!({ "TagSet": tag("blue") })), "", Told(json!({}), "")),
        ("GetObjectTagging", at("copy"), "", Told(json!({ "TagSet": tag("blue") }), "")),
        ("DeleteObjectTagging", at("copy"), "", Told(json!({}), "")),
        ("GetObjectTagging", at("copy"), "", Told(json!({ "TagSet": [] }), "")),
        ("GetObject", at("copy"), "", Told(json!({}), "other")),
        (
            "DeleteObjects",
            json!({ "Bucket": "things", "Delete": { "Objects": [{ "Key": "copy" }, { "Key": "never" }] } }),
            "",
            Told(json!({ "Deleted": [{ "Key": "copy" }, { "Key": "never" }] }), ""),
        ),
        ("GetObject", at("copy"), "", Failed("NoSuchKey", 404, "")),
    ])
    .await;
}
