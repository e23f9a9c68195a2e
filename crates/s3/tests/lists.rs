//! Lists of objects: what is in them, and that pages add up.

mod common;

use common::{World, at, with};
use serde_json::{Value, json};

/// Returns what a list shows: keys, prefixes, and the next token.
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
