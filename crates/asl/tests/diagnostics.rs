//! Definitions that are wrong, each with what is said about it.

use asl::{MachineType, Severity, diagnose_for, joined, parse};

fn check(definition: &str, expected: &str) {
    check_as(MachineType::Standard, definition, expected);
}

fn check_as(machine_type: MachineType, definition: &str, expected: &str) {
    let mut findings = diagnose_for(definition, machine_type);
    // Warnings have a table of their own.
    findings.retain(|finding| finding.severity == Severity::Error);
    assert_eq!(joined(&findings), expected, "{definition}");
}

/// A machine of the one state `A`.
fn one(state: &str) -> String {
    format!(r#"{{"StartAt":"A","States":{{"A":{state}}}}}"#)
}

/// A Choice state `A` with one rule, and the state it leads to.
fn rule(rule: &str) -> String {
    format!(
        r#"{{"StartAt":"A","States":{{"A":{{"Type":"Choice","Choices":[{rule}],"Default":"B"}},"B":{{"Type":"Succeed"}}}}}}"#
    )
}

#[test]
fn what_is_no_definition() {
    let cases = [
        (
            " ",
            "MISSING_DESCRIPTION: Definition must not be empty at null",
        ),
        (
            "{",
            "INVALID_JSON_DESCRIPTION: Unexpected end-of-input: expected close marker for Object at [Source: (String)\"{\"; line: 1, column: 2]",
        ),
        (
            "Pass",
            "INVALID_JSON_DESCRIPTION: Unrecognized token 'Pass': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') at [Source: (String)\"Pass\"; line: 1, column: 5]",
        ),
        (
            "{\"StartAt\": \"A\",\n}",
            "INVALID_JSON_DESCRIPTION: Unexpected character ('}' (code 125)): was expecting double-quote to start field name at [Source: (String)\"{\"StartAt\": \"A\",\n}\"; line: 2, column: 2]",
        ),
        (
            "{\"StartAt\": \"A\tB\"}",
            "INVALID_JSON_DESCRIPTION: Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash to be included in string value at [Source: (String)\"{\"StartAt\": \"A\tB\"}\"; line: 1, column: 16]",
        ),
        (
            "{\"StartAt\": \"\\q\"}",
            "INVALID_JSON_DESCRIPTION: Unrecognized character escape 'q' (code 113) at [Source: (String)\"{\"StartAt\": \"\\q\"}\"; line: 1, column: 16]",
        ),
        (
            "[]",
            "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null",
        ),
        (
            "null",
            "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Succeed"}}}"#,
            "DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"B","States":{"B":{"Type":"Succeed"},"B":{"Type":"Succeed"}}}]}}}"#,
            "DUPLICATE_STATE_NAME: Duplicate State name: B at /States/A/Branches[0]/States/B",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"States":{"B":1,"B":2}},"End":true,"End":true}}}"#,
            "",
        ),
        (
            "{}",
            "SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}},"Extra":1}"#,
            "SCHEMA_VALIDATION_FAILED: Field 'Extra' is not supported at /",
        ),
        (
            r#"{"StartAt":1,"States":{"A":{"Type":"Succeed"}}}"#,
            "SCHEMA_VALIDATION_FAILED: Expected value of type String at /StartAt",
        ),
        (
            r#"{"StartAt":"A","States":{}}"#,
            "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States",
        ),
        (
            r#"{"StartAt":"A","States":{"A":7}}"#,
            "SCHEMA_VALIDATION_FAILED: Expected value of type Object at /States/A",
        ),
    ];
    for (definition, expected) in cases {
        check(definition, expected);
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let deep = one(&format!(
        r#"{{"Type":"Pass","Result":{}{},"End":true}}"#,
        "[".repeat(1000),
        "]".repeat(1000)
    ));
    let nested = (0..1000).fold(r#"{"Type":"Succeed"}"#.to_owned(), |inner, depth| {
        format!(
            r#"{{"Type":"Parallel","Branches":[{{"StartAt":"S{depth}","States":{{"S{depth}":{inner}}}}}],"End":true}}"#
        )
    });
    for definition in [deep, one(&nested)] {
        let findings = parse(&definition).expect_err("too deep");
        assert_eq!(findings[0].code, "TOO_DEEPLY_NESTED");
        assert_eq!(
            findings[0].message,
            "The definition is nested more than 128 levels deep"
        );
    }
    let long = one(&format!(
        r#"{{"Type":"Pass","Comment":"{}","End":true}}"#,
        "x".repeat(1 << 20)
    ));
    check(
        &long,
        "SCHEMA_VALIDATION_FAILED: Definition is longer than 1048576 bytes at null",
    );
}

#[test]
fn fields_of_states() {
    let long_name = "x".repeat(81);
    let cases = [
        (r#"{}"#, "These fields are required: [Type] at /States/A"),
        (
            r#"{"Type":"Pass"}"#,
            "One of these fields is required: [Next, End] at /States/A",
        ),
        (
            r#"{"Type":"Pass","Next":"A","End":true}"#,
            "There should only be one of the following fields: [Next, End] at /States/A",
        ),
        (
            r#"{"Type":"Pass","End":false}"#,
            "Value must be true at /States/A/End",
        ),
        (
            r#"{"Type":"Pass","End":"yes"}"#,
            "Expected value of type Boolean at /States/A/End",
        ),
        (
            r#"{"Type":"Pass","TimeoutSeconds":1,"End":true}"#,
            "Field 'TimeoutSeconds' is not supported at /States/A",
        ),
        (
            r#"{"Type":"Wait","Seconds":1,"ResultPath":null,"End":true}"#,
            "Field 'ResultPath' is not supported at /States/A",
        ),
        (
            r#"{"Type":"Fail","End":true}"#,
            "Field 'End' is not supported at /States/A",
        ),
        (
            r#"{"Type":"Succeed","Next":"A"}"#,
            "Field 'Next' is not supported at /States/A",
        ),
        (
            r#"{"Type":"Pass","Comment":1,"End":true}"#,
            "Expected value of type String at /States/A/Comment",
        ),
        (
            r#"{"Type":"Pass","Output":"{% 1 %}","End":true}"#,
            "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/A",
        ),
        (
            r#"{"Type":"Pass","QueryLanguage":"XPath","End":true}"#,
            "The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata] at /States/A/QueryLanguage",
        ),
        (
            r#"{"Type":"Pass","OutputPath":"Test","End":true}"#,
            "Value must be a valid JSONPath. at /States/A/OutputPath",
        ),
        (
            r#"{"Type":"Pass","InputPath":"$.a[","End":true}"#,
            "Value must be a valid JSONPath. at /States/A/InputPath",
        ),
        (
            r#"{"Type":"Pass","ResultPath":"$.a[*]","End":true}"#,
            "Value is not a Reference Path at /States/A/ResultPath",
        ),
        (
            r#"{"Type":"Pass","ResultPath":"$$.a","End":true}"#,
            "Value is not a Reference Path at /States/A/ResultPath",
        ),
        (
            r#"{"Type":"Pass","Parameters":{"out.$":"test"},"End":true}"#,
            "The value for the field 'out.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Parameters",
        ),
        (
            r#"{"Type":"Pass","Parameters":{"a":[{"b.$":1}]},"End":true}"#,
            "The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Parameters/a[0]",
        ),
        (
            r#"{"Type":"Pass","Parameters":{"a.$":"States.format('{}', 1)"},"End":true}"#,
            "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Parameters",
        ),
        (
            r#"{"Type":"Wait","End":true}"#,
            "One of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath] at /States/A",
        ),
        (
            r#"{"Type":"Wait","Seconds":1,"Timestamp":"2020-01-01T00:00:00Z","End":true}"#,
            "There should only be one of the following fields: [Seconds, Timestamp] at /States/A",
        ),
        (
            r#"{"Type":"Wait","Seconds":-1,"End":true}"#,
            "Minimum value is 0 at /States/A/Seconds",
        ),
        (
            r#"{"Type":"Wait","Seconds":100000000,"End":true}"#,
            "Maximum value is 99999999 at /States/A/Seconds",
        ),
        (
            r#"{"Type":"Wait","Seconds":1.5,"End":true}"#,
            "Expected value of type Integer at /States/A/Seconds",
        ),
        (
            r#"{"Type":"Wait","Timestamp":"2020-01-01","End":true}"#,
            "String does not match RFC3339 timestamp at /States/A/Timestamp",
        ),
        (
            r#"{"Type":"Fail","Error":"a","ErrorPath":"$.a"}"#,
            "There should only be one of the following fields: [Error, ErrorPath] at /States/A",
        ),
        (
            r#"{"Type":"Parallel","End":true}"#,
            "These fields are required: [Branches] at /States/A",
        ),
        (
            r#"{"Type":"Parallel","Branches":[],"End":true}"#,
            "Value cannot be empty at /States/A/Branches",
        ),
        (
            r#"{"Type":"Parallel","Branches":[{}],"End":true}"#,
            "These fields are required: [States, StartAt] at /States/A/Branches[0]",
        ),
        (
            r#"{"Type":"Map","End":true}"#,
            "These fields are required: [ItemProcessor] at /States/A",
        ),
        (
            r#"{"Type":"Map","ItemProcessor":{"QueryLanguage":"JSONPath","StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}"#,
            "Field 'QueryLanguage' is not supported at /States/A/ItemProcessor",
        ),
        (
            r#"{"Type":"Map","Label":"x","Iterator":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}"#,
            "Field 'Label' is not supported at /States/A",
        ),
        (
            r#"{"Type":"Map","MaxConcurrency":1,"MaxConcurrencyPath":"$.n","Iterator":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}"#,
            "There should only be one of the following fields: [MaxConcurrency, MaxConcurrencyPath] at /States/A",
        ),
        (
            r#"{"Type":"Map","MaxConcurrencyPath":"$$.Execution.Input.n","Iterator":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}"#,
            "Value is not a Reference Path at /States/A/MaxConcurrencyPath",
        ),
    ];
    for (state, expected) in cases {
        check(
            &one(state),
            &format!("SCHEMA_VALIDATION_FAILED: {expected}"),
        );
    }
    check(
        &format!(r#"{{"StartAt":"{long_name}","States":{{"{long_name}":{{"Type":"Succeed"}}}}}}"#),
        &format!(
            "INVALID_STATE_NAME: State name is longer than 80 characters at /States/{long_name}"
        ),
    );
}

#[test]
fn tasks() {
    let invoke = "arn:aws:states:::lambda:invoke";
    let cases = [
        (
            "{}".to_owned(),
            "These fields are required: [Resource] at /States/A",
        ),
        (
            r#"{"Resource":"create"}"#.to_owned(),
            "Value is not a valid resource ARN at /States/A/Resource",
        ),
        (
            r#"{"Resource":"arn:aws:states:::dynamodb:query"}"#.to_owned(),
            "The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/A/Resource",
        ),
        (
            r#"{"Resource":"arn:aws:states:::dynamodb:getItem.waitForTaskToken"}"#.to_owned(),
            "The resource provided arn:aws:states:::dynamodb:getItem.waitForTaskToken is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/A/Resource",
        ),
        (
            format!(r#"{{"Resource":"{invoke}","TimeoutSeconds":0}}"#),
            "Minimum value is 1 at /States/A/TimeoutSeconds",
        ),
        (
            format!(r#"{{"Resource":"{invoke}","TimeoutSeconds":5,"TimeoutSecondsPath":"$.t"}}"#),
            "There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] at /States/A",
        ),
        (
            format!(r#"{{"Resource":"{invoke}","TimeoutSeconds":5,"HeartbeatSeconds":5}}"#),
            "HeartbeatSeconds must be smaller than TimeoutSeconds at /States/A/HeartbeatSeconds",
        ),
        (
            format!(r#"{{"Resource":"{invoke}","Credentials":{{}}}}"#),
            "The field 'RoleArn' is required but was missing at /States/A/Credentials",
        ),
        (
            format!(r#"{{"Resource":"{invoke}","Retry":[{{}}]}}"#),
            "These fields are required: [ErrorEquals] at /States/A/Retry[0]",
        ),
        (
            format!(r#"{{"Resource":"{invoke}","Retry":[{{"ErrorEquals":[]}}]}}"#),
            "Value cannot be empty at /States/A/Retry[0]/ErrorEquals",
        ),
        (
            format!(
                r#"{{"Resource":"{invoke}","Retry":[{{"ErrorEquals":["a"],"BackoffRate":0.5}}]}}"#
            ),
            "Minimum value is 1.0 at /States/A/Retry[0]/BackoffRate",
        ),
        (
            format!(
                r#"{{"Resource":"{invoke}","Retry":[{{"ErrorEquals":["a"],"IntervalSeconds":0}}]}}"#
            ),
            "Minimum value is 1 at /States/A/Retry[0]/IntervalSeconds",
        ),
        (
            format!(
                r#"{{"Resource":"{invoke}","Retry":[{{"ErrorEquals":["a"],"MaxDelaySeconds":31622401}}]}}"#
            ),
            "Maximum value is 31622400 at /States/A/Retry[0]/MaxDelaySeconds",
        ),
        (
            format!(
                r#"{{"Resource":"{invoke}","Retry":[{{"ErrorEquals":["a"],"JitterStrategy":"HALF"}}]}}"#
            ),
            "The field 'JitterStrategy' should have one of these values: [NONE, FULL] at /States/A/Retry[0]/JitterStrategy",
        ),
        (
            format!(
                r#"{{"Resource":"{invoke}","Retry":[{{"ErrorEquals":["States.ALL"]}},{{"ErrorEquals":["a"]}}]}}"#
            ),
            "'States.ALL' must appear alone, and in the last member of the list at /States/A/Retry[0]/ErrorEquals",
        ),
        (
            format!(r#"{{"Resource":"{invoke}","Catch":[{{"ErrorEquals":["a"]}}]}}"#),
            "These fields are required: [Next] at /States/A/Catch[0]",
        ),
    ];
    for (fields, expected) in cases {
        let separator = if fields == "{}" { "" } else { "," };
        let state = format!(r#"{{"Type":"Task","End":true{separator}{}"#, &fields[1..]);
        check(
            &one(&state),
            &format!("SCHEMA_VALIDATION_FAILED: {expected}"),
        );
    }
}

#[test]
fn express_machines_wait_for_nothing() {
    let cases = [
        ("arn:aws:states:::sqs:sendMessage", ""),
        ("arn:aws:lambda:us-east-1:111111111111:function:f", ""),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "SCHEMA_VALIDATION_FAILED: Express state machine does not support '.waitForTaskToken' service integration  at /States/A/Resource",
        ),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            "SCHEMA_VALIDATION_FAILED: Express state machine does not support '.sync' service integration at /States/A/Resource",
        ),
        (
            "arn:aws:states:us-east-1:111111111111:activity:a",
            "SCHEMA_VALIDATION_FAILED: Express state machine does not support Activity ARN at /States/A/Resource",
        ),
    ];
    for (resource, expected) in cases {
        let definition = one(&format!(
            r#"{{"Type":"Task","Resource":"{resource}","End":true}}"#
        ));
        check_as(MachineType::Express, &definition, expected);
        check(&definition, "");
    }
}

#[test]
fn choice_rules() {
    let at = "at /States/A/Choices[0]";
    let cases = [
        (
            r#"{"Variable":"$.a","IsNull":true}"#,
            format!("These fields are required: [Next] {at}"),
        ),
        (
            r#"{"IsNull":true,"Next":"B"}"#,
            format!("These fields are required: [Variable] {at}"),
        ),
        (
            r#"{"Variable":"$.a","Next":"B"}"#,
            format!("A choice rule needs one comparison operator {at}"),
        ),
        (
            r#"{"Variable":"$.a","IsNull":true,"IsString":true,"Next":"B"}"#,
            format!("There should only be one of the following fields: [IsNull, IsString] {at}"),
        ),
        (
            r#"{"Variable":"Test","IsNull":true,"Next":"B"}"#,
            format!(
                "Value is not a Reference Path: Reference path didn't start with '$' {at}/Variable"
            ),
        ),
        (
            r#"{"Variable":"$.a","IsNull":"true","Next":"B"}"#,
            format!("Expected value of type Boolean {at}/IsNull"),
        ),
        (
            r#"{"Variable":"$.a","NumericEquals":"1","Next":"B"}"#,
            format!("Expected value of type Number {at}/NumericEquals"),
        ),
        (
            r#"{"Variable":"$.a","TimestampEquals":"now","Next":"B"}"#,
            format!("String does not match RFC3339 timestamp {at}/TimestampEquals"),
        ),
        (
            r#"{"And":[],"Next":"B"}"#,
            format!("Value cannot be empty {at}/And"),
        ),
        (
            r#"{"Not":{"Variable":"$.a","IsNull":true,"Next":"B"},"Next":"B"}"#,
            format!("Field 'Next' is not supported {at}/Not"),
        ),
        (
            r#"{"Condition":"{% true %}","Next":"B"}"#,
            format!(
                "The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage {at}, \
                 SCHEMA_VALIDATION_FAILED: A choice rule needs one comparison operator {at}"
            ),
        ),
    ];
    for (text, expected) in cases {
        check(
            &rule(text),
            &format!("SCHEMA_VALIDATION_FAILED: {expected}"),
        );
    }
    check(
        &one(r#"{"Type":"Choice","Choices":[]}"#),
        "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Choices",
    );
    check(
        &one(r#"{"Type":"Choice"}"#),
        "SCHEMA_VALIDATION_FAILED: These fields are required: [Choices] at /States/A",
    );
}

#[test]
fn graphs() {
    let cases = [
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}"#,
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"},"C":{"Type":"Pass","Next":"A"}}}"#,
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"},"C":{"Type":"Succeed"}}}"#,
            "MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"NOPE"}}}"#,
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next, MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            r#"{"StartAt":"Not sure","States":{"Pass One":{"Type":"Pass","Next":"Done"},"Done":{"Type":"Succeed"}}}"#,
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Not sure at /StartAt, MISSING_TRANSITION_TARGET: State \"Pass One\" is not reachable. at /States/Pass One",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.a","IsNull":true,"Next":"X"}],"Default":"Y"},"B":{"Type":"Succeed"}}}"#,
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Choices[0]/Next, \
             MISSING_TRANSITION_TARGET: Missing 'Next' target: Y at /States/A/Default, \
             MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Catch":[{"ErrorEquals":["States.ALL"],"Next":"X"}],"End":true}}}"#,
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Catch[0]/Next",
        ),
        (
            r#"{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"M"}}},"End":true}}}"#,
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: M at /States/M/ItemProcessor/States/P/Next, MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}],"End":true}}}"#,
            "DUPLICATE_STATE_NAME: Duplicate State name: B at /States/A/Branches[1]/States/B",
        ),
    ];
    for (definition, expected) in cases {
        check(definition, expected);
    }
}

#[test]
fn variables_have_names_of_their_own() {
    let long = "v".repeat(81);
    let assign = |name: &str| {
        one(&format!(
            r#"{{"Type":"Pass","Assign":{{"{name}":1}},"End":true}}"#
        ))
    };
    let at = "at /States/A/Assign";
    let cases = [
        (
            assign("states"),
            format!("The variable name 'states' is reserved {at}"),
        ),
        (
            assign(&long),
            format!("The variable name '{long}' is longer than 80 characters {at}"),
        ),
        (
            assign("1st"),
            format!("'1st' is not a valid variable name {at}"),
        ),
        (
            assign("a-b"),
            format!("'a-b' is not a valid variable name {at}"),
        ),
        (
            one(r#"{"Type":"Pass","Assign":1,"End":true}"#),
            format!("Expected value of type Object {at}"),
        ),
        (
            one(r#"{"Type":"Pass","InputPath":"$states","End":true}"#),
            "Value must be a valid JSONPath. at /States/A/InputPath".to_owned(),
        ),
        (
            one(
                r#"{"Type":"Parallel","Assign":{"v":1},"Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Assign":{"v.$":"$"},"End":true}}}],"End":true}"#,
            ),
            "The variable 'v' is assigned in an outer scope and cannot be assigned here at /States/A/Branches[0]/States".to_owned(),
        ),
    ];
    for (definition, expected) in cases {
        check(
            &definition,
            &format!("SCHEMA_VALIDATION_FAILED: {expected}"),
        );
    }
    for name in ["größe", "_x1", "数", &long[..80]] {
        assert!(parse(&assign(name)).is_ok(), "{name}");
    }
}
