//! Histories as the service makes them: nothing replaced, branches interleaved, moments moving on.

use serde_json::{Value, json};

/// Calls a function while a branch beside it waits for five seconds.
fn definition() -> Value {
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [
        {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 5, "End": true}}},
        {"StartAt": "Call", "States": {"Call": {
            "Type": "Task", "Resource": function, "End": true,
            "Parameters": {"at.$": "$$.State.EnteredTime", "id.$": "States.UUID()"},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2}]}}}
    ], "End": true}}})
}

/// The events, as `number < what it follows, milliseconds, type, details`.
fn history() -> Vec<Value> {
    let resource = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    let sent = |uuid: &str| json!({"at": "2026-01-01T00:00:00.012Z", "id": uuid}).to_string();
    let scheduled = |uuid: &str| {
        json!({"lambdaFunctionScheduledEventDetails": {
            "resource": resource, "input": sent(uuid), "inputDetails": {"truncated": false}}})
    };
    let entered = |name: &str| {
        json!({"stateEnteredEventDetails": {
            "name": name, "input": "{}", "inputDetails": {"truncated": false}}})
    };
    let exited = |name: &str, output: &str| {
        json!({"stateExitedEventDetails": {
            "name": name, "output": output, "outputDetails": {"truncated": false}}})
    };
    let first = "11111111-2222-3333-4444-555555555555";
    let second = "11111111-2222-3333-4444-666666666666";
    let started = json!({"executionStartedEventDetails": {
        "input": "{}", "inputDetails": {"truncated": false}, "roleArn": "arn:aws:iam::123456789012:role/r"}});
    let failed = json!({"lambdaFunctionFailedEventDetails": {"error": "Busy", "cause": "later"}});
    let succeeded = json!({"lambdaFunctionSucceededEventDetails": {
        "output": "7", "outputDetails": {"truncated": false}}});
    let ended = json!({"executionSucceededEventDetails": {
        "output": "[{},7]", "outputDetails": {"truncated": false}}});
    let rows = [
        (0, 0, "ExecutionStarted", started),
        (0, 4, "ParallelStateEntered", entered("Both")),
        (2, 4, "ParallelStateStarted", json!({})),
        // The service began the second branch first.
        (3, 9, "TaskStateEntered", entered("Call")),
        (4, 9, "LambdaFunctionScheduled", scheduled(first)),
        (3, 12, "WaitStateEntered", entered("Rest")),
        (5, 30, "LambdaFunctionStarted", json!({})),
        (7, 80, "LambdaFunctionFailed", failed),
        (8, 2_100, "LambdaFunctionScheduled", scheduled(second)),
        (9, 2_110, "LambdaFunctionStarted", json!({})),
        (6, 5_020, "WaitStateExited", exited("Rest", "{}")),
        (10, 6_000, "LambdaFunctionSucceeded", succeeded),
        (12, 6_003, "TaskStateExited", exited("Call", "7")),
        (13, 6_003, "ParallelStateSucceeded", json!({})),
        (13, 6_003, "ParallelStateExited", exited("Both", "[{},7]")),
        (15, 6_010, "ExecutionSucceeded", ended),
    ];
    let events = (1u64..)
        .zip(rows)
        .map(|(id, (previous, millis, kind, details))| {
            let mut event = json!({
                "timestamp": 1_767_225_600.0 + f64::from(millis) / 1_000.0,
                "type": kind, "id": id, "previousEventId": previous,
            });
            for (name, value) in details.as_object().into_iter().flatten() {
                event[name] = value.clone();
            }
            event
        });
    events.collect()
}

/// Plays `events`; returns how many are the same, and the difference.
fn played(events: &[Value]) -> (usize, String) {
    let definition = definition().to_string();
    let machine = asl::parse(&definition).expect("a definition");
    let arn = "arn:aws:states:eu-west-1:123456789012:execution:m:e";
    let report = replay::replay(&definition, &machine, events, Some(arn)).expect("a history");
    let difference = report.difference.map(|difference| difference.to_string());
    (report.same, difference.unwrap_or_default())
}

#[test]
fn what_the_service_interleaves_in_its_way_is_the_same() {
    assert_eq!(played(&history()), (16, String::new()));
}

#[test]
fn what_was_done_otherwise_is_found_in_its_place() {
    let changed = |at: usize, pointer: &str, value: Value| {
        let mut events = history();
        *events[at].pointer_mut(pointer).expect("a member") = value;
        played(&events)
    };
    let cases = [
        (
            12,
            "/stateExitedEventDetails/output",
            json!("8"),
            "event 13, TaskStateExited of \"Call\"",
        ),
        (
            8,
            "/lambdaFunctionScheduledEventDetails/input",
            json!("{}"),
            "event 9, LambdaFunctionScheduled of \"Call\"",
        ),
        (
            7,
            "/lambdaFunctionFailedEventDetails/error",
            json!("Other"),
            "event 9, LambdaFunctionScheduled of \"Call\": instead comes",
        ),
        (
            10,
            "/type",
            json!("WaitStateEntered"),
            "event 11, WaitStateEntered of \"Rest\": instead comes WaitStateExited",
        ),
        (
            5,
            "/previousEventId",
            json!(2),
            "event 6, WaitStateEntered of \"Rest\"",
        ),
    ];
    for (at, pointer, value, expected) in cases {
        let (same, difference) = changed(at, pointer, value);
        assert!(difference.starts_with(expected), "{pointer}: {difference}");
        assert!(same >= at.saturating_sub(1), "{pointer}: {same}");
    }
    let (_, difference) = played(&history()[..15]);
    assert!(
        difference.starts_with("ExecutionSucceeded was not recorded"),
        "{difference}"
    );
}

#[test]
fn what_is_no_history_is_refused() {
    let definition = definition().to_string();
    let machine = asl::parse(&definition).expect("a definition");
    let refused = |events: &[Value]| {
        replay::replay(&definition, &machine, events, None).expect_err("refused")
    };
    assert!(refused(&[]).contains("no events"));
    assert!(refused(&history()[1..]).contains("begins with ParallelStateEntered"));
    let mut events = history();
    events[0]["executionStartedEventDetails"] = json!({});
    assert!(refused(&events).contains("no data"));
}
