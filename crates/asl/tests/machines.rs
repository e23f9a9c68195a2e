//! A machine as the engine sees it: what its states are, where they lead, what their fields default to.

use asl::{Count, Pattern, ResourceKind, ResultPath, StateKind, Transition, parse};

/// A workflow that waits for a person, with what can go wrong around it.
const REVIEW: &str = r#"{
    "Comment": "Reviews an application",
    "TimeoutSeconds": 1814400,
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Check Name", "States": {"Check Name": {
                    "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:check",
                    "Parameters": {"name.$": "$.application.name"}, "End": true}}},
                {"StartAt": "Check Address", "States": {"Check Address": {
                    "Type": "Task", "Resource": "arn:aws:states:us-east-1:111111111111:activity:check",
                    "HeartbeatSecondsPath": "$.beat", "End": true}}}
            ],
            "ResultPath": "$.checks",
            "Next": "Review Required?"
        },
        "Review Required?": {
            "Type": "Choice",
            "Choices": [{"Or": [
                {"Variable": "$.checks[0].flagged", "BooleanEquals": true},
                {"Variable": "$.checks[1].flagged", "BooleanEquals": true}], "Next": "Pending Review"}],
            "Default": "Approve"
        },
        "Pending Review": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "flag", "Payload": {"taskToken.$": "$$.Task.Token"}},
            "TimeoutSeconds": 60,
            "ResultPath": "$.review",
            "Retry": [{"ErrorEquals": ["Lambda.TooManyRequestsException"]},
                      {"ErrorEquals": ["States.ALL"], "MaxAttempts": 0, "IntervalSeconds": 2, "BackoffRate": 1,
                       "MaxDelaySeconds": 9, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error-info", "Next": "Reject"}],
            "Next": "Approve"
        },
        "Approve": {"Type": "Pass", "End": true},
        "Reject": {"Type": "Fail", "Error": "Rejected", "CausePath": "$.error-info.Cause"}
    }
}"#;

#[test]
fn reads_a_whole_machine() {
    let machine = parse(REVIEW).unwrap_or_else(|findings| panic!("{}", asl::joined(&findings)));
    let names: Vec<&str> = machine.states().iter().map(|state| &*state.name).collect();
    let in_document_order = [
        "Check",
        "Check Name",
        "Check Address",
        "Review Required?",
        "Pending Review",
        "Approve",
        "Reject",
    ];
    assert_eq!(names, in_document_order);
    assert_eq!(machine.timeout_seconds, Some(1_814_400));
    assert_eq!(&*machine.state(machine.root.start_at).name, "Check");

    let StateKind::Parallel(parallel) = &machine.find("Check").expect("Check").kind else {
        panic!("Parallel")
    };
    let starts: Vec<&str> = parallel
        .branches
        .iter()
        .map(|branch| &*machine.state(branch.start_at).name)
        .collect();
    assert_eq!(starts, ["Check Name", "Check Address"]);
    let Transition::Next(next) = parallel.transition else {
        panic!("Next")
    };
    assert_eq!(&*machine.state(next).name, "Review Required?");

    let StateKind::Task(task) = &machine.find("Pending Review").expect("Pending Review").kind
    else {
        panic!("Task")
    };
    assert_eq!(
        task.resource.kind,
        ResourceKind::Integration {
            service: "lambda".into(),
            action: "invoke".into(),
            pattern: Pattern::WaitForTaskToken
        }
    );
    assert!(matches!(task.timeout, Some(Count::Literal(60))));
    let by_default = (
        &task.retry[0].interval_seconds,
        &task.retry[0].max_attempts,
        &task.retry[0].backoff_rate,
    );
    assert_eq!(by_default, (&1, &3, &2.0));
    assert_eq!(
        (task.retry[0].max_delay_seconds, task.retry[0].full_jitter),
        (None, false)
    );
    let written = (
        &task.retry[1].interval_seconds,
        &task.retry[1].max_attempts,
        &task.retry[1].backoff_rate,
    );
    assert_eq!(written, (&2, &0, &1.0));
    assert_eq!(
        (task.retry[1].max_delay_seconds, task.retry[1].full_jitter),
        (Some(9), true)
    );
    assert_eq!(&*machine.state(task.catch[0].next).name, "Reject");
    assert!(
        matches!(&task.catch[0].result_path, ResultPath::Path(path) if path.text() == "$.error-info")
    );
}

#[test]
fn knows_what_a_resource_is() {
    let integration = |service: &str, action: &str, pattern| ResourceKind::Integration {
        service: service.into(),
        action: action.into(),
        pattern,
    };
    let cases = [
        (
            "arn:aws:lambda:us-east-1:111111111111:function:f",
            ResourceKind::LambdaFunction,
        ),
        (
            "arn:aws:lambda:us-east-1:111111111111:function:f:live",
            ResourceKind::LambdaFunction,
        ),
        (
            "arn:aws:states:us-east-1:111111111111:activity:a",
            ResourceKind::Activity,
        ),
        (
            "arn:aws:states:::dynamodb:getItem",
            integration("dynamodb", "getItem", Pattern::RequestResponse),
        ),
        (
            "arn:aws:states:::states:startExecution.sync",
            integration("states", "startExecution", Pattern::Sync),
        ),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            integration("states", "startExecution", Pattern::Sync2),
        ),
        (
            "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",
            integration("aws-sdk:sfn", "sendTaskSuccess", Pattern::RequestResponse),
        ),
        (
            "arn:aws:states:::aws-sdk:s3:listBuckets.waitForTaskToken",
            integration("aws-sdk:s3", "listBuckets", Pattern::WaitForTaskToken),
        ),
        (
            "arn:aws-cn:states:::http:invoke",
            integration("http", "invoke", Pattern::RequestResponse),
        ),
    ];
    for (arn, expected) in cases {
        let definition = format!(
            r#"{{"StartAt":"A","States":{{"A":{{"Type":"Task","Resource":"{arn}","End":true}}}}}}"#
        );
        let machine =
            parse(&definition).unwrap_or_else(|findings| panic!("{}", asl::joined(&findings)));
        let StateKind::Task(task) = &machine.states()[0].kind else {
            panic!("Task")
        };
        assert_eq!(task.resource.kind, expected, "{arn}");
    }
}
