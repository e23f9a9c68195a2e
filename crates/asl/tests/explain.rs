//! Findings in their text: what is pointed at, and what is said to do next.

use asl::diagnose;
use asl::explain::explain;
use asl::outline::Outline;

/// Checks the first finding of `text`: what its marks cover, and what its hint contains.
fn check(text: &str, marked: &[&str], hint: &str) {
    let findings = diagnose(text);
    let finding = findings.first().expect("something is wrong");
    let explanation = explain(finding, text, &Outline::of_json(text));
    let covered: Vec<&str> = explanation
        .marks
        .iter()
        .map(|mark| &text[mark.clone()])
        .collect();
    assert_eq!(covered, marked, "{finding}");
    let told = explanation.hint.unwrap_or_default();
    assert!(told.contains(hint), "{finding}\n{told}");
}

/// A machine of the one state `A`, with a `Done` beside it.
fn one(state: &str) -> String {
    format!(r#"{{"StartAt": "A", "States": {{"A": {state}, "Done": {{"Type": "Succeed"}}}}}}"#)
}

#[test]
fn findings_have_a_place_and_a_next_step() {
    let invoke = r#""Type": "Task", "Resource": "arn:aws:states:::lambda:invoke""#;
    let cases: &[(&str, &[&str], &str)] = &[
        (
            r#"{"Type": "Pass", "QueryLanguage": "JSONata", "Next": "Done", "Output": {"a": ["{% phone %}"]}}"#,
            &[r#""{% phone %}""#],
            "the input is $states.input",
        ),
        (
            r#"{"Type": "Pass", "QueryLanguage": "JSONata", "Next": "Done", "Assign": {"a": "{% $b ?? 1 %}"}}"#,
            &[r#""{% $b ?? 1 %}""#],
            "newer than the JSONata 2.0.6",
        ),
        (
            r#"{"Type": "Pass", "Next": "Dome"}"#,
            &[r#""Dome""#],
            "did you mean 'Done'?",
        ),
        (
            r#"{"Type": "Pass", "Next": "Elsewhere"}"#,
            &[r#""Elsewhere""#],
            "a transition leads to a state beside it",
        ),
        (
            r#"{"Type": "Pass", "End": true}"#,
            &[r#""Done""#],
            "nothing leads to this state",
        ),
        (r#"{"Type": "Pass"}"#, &[r#""A""#], r#"or "End": true"#),
        (r#"{"Next": "Done"}"#, &[r#""A""#], "every state has a Type"),
        (
            r#"{"Type": "Pass", "Next": "Done", "Coment": ""}"#,
            &[r#""Coment""#],
            "did you mean 'Comment'?",
        ),
        (
            r#"{"Type": "Pass", "Next": "Done", "Retry": []}"#,
            &[r#""Retry""#],
            "only Task, Parallel and Map",
        ),
        (
            r#"{"Type": "Pass", "Next": "Done", "End": true}"#,
            &[r#""Next""#, r#""End""#],
            "keep one of them",
        ),
        (r#"{"Type": "Pass", "Next": 7}"#, &["7"], "double quotes"),
        (
            r#"{"Type": "Pas", "Next": "Done"}"#,
            &[r#""Pas""#],
            "did you mean 'Pass'?",
        ),
        (
            r#"{"Type": "Pass", "Next": "Done", "Output": 1}"#,
            &[r#""Output""#],
            "JSONata needs",
        ),
        (
            r#"{"Type": "Pass", "Next": "Done", "Parameters": {"é\"": 1, "x.$": "y"}}"#,
            &[r#""x.$""#],
            "without .$",
        ),
        (
            r#"{"Type": "Pass", "Next": "Done", "Parameters": {"a": [{}, {"x.$": "y"}]}}"#,
            &[r#""x.$""#],
            "without .$",
        ),
        (
            r#"{"Type": "Wait", "Timestamp": "now", "Next": "Done"}"#,
            &[r#""now""#],
            "2030-01-31",
        ),
        (
            r#"{"Type": "Task", "resource": "x", "Next": "Done"}"#,
            &[r#""resource""#],
            "did you mean 'Resource'?",
        ),
        (
            r#"{"Type": "Task", "Resource": "arn:aws:states:::lambda:invok", "Next": "Done"}"#,
            &[r#""arn:aws:states:::lambda:invok""#],
            "did you mean 'arn:aws:states:::lambda:invoke'?",
        ),
        (
            r#"{"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "Done"}, {"Variable": "$.a", "Stringequals": "", "Next": "Done"}]}"#,
            &[r#""Stringequals""#],
            "did you mean 'StringEquals'?",
        ),
    ];
    for (state, marked, hint) in cases {
        check(&one(state), marked, hint);
    }
    for (fields, marked, hint) in [
        (
            r#""Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["a"]}]"#,
            r#""ErrorEquals""#,
            "comes last",
        ),
        (
            r#""TimeoutSeconds": 5, "HeartbeatSeconds": 5"#,
            "5",
            "shorten",
        ),
        (
            r#""Catch": [{"ErrorEquals": ["a"], "Next": "Donne"}]"#,
            r#""Donne""#,
            "did you mean 'Done'?",
        ),
    ] {
        check(
            &one(&format!(r#"{{{invoke}, "Next": "Done", {fields}}}"#)),
            &[marked],
            hint,
        );
    }
}

#[test]
fn syntax_errors_are_shown_where_the_reader_stopped() {
    check("{\n  \"StartAt\": \"A\",\n}", &["}"], "remove the comma");
    check("{\"StartAt\": \"A\"", &[""], "never closed");
    check("{\"StartAt\": yes}", &["yes"], "written small");
    check(&"[".repeat(1000), &["["], "nest less");
    check("", &[], "\"StartAt\" and \"States\"");
    check("[]", &[], "\"StartAt\" and \"States\"");
}

#[test]
fn a_loop_is_shown_at_the_states_of_the_only_workflow() {
    let endless = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}"#;
    check(endless, &[r#""States""#], r#""End": true"#);
}

/// Checks what the place of `location` covers: its value, or its name if it holds others.
fn check_place(outline: &Outline, text: &str, location: &str, expected: &str) {
    let place = outline.find(location).expect("the text has nodes");
    let covered = match (place.is_scalar, place.key) {
        (false, Some(key)) => key,
        _ => place.value,
    };
    assert_eq!(&text[covered], expected, "{location}");
}

#[test]
fn places_in_json_and_yaml() {
    let json = r#"{"States": {"Bücher / [1]": {"Choices": [{"Next": "a"}, {"Next": "\u00e9\"}"}]}, "a": [[1, 2], {}]}}"#;
    let yaml = "# Wörter\r\nStates:\r\n  Bücher / [1]:\r\n    Choices:\r\n    - Next: a\r\n    - Next: \"é\"\r\n  a: [[1, 2], {}]\r\n";
    let cases = [
        ("/States/Bücher / [1]/Choices[0]/Next", "\"a\"", "a"),
        (
            "/States/Bücher / [1]/Choices[1]/Next",
            r#""\u00e9\"}""#,
            "\"é\"",
        ),
        (
            "/States/Bücher / [1]/Choices[7]/Next",
            "\"Choices\"",
            "Choices",
        ),
        (
            "/States/Bücher / [1]/Nope",
            "\"Bücher / [1]\"",
            "Bücher / [1]",
        ),
        ("/States/a[0][1]", "2", "2"),
        (
            "/Nowhere",
            json,
            "States:\r\n  Bücher / [1]:\r\n    Choices:\r\n    - Next: a\r\n    - Next: \"é\"\r\n  a: [[1, 2], {}]",
        ),
    ];
    let (of_json, of_yaml) = (Outline::of_json(json), Outline::of_yaml(yaml));
    for (location, in_json, in_yaml) in cases {
        check_place(&of_json, json, location, in_json);
        check_place(&of_yaml, yaml, location, in_yaml);
    }
}

#[test]
fn any_text_has_an_outline() {
    let deep = "[".repeat(200_000);
    for text in [
        "",
        "}",
        "]]",
        "\"",
        "\"\\",
        "{\"a\"",
        "{{",
        "[}",
        "é",
        "{\"a\":é,\"b\"",
        "{1:2}",
        &deep,
    ] {
        let outline = Outline::of_json(text);
        if let Some(place) = outline.find("/a[0]") {
            assert!(text.get(place.value).is_some(), "{text}");
        }
    }
    for text in [
        "",
        ":",
        "- - -",
        "? {a: b}\n: c",
        "&a [*a]",
        "a: !Sub x\n\t- b",
        "{a: ",
        "é: [é",
    ] {
        let outline = Outline::of_yaml(text);
        if let Some(place) = outline.find("/a/b[0]") {
            assert!(text.get(place.value).is_some(), "{text}");
        }
    }
}

#[test]
fn names_that_appear_twice_are_found() {
    let text = r#"{"a": 1, "b": {"a": 2, "a": 3}}"#;
    let outline = Outline::of_json(text);
    let repeated = outline.repeated();
    assert_eq!(repeated.len(), 1);
    assert_eq!(repeated[0].0, "a");
    assert_eq!(repeated[0].1, 23..26);
}

#[test]
fn expressions_that_cannot_be_read_have_a_next_step() {
    for (expression, hint) in [
        ("'abc", "close the text"),
        ("1e999", "1.8e308"),
        (r#"\"\\q\""#, "written twice"),
        (r#"\"\\u12x4\""#, "u00e9"),
        ("$states.`abc", "the backquote"),
        ("/* abc", "*/"),
        ("$a $b", "something is missing before this"),
        ("$sum([1, 2]", "never closed"),
        ("$a[1)", "write what is expected"),
        ("1 +", "a value is missing at the end"),
        ("", "a value is missing at the end"),
        ("function(x) { 1 }", "function($name)"),
        ("(x := 1; x)", "$name := value"),
        ("$states.input.1", "in backquotes"),
        ("$match('a', //)", "between the slashes"),
        ("$match('a', /abc", "close the pattern"),
    ] {
        let text = one(&format!(
            r#"{{"Type": "Pass", "QueryLanguage": "JSONata", "Next": "Done", "Output": "{{% {expression} %}}"}}"#
        ));
        let marked = format!(r#""{{% {expression} %}}""#);
        check(&text, &[&marked], hint);
    }
}
