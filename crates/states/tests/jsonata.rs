//! JSONata as callers of the API meet it: what is refused, what a failure shows, what is allowed.

mod common;

use std::sync::Arc;

use common::{ROLE, World};
use engine_core::Limits;
use serde_json::{Value, json};
use service::Site;
use states::{States, StatesOptions};

fn machine(state: Value) -> Value {
    json!({"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}})
}

#[tokio::test]
async fn a_failed_expression_is_in_the_history() {
    let world = World::new().await;
    let output = json!({"total": "{% $sum($states.input.prices) * $rate %}"});
    let definition = machine(json!({"Type": "Pass", "Output": output, "End": true}));
    let arn = world.create("M", &definition).await;
    let execution = world.start("M", "n", r#"{"prices": [1, "2"]}"#).await;
    let shown = world.until_closed(&execution).await;
    let cause = "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$sum($states.input.prices) * $rate' specified for the field 'Output/total' threw an error during evaluation. T0412: Argument 1 of function \"sum\" must be an array of \"numbers\"";
    assert_eq!(shown["status"], "FAILED");
    assert_eq!(shown["error"], "States.QueryEvaluationError");
    assert_eq!(shown["cause"], cause);
    let history = world
        .ok("GetExecutionHistory", json!({"executionArn": execution}))
        .await;
    let event = &history["events"][2];
    assert_eq!(event["type"], "EvaluationFailed");
    assert_eq!(event["previousEventId"], 0);
    assert_eq!(
        event["evaluationFailedEventDetails"],
        json!({"error": "States.QueryEvaluationError", "cause": cause, "location": "Output/total", "state": "S"})
    );
    let described = world
        .ok("DescribeStateMachine", json!({"stateMachineArn": arn}))
        .await;
    assert_eq!(described["variableReferences"], json!({"S": ["rate"]}));
}

#[tokio::test]
async fn an_expression_that_cannot_be_read_is_refused() {
    let world = World::new().await;
    let definition = machine(json!({"Type": "Pass", "Output": {"v": "{% phone %}"}, "End": true}));
    let message = "Reference to 'phone' at the top level is not supported.";
    let call = json!({"name": "M", "roleArn": ROLE, "definition": definition.to_string()});
    assert_eq!(
        world.err("CreateStateMachine", call).await,
        format!(
            "InvalidDefinition: Invalid State Machine Definition: 'UNSUPPORTED_JSONATA_EXPRESSION: {message} at /States/S/Output/v'"
        )
    );
    let call = json!({"definition": definition.to_string()});
    let answer = world.ok("ValidateStateMachineDefinition", call).await;
    assert_eq!(
        answer["diagnostics"],
        json!([{"severity": "ERROR", "code": "UNSUPPORTED_JSONATA_EXPRESSION", "message": message, "location": "/States/S/Output/v"}])
    );
}

/// Opens the service over the world's store, with or without the newer operators.
async fn opened(world: &World, newer_jsonata: bool) -> Arc<States> {
    let options = StatesOptions {
        spans: None,
        statuses: None,
        newer_jsonata,
        site: Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        },
        limits: Limits::default(),
        token_key: [1; 32],
        mocks: None,
    };
    let (store, functions) = (world.store.clone(), world.functions.clone());
    States::open(options, store, functions, world.clock.clone())
        .await
        .expect("opens")
}

#[tokio::test]
async fn newer_operators_are_an_option_and_what_was_accepted_goes_on() {
    let mut world = World::new().await;
    let output = "{% $states.input.n ?? 7 %}";
    let definition = machine(json!({"Type": "Pass", "Output": output, "End": true}));
    let call = json!({"name": "M", "roleArn": ROLE, "definition": definition.to_string()});
    let refused = world.err("CreateStateMachine", call.clone()).await;
    assert!(
        refused.contains("The symbol \"?\" cannot be used as a unary operator"),
        "{refused}"
    );
    world.states.shut_down().await;
    world.states = opened(&world, true).await;
    world.ok("CreateStateMachine", call).await;
    world.states.shut_down().await;
    world.states = opened(&world, false).await;
    let execution = world.start("M", "n", "{}").await;
    assert_eq!(world.until_closed(&execution).await["output"], "7");
}
