//! Where Jayway's dialect and RFC 9535 agree, we select what another implementation selects.

use jsonpath::JsonPath;
use proptest::prelude::*;
use serde_json::Value;

/// Few names, so that random paths often find something.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d-e"]).prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        name().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Filters only directly behind a property that holds an array: on objects the dialects differ.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => name().prop_map(|name| format!("['{name}']")),
        2 => (-3i64..4).prop_map(|index| format!("[{index}]")),
        1 => Just("[*]".to_owned()),
        1 => Just("..*".to_owned()),
        1 => name().prop_map(|name| format!("..['{name}']")),
        1 => (-3i64..4, -3i64..4).prop_map(|(from, to)| format!("[{from}:{to}]")),
        1 => (-3i64..4).prop_map(|from| format!("[{from}:]")),
        1 => (-3i64..4, -3i64..4).prop_map(|(left, right)| format!("[{left},{right}]")),
    ]
}

fn check(text: &str, document: &Value) {
    let ours = JsonPath::parse(text).expect("a path of both dialects");
    let theirs = serde_json_path::JsonPath::parse(text).expect("a path of both dialects");
    let expected: Vec<&Value> = theirs.query(document).all();
    match ours.evaluate(document) {
        Ok(found) if ours.is_definite() => {
            assert_eq!(vec![&*found], expected, "{text} in {document}")
        }
        Ok(found) => {
            let found: Vec<&Value> = found
                .as_array()
                .expect("an indefinite path gives a list")
                .iter()
                .collect();
            // RFC 9535 leaves the order below `..` open in part; the nodes are the same.
            let (mut found, mut expected) = (texts(&found), texts(&expected));
            if text.contains("..") {
                found.sort();
                expected.sort();
            }
            assert_eq!(found, expected, "{text} in {document}");
        }
        Err(error) => assert!(expected.is_empty(), "{text} in {document}: {error}"),
    }
}

fn texts(values: &[&Value]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

proptest! {
    #[test]
    fn selects_what_another_implementation_selects(
        document in document(),
        segments in prop::collection::vec(segment(), 0..5),
    ) {
        check(&format!("${}", segments.concat()), &document);
    }

    #[test]
    fn filters_what_another_implementation_filters(
        items in prop::collection::vec(document(), 0..6),
        name in name(),
        operator in prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]),
        number in -3i64..4,
    ) {
        let items: Vec<Value> = items.into_iter().filter(|item| !item.is_array()).collect();
        check(&format!("$[?(@['{name}'] {operator} {number})]"), &Value::from(items));
    }

    #[test]
    fn never_panics_on_any_text(text in ".{0,40}") {
        let _ = JsonPath::parse(&text);
        let _ = JsonPath::parse(&format!("$.{text}"));
        let _ = JsonPath::parse(&format!("$[?({text})]"));
    }
}
