//! Intrinsic functions, as tables: what each gives, and in which words it refuses.

#[path = "common/expression.rs"]
mod expression;

use asl::parse;
use expression::template;
use serde_json::json;

#[test]
fn intrinsic_functions() {
    let cases = [
        (
            "States.Format('{} is {}', $.application.name, $.count)",
            json!("Spock is 3"),
        ),
        (
            "States.Format('{}', $.application)",
            json!("{id=7, name=Spock}"),
        ),
        (
            "States.Format('{}/{}', $.list, null)",
            json!("[1, 2, 3, 4, 5]/null"),
        ),
        (
            r"States.Format('\{{}\} \'q\' \\ )', 1)",
            json!(r"{1} 'q' \ )"),
        ),
        ("States.Format('none')", json!("none")),
        (
            "States.StringToJson($['error-info'].Cause)",
            json!({"errorMessage": "no"}),
        ),
        (
            "States.JsonToString($.application)",
            json!(r#"{"id":7,"name":"Spock"}"#),
        ),
        (
            "States.Array(1, 'two', true, null, -3.5, $.count)",
            json!([1, "two", true, null, -3.5, 3]),
        ),
        ("States.Array()", json!([])),
        (
            "States.ArrayPartition($.list, 2)",
            json!([[1, 2], [3, 4], [5]]),
        ),
        ("States.ArrayContains($.list, 3)", json!(true)),
        ("States.ArrayContains($.list, '3')", json!(false)),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(3, 1, -1)", json!([3, 2, 1])),
        ("States.ArrayGetItem($.list, 4)", json!(5)),
        (
            "States.ArrayLength($.users[?(@.name == 'A' || @.name == 'B')])",
            json!(2),
        ),
        (
            "States.ArrayUnique(States.Array(1, 2, 1, '1'))",
            json!([1, 2, "1"]),
        ),
        (
            "States.Base64Encode('Data to encode')",
            json!("RGF0YSB0byBlbmNvZGU="),
        ),
        ("States.Base64Decode('RGF0YQ==')", json!("Data")),
        (
            "States.Hash('abc', 'MD5')",
            json!("900150983cd24fb0d6963f7d28e17f72"),
        ),
        (
            "States.Hash('abc', 'SHA-1')",
            json!("a9993e364706816aba3e25717850c26c9cd0d89d"),
        ),
        (
            "States.JsonMerge($.application, States.StringToJson('{\"id\":8,\"x\":1}'), false)",
            json!({"id": 8, "name": "Spock", "x": 1}),
        ),
        ("States.MathAdd($.count, -1)", json!(2)),
        ("States.MathAdd(1.5, -1.5)", json!(1)),
        ("States.StringSplit($.text, ',;')", json!(["a", "b", "c"])),
        ("States.MathRandom(5, 6)", json!(5)),
        (
            "States.ArrayGetItem(States.StringSplit($.text, ','), States.MathAdd(States.ArrayLength(States.StringSplit($.text, ',')), -1))",
            json!("b;c"),
        ),
    ];
    for (call, expected) in cases {
        assert_eq!(
            template(&json!({"v.$": call})),
            Ok(json!({"v": expected})),
            "{call}"
        );
    }
}

#[test]
fn intrinsic_functions_that_fail() {
    let cases = [
        (
            "States.Format('{} {}', 1)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}",
        ),
        (
            "States.Format('{}', 1, 2)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}",
        ),
        (
            "States.Format('{x', 1)",
            "Invalid arguments in States.Format: matching '}' not found for '{'",
        ),
        (
            "States.ArrayGetItem($.list, 5)",
            "Invalid arguments in States.ArrayGetItem: the index 5 is out of range for 5 items",
        ),
        (
            "States.ArrayGetItem($.list, -1)",
            "Invalid arguments in States.ArrayGetItem: the index -1 is out of range for 5 items",
        ),
        (
            "States.ArrayLength($.text)",
            "Invalid arguments in States.ArrayLength: expected an array but found \"a,b;c\"",
        ),
        (
            "States.ArrayPartition($.list, 0)",
            "Invalid arguments in States.ArrayPartition: the chunk size must be a positive integer",
        ),
        (
            "States.ArrayRange(1, 2, 0)",
            "Invalid arguments in States.ArrayRange: the step must not be zero",
        ),
        (
            "States.ArrayRange(1, 1001, 1)",
            "Invalid arguments in States.ArrayRange: the array would have more than 1000 items",
        ),
        (
            "States.MathAdd(2147483647, 1)",
            "Invalid arguments in States.MathAdd: the sum is not a 32-bit integer",
        ),
        (
            "States.MathRandom(2, 2)",
            "Invalid arguments in States.MathRandom: the start must be less than the end",
        ),
        (
            "States.Hash('a', 'CRC')",
            "Invalid arguments in States.Hash: there is no hash algorithm CRC",
        ),
        (
            "States.JsonMerge($.application, $.application, true)",
            "Invalid arguments in States.JsonMerge: only shallow merging is supported: the third argument must be false",
        ),
        (
            "States.StringToJson('nope')",
            "Invalid arguments in States.StringToJson: the text is not JSON: expected ident at line 1 column 2",
        ),
    ];
    for (call, detail) in cases {
        let cause = format!("The function '{call}' had the following error: {detail}");
        assert_eq!(
            template(&json!({"v.$": call})),
            Err(("States.IntrinsicFailure".to_owned(), cause)),
            "{call}"
        );
    }
}

#[test]
fn calls_that_no_definition_may_hold() {
    let nested = format!("{}1{}", "States.Array(".repeat(11), ")".repeat(11));
    let very_deep = "States.Array(".repeat(50_000);
    let cases = [
        "States.Nope()",
        "States.Format",
        "States.Format(",
        "States.Format()",
        "States.Format('a)",
        "States.UUID(1)",
        r"States.Format('\n')",
        "States.Array(1 2)",
        "States.Array(1,)",
        "States.Array(x)",
        "States.Array($.a[)",
        "States.Array(1) tail",
        "States.MathRandom(1)",
        nested.as_str(),
        very_deep.as_str(),
    ];
    for call in cases {
        let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"v.$": call}, "End": true}}});
        assert!(parse(&definition.to_string()).is_err(), "{call}");
    }
    let ten = format!("{}1{}", "States.Array(".repeat(10), ")".repeat(10));
    assert!(template(&json!({"v.$": ten})).is_ok());
}

#[test]
fn randomness_comes_from_the_entropy_alone() {
    let calls = json!({"id.$": "States.UUID()", "n.$": "States.MathRandom(0, 1000)", "s.$": "States.MathRandom(0, 1000, 7)"});
    let first = template(&calls).expect("a payload");
    assert_eq!(template(&calls), Ok(first.clone()));
    let id = first["id"].as_str().expect("a text");
    assert_eq!((id.len(), &id[14..15]), (36, "4"));
}

#[test]
fn a_template_cannot_take_all_memory() {
    let copies = vec!["$"; 100_000].join(", ");
    let (error, cause) =
        template(&json!({"v.$": format!("States.Array({copies})")})).expect_err("too much");
    assert_eq!(
        (error.as_str(), cause.as_str()),
        (
            "States.Runtime",
            "The payload template makes more than 67108864 bytes"
        )
    );
}
