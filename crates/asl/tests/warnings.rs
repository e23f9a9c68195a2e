//! What is legal and probably not meant.

use asl::{Severity, diagnose, joined};

/// Checks what is said about the only state `A` of a machine, all of which are warnings.
fn check(language: &str, state: &str, expected: &str) {
    let definition = format!(
        r#"{{"QueryLanguage":"{language}","StartAt":"A","States":{{"A":{state},"B":{{"Type":"Succeed"}}}}}}"#
    );
    let mut findings = diagnose(&definition);
    findings.retain(|finding| finding.code != "NOT_BUILT_YET");
    assert_eq!(joined(&findings), expected, "{definition}");
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity == Severity::Warning)
    );
}

#[test]
fn texts_that_look_computed() {
    let cases = [
        (
            r#"{"Type":"Pass","Result":"$.a","Next":"B"}"#,
            "PASS_RESULT_IS_STATIC: The Result of a Pass state is static: '$.a' is taken as text at /States/A/Result",
        ),
        (
            r#"{"Type":"Pass","Result":{"a":[{"b.$":"$$.Execution.Id"}]},"Next":"B"}"#,
            "PASS_RESULT_IS_STATIC: The Result of a Pass state is static: '$$.Execution.Id' is taken as text at /States/A/Result/a[0]/b.$",
        ),
        (
            r#"{"Type":"Pass","Result":"States.UUID()","Next":"B"}"#,
            "PASS_RESULT_IS_STATIC: The Result of a Pass state is static: 'States.UUID()' is taken as text at /States/A/Result",
        ),
        (
            r#"{"Type":"Pass","Result":"$5 or States.5","Next":"B"}"#,
            "",
        ),
        (
            r#"{"Type":"Pass","Result":"States.Nothing()","Next":"B"}"#,
            "",
        ),
        (
            r#"{"Type":"Pass","Parameters":{"a":"$.a","b":"US$.","c":"text"},"Next":"B"}"#,
            "NO_DOLLAR: No '.$' on the field 'a', which appears to be a JSONPath or an intrinsic function at /States/A/Parameters/a",
        ),
        (
            r#"{"Type":"Pass","Assign":{"a":{"b":"States.Format('{}', $.x)"}},"Next":"B"}"#,
            "NO_DOLLAR: No '.$' on the field 'b', which appears to be a JSONPath or an intrinsic function at /States/A/Assign/a/b",
        ),
        (
            r#"{"Type":"Pass","Parameters":{"a.$":"$.a"},"Next":"B"}"#,
            "",
        ),
        (
            r#"{"Type":"Choice","Choices":[{"And":[{"Variable":"$.a","StringEquals":"$.b"}],"Next":"B"}],"Default":"B"}"#,
            "NO_PATH: The value of the field 'StringEquals' looks like a path, but the name of the field does not end with 'Path' at /States/A/Choices[0]/And[0]/StringEquals",
        ),
        (
            r#"{"Type":"Choice","Choices":[{"Variable":"$.a","StringEqualsPath":"$.b","Next":"B"}],"Default":"B"}"#,
            "",
        ),
    ];
    for (state, expected) in cases {
        check("JSONPath", state, expected);
    }
    let fail = diagnose(
        r#"{"StartAt":"A","States":{"A":{"Type":"Fail","Error":"$.e","Cause":"$.error"}}}"#,
    );
    assert_eq!(fail.len(), 2, "{}", joined(&fail));
    check(
        "JSONata",
        r#"{"Type":"Pass","Output":"$.a","Next":"B"}"#,
        "",
    );
}

#[test]
fn waits_without_end_and_handlers_that_nothing_reaches() {
    let callback = r#""Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Next":"B""#;
    let no_timeout = "NO_TIMEOUT: The task waits for an answer without TimeoutSeconds or HeartbeatSeconds at /States/A";
    let cases = [
        (format!("{{{callback}}}"), no_timeout.to_owned()),
        (format!(r#"{{{callback},"TimeoutSeconds":5}}"#), String::new()),
        (format!(r#"{{{callback},"HeartbeatSecondsPath":"$.beat"}}"#), String::new()),
        (
            format!(
                r#"{{{callback},"TimeoutSeconds":5,"Catch":[{{"ErrorEquals":["a","b"],"Next":"B"}},{{"ErrorEquals":["b"],"Next":"B"}}]}}"#
            ),
            "NEVER_REACHED: Every error here is named by an earlier member of the list at /States/A/Catch[1]/ErrorEquals".to_owned(),
        ),
        (
            format!(
                r#"{{{callback},"TimeoutSeconds":5,"Retry":[{{"ErrorEquals":["a"]}},{{"ErrorEquals":["a","b"]}}]}}"#
            ),
            String::new(),
        ),
    ];
    for (state, expected) in cases {
        check("JSONPath", &state, &expected);
    }
}
