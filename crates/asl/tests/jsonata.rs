//! JSONata in the fields of states: what expressions see, what they may not say, how they fail.

#[path = "common/expression.rs"]
mod expression;
#[path = "common/mod.rs"]
#[allow(dead_code)]
mod recorded;

use std::collections::BTreeMap;

use asl::query::{Failure, Scope, WaitTime};
use asl::{Flow, Reading, StateKind, StateMachine, joined, parse, parse_as};
use serde_json::{Value, json};

use expression::with_scope;

fn machine(state: &str) -> String {
    format!(r#"{{"QueryLanguage":"JSONata","StartAt":"A","States":{{"A":{{{state}}}}}}}"#)
}

fn parsed(state: &str) -> StateMachine {
    parse(&machine(state)).unwrap_or_else(|findings| panic!("{state}: {}", joined(&findings)))
}

/// Evaluates with a result, an error output and two variables beside the input of these tests.
fn seeing<T>(evaluate: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (result, error) = (json!({"n": 2}), json!({"Error": "E", "Cause": null}));
    let variables = BTreeMap::from([
        ("total".to_owned(), json!(7.0)),
        ("max".to_owned(), json!(1)),
    ]);
    with_scope(|scope| {
        evaluate(&Scope {
            result: Some(&result),
            error_output: Some(&error),
            variables: &variables,
            ..*scope
        })
    })
}

fn output(template: &Value) -> Result<Value, Failure> {
    let task = format!(
        r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Output":{template},"End":true"#
    );
    let machine = parsed(&task);
    let StateKind::Task(task) = &machine.states()[0].kind else {
        panic!("a Task state");
    };
    let Flow::Jsonata(flow) = &task.flow else {
        panic!("a state in JSONata");
    };
    let output = flow.output.as_ref().expect("Output");
    seeing(|scope| output.evaluate(scope))
}

/// Checks an `Output`, or the cause of its failure with the field that it names.
fn check(template: Value, expected: Result<Value, (&str, &str)>) {
    let made = output(&template);
    let made = made.map_err(|failure| {
        assert_eq!(failure.error, "States.QueryEvaluationError", "{template}");
        let location = failure.location.expect("an expression has a place");
        (location.to_string(), failure.cause)
    });
    let expected = expected.map_err(|(location, cause)| (location.to_owned(), cause.to_owned()));
    assert_eq!(made, expected, "{template}");
}

#[test]
fn expressions_see_states_and_variables() {
    let cases = [
        (
            json!("{% $states.input.application.name %}"),
            json!("Spock"),
        ),
        (json!("{%$states.result.n + $total%}"), json!(9)),
        (json!("{% $states.context.Execution.Name %}"), json!("run")),
        (json!("{% $states.context.**.RetryCount %}"), json!(0)),
        (
            json!({"a": ["{% 1 %}", "x{% 1 %}", " {% 1 %}"]}),
            json!({"a": [1, "x{% 1 %}", " {% 1 %}"]}),
        ),
        (
            json!("{% $states.input.users[status = 1].name %}"),
            json!("B"),
        ),
        (json!("{% $states.input.users.name %}"), json!(["A", "B"])),
        (json!("{% $states.input.nothing %}"), json!(null)),
        // What is only pointed at keeps the form of its numbers.
        (json!("{% $total %}"), json!(7.0)),
        (json!("{% $states.input.price %}"), json!(1.5)),
        // A variable hides the function of its name.
        (json!("{% $max %}"), json!(1)),
        (json!("{% $sum($states.input.list) %}"), json!(15)),
        (
            json!("{% $map($states.input.list, function($v, $i) { $v * $i }) %}"),
            json!([0, 2, 6, 12, 20]),
        ),
        (
            json!("{% ($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(5)) %}"),
            json!(120),
        ),
        (
            json!("{% $states.input ~> |application|{'id': 8}| ~> $lookup('application') %}"),
            json!({"id": 8, "name": "Spock"}),
        ),
        (
            json!("{% $now() & $millis() %}"),
            json!("1970-01-01T00:00:00.000Z0"),
        ),
        (json!(true), json!(true)),
    ];
    let whole = output(&json!("{% $states %}")).expect("all of it");
    let members: Vec<&String> = whole.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["input", "context", "result", "errorOutput"]);
    for (template, expected) in cases {
        check(template, Ok(expected));
    }
}

#[test]
fn functions_of_step_functions() {
    let cases = [
        ("$partition([1,2,3,4,5], 2.9)", json!([[1, 2], [3, 4], [5]])),
        ("$range(0, 10, 5)", json!([0, 5, 10])),
        ("$range(3.5, 1, -1)", json!([3, 2, 1])),
        (
            "$hash('a', 'SHA-1')",
            json!("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ),
        ("$random(7) = $random(7)", json!(true)),
        ("$random() = $random()", json!(false)),
        ("$random() < 1 and $random() >= 0", json!(true)),
        ("$uuid() = $uuid()", json!(false)),
        ("$length($uuid())", json!(36)),
        ("$parse('{\"a\": [1, null]}')", json!({"a": [1, null]})),
        ("$base64decode('YWI')", json!("ab")),
        ("$count($range(1, 360145, 1))", json!(360_145)),
    ];
    for (text, expected) in cases {
        check(json!(format!("{{% {text} %}}")), Ok(expected));
    }
}

#[test]
fn failures_in_the_words_of_aws() {
    let threw = "threw an error during evaluation";
    let memory = "Expression evaluation memory limit exceeded: Check for excessive memory usage";
    let depth = "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive. Depth=101 max=100";
    let endless = "Expression evaluation timeout: 1000ms. Check for infinite loop";
    let doubled = |times: u32| {
        format!(
            "($d := function($s, $n) {{ $n = 0 ? $s : $d($s & $s, $n - 1) }}; $length($d('x', {times})))"
        )
    };
    let sum = |terms: usize| vec!["1"; terms].join("+");
    let cases = [
        ("$nothing", "returned nothing (undefined).".to_owned()),
        ("$sum", "returned an unsupported result type.".to_owned()),
        (
            "$eval('1')",
            format!("{threw}. T1006: Attempted to invoke a non-function"),
        ),
        (
            "$randomSeeded(1)",
            format!("{threw}. T1006: Attempted to invoke a non-function"),
        ),
        (
            "$sum(['a'])",
            format!(
                "{threw}. T0412: Argument 1 of function \"sum\" must be an array of \"numbers\""
            ),
        ),
        (
            "$abs('a')",
            format!(
                "{threw}. T0410: Argument 1 of function \"abs\" does not match function signature"
            ),
        ),
        (
            "'a' + 1",
            format!(
                "{threw}. T2001: The left side of the \"+\" operator must evaluate to a number"
            ),
        ),
        (
            "$formatBase(1, 1)",
            format!(
                "{threw}. D3100: The radix of the formatBase function must be between 2 and 36.  It was given 1"
            ),
        ),
        ("[1..873783]", format!("{threw}: {memory}")),
        ("$range(1, 360146, 1)", format!("{threw}: {memory}")),
        ("[1..1000].{'a': [1..800000]}", format!("{threw}: {memory}")),
        (&doubled(23), format!("{threw}: {memory}")),
        (&sum(101), format!("{threw}: {depth}")),
        (
            "($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(32))",
            format!("{threw}: {depth}"),
        ),
        (
            "($f := function($n) { $f($n) }; $f(1))",
            format!("{threw}: {endless}"),
        ),
        (
            "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', /^(a+)+$/)",
            format!("{threw}: {endless}"),
        ),
    ];
    for (text, ending) in cases {
        let cause = format!(
            "The JSONata expression '{text}' specified for the field 'Output/a[1]' {ending}"
        );
        check(
            json!({"a": [0, format!("{{% {text} %}}")]}),
            Err(("Output/a[1]", &cause)),
        );
    }
    for text in [
        "[1..873782] ~> $count()",
        &doubled(22),
        &sum(100),
        "($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(31))",
    ] {
        assert!(output(&json!(format!("{{% {text} %}}"))).is_ok(), "{text}");
    }
    // An error of the engine's own shows an id, another one each time.
    let failure = output(&json!("{% $base64decode('!!!') %}")).expect_err("no base64");
    let (start, id) = failure.cause.rsplit_once(". ").expect("an id at the end");
    assert!(
        start.ends_with("threw an internal error during evaluation"),
        "{start}"
    );
    assert_eq!(id.len(), 36, "{id}");
}

#[test]
fn the_same_luck_gives_the_same_value() {
    let template = json!("{% [$uuid(), $random(), $shuffle([1..9])] %}");
    assert_eq!(output(&template), output(&template));
}

#[test]
fn fields_ask_for_types() {
    let unexpected = |text: &str, field: &str, expected: &str, was: &str| {
        format!(
            "The JSONata expression '{text}' specified for the field '{field}' returned an unexpected result type. Expected '{expected}', but was {was}"
        )
    };
    let wait = |fields: &str| {
        let machine = parsed(&format!(r#""Type":"Wait",{fields},"End":true"#));
        let StateKind::Wait(wait) = &machine.states()[0].kind else {
            panic!("a Wait state");
        };
        seeing(|scope| wait.until.evaluate(scope)).map_err(|failure| failure.cause)
    };
    let cases = [
        (r#""Seconds":"{% $total %}""#, Ok(WaitTime::Seconds(7))),
        (r#""Seconds":"{% 2.9 %}""#, Ok(WaitTime::Seconds(2))),
        (
            r#""Seconds":"{% '2' %}""#,
            Err(unexpected(
                "'2'",
                "Seconds",
                "number",
                "'string' for value: \"2\"",
            )),
        ),
        (
            r#""Timestamp":"{% 1 %}""#,
            Err(unexpected(
                "1",
                "Timestamp",
                "string",
                "'number' for value: 1",
            )),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(wait(fields), expected, "{fields}");
    }
    let condition = |condition: &str| {
        let machine = parsed(&format!(
            r#""Type":"Choice","Choices":[{{"Condition":{condition},"Next":"B"}}]}},"B":{{"Type":"Succeed""#
        ));
        let StateKind::Choice(choice) = &machine.find("A").expect("A").kind else {
            panic!("a Choice state");
        };
        seeing(|scope| choice.choices[0].rule.matches(scope)).map_err(|failure| failure.cause)
    };
    let cases = [
        ("true", Ok(true)),
        (r#""{% $total > 7 %}""#, Ok(false)),
        (r#""{% $states.input.checks[0].flagged %}""#, Ok(true)),
        (
            r#""{% 1 %}""#,
            Err(unexpected(
                "1",
                "Choices[0]/Condition",
                "boolean",
                "'number' for value: 1",
            )),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(condition(text), expected, "{text}");
    }
}

/// Checks what is said of an `Output`.
fn check_refused(text: &str, expected: &[&str]) {
    let text = json!(format!("{{% {text} %}}"));
    let definition = machine(&format!(
        r#""Type":"Pass","Output":{{"v":{text}}},"End":true"#
    ));
    let findings = parse(&definition).expect_err(&definition);
    let made: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let expected: Vec<String> = expected
        .iter()
        .map(|finding| format!("{finding} at /States/A/Output/v"))
        .collect();
    assert_eq!(made, expected, "{text}");
}

#[test]
fn what_is_refused_when_a_definition_is_read() {
    let top = |name: &str| {
        format!(
            "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '{name}' at the top level is not supported."
        )
    };
    let invalid = |message: &str| format!("INVALID_JSONATA_EXPRESSION: {message}");
    let states = |name: &str| {
        format!("UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.{name}' does not exist.")
    };
    let cases: Vec<(&str, Vec<String>)> = vec![
        ("phone[0]", vec![top("phone")]),
        ("aaa + bbb + aaa", vec![top("aaa"), top("bbb")]),
        ("$.phone", vec![top("$")]),
        ("$map($x, function($y) { z })", vec![top("z")]),
        ("{k: 1}", vec![top("k")]),
        ("$sum(items.price)", vec![top("items")]),
        (
            "$states.input.a.($$)",
            vec!["UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported.".to_owned()],
        ),
        ("$states.result", vec![states("result")]),
        (
            "$x.($states.errorOutput.Cause)",
            vec![states("errorOutput")],
        ),
        ("a[1,2)", vec![invalid("Expected \"]\", got \",\"")]),
        ("1 +", vec![invalid("Unexpected end of expression")]),
        (
            "$match('a', /abc",
            vec![invalid("No terminating / in regular expression")],
        ),
        (
            "$contains('a', /(/)",
            vec![invalid("No terminating / in regular expression")],
        ),
        (
            "$a ?? 1",
            vec![invalid(
                "The symbol \"?\" cannot be used as a unary operator",
            )],
        ),
        (
            "$a ?: 1",
            vec![invalid(
                "The symbol \":\" cannot be used as a unary operator",
            )],
        ),
        ("", vec![invalid("Unexpected end of expression")]),
    ];
    for (text, expected) in &cases {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_refused(text, &expected);
    }
    let accepted = [
        "$states.input.items[phone > 3]",
        "$states.input^(price).name",
        "$states.input{phone: $count(name)}",
        "$map($states.input.a, function($x) { $x.phone })",
        "$states.input ~> |items|{'a': b}|",
        "$phone",
    ];
    for text in accepted {
        parsed(&format!(
            r#""Type":"Pass","Output":{},"End":true"#,
            json!(format!("{{% {text} %}}"))
        ));
    }
}

#[test]
fn newer_operators_take_leave() {
    let definition = machine(r#""Type":"Pass","Output":"{% $nothing ?? 5 %}","End":true"#);
    assert!(parse(&definition).is_err());
    let reading = Reading {
        newer_jsonata: true,
        ..Reading::default()
    };
    let machine = parse_as(&definition, reading).expect("is allowed");
    let StateKind::Pass(pass) = &machine.states()[0].kind else {
        panic!("a Pass state");
    };
    let Flow::Jsonata(flow) = &pass.flow else {
        panic!("a state in JSONata");
    };
    let output = flow.output.as_ref().expect("Output");
    assert_eq!(seeing(|scope| output.evaluate(scope)), Ok(json!(5)));
    // What was accepted once goes on, whatever is allowed today.
    assert!(asl::load(&definition).is_some());
}

#[test]
fn variables_that_are_read_are_known() {
    let state = r#""Type":"Pass","Assign":{"a":"{% $b + $count($c.d) %}"},
        "Output":["{% ($l := $e; $l & $uuid()) %}","{% $map($f, function($p) { $p * $max }) %}","{% $states.input %}"],"End":true"#;
    let machine = parsed(state);
    let names: Vec<&str> = machine.states()[0]
        .variables
        .iter()
        .map(|name| &**name)
        .collect();
    assert_eq!(names, ["b", "c", "e", "f"]);
}

#[test]
fn an_inner_workflow_follows_the_machine() {
    let definition = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","QueryLanguage":"JSONata","Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% 1 %}","End":true}}}],"End":true}}}"#;
    let findings = parse(definition).expect_err("the branch speaks JSONPath");
    assert_eq!(
        joined(&findings),
        "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/P/Branches[0]/States/A"
    );
}

/// What TestState made of a result that it was told, in recorded calls over states in JSONata.
#[test]
fn tested_states_put_out_what_was_recorded() {
    let Some(cases) = recorded::cases("test_state") else {
        return;
    };
    let mut checked = 0;
    for (name, case) in cases {
        let request = &case["request"];
        let state = request["definition"].as_str().unwrap_or_default();
        let mocked = request["mock"]["result"].as_str();
        let response = &case["expected"]["response"];
        let (Some(mocked), "SUCCEEDED") = (mocked, response["status"].as_str().unwrap_or_default())
        else {
            continue;
        };
        let definition = format!(r#"{{"StartAt":"S","States":{{"S":{state}}}}}"#);
        let Ok(machine) = parse(&definition) else {
            continue;
        };
        let flow = match &machine.find("S").expect("S").kind {
            StateKind::Task(task) => &task.flow,
            StateKind::Map(map) => &map.flow,
            StateKind::Parallel(parallel) => &parallel.flow,
            _ => continue,
        };
        let Flow::Jsonata(flow) = flow else { continue };
        if mocked.contains("arn:aws:") {
            // The recording hides parts of such results.
            continue;
        }
        let result: Value = serde_json::from_str(mocked).expect("a result is JSON");
        let input = request["input"].as_str().unwrap_or("{}");
        let input: Value = serde_json::from_str(input).expect("an input is JSON");
        let context = || response["output"]["context"].clone();
        let made = with_scope(|scope| match &flow.output {
            None => Ok(result.clone()),
            Some(output) => output.evaluate(&Scope {
                input: &input,
                result: Some(&result),
                context: &context,
                ..*scope
            }),
        });
        let made = made.expect(&name);
        let expected = &response["output"];
        // Scalars and arrays were recorded as their text, spaces and all.
        let text = expected.as_str().map(serde_json::from_str::<Value>);
        let as_text = matches!(text, Some(Ok(value)) if value == made);
        assert!(
            as_text || made == *expected,
            "{name}: {made}, recorded {expected}"
        );
        checked += 1;
    }
    println!("{checked} tested states agree");
    assert!(checked > 0);
}
