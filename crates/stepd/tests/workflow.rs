//! `stepd test`, by files beside this one and by the example's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow")
}

fn test(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepd"));
    command.arg("test").args(arguments).current_dir(folder());
    command
        .output()
        .expect("the binary is built with its tests")
}

fn results(arguments: &[&str], exit_code: i32) -> Value {
    let output = test(&[&["--json"], arguments].concat());
    let (text, told) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(exit_code), "{text}{told}");
    serde_json::from_str(&text).expect("one line of JSON")
}

#[test]
fn the_example_passes_and_goes_everywhere_but_where_nothing_leads() {
    let example = "../../../../examples/account-application/statemachine/account-application-workflow.test.yaml";
    let results = results(&[example], 0);
    assert_eq!(
        results["cases"].as_array().map(Vec::len),
        Some(5),
        "{results}"
    );
    assert_eq!(
        results["coverage"]["states"]["missed"],
        serde_json::json!([]),
        "{results}"
    );
    assert_eq!(
        results["coverage"]["branches"]["missed"],
        serde_json::json!([]),
        "{results}"
    );
    assert_eq!(results["cases"][1]["virtualSeconds"], 1_814_400.0);
}

#[test]
fn children_activities_beats_and_timeouts_take_their_own_time() {
    let results = results(&["orders.test.yaml"], 0);
    let seconds: f64 = results["cases"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|case| case["seconds"].as_f64().unwrap_or(9.0))
        .sum();
    assert!(seconds < 5.0, "a year takes {seconds} s");
    assert_eq!(results["coverage"]["states"]["covered"], 6, "{results}");
    assert_eq!(results["coverage"]["branches"]["covered"], 2, "{results}");
}

#[test]
fn what_is_not_as_expected_is_told_in_its_place() {
    let results = results(&["failing.test.yaml"], 1);
    let problems = |case: usize| {
        let problems = results["cases"][case]["problems"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        problems
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let expected = [
        "output: expected {\"shipped\":true}, found \"shipped\"",
        "path: expected 'Late' as number 3, found 'A Year'; the way was Orders → Ship → A Year",
        "duration: expected 1 s, found 51 w 1 d",
        "state 'Charge': expected to be entered 2 times, was 1",
        "state 'Ship': input at /charged/0/b: expected 3, found 2",
        "the last state was 'A Year', at orders.asl.json:34:5",
    ];
    assert_eq!(problems(0), expected);
    let missing = "the state 'Charge' calls lambda:invoke with {\"FunctionName\":\"charge\",\"Payload\":{\"id\":1}}, \
                   and the case has no answer for it (call 1 of the state)";
    assert_eq!(problems(1)[0], missing);
    assert_eq!(
        problems(2)[0],
        "status: expected SUCCEEDED, found FAILED (Broken: <&>)"
    );
}

#[test]
fn build_servers_and_people_read_the_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.xml");
    let output = test(&[
        "failing.test.yaml",
        "orders.test.yaml",
        "--junit",
        report.to_str().expect("a path"),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("✗ an answer is missing") && text.ends_with("3 passed, 3 failed\n"),
        "{text}"
    );
    assert!(
        text.contains("states 6 of 6") && text.contains("branches 2 of 2"),
        "{text}"
    );
    let xml = std::fs::read_to_string(&report).expect("a report");
    assert!(
        xml.contains("<testsuites tests=\"6\" failures=\"3\" errors=\"0\">"),
        "{xml}"
    );
    assert!(
        xml.contains("found FAILED (Broken: &lt;&amp;&gt;)"),
        "{xml}"
    );

    let output = test(&["orders.test.yaml", "--case", "nobody"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("1 passed\n"), "{text}");
}

#[test]
fn a_file_that_is_wrong_is_refused_with_the_place() {
    let definition = "definition: { StartAt: P, States: { P: { Type: Pass, End: true } } }\n";
    let cases = [
        ("cases: []".to_owned(), "definition: this member is missing"),
        (format!("{definition}cases: []"), "cases: there is none"),
        (
            format!("{definition}case: []"),
            "'case' is not known in the file",
        ),
        (
            format!("{definition}cases: [{{name: a, answers: {{Q: {{return: 1}}}}}}]"),
            "the definition has no state 'Q'",
        ),
        (
            format!("{definition}cases: [{{name: a, answers: {{P: {{retrun: 1}}}}}}]"),
            "'retrun' is not known in an answer",
        ),
        (
            format!("{definition}cases: [{{name: a, answers: {{P: {{return: 1, after: soon}}}}}}]"),
            "after: here stands a span",
        ),
        (
            format!("{definition}cases: [{{name: a, expect: {{status: DONE}}}}]"),
            "status: one of SUCCEEDED",
        ),
        (
            "definition: { StartAt: P, States: { P: { Type: Pas } } }\ncases: [{name: a}]"
                .to_owned(),
            "SCHEMA_VALIDATION_FAILED",
        ),
        ("a: [".to_owned(), "is not a workflow test"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.test.yaml");
    for (text, expected) in cases {
        std::fs::write(&path, &text).expect("a file");
        let output = test(&[path.to_str().expect("a path")]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}\n{told}");
        assert!(told.contains(expected), "{text}\n{told}\nnot {expected}");
    }
}
