//! Reference paths: which texts are some, and what writing to them makes.

use jsonpath::ReferencePath;
use serde_json::{Value, json};

fn check(path: &str, before: Value, expected: Result<Value, &str>) {
    let compiled = ReferencePath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut after = before.clone();
    match (compiled.write(&mut after, json!("new")), expected) {
        (Ok(()), Ok(expected)) => assert_eq!(after, expected, "{path} in {before}"),
        (Err(error), Err(expected)) => {
            assert_eq!(error.to_string(), expected, "{path} in {before}");
            assert_eq!(after, before, "{path}: a refused write changes nothing");
        }
        (found, expected) => panic!("{path} in {before}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn writes() {
    let cases = [
        ("$", json!({"a": 1}), Ok(json!("new"))),
        ("$.a", json!({}), Ok(json!({"a": "new"}))),
        ("$.a", json!({"a": {"b": 1}}), Ok(json!({"a": "new"}))),
        (
            "$.checks.name",
            json!({}),
            Ok(json!({"checks": {"name": "new"}})),
        ),
        (
            "$.checks.address",
            json!({"checks": {"name": 1}}),
            Ok(json!({"checks": {"name": 1, "address": "new"}})),
        ),
        ("$.a[1]", json!({"a": [1, 2]}), Ok(json!({"a": [1, "new"]}))),
        (
            "$.a[-1].b",
            json!({"a": [1, {}]}),
            Ok(json!({"a": [1, {"b": "new"}]})),
        ),
        (
            "$['error-info']",
            json!({}),
            Ok(json!({"error-info": "new"})),
        ),
        ("$.a", json!([]), Err("Unable to apply step \"a\"")),
        ("$.a", json!("text"), Err("Unable to apply step \"a\"")),
        ("$.a.b", json!({"a": 1}), Err("Unable to apply step \"b\"")),
        (
            "$.a[2]",
            json!({"a": [1, 2]}),
            Err("Unable to apply step \"[2]\""),
        ),
        ("$.a[0]", json!({}), Err("Unable to apply step \"[0]\"")),
        (
            "$.x.y[0]",
            json!({"x": {}}),
            Err("Unable to apply step \"[0]\""),
        ),
    ];
    for (path, before, expected) in cases {
        check(path, before, expected);
    }
}

#[test]
fn names_one_place_only() {
    for path in [
        "$.a[*]",
        "$..a",
        "$.a[0,1]",
        "$.a[0:1]",
        "$['a','b']",
        "$.a[?(@.b)]",
        "$.a.length()",
        "a",
        "",
    ] {
        assert!(ReferencePath::parse(path).is_err(), "{path}");
    }
}
