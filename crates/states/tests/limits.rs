//! The limits of the service from outside: each as AWS has it, and raised by the operator.

mod common;

use common::{ROLE, World, machine_arn, pass};
use engine_core::Limits;
use serde_json::{Value, json};
use vocab::limits::{
    DEFINITION_BYTES_MAX, EXECUTION_SECONDS_MAX, HISTORY_EVENTS_MAX, PAYLOAD_BYTES_MAX,
    VARIABLES_BYTES_MAX,
};

/// Every limit four times as high.
fn raised() -> Limits {
    Limits {
        payload_bytes_max: 4 * PAYLOAD_BYTES_MAX,
        assign_bytes_max: 4 * PAYLOAD_BYTES_MAX,
        variables_bytes_max: 4 * VARIABLES_BYTES_MAX,
        execution_seconds_max: 4 * EXECUTION_SECONDS_MAX,
        definition_bytes_max: 4 * DEFINITION_BYTES_MAX,
        history_events_max: 4 * HISTORY_EVENTS_MAX,
        ..Limits::default()
    }
}

/// Runs `definition` once; returns status, error and cause.
async fn run(world: &World, definition: &Value, input: &str) -> (String, String, String) {
    world.create("M", definition).await;
    let arn = world.start("M", "e", input).await;
    let shown = world.until_closed(&arn).await;
    let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("error"), text("cause"))
}

/// Checks that `definition` ends with `error` and `cause` within AWS's limits, and not within raised ones.
async fn check(definition: Value, answer: Option<String>, error: &str, cause: &str) {
    for (limits, expected) in [
        (Limits::default(), ("FAILED", error, cause)),
        (raised(), ("SUCCEEDED", "", "")),
    ] {
        let world = World::within(limits).await;
        *world.functions.answer.lock() = answer.clone().map(Into::into);
        let (status, error, cause) = run(&world, &definition, "{}").await;
        assert_eq!((&*status, &*error, &*cause), expected);
    }
}

fn too_long(what: &str) -> String {
    format!(
        "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
    )
}

#[tokio::test]
async fn results_of_states_functions_and_integrations() {
    let text = "x".repeat(PAYLOAD_BYTES_MAX);
    let one = |state: Value| json!({"StartAt": "A", "States": {"A": state}});
    check(
        one(json!({"Type": "Pass", "Result": text, "End": true})),
        None,
        "States.DataLimitExceeded",
        &too_long("A"),
    )
    .await;
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let answer = Some(json!(text).to_string());
    check(
        one(json!({"Type": "Task", "Resource": function, "End": true})),
        answer.clone(),
        "States.DataLimitExceeded",
        &too_long(function),
    )
    .await;
    check(
        one(json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "End": true
        })),
        answer,
        "States.DataLimitExceeded",
        &too_long("lambda"),
    )
    .await;
}

#[tokio::test]
async fn variables_of_one_assign() {
    let half = "x".repeat(PAYLOAD_BYTES_MAX / 2);
    check(
        json!({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"a": half, "b": half}, "End": true}}}),
        None,
        "States.DataLimitExceeded",
        "The state 'A' assigns variables of a size exceeding the limit of 262144 bytes for one Assign.",
    )
    .await;
}

/// A variable is made larger in each round, so that ten megabytes need no long definition.
#[tokio::test]
async fn variables_of_one_execution() {
    let mut states = serde_json::Map::new();
    let last = 42;
    for at in 0..=last {
        let mut state = json!({"Type": "Pass", "Assign": {format!("v{at}.$"): "$.text"}});
        match at {
            _ if at == last => state["End"] = true.into(),
            _ => state["Next"] = format!("S{}", at + 1).into(),
        }
        states.insert(format!("S{at}"), state);
    }
    let definition = json!({"StartAt": "S0", "States": states});
    let input = json!({"text": "x".repeat(250_000)}).to_string();
    for (limits, expected) in [(Limits::default(), "FAILED"), (raised(), "SUCCEEDED")] {
        let world = World::within(limits).await;
        let (status, error, cause) = run(&world, &definition, &input).await;
        assert_eq!(status, expected, "{cause}");
        if status == "FAILED" {
            assert_eq!(error, "States.DataLimitExceeded");
            let limit = "10485760 bytes for all variables of an execution.";
            assert!(cause.ends_with(limit), "{cause}");
        }
    }
}

#[tokio::test]
async fn events_of_one_history() {
    // A Choice takes two events a round, so that this one is out of rounds after 30,000 events.
    let definition = json!({"StartAt": "N", "States": {
        "N": {"Type": "Pass", "Parameters": {"n": 0}, "Next": "Loop"},
        "Loop": {"Type": "Choice", "Default": "Out",
            "Choices": [{"Variable": "$.n", "NumericLessThan": 7_500, "Next": "More"}]},
        "More": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Loop"},
        "Out": {"Type": "Succeed"}}});
    check(
        definition,
        None,
        "States.Runtime",
        "The execution reached the maximum number of history events (25000).",
    )
    .await;
}

#[tokio::test]
async fn seconds_of_one_execution() {
    let definition = json!({"StartAt": "W", "States": {
        "W": {"Type": "Wait", "Seconds": EXECUTION_SECONDS_MAX + 1, "End": true}}});
    for (limits, expected) in [(Limits::default(), "TIMED_OUT"), (raised(), "SUCCEEDED")] {
        let world = World::within(limits).await;
        world.create("M", &definition).await;
        let arn = world.start("M", "e", "{}").await;
        let millis = (EXECUTION_SECONDS_MAX + 1) * 1000;
        world
            .clock
            .advance_millis(i64::try_from(millis).expect("a year of milliseconds"));
        let shown = world.until_closed(&arn).await;
        assert_eq!(shown["status"], expected);
    }
}

#[tokio::test]
async fn inputs_and_definitions() {
    let long = "x".repeat(PAYLOAD_BYTES_MAX);
    let comment = "x".repeat(DEFINITION_BYTES_MAX);
    let mut definition = pass();
    definition["Comment"] = comment.into();
    let create =
        |name: &str| json!({"name": name, "definition": definition.to_string(), "roleArn": ROLE});
    let start = json!({"stateMachineArn": machine_arn("P"), "input": json!(long).to_string()});
    let validate = json!({"definition": definition.to_string()});

    let world = World::new().await;
    world.create("P", &pass()).await;
    let too_long = |member: &str, length: usize| {
        format!(
            "ValidationException: 1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length less than or equal to {length}"
        )
    };
    let refused = world.err("CreateStateMachine", create("L")).await;
    assert_eq!(refused, too_long("definition", DEFINITION_BYTES_MAX));
    let refused = world
        .err("ValidateStateMachineDefinition", validate.clone())
        .await;
    assert_eq!(refused, too_long("definition", DEFINITION_BYTES_MAX));
    let refused = world.err("StartExecution", start.clone()).await;
    assert_eq!(refused, too_long("input", PAYLOAD_BYTES_MAX));

    let mut world = World::within(raised()).await;
    world.create("P", &pass()).await;
    world.ok("CreateStateMachine", create("L")).await;
    let output = world.ok("ValidateStateMachineDefinition", validate).await;
    assert_eq!(output["result"], "OK");
    world.ok("StartExecution", start).await;
    // What was accepted goes on after a restart.
    world.restart().await;
    let arn = world.start("L", "e", "{}").await;
    assert_eq!(world.until_closed(&arn).await["status"], "SUCCEEDED");
}
