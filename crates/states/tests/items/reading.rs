//! Data sets of every kind, read out of a bucket.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use states::items::{ItemReader, ItemSource, ItemsFailed};

use super::{Buckets, block_on, principal};

const GET: &str = "arn:aws:states:::s3:getObject";
const LIST: &str = "arn:aws:states:::s3:listObjectsV2";

/// A name, the parameters, the configuration, and the items or the cause.
type Case<'a> = (&'a str, Value, Value, Result<&'a [&'a str], &'a str>);

/// Reads a whole data set in pages of `page` items: `value @ source`, with `key=` where there is one.
fn read(
    buckets: &Arc<Buckets>,
    (resource, parameters, config): (&str, Value, Value),
    page: usize,
) -> Result<Vec<String>, ItemsFailed> {
    block_on(async {
        let mut source = open(buckets, resource, &parameters, &config).await?;
        rest(&mut source, page).await
    })
}

async fn open(
    buckets: &Arc<Buckets>,
    resource: &str,
    parameters: &Value,
    config: &Value,
) -> Result<ItemSource, ItemsFailed> {
    let reader = ItemReader::from_evaluated(resource, parameters, config)?;
    ItemSource::open(buckets.clone(), principal(), reader).await
}

async fn rest(source: &mut ItemSource, page: usize) -> Result<Vec<String>, ItemsFailed> {
    let mut items = Vec::new();
    loop {
        let read = source.next_page(page, usize::MAX).await?;
        assert!(read.items.len() <= page);
        assert!(
            read.is_last || !read.items.is_empty(),
            "a page without items is the last"
        );
        for item in read.items {
            let key = item.key.map(|key| format!("{key}=")).unwrap_or_default();
            items.push(format!("{key}{} @ {}", item.value.text(), item.source));
        }
        if read.is_last {
            return Ok(items);
        }
    }
}

/// Reads in pages of several sizes; all must agree with `expected`.
fn check(
    name: &str,
    buckets: &Arc<Buckets>,
    reader: (&str, Value, Value),
    expected: Result<&[&str], &str>,
) {
    for page in [1, 2, 1000] {
        let items = read(buckets, reader.clone(), page);
        let items = items.map_err(|failed| {
            assert_eq!(failed.error, "States.ItemReaderFailed");
            failed.cause
        });
        match (&items, expected) {
            // The identifier of the request differs.
            (Err(cause), Err(expected)) if expected.contains('…') => {
                let (front, back) = expected.split_once('…').expect("a gap");
                assert!(
                    cause.starts_with(front) && cause.ends_with(back),
                    "{name}: {cause}"
                );
            }
            _ => {
                let owned = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
                let expected: Result<Vec<String>, String> =
                    expected.map(owned).map_err(str::to_owned);
                assert_eq!(items, expected, "{name}, in pages of {page}");
            }
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn objects_of_every_type() {
    let buckets = Arc::new(Buckets::default());
    buckets.put("a.csv", "x,y\n1,2\n3\n");
    buckets.put("a.csv.gz", gzip("x,y\n1,2\n"));
    buckets.put(
        "a.jsonl.zst",
        zstd::encode_all(&b"{\"a\": 1}\n2\n"[..], 0).expect("memory"),
    );
    buckets.put_encoded("plain", gzip("[7]"), Some("gzip"));
    buckets.put("a.json", r#"{"k": {"v" : 1}, "items": [1, 2]}"#);
    buckets.put("empty.csv", "");
    buckets.put("empty.json", "");
    buckets.put("twice.csv", "x,x\n1,2\n");
    buckets.put("broken.gz", "x,y\n");
    let at = |key: &str| json!({ "Bucket": "bucket", "Key": key });
    let csv = || json!({ "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW" });
    let json_at = |pointer: &str| json!({ "InputType": "JSON", "ItemsPointer": pointer });
    let cases: Vec<Case<'_>> = vec![
        (
            "CSV",
            at("a.csv"),
            csv(),
            Ok(&[
                r#"{"x":"1","y":"2"} @ S3://bucket/a.csv"#,
                r#"{"x":"3","y":""} @ S3://bucket/a.csv"#,
            ]),
        ),
        (
            "compressed by name",
            at("a.csv.gz"),
            csv(),
            Ok(&[r#"{"x":"1","y":"2"} @ S3://bucket/a.csv.gz"#]),
        ),
        (
            "compressed by encoding",
            at("plain"),
            json!({ "InputType": "JSON" }),
            Ok(&["7 @ S3://bucket/plain"]),
        ),
        (
            "JSON Lines",
            at("a.jsonl.zst"),
            json!({ "InputType": "JSONL" }),
            Ok(&[
                r#"{"a":1} @ S3://bucket/a.jsonl.zst"#,
                "2 @ S3://bucket/a.jsonl.zst",
            ]),
        ),
        (
            "an object",
            at("a.json"),
            json!({ "InputType": "JSON" }),
            Ok(&[
                r#"k={"v":1} @ S3://bucket/a.json"#,
                "items=[1,2] @ S3://bucket/a.json",
            ]),
        ),
        (
            "a pointer",
            at("a.json"),
            json_at("/items"),
            Ok(&["1 @ S3://bucket/a.json", "2 @ S3://bucket/a.json"]),
        ),
        (
            "a pointer to no list",
            at("a.json"),
            json_at("/k/v"),
            Err("Attempting to map over non-iterable node."),
        ),
        ("an object without a byte", at("empty.csv"), csv(), Ok(&[])),
        (
            "a text without a value",
            at("empty.json"),
            json!({ "InputType": "JSON" }),
            Err("Attempting to map over non-iterable node."),
        ),
        (
            "repeated names",
            at("twice.csv"),
            csv(),
            Err("CSV headers cannot contain duplicates."),
        ),
        (
            "repeated given names",
            at("empty.csv"),
            json!({ "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "a"] }),
            Err("CSV headers cannot contain duplicates."),
        ),
        (
            "no compressed bytes",
            at("broken.gz"),
            csv(),
            Err("The object is not valid gzip data."),
        ),
        (
            "a key that is not there",
            at("none"),
            csv(),
            Err(
                "The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: …; Proxy: null)",
            ),
        ),
        (
            "a bucket that is not there",
            json!({ "Bucket": "none", "Key": "a" }),
            csv(),
            Err(
                "The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket; Request ID: …; Proxy: null)",
            ),
        ),
        (
            "no key",
            json!({ "Bucket": "bucket" }),
            csv(),
            Err("The parameter 'Key' of the ItemReader must be a string."),
        ),
        (
            "no such type",
            at("a.csv"),
            json!({ "InputType": "XML" }),
            Err("The value 'XML' is not one of the values of the field InputType."),
        ),
    ];
    for (name, parameters, config, expected) in cases {
        check(name, &buckets, (GET, parameters, config), expected);
    }
}

#[test]
fn most_items_as_recorded() {
    let buckets = Arc::new(Buckets::default());
    buckets.put("a.json", "[1,2,3]");
    let all = [
        "1 @ S3://bucket/a.json",
        "2 @ S3://bucket/a.json",
        "3 @ S3://bucket/a.json",
    ];
    let cases = [
        (json!(0), Ok(&all[..])),
        (json!(null), Ok(&all[..])),
        (json!(2), Ok(&all[..2])),
        (json!(2.0), Ok(&all[..2])),
        (json!(3), Ok(&all[..])),
        (json!(100_000_000), Ok(&all[..])),
        (json!(100_000_001), Ok(&all[..])),
        (json!(-1), Err("field MaxItems must be positive")),
        (json!(1.5), Err("field MaxItems must be a whole number")),
    ];
    for (most, expected) in cases {
        let config = json!({ "InputType": "JSON", "MaxItems": most });
        let parameters = json!({ "Bucket": "bucket", "Key": "a.json" });
        check(
            &most.to_string(),
            &buckets,
            (GET, parameters, config),
            expected,
        );
    }
}

#[test]
fn listings_and_what_is_in_them() {
    let buckets = Arc::new(Buckets::default());
    for (key, body) in [
        ("in/", ""),
        ("in/1", "[1]"),
        ("in/2", "[2,3]"),
        ("in/3", "[]"),
        ("in/4", "[4]"),
        ("out", "[5]"),
    ] {
        buckets.put(key, body);
    }
    let under = |prefix: &str| json!({ "Bucket": "bucket", "Prefix": prefix });
    // Folders count, pages are followed, the source is the bucket.
    let items = read(&buckets, (LIST, under("in/"), json!({})), 2).expect("a listing");
    assert_eq!(items.len(), 5);
    let etag = items[1].split(r#"\""#).nth(1).expect("an ETag").to_owned();
    assert_eq!(
        items[1],
        format!(
            r#"{{"Etag":"\"{etag}\"","Key":"in/1","LastModified":1.668699881E9,"Size":3,"StorageClass":"STANDARD"}} @ S3://bucket"#
        )
    );
    let flatten = json!({ "InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN" });
    check(
        "the contents",
        &buckets,
        (LIST, under("in/"), flatten.clone()),
        Ok(&[
            "1 @ S3://bucket/in/1",
            "2 @ S3://bucket/in/2",
            "3 @ S3://bucket/in/2",
            "4 @ S3://bucket/in/4",
        ]),
    );
    check(
        "nothing",
        &buckets,
        (LIST, under("none"), flatten.clone()),
        Ok(&[]),
    );
    buckets.put("in/3", "3");
    check(
        "one that is no list",
        &buckets,
        (LIST, under("in/"), flatten),
        Err("Attempting to map over non-iterable node. The object is S3://bucket/in/3."),
    );
    let no_type = json!({ "Transformation": "LOAD_AND_FLATTEN" });
    check(
        "contents of no type",
        &buckets,
        (LIST, under("in/"), no_type),
        Err("The ReaderConfig must have the field InputType."),
    );
}

#[test]
fn manifests() {
    let buckets = Arc::new(Buckets::default());
    buckets.put(
        "d/1.csv.gz",
        gzip("\"source\",\"csv/\",\"0\",\"2022\"\n\"source\",\"csv/a\",\"9\",\"2022\"\n"),
    );
    buckets.put("d/2.csv.gz", gzip("\"source\",\"b\",\"1\",\"2023\"\n"));
    let inventory = |format: &str, files: Value| {
        json!({ "sourceBucket": "source", "destinationBucket": "arn:aws:s3:::bucket", "version": "2016-11-30",
            "fileFormat": format, "fileSchema": "Bucket, Key, Size, LastModifiedDate", "files": files })
        .to_string()
    };
    let files = json!([{ "key": "d/1.csv.gz", "size": 1 }, { "key": "d/2.csv.gz" }]);
    buckets.put("manifest.json", inventory("CSV", files));
    buckets.put("orc.json", inventory("ORC", json!([])));
    buckets.put("m.csv", "\"s3://bucket/u/1\"\ns3://bucket/u/2\n\n");
    buckets.put("bad.csv", "ftp://bucket/u/1\n");
    buckets.put("u/1", "{\"a\":1}\n");
    buckets.put("u/2", "2\n3\n");
    let at = |key: &str| json!({ "Bucket": "bucket", "Key": key });
    let rows: &[&str] = &[
        r#"{"LastModifiedDate":"2022","Bucket":"source","Size":"0","Key":"csv/"} @ S3://bucket/d/1.csv.gz"#,
        r#"{"LastModifiedDate":"2022","Bucket":"source","Size":"9","Key":"csv/a"} @ S3://bucket/d/1.csv.gz"#,
        r#"{"LastModifiedDate":"2023","Bucket":"source","Size":"1","Key":"b"} @ S3://bucket/d/2.csv.gz"#,
    ];
    let athena = json!({ "ManifestType": "ATHENA_DATA", "InputType": "JSONL" });
    let cases: Vec<Case<'_>> = vec![
        (
            "an inventory",
            at("manifest.json"),
            json!({ "ManifestType": "S3_INVENTORY" }),
            Ok(rows),
        ),
        (
            "an inventory by its old name",
            at("manifest.json"),
            json!({ "InputType": "MANIFEST" }),
            Ok(rows),
        ),
        (
            "an inventory of another format",
            at("orc.json"),
            json!({ "InputType": "MANIFEST" }),
            Err("An inventory in the format 'ORC' cannot be read: it must be CSV or Parquet."),
        ),
        (
            "no inventory",
            at("u/2"),
            json!({ "InputType": "MANIFEST" }),
            Err(
                "The JSON of the inventory's manifest is not valid: trailing characters at line 2 column 1",
            ),
        ),
        (
            "what Athena unloaded",
            at("m.csv"),
            athena.clone(),
            Ok(&[
                r#"{"a":1} @ S3://bucket/u/1"#,
                "2 @ S3://bucket/u/2",
                "3 @ S3://bucket/u/2",
            ]),
        ),
        (
            "no address",
            at("bad.csv"),
            athena,
            Err(
                "The manifest names 'ftp://bucket/u/1', which is not the address of an object in S3.",
            ),
        ),
    ];
    for (name, parameters, config, expected) in cases {
        check(name, &buckets, (GET, parameters, config), expected);
    }
}

#[test]
fn goes_on_where_it_was_and_never_mixes_two_versions() {
    let buckets = Arc::new(Buckets::default());
    buckets.put("a.json", "[1,2,3]");
    let row = "0123456789abcdef,x\n";
    let long = row.repeat(9 * 1024 * 1024 / row.len());
    buckets.put("long.csv", long.clone());
    let at = |key: &str| json!({ "Bucket": "bucket", "Key": key });
    let config = json!({ "InputType": "JSON" });
    block_on(async {
        let mut source = open(&buckets, GET, &at("a.json"), &config)
            .await
            .expect("a data set");
        let etag = source.etag().expect("an ETag").to_owned();
        source.skip(1).await.expect("an item");
        let page = source.next_page(1, usize::MAX).await.expect("a page");
        assert_eq!((page.items[0].index, page.items[0].value.text()), (1, "2"));
        assert_eq!(rest(&mut source, 9).await.expect("the rest").len(), 1);
        let mut again = open(&buckets, GET, &at("a.json"), &config)
            .await
            .expect("a data set");
        assert_eq!(again.etag(), Some(&*etag));
        let failed = again.skip(4).await.expect_err("there are three");
        assert_eq!(
            failed.cause,
            "The data set has 3 items where 4 were read before: it was changed."
        );
    });
    // An object that changes between two ranges.
    buckets.change_after_read("long.csv", long.replace('x', "y"));
    let csv = json!({ "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"] });
    let failed = read(&buckets, (GET, at("long.csv"), csv), 1000).expect_err("it has changed");
    assert_eq!(
        failed.cause,
        "The object 'long.csv' was changed while it was read."
    );
}

#[test]
fn pages_have_a_size() {
    let buckets = Arc::new(Buckets::default());
    buckets.put("a.json", r#"["aaaa","bbbb","cccc"]"#);
    let config = json!({ "InputType": "JSON" });
    block_on(async {
        let at = json!({ "Bucket": "bucket", "Key": "a.json" });
        let mut source = open(&buckets, GET, &at, &config).await.expect("a data set");
        let mut sizes = Vec::new();
        loop {
            let page = source.next_page(100, 7).await.expect("a page");
            sizes.push(page.items.len());
            if page.is_last {
                break;
            }
        }
        assert_eq!(sizes, [2, 1]);
    });
}
