//! Where Jayway's dialect and RFC 9535 agree, we select what another implementation selects.
//!
//! They disagree, so that what follows is left out here and has its rows in `evaluation.rs`: a slice
//! whose two bounds are not both from the start; an index or a slice between `..` and another step;
//! several names at the end of a path (one object); a filter on an object (the object itself); a
//! number that equals a text; two sides of a comparison that are both missing; `<=` of what has no
//! order; functions. The other implementation does not count from the end within a comparison.

use jsonpath::JsonPath;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Few names, so that random paths often find something; some need brackets.
const NAMES: [&str; 6] = ["a", "b", "c", "d-e", "ä ö", "x.y"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        (-4i32..5).prop_map(|quarters| Value::from(f64::from(quarters) / 4.0 + 0.125)),
        name().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A step of a path and whether more steps may follow it behind `..`.
fn step() -> impl Strategy<Value = (String, bool)> {
    let through = |text: String| (text, true);
    let last = |text: String| (text, false);
    prop_oneof![
        4 => name().prop_map(move |name| through(format!("['{name}']"))),
        1 => prop::sample::select(vec!["a", "b", "c"]).prop_map(move |name| through(format!(".{name}"))),
        1 => Just(through("[*]".to_owned())),
        2 => (-3i64..4).prop_map(move |index| last(format!("[{index}]"))),
        1 => (0i64..4, 0i64..4).prop_map(move |(from, to)| last(format!("[{from}:{to}]"))),
        1 => (-3i64..4).prop_map(move |from| last(format!("[{from}:]"))),
        1 => (-3i64..4).prop_map(move |to| last(format!("[:{to}]"))),
        1 => prop::collection::vec(-3i64..4, 2..4).prop_map(move |indices| {
            let texts: Vec<String> = indices.iter().map(i64::to_string).collect();
            last(format!("[{}]", texts.join(",")))
        }),
    ]
}

/// A path: steps, some behind `..`, some of several names with a step behind them.
fn path() -> impl Strategy<Value = String> {
    let piece = (step(), 0..6u8, name(), name());
    prop::collection::vec(piece, 0..6).prop_map(|pieces| {
        let mut text = String::from("$");
        let count = pieces.len();
        for (place, ((step, may_go_on), kind, left, right)) in pieces.into_iter().enumerate() {
            let is_last = place + 1 == count;
            match kind {
                0 if may_go_on || is_last => {
                    text.push_str("..");
                    text.push_str(step.trim_start_matches('.'));
                }
                1 if left != right => {
                    text.push_str(&format!("['{left}','{right}']{step}"));
                }
                _ => text.push_str(&step),
            }
        }
        text
    })
}

/// A test of a filter that both dialects read alike.
fn test() -> impl Strategy<Value = String> {
    let side = prop_oneof![
        name().prop_map(|name| format!("@['{name}']")),
        (name(), name()).prop_map(|(outer, inner)| format!("@['{outer}']['{inner}']")),
        (name(), 0i64..3).prop_map(|(name, index)| format!("@['{name}'][{index}]")),
        Just("@".to_owned()),
    ];
    let ordered = prop_oneof![
        (-3i64..4).prop_map(|number| number.to_string()),
        name().prop_map(|text| format!("'{text}'")),
        Just("$['number']".to_owned()),
        Just("$['text']".to_owned()),
    ];
    let other = prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned);
    let any_operator = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let equality = prop::sample::select(vec!["==", "!="]);
    prop_oneof![
        3 => (side.clone(), any_operator, ordered).prop_map(|(left, op, right)| format!("{left} {op} {right}")),
        1 => (side.clone(), equality, other).prop_map(|(left, op, right)| format!("{left} {op} {right}")),
        1 => side,
    ]
}

fn filter() -> impl Strategy<Value = String> {
    test().prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} && {right}")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} || {right}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

fn check(text: &str, document: &Value) {
    let ours = JsonPath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let theirs =
        serde_json_path::JsonPath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
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
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn selects_what_another_implementation_selects(document in document(), path in path()) {
        check(&path, &document);
    }

    #[test]
    fn filters_what_another_implementation_filters(
        items in prop::collection::vec(document(), 0..8),
        number in -3i64..4,
        text in name(),
        filter in filter(),
        behind in prop::sample::select(vec!["", "[*]", "['a']", "['b'][0]"]),
    ) {
        let document = json!({ "items": items, "number": number, "text": text });
        check(&format!("$['items'][?({filter})]{behind}"), &document);
    }

    #[test]
    fn never_panics_on_any_text(text in ".{0,40}") {
        let _ = JsonPath::parse(&text);
        let _ = JsonPath::parse(&format!("$.{text}"));
        let _ = JsonPath::parse(&format!("$[?({text})]"));
    }
}
