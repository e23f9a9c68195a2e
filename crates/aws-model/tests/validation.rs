//! Inputs that AWS refuses, with its words; and inputs that it takes.

use aws_model::{Invalid, lambda, states};

/// Reads `json` as the input of `operation` and returns what was wrong with it.
fn read(operation: &str, json: &str) -> Result<(), Invalid> {
    let json = json.as_bytes();
    macro_rules! one_of {
        ($($module:ident :: $name:ident,)*) => {
            match operation {
                $(stringify!($name) => $module::$name::from_json(json).map(|_| ()),)*
                other => panic!("the table has no {other}"),
            }
        };
    }
    one_of! {
        states::CreateStateMachineInput, states::CreateStateMachineAliasInput, states::ListExecutionsInput,
        states::StartExecutionInput, states::TagResourceInput, states::UntagResourceInput,
        states::RedriveExecutionInput, states::UpdateMapRunInput, states::ListStateMachinesInput,
        states::GetExecutionHistoryInput, states::CreateActivityInput,
        lambda::CreateFunctionInput, lambda::InvokeInput, lambda::ListFunctionsInput,
    }
}

const ARN: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:M";
const FUNCTION: &str = r#""FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r""#;

/// What AWS answers: nothing wrong, a text of the deserializer, or broken constraints.
enum Answer<'a> {
    Taken,
    Unreadable(&'a str),
    Broken(&'a [&'a str]),
}

fn check(operation: &str, json: &str, expected: &Answer<'_>) {
    let expected = match expected {
        Answer::Taken => Ok(()),
        Answer::Unreadable(message) => Err(("SerializationException", (*message).to_owned())),
        Answer::Broken(all) => {
            let errors = if all.len() == 1 { "error" } else { "errors" };
            let all: Vec<String> = all
                .iter()
                .map(|one| {
                    format!(
                        "Value{}",
                        one.replace(" => ", " failed to satisfy constraint: ")
                    )
                })
                .collect();
            Err((
                "ValidationException",
                format!(
                    "{} validation {errors} detected: {}",
                    all.len(),
                    all.join("; ")
                ),
            ))
        }
    };
    let found =
        read(&format!("{operation}Input"), json).map_err(|invalid| (invalid.code, invalid.message));
    assert_eq!(
        found,
        expected,
        "{operation} {}",
        &json[..json.len().min(300)]
    );
}

#[test]
fn takes_what_aws_takes() {
    let cases = [
        (
            "StartExecution",
            format!(r#"{{"stateMachineArn":"{ARN}"}}"#),
        ),
        (
            "StartExecution",
            format!(r#"{{"stateMachineArn":"{ARN}","unknown":[1,{{}}]}}"#),
        ),
        (
            "StartExecution",
            format!(r#"{{"stateMachineArn":"","stateMachineArn":"{ARN}"}}"#),
        ),
        ("ListStateMachines", String::new()),
        ("ListStateMachines", "null".to_owned()),
        ("ListStateMachines", r#"{"maxResults":10.0}"#.to_owned()),
        ("ListStateMachines", r#"{"maxResults":null}"#.to_owned()),
        // The payload travels beside the input.
        ("Invoke", r#"{"FunctionName":"f","Payload":1}"#.to_owned()),
    ];
    for (operation, json) in cases {
        check(operation, &json, &Answer::Taken);
    }
}

#[test]
fn names_every_broken_constraint() {
    let weight = |weight: &str| {
        format!(
            r#"{{"name":"a","routingConfiguration":[{{"stateMachineVersionArn":"{ARN}:1","weight":{weight}}}]}}"#
        )
    };
    let start = |more: &str| format!(r#"{{"stateMachineArn":"{ARN}"{more}}}"#);
    let long = "x".repeat(257);
    let long_arn = format!(
        " '{long}' at 'stateMachineArn' => Member must have length less than or equal to 256"
    );
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        (
            "StartExecution",
            "{}".to_owned(),
            vec![" null at 'stateMachineArn' => Member must not be null"],
        ),
        (
            "CreateStateMachine",
            r#"{"name":"","roleArn":null,"type":"FAST"}"#.to_owned(),
            vec![
                " '' at 'name' => Member must have length greater than or equal to 1",
                " null at 'definition' => Member must not be null",
                " null at 'roleArn' => Member must not be null",
                " 'FAST' at 'type' => Member must satisfy enum value set: [EXPRESS, STANDARD]",
            ],
        ),
        (
            "ListExecutions",
            r#"{"statusFilter":"succeeded"}"#.to_owned(),
            vec![
                " 'succeeded' at 'statusFilter' => Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
            ],
        ),
        (
            "ListExecutions",
            r#"{"maxResults":-1}"#.to_owned(),
            vec![" '-1' at 'maxResults' => Member must have value greater than or equal to 0"],
        ),
        (
            "RedriveExecution",
            r#"{"executionArn":"a","clientToken":"a b"}"#.to_owned(),
            vec![
                " 'a b' at 'clientToken' => Member must satisfy regular expression pattern: [!-~]+",
            ],
        ),
        (
            "StartExecution",
            start(r#","traceHeader":"é""#),
            vec![
                r" 'é' at 'traceHeader' => Member must satisfy regular expression pattern: \p{ASCII}*",
            ],
        ),
        (
            "StartExecution",
            format!(r#"{{"stateMachineArn":"{long}"}}"#),
            vec![&long_arn],
        ),
        // What is sensitive is not repeated.
        (
            "StartExecution",
            start(&format!(r#","input":"{}""#, "x".repeat(262_145))),
            vec![" at 'input' => Member must have length less than or equal to 262144"],
        ),
        (
            "CreateStateMachineAlias",
            weight("101"),
            vec![
                " '101' at 'routingConfiguration.1.member.weight' => Member must have value less than or equal to 100",
            ],
        ),
        (
            "CreateStateMachineAlias",
            weight("null"),
            vec![" null at 'routingConfiguration.1.member.weight' => Member must not be null"],
        ),
        (
            "CreateStateMachineAlias",
            r#"{"name":"a","routingConfiguration":[]}"#.to_owned(),
            vec![
                " '[]' at 'routingConfiguration' => Member must have length greater than or equal to 1",
            ],
        ),
        (
            "UntagResource",
            format!(r#"{{"resourceArn":"{ARN}","tagKeys":[null]}}"#),
            vec![
                " '[null]' at 'tagKeys' => Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must not be null]",
            ],
        ),
        (
            "UpdateMapRun",
            r#"{"mapRunArn":"a","toleratedFailurePercentage":100.5}"#.to_owned(),
            vec![
                " '100.5' at 'toleratedFailurePercentage' => Member must have value less than or equal to 100",
            ],
        ),
        (
            "ListFunctions",
            r#"{"MaxItems":0}"#.to_owned(),
            vec![" '0' at 'maxItems' => Member must have value greater than or equal to 1"],
        ),
        (
            "CreateFunction",
            format!(r#"{{{FUNCTION},"Code":{{"ZipFile":"AAAA","S3Bucket":"ends-in-dot."}}}}"#),
            vec![
                r" 'ends-in-dot.' at 'code.s3Bucket' => Member must satisfy regular expression pattern: [0-9A-Za-z\.\-_]*(?<!\.)",
            ],
        ),
    ];
    for (operation, json, broken) in cases {
        check(operation, &json, &Answer::Broken(&broken));
    }
}

#[test]
fn names_a_wrong_type() {
    let start = |more: &str| format!(r#"{{"stateMachineArn":"{ARN}"{more}}}"#);
    let cases = [
        (
            "ListExecutions",
            r#"{"maxResults":"10"}"#.to_owned(),
            "STRING_VALUE can not be converted to an Integer",
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":1}"#.to_owned(),
            "NUMBER_VALUE can not be converted to a String",
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":true}"#.to_owned(),
            "TRUE_VALUE can not be converted to a String",
        ),
        (
            "StartExecution",
            start(r#","input":{}"#),
            "Start of structure or map found where not expected.",
        ),
        (
            "StartExecution",
            start(r#","input":[]"#),
            "Start of list found where not expected",
        ),
        (
            "TagResource",
            format!(r#"{{"resourceArn":"{ARN}","tags":"k"}}"#),
            "Expected list or null",
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"a","reverseOrder":"yes"}"#.to_owned(),
            "STRING_VALUE can not be converted to a Boolean",
        ),
        (
            "CreateFunction",
            format!(r#"{{{FUNCTION},"Code":{{"ZipFile":"?"}}}}"#),
            "STRING_VALUE can not be converted to a Blob",
        ),
        (
            "StartExecution",
            "[]".to_owned(),
            "Start of list found where not expected",
        ),
        ("StartExecution", r#"{"stateMachineArn":"#.to_owned(), ""),
        ("StartExecution", "not json".to_owned(), ""),
        (
            "StartExecution",
            format!(r#"{{"x":{}"#, "[".repeat(100_000)),
            "",
        ),
    ];
    for (operation, json, message) in cases {
        check(operation, &json, &Answer::Unreadable(message));
    }
}

/// Constraints are counted as Java counts them: in UTF-16 code units.
#[test]
fn counts_length_as_java_does() {
    let name = |name: &str| format!(r#"{{"name":"{name}"}}"#);
    check("CreateActivity", &name(&"é".repeat(80)), &Answer::Taken);
    check("CreateActivity", &name(&"😀".repeat(40)), &Answer::Taken);
    let smiles = "😀".repeat(41);
    let broken =
        format!(" '{smiles}' at 'name' => Member must have length less than or equal to 80");
    check(
        "CreateActivity",
        &name(&smiles),
        &Answer::Broken(&[&broken]),
    );
}

#[test]
fn debug_output_hides_what_is_sensitive() {
    let json = br#"{"stateMachineArn":"arn","input":"\"secret\"","name":"shown"}"#;
    let text = format!(
        "{:?}",
        states::StartExecutionInput::from_json(json).expect("valid")
    );
    assert!(
        text.contains("shown") && text.contains("***") && !text.contains("secret"),
        "{text}"
    );
}

#[test]
fn writes_outputs_as_aws_does() {
    let output = states::StartExecutionOutput {
        execution_arn: "arn".to_owned(),
        start_date: vocab::Timestamp::from_millis(1_700_000_000_123),
    };
    let json = serde_json::to_string(&output).expect("an output is JSON");
    assert_eq!(json, r#"{"executionArn":"arn","startDate":1700000000.123}"#);
    assert_eq!(
        serde_json::from_str::<states::StartExecutionOutput>(&json).expect("and back"),
        output
    );
}

#[test]
fn every_operation_is_found_by_its_name() {
    assert_eq!(states::Operation::ALL.len(), 37);
    let entry = aws_model::catalog::service("states").expect("the catalogue has the service");
    for operation in states::Operation::ALL {
        assert_eq!(
            states::Operation::from_name(operation.name()),
            Some(operation)
        );
        assert_eq!(entry.operation(operation.name()), Some(operation.name()));
    }
    assert_eq!(states::Operation::from_name("Nothing"), None);
    let errors = states::Operation::CreateStateMachineAlias.model().errors;
    assert_eq!(errors.iter().map(|error| error.status).max(), Some(409));
}

/// Reads every shape of both models, and with it every regular expression.
#[test]
fn every_pattern_compiles() {
    use aws_model::schema::Kind;
    let states = states::Operation::ALL
        .into_iter()
        .filter_map(|operation| operation.model().input);
    let lambda = lambda::Operation::ALL
        .into_iter()
        .filter_map(|operation| operation.model().input);
    let mut waiting: Vec<_> = states.chain(lambda).collect();
    let mut patterns = 0;
    while let Some(shape) = waiting.pop() {
        waiting.extend(shape.members().iter().map(|member| member.shape));
        match &shape.kind {
            Kind::List { of, .. } => waiting.push(of),
            Kind::Map { key, value } => waiting.extend([key, value]),
            Kind::Text {
                pattern: Some(pattern),
                ..
            } => {
                pattern.admits("");
                patterns += 1;
            }
            Kind::Text { .. }
            | Kind::Structure(_)
            | Kind::Enumeration(_)
            | Kind::Blob
            | Kind::Integer { .. }
            | Kind::Float { .. }
            | Kind::Boolean
            | Kind::Timestamp => {}
        }
    }
    assert!(patterns > 20, "{patterns}");
}
