//! Expressions against one input, as tables: templates, functions, choice rules, paths, waits.

use std::cell::RefCell;

use asl::query::{Failure, Scope, WaitTime};
use asl::{Flow, JsonPathFlow, State, StateKind, StateMachine, parse};
use serde_json::{Value, json};
use vocab::{Entropy, Timestamp};

fn input() -> Value {
    json!({
        "application": {"id": 7, "name": "Spock"},
        "checks": [{"flagged": true}, {"flagged": false}],
        "error-info": {"Cause": "{\"errorMessage\":\"no\"}"},
        "list": [1, 2, 3, 4, 5],
        "text": "a,b;c",
        "price": 1.50,
        "count": 3,
        "nothing": null,
        "when": "2020-01-01T00:00:00Z",
        "users": [{"name": "A", "status": 0}, {"name": "B", "status": 1}]
    })
}

fn context() -> Value {
    json!({"Task": {"Token": "T0"}, "Execution": {"Name": "run"}, "State": {"RetryCount": 0}})
}

/// Evaluates with the input of these tests as `$` and their context as `$$`.
fn with_scope<T>(evaluate: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (input, entropy) = (input(), RefCell::new(Entropy::from_seed(42)));
    evaluate(&Scope {
        input: &input,
        context: &context,
        entropy: &entropy,
    })
}

fn machine(states: &str) -> StateMachine {
    let definition = format!(r#"{{"StartAt":"A","States":{{{states}}}}}"#);
    parse(&definition).unwrap_or_else(|findings| panic!("{definition}: {}", asl::joined(&findings)))
}

fn state(machine: &StateMachine) -> &State {
    machine.find("A").expect("the state A")
}

fn flow(state: &State) -> &JsonPathFlow {
    match &state.kind {
        StateKind::Pass(pass) => match &pass.flow {
            Flow::JsonPath(flow) => flow,
        },
        other => panic!("a {} state", other.name()),
    }
}

fn pass(fields: &str) -> StateMachine {
    machine(&format!(r#""A":{{"Type":"Pass",{fields},"End":true}}"#))
}

fn as_pair(result: Result<Value, Failure>) -> Result<Value, (String, String)> {
    result.map_err(|failure| (failure.error.into_owned(), failure.cause))
}

/// Evaluates `Parameters`.
fn template(parameters: &Value) -> Result<Value, (String, String)> {
    let machine = pass(&format!(r#""Parameters":{parameters}"#));
    let template = flow(state(&machine))
        .parameters
        .as_ref()
        .expect("Parameters");
    as_pair(with_scope(|scope| template.evaluate(scope)))
}

#[test]
fn templates() {
    let cases = [
        (
            json!({"a": 1, "b": [true, null, "$.x"]}),
            json!({"a": 1, "b": [true, null, "$.x"]}),
        ),
        (
            json!({"id.$": "$.application.id", "z": 1, "token.$": "$$.Task.Token"}),
            json!({"id": 7, "z": 1, "token": "T0"}),
        ),
        (
            json!({"errorInfo.$": "$.error-info"}),
            json!({"errorInfo": {"Cause": "{\"errorMessage\":\"no\"}"}}),
        ),
        (
            json!({"deep": {"list": [{"x.$": "$.count"}, 2]}}),
            json!({"deep": {"list": [{"x": 3}, 2]}}),
        ),
        (
            json!({"all.$": "$.users[*].name", "some.$": "$.users[?(@.status == 0)]"}),
            json!({"all": ["A", "B"], "some": [{"name": "A", "status": 0}]}),
        ),
        (json!({"past.$": "$.list[9]"}), json!({"past": null})),
        (json!({"none.$": "$.users[*].no"}), json!({"none": []})),
        (json!({"n.$": "$.list.length()"}), json!({"n": 5})),
        (
            json!({"c.$": "$$.State.RetryCount", "p.$": "$.price"}),
            json!({"c": 0, "p": 1.5}),
        ),
    ];
    for (parameters, expected) in cases {
        assert_eq!(template(&parameters), Ok(expected), "{parameters}");
    }
}

#[test]
fn templates_keep_the_order_and_the_form_of_numbers() {
    let machine = pass(r#""Parameters":{"z":1.0,"a.$":"$.count","m":10,"b":1e2}"#);
    let template = flow(state(&machine))
        .parameters
        .as_ref()
        .expect("Parameters");
    let payload = with_scope(|scope| template.evaluate(scope)).expect("a payload");
    assert_eq!(payload.to_string(), r#"{"z":1.0,"a":3,"m":10,"b":100.0}"#);
}

#[test]
fn templates_that_find_nothing() {
    let context = context();
    let cases = [
        (
            json!({"a": {"address.$": "$.application.address"}}),
            format!(
                "The JSONPath '$.application.address' specified for the field 'address.$' could not be found in the input '{}'",
                input()
            ),
        ),
        (
            json!({"a.$": "$$.Nope"}),
            format!(
                "The JSONPath '$$.Nope' specified for the field 'a.$' could not be found in the input '{context}'"
            ),
        ),
        (
            json!({"a.$": "States.Format('{}', States.Format('{}',$.nope))"}),
            format!(
                "The function 'States.Format('{{}}', States.Format('{{}}',$.nope))' had the following error: The JsonPath argument for the field '$.nope' could not be found in the input '{}'",
                input()
            ),
        ),
        (
            json!({"a.$": "States.Format('{}', $.list[9])"}),
            format!(
                "The function 'States.Format('{{}}', $.list[9])' had the following error: The JsonPath argument for the field '$.list[9]' could not be found in the input '{}'",
                input()
            ),
        ),
        (
            json!({"a.$": "States.Format('{}', $$.Nope.Deep)"}),
            format!(
                "The function 'States.Format('{{}}', $$.Nope.Deep)' had the following error: The JsonPath argument for the field '$.Nope.Deep' could not be found in the input '{}'",
                input()
            ),
        ),
    ];
    for (parameters, cause) in cases {
        assert_eq!(
            template(&parameters),
            Err(("States.Runtime".to_owned(), cause)),
            "{parameters}"
        );
    }
}

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

/// `Ok` says whether the rule holds.
fn rule(rule: &Value) -> Result<bool, (String, String)> {
    let mut rule = rule.clone();
    rule["Next"] = json!("B");
    let machine = machine(&format!(
        r#""A":{{"Type":"Choice","Choices":[{rule}],"Default":"B"}},"B":{{"Type":"Succeed"}}"#
    ));
    let StateKind::Choice(choice) = &state(&machine).kind else {
        panic!("a Choice state")
    };
    with_scope(|scope| choice.choices[0].0.matches(scope))
        .map_err(|f| (f.error.into_owned(), f.cause))
}

#[test]
fn choice_rules() {
    let cases = [
        (
            json!({"Variable": "$.checks[0].flagged", "BooleanEquals": true}),
            true,
        ),
        (
            json!({"Variable": "$.checks[1].flagged", "BooleanEquals": true}),
            false,
        ),
        (
            json!({"Variable": "$.checks[1].flagged", "BooleanEqualsPath": "$.checks[1].flagged"}),
            true,
        ),
        (json!({"Variable": "$.count", "BooleanEquals": true}), false),
        (json!({"Variable": "$.count", "NumericEquals": 3.0}), true),
        (
            json!({"Variable": "$.count", "NumericGreaterThanEquals": 3}),
            true,
        ),
        (
            json!({"Variable": "$.price", "NumericLessThanPath": "$.count"}),
            true,
        ),
        (json!({"Variable": "$.count", "StringEquals": "3"}), false),
        (json!({"Variable": "$.text", "NumericEquals": 3}), false),
        (
            json!({"Variable": "$.text", "StringLessThanPath": "$.count"}),
            false,
        ),
        (
            json!({"Variable": "$.application.name", "StringGreaterThan": "Kirk"}),
            true,
        ),
        (
            json!({"Variable": "$.when", "TimestampEquals": "2020-01-01T01:00:00+01:00"}),
            true,
        ),
        (
            json!({"Variable": "$.when", "TimestampLessThanPath": "$.when"}),
            false,
        ),
        (json!({"Variable": "$.when", "IsTimestamp": true}), true),
        (json!({"Variable": "$.text", "IsTimestamp": true}), false),
        (json!({"Variable": "$.nothing", "IsNull": true}), true),
        (json!({"Variable": "$.nothing", "IsPresent": true}), true),
        (json!({"Variable": "$.nope.deep", "IsPresent": false}), true),
        (json!({"Variable": "$.list[9]", "IsPresent": false}), true),
        (json!({"Variable": "$.count", "IsNumeric": true}), true),
        (json!({"Variable": "$.count", "IsString": false}), true),
        (
            json!({"Variable": "$$.Execution.Name", "StringEquals": "run"}),
            true,
        ),
        (
            json!({"And": [{"Variable": "$.nope", "IsPresent": true}, {"Variable": "$.nope", "IsNull": true}]}),
            false,
        ),
        (
            json!({"Or": [{"Variable": "$.count", "NumericEquals": 3}, {"Variable": "$.nope", "IsNull": true}]}),
            true,
        ),
        (
            json!({"Not": {"Variable": "$.count", "NumericEquals": 4}}),
            true,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(rule(&text), Ok(expected), "{text}");
    }
    for (text, path) in [
        (json!({"Variable": "$.nope", "IsNull": true}), "$.nope"),
        (
            json!({"Variable": "$.count", "NumericEqualsPath": "$.nope"}),
            "$.nope",
        ),
    ] {
        let cause = format!(
            "Invalid path '{path}': The choice state's condition path references an invalid value."
        );
        assert_eq!(
            rule(&text),
            Err(("States.Runtime".to_owned(), cause)),
            "{text}"
        );
    }
}

#[test]
fn string_patterns() {
    let name = "log-2020*.txt";
    let cases = [
        ("*", true),
        ("log-*.txt", true),
        ("log-*", true),
        ("*.txt", true),
        ("*20*20*", true),
        ("*20*20*20*", false),
        (r"log-2020\*.txt", true),
        (r"log-\*", false),
        ("log", false),
        ("*.txt*x", false),
        ("log-2020*.txt*.txt", false),
        ("", false),
        ("**", true),
    ];
    for (pattern, expected) in cases {
        let machine = machine(&format!(
            r#""A":{{"Type":"Choice","Choices":[{{"Variable":"$","StringMatches":{},"Next":"B"}}],"Default":"B"}},"B":{{"Type":"Succeed"}}"#,
            Value::from(pattern)
        ));
        let StateKind::Choice(choice) = &state(&machine).kind else {
            panic!("a Choice state")
        };
        let (input, entropy) = (Value::from(name), RefCell::new(Entropy::from_seed(1)));
        let scope = Scope {
            input: &input,
            context: &context,
            entropy: &entropy,
        };
        assert_eq!(
            choice.choices[0].0.matches(&scope),
            Ok(expected),
            "{pattern}"
        );
    }
}

/// Applies `InputPath`.
fn input_path(path: &Value) -> Result<Value, (String, String)> {
    let machine = pass(&format!(r#""InputPath":{path}"#));
    let path = &flow(state(&machine)).input_path;
    as_pair(with_scope(|scope| {
        path.select(scope).map(|value| value.into_owned())
    }))
}

#[test]
fn input_and_output_paths() {
    let missing = |cause: &str| Err(("States.Runtime".to_owned(), cause.to_owned()));
    let cases = [
        (json!("$"), Ok(input())),
        (json!(null), Ok(json!({}))),
        (
            json!("$.application"),
            Ok(json!({"id": 7, "name": "Spock"})),
        ),
        (json!("$.users[*].name"), Ok(json!(["A", "B"]))),
        (json!("$$"), Ok(context())),
        (json!("$$.Execution.Name"), Ok(json!("run"))),
        (
            json!("$.X"),
            missing("Invalid path '$.X' : No results for path: $['X']"),
        ),
        (
            json!("$.no.X"),
            missing("Invalid path '$.no.X' : Missing property in path $['no']"),
        ),
    ];
    for (path, expected) in cases {
        assert_eq!(input_path(&path), expected, "{path}");
    }
}

#[test]
fn identities_need_no_evaluation() {
    let cases = [
        (r#""InputPath":"$""#, true, false),
        (r#""Comment":"none""#, true, false),
        (r#""InputPath":null"#, false, false),
        (r#""InputPath":"$.a","ResultPath":null"#, false, true),
    ];
    for (fields, input, result) in cases {
        let machine = pass(fields);
        let flow = flow(state(&machine));
        assert_eq!(
            (
                flow.input_path.is_identity(),
                flow.result_path.is_identity()
            ),
            (input, result),
            "{fields}"
        );
        assert!(flow.output_path.is_identity());
    }
}

#[test]
fn result_paths() {
    let cases = [
        (json!("$"), json!({"a": 1}), Ok(json!("R"))),
        (json!(null), json!({"a": 1}), Ok(json!({"a": 1}))),
        (
            json!("$.checks.name"),
            json!({"a": 1}),
            Ok(json!({"a": 1, "checks": {"name": "R"}})),
        ),
        (
            json!("$.a"),
            json!({"a": 1, "b": 2}),
            Ok(json!({"a": "R", "b": 2})),
        ),
        (
            json!("$.a.b"),
            json!({"a": 1}),
            Err("Unable to apply ReferencePath $.a.b to input {\"a\":1}"),
        ),
        (
            json!("$.a"),
            json!("text"),
            Err("Unable to apply ReferencePath $.a to input \"text\""),
        ),
    ];
    for (path, input, expected) in cases {
        let machine = pass(&format!(r#""ResultPath":{path}"#));
        let placed = flow(state(&machine)).result_path.place(input, json!("R"));
        let expected = expected
            .map_err(|cause| ("States.ResultPathMatchFailure".to_owned(), cause.to_owned()));
        assert_eq!(as_pair(placed), expected, "{path}");
    }
}

#[test]
fn waits() {
    let now = Timestamp::from_millis(1_600_000_000_000);
    let cases = [
        (r#""Seconds":5"#, json!({}), Ok(5_000)),
        (r#""SecondsPath":"$.x""#, json!({"x": 7}), Ok(7_000)),
        (
            r#""SecondsPath":"$.x""#,
            json!({"x": 24_855 * 86_400}),
            Ok(24_855 * 86_400_000),
        ),
        (
            r#""SecondsPath":"$.x""#,
            json!({"x": 24_856u64 * 86_400}),
            Err("Wait state delay is too long."),
        ),
        (
            r#""SecondsPath":"$.x""#,
            json!({}),
            Err("The SecondsPath parameter does not reference an input value: $.x"),
        ),
        (
            r#""SecondsPath":"$.x""#,
            json!({"x": -1}),
            Err("The SecondsPath parameter references a negative value: $.x == -1"),
        ),
        (
            r#""SecondsPath":"$.x""#,
            json!({"x": 1.5}),
            Err("The SecondsPath parameter cannot be parsed as a long value: $.x == 1.5"),
        ),
        (
            r#""TimestampPath":"$.x""#,
            json!({"x": "2020-01-01T00:00:00Z"}),
            Ok(0),
        ),
        (
            r#""Timestamp":"2020-09-13T12:26:41Z""#,
            json!({}),
            Ok(1_000),
        ),
        (
            r#""TimestampPath":"$.x""#,
            json!({"x": "2016-12-05 21:29:29Z"}),
            Err(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.x == 2016-12-05 21:29:29Z",
            ),
        ),
    ];
    for (fields, input, expected) in cases {
        let machine = machine(&format!(r#""A":{{"Type":"Wait",{fields},"End":true}}"#));
        let StateKind::Wait(wait) = &state(&machine).kind else {
            panic!("a Wait state")
        };
        let entropy = RefCell::new(Entropy::from_seed(1));
        let scope = Scope {
            input: &input,
            context: &context,
            entropy: &entropy,
        };
        let due = wait
            .until
            .evaluate(&scope)
            .and_then(|time: WaitTime| time.due(now));
        let delay = due
            .map(|due| due.as_millis() - now.as_millis())
            .map_err(|failure| failure.cause);
        assert_eq!(delay, expected.map_err(str::to_owned), "{fields} {input}");
    }
}

#[test]
fn maps() {
    let cases = [
        (r#""ItemsPath":"$.list""#, Ok(json!([1, 2, 3, 4, 5]))),
        (r#""ItemsPath":"$$.Execution.Name""#, Ok(json!("run"))),
        (
            r#""ItemsPath":"$.application.items""#,
            Err((
                "States.ReferencePathConflict",
                format!("Unable to apply step \"items\" to input {}", input()),
            )),
        ),
    ];
    let rest = r#""Iterator":{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}},"End":true"#;
    for (fields, expected) in cases {
        let machine = machine(&format!(r#""A":{{"Type":"Map",{fields},{rest}}}"#));
        let StateKind::Map(map) = &state(&machine).kind else {
            panic!("a Map state")
        };
        let path = map.items_path.as_ref().expect("ItemsPath");
        let found = as_pair(with_scope(|scope| {
            path.evaluate(scope).map(|value| value.into_owned())
        }));
        assert_eq!(
            found,
            expected.map_err(|(error, cause)| (error.to_owned(), cause)),
            "{fields}"
        );
    }
    let counts = [
        ("$.count", Ok(3)),
        (
            "$.text",
            Err(
                "The MaxConcurrencyPath field refers to value \"a,b;c\" which is not a valid integer: $.text",
            ),
        ),
        (
            "$.application",
            Err(
                "The MaxConcurrencyPath field refers to value \"{\"id\":7,\"name\":\"Spock\"}\" which is not a valid integer: $.application",
            ),
        ),
    ];
    for (path, expected) in counts {
        let machine = machine(&format!(
            r#""A":{{"Type":"Map","MaxConcurrencyPath":"{path}",{rest}}}"#
        ));
        let StateKind::Map(map) = &state(&machine).kind else {
            panic!("a Map state")
        };
        let count = map.max_concurrency.as_ref().expect("MaxConcurrencyPath");
        let found = with_scope(|scope| count.evaluate(scope, "MaxConcurrencyPath"))
            .map_err(|failure| failure.cause);
        assert_eq!(found, expected.map_err(str::to_owned), "{path}");
    }
}
