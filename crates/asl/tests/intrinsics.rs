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
        // Compared as printed, which AWS was measured to do.
        ("States.ArrayContains($.list, '3')", json!(true)),
        (
            "States.ArrayContains(States.Array('true', 2), true)",
            json!(true),
        ),
        (
            "States.ArrayContains(States.Array(0, 1, -1), false)",
            json!(false),
        ),
        (
            "States.ArrayContains(States.Array($.application), States.StringToJson('{\"name\":\"Spock\",\"id\":7}'))",
            json!(false),
        ),
        (
            "States.ArrayPartition($.list, 2.6)",
            json!([[1, 2], [3, 4], [5]]),
        ),
        ("States.ArrayPartition(States.Array(), 2)", json!([])),
        ("States.ArrayRange(1.4, 5.6, 2.2)", json!([1, 3, 5])),
        ("States.ArrayRange(5.4, -0.6, -2.4)", json!([5, 3, 1])),
        ("States.ArrayRange(5, 1, 1)", json!([])),
        ("States.ArrayRange(3, 3, -1)", json!([3])),
        ("States.ArrayGetItem($.list, 1.9)", json!(2)),
        ("States.ArrayGetItem(States.Array(), 999)", json!(null)),
        (
            "States.ArrayUnique(States.Array(true, false, true))",
            json!([false, true]),
        ),
        (
            "States.ArrayUnique(States.Array(null, null, 1))",
            json!([null, 1]),
        ),
        ("States.Base64Decode('ab==cd')", json!("i")),
        (
            "States.Base64Decode('!!!invalid!!!')",
            json!("\u{fffd}{\u{696}'"),
        ),
        ("States.Base64Decode(' YWJj ZA== ')", json!("abcd")),
        ("States.Base64Decode('YWJ')", json!("ab")),
        ("States.Base64Decode('')", json!("")),
        (
            "States.Hash(123, 'MD5')",
            json!("202cb962ac59075b964b07152d234b70"),
        ),
        ("States.StringToJson('')", json!(null)),
        ("States.StringToJson(' {\"a\":1} ')", json!({"a": 1})),
        ("States.StringToJson('-0')", json!(0)),
        ("States.JsonToString(10000000000.0)", json!("1.0E10")),
        ("States.Format('{}', 10000000000.0)", json!("1.0E10")),
        ("States.Format(5)", json!("5")),
        (
            "States.JsonMerge($.application, States.StringToJson('{}'), 'true')",
            json!({"id": 7, "name": "Spock"}),
        ),
        ("States.MathRandom(1, 100, 42)", json!(63)),
        ("States.StringSplit('', ',')", json!([])),
        ("States.StringSplit('abc', '')", json!(["abc"])),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(3, 1, -1)", json!([3, 2, 1])),
        ("States.ArrayGetItem($.list, 4)", json!(5)),
        (
            "States.ArrayLength($.users[?(@.name == 'A' || @.name == 'B')])",
            json!(2),
        ),
        (
            "States.ArrayUnique(States.Array(1, 2, 1, '1'))",
            json!([1, "1", 2]),
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
    const COUNT: &str = "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.";
    let long = format!("'{}'", "a".repeat(10_001));
    let (encode, decode, hash) = (
        format!("States.Base64Encode({long})"),
        format!("States.Base64Decode({long})"),
        format!("States.Hash({long}, 'MD5')"),
    );
    // Every function: too few, too many, the wrong type, out of range.
    let refused = [
        "States.Array($.list[0], States.MathAdd(1))",
        "States.ArrayContains($.list)",
        "States.ArrayContains($.list, 1, 2)",
        "States.ArrayContains('a', 'a')",
        "States.ArrayGetItem($.list)",
        "States.ArrayGetItem($.list, '1')",
        "States.ArrayGetItem($.list, -1)",
        "States.ArrayGetItem($.list, 5)",
        "States.ArrayGetItem($.text, 0)",
        "States.ArrayLength()",
        "States.ArrayLength($.text)",
        "States.ArrayPartition($.list)",
        "States.ArrayPartition($.list, 0)",
        "States.ArrayPartition($.list, 0.6)",
        "States.ArrayPartition($.list, -1)",
        "States.ArrayPartition($.list, null)",
        "States.ArrayPartition($.list, 2, 3)",
        "States.ArrayRange(1, 2)",
        "States.ArrayRange('a', 5, 1)",
        "States.ArrayRange(1, 10, 0.49)",
        "States.ArrayRange(1, 1001, 1)",
        "States.ArrayRange(1001, 1, -1)",
        "States.ArrayUnique()",
        "States.ArrayUnique($.application)",
        "States.Base64Decode(123)",
        "States.Base64Decode('YQ==', 'x')",
        "States.Base64Encode($.list)",
        "States.Base64Encode()",
        &encode,
        &decode,
        &hash,
        "States.Format()",
        "States.Hash()",
        "States.Hash('a')",
        "States.Hash('a', 1)",
        "States.Hash('a', 'sha-256')",
        "States.Hash('a', 'MD5', 'x')",
        "States.JsonMerge($.application, $.application)",
        "States.JsonMerge($.list, $.application, false)",
        "States.JsonMerge($.application, null, false)",
        "States.JsonMerge($.application, $.application, true)",
        "States.JsonToString()",
        "States.JsonToString(1, 2)",
        "States.MathAdd(1)",
        "States.MathAdd(1, 2, 3)",
        "States.MathAdd('1', 2)",
        "States.MathAdd(true, 2)",
        "States.MathAdd(3000000000, 1)",
        "States.MathAdd(2147483647, 1)",
        "States.MathAdd(-2147483648, -1)",
        "States.MathRandom(1)",
        "States.MathRandom(2, 2)",
        "States.MathRandom(1.4, 1.6)",
        "States.MathRandom(-2147483648, 2147483647)",
        "States.MathRandom(1, 10, null)",
        "States.MathRandom(1, 10, 'seed')",
        "States.StringSplit($.text)",
        "States.StringSplit($.text, 1)",
        "States.StringSplit(null, ',')",
        "States.StringToJson()",
        "States.StringToJson($.list)",
        "States.UUID(1)",
    ];
    for call in refused {
        // The innermost function is the one that refuses.
        let name = if call.contains("MathAdd(1)") {
            "States.MathAdd"
        } else {
            call.split('(').next().unwrap_or_default()
        };
        fails(call, &format!("Invalid arguments in {name}"));
    }
    let others = [
        ("States.Format('{} {}', 1)", COUNT),
        ("States.Format('{}', 1, 2)", COUNT),
        ("States.Format($.count, 1)", COUNT),
        (
            "States.Format('Hello {', $.count)",
            "Invalid template in States.Format: matching '}' not found for '{'.",
        ),
        (
            "States.Format('Hello {{}}', $.count)",
            "Invalid template in States.Format: matching '}' not found for '{'.",
        ),
        (
            "States.Format('}')",
            "Invalid template in States.Format: matching '{' not found for '}'.",
        ),
        (
            "States.StringToJson('{bad json}')",
            "Cannot convert String to Json in States.StringToJson, caused by: Unexpected character \
             ('b' (code 98)): was expecting double-quote to start field name\n at [Source: REDACTED \
             (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
        ),
        (
            "States.StringToJson('undefined')",
            "Cannot convert String to Json in States.StringToJson, caused by: Unrecognized token \
             'undefined': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or \
             'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` \
             disabled); line: 1, column: 10]",
        ),
        (
            r#"States.StringToJson('\{"a":1')"#,
            "Cannot convert String to Json in States.StringToJson, caused by: Unexpected \
             end-of-input: expected close marker for Object (start marker at [Source: REDACTED \
             (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1])\n at \
             [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, \
             column: 7]",
        ),
    ];
    for (call, detail) in others {
        fails(call, detail);
    }
}

/// The texts were measured on AWS, and so was `States.Runtime` (docs/adr/0022).
fn fails(call: &str, detail: &str) {
    let cause =
        format!("There was an error while evaluating the intrinsic function: {call}. {detail}");
    assert_eq!(
        template(&json!({"v.$": call})),
        Err(("States.Runtime".to_owned(), cause)),
        "{call}"
    );
}

#[test]
fn calls_that_no_definition_may_hold() {
    let nested = format!("{}1{}", "States.Array(".repeat(11), ")".repeat(11));
    let very_deep = "States.Array(".repeat(50_000);
    let cases = [
        "States.Nope()",
        "States.Format",
        "States.Format(",
        "States.Format('a)",
        r"States.Format('\n')",
        "States.Array(1 2)",
        "States.Array(1,)",
        "States.Array(x)",
        "States.Array($.a[)",
        "States.Array(1) tail",
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
