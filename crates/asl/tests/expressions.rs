//! Expressions against one input, as tables: templates, paths, result paths, waits, maps.

#[path = "common/expression.rs"]
mod expression;

use std::cell::RefCell;

use asl::query::{NoVariables, Scope, WaitTime};
use asl::{Items, StateKind};
use expression::{as_pair, context, flow, input, machine, pass, state, template, with_scope};
use serde_json::{Value, json};
use vocab::{Entropy, Timestamp};

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
        (r#""InputPath":"$""#, true, false, true),
        (r#""Comment":"none""#, true, false, true),
        (r#""InputPath":null"#, false, false, false),
        (r#""ResultPath":null"#, true, true, true),
        (r#""ResultPath":"$.a""#, true, false, false),
        (r#""Parameters":{}"#, true, false, false),
        (r#""InputPath":"$.a","ResultPath":null"#, false, true, false),
    ];
    for (fields, input, result, whole) in cases {
        let machine = pass(fields);
        let StateKind::Pass(pass) = &state(&machine).kind else {
            panic!("a Pass state")
        };
        let flow = flow(state(&machine));
        let found = (
            flow.input_path.is_identity(),
            flow.result_path.is_identity(),
            pass.flow.passes_input_through(),
        );
        assert_eq!(found, (input, result, whole), "{fields}");
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
            variables: &NoVariables,
            entropy: &entropy,
            result: None,
            error_output: None,
            now: vocab::Timestamp::default(),
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
        let Items::Path(path) = &map.items else {
            panic!("{:?}", map.items);
        };
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
