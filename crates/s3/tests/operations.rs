//! The operations in process: what is called, with what, and what must come back.

mod common;

use common::World;
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

fn at(key: &str) -> Value {
    json!({ "Bucket": "things", "Key": key })
}

fn with(mut input: Value, name: &str, value: impl Into<Value>) -> Value {
    input[name] = value.into();
    input
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

/// Puts empty objects under `keys` and returns what a list shows: keys, prefixes, and the next token.
async fn listed(world: &World, operation: &str, asked: Value) -> (Vec<String>, Vec<String>, Value) {
    let mut input = json!({ "Bucket": "things" });
    for (name, value) in asked.as_object().expect("members") {
        input[name] = value.clone();
    }
    let reply = world.call(operation, &input, b"").await.expect("a list");
    let output: Value = serde_json::from_slice(&reply.output).expect("output is JSON");
    let names = |list: &Value, name: &str| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|entry| entry[name].as_str().map(str::to_owned))
            .collect()
    };
    let next = match output["IsTruncated"] == true {
        true if operation == "ListObjectsV2" => output["NextContinuationToken"].clone(),
        true => output["NextMarker"].clone(),
        false => Value::Null,
    };
    (
        names(&output["Contents"], "Key"),
        names(&output["CommonPrefixes"], "Prefix"),
        next,
    )
}

#[tokio::test]
async fn lists() {
    let world = World::new().await;
    world
        .call("CreateBucket", &json!({ "Bucket": "things" }), b"")
        .await
        .expect("a bucket");
    let mut keys = vec!["a", "a/1", "a/2", "a/b/3", "b", "b-c/4", "ä", "z/", "z/9"];
    for key in &keys {
        world
            .call("PutObject", &at(key), b"")
            .await
            .expect("an object");
    }
    keys.sort();
    for (asked, expected, folded) in [
        (json!({}), keys.clone(), vec![]),
        (
            json!({ "Prefix": "a/" }),
            vec!["a/1", "a/2", "a/b/3"],
            vec![],
        ),
        (
            json!({ "Delimiter": "/" }),
            vec!["a", "b", "ä"],
            vec!["a/", "b-c/", "z/"],
        ),
        (
            json!({ "Delimiter": "/", "Prefix": "a/" }),
            vec!["a/1", "a/2"],
            vec!["a/b/"],
        ),
        (
            json!({ "Delimiter": "/", "Prefix": "z/" }),
            vec!["z/", "z/9"],
            vec![],
        ),
        (
            json!({ "StartAfter": "b" }),
            vec!["b-c/4", "z/", "z/9", "ä"],
            vec![],
        ),
        (
            json!({ "StartAfter": "a/1", "Delimiter": "/" }),
            vec!["b", "ä"],
            vec!["a/", "b-c/", "z/"],
        ),
        (json!({ "Prefix": "nothing" }), vec![], vec![]),
        (json!({ "MaxKeys": 0 }), vec![], vec![]),
        (
            json!({ "EncodingType": "url", "Prefix": "ä" }),
            vec!["%C3%A4"],
            vec![],
        ),
    ] {
        let (found, prefixes, next) = listed(&world, "ListObjectsV2", asked.clone()).await;
        assert_eq!(
            (found, prefixes),
            (strings(&expected), strings(&folded)),
            "{asked}"
        );
        assert_eq!(next, Value::Null, "{asked}");
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Whatever the size of a page, the pages together are the whole, and nothing comes twice.
#[tokio::test]
async fn pages_add_up_to_the_list() {
    let world = World::new().await;
    world
        .call("CreateBucket", &json!({ "Bucket": "things" }), b"")
        .await
        .expect("a bucket");
    for number in 0..150 {
        let key = format!("{}/{}", number % 7, number);
        let key = if number % 5 == 0 {
            format!("k{number:03}")
        } else {
            key
        };
        world
            .call("PutObject", &at(&key), b"")
            .await
            .expect("an object");
    }
    for delimiter in [None, Some("/"), Some("0")] {
        let mut asked = json!({});
        if let Some(delimiter) = delimiter {
            asked["Delimiter"] = delimiter.into();
        }
        let (keys, prefixes, _) = listed(&world, "ListObjectsV2", asked.clone()).await;
        for (operation, resume) in [
            ("ListObjectsV2", "ContinuationToken"),
            ("ListObjects", "Marker"),
        ] {
            for size in [1, 3, 64, 100] {
                let mut asked = with(asked.clone(), "MaxKeys", size);
                let (mut all, mut folded) = (Vec::new(), Vec::new());
                loop {
                    let (found, prefixes, next) = listed(&world, operation, asked.clone()).await;
                    assert!(found.len() + prefixes.len() <= size, "{asked}");
                    // Version 1 names no marker where there is no delimiter: the last key is it.
                    let last = found
                        .last()
                        .filter(|_| found.len() == size && delimiter.is_none());
                    let next = if operation == "ListObjects" && delimiter.is_none() {
                        last.cloned().map_or(Value::Null, Value::from)
                    } else {
                        next
                    };
                    all.extend(found);
                    folded.extend(prefixes);
                    if next.is_null() {
                        break;
                    }
                    asked[resume] = next;
                }
                assert_eq!((&all, &folded), (&keys, &prefixes), "{operation} {asked}");
            }
        }
    }
}
