//! Who is told what became of events that nobody waits for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};
use service::{Call, Failure, Gate, Principal, Reply};

use crate::world::{ARN, ROLE, World, is_there, until};

/// Other services, which keep what they are told. The first call of each fails.
#[derive(Default)]
struct Others {
    told: Mutex<Vec<(String, Value, Value)>>,
    failed: Mutex<Vec<String>>,
}

#[async_trait]
impl Gate for Others {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        assert_eq!(
            call.principal,
            Principal::Role {
                role_arn: ROLE.into(),
                session_name: "f".into()
            },
            "the function's role tells"
        );
        let what = format!("{}:{}", call.service, call.operation);
        if !self.failed.lock().contains(&what) {
            self.failed.lock().push(what);
            return Err(Failure::client("Throttling", "later"));
        }
        let input = serde_json::from_slice(&call.input).expect("JSON");
        let payload = serde_json::from_slice(&call.payload).unwrap_or_default();
        self.told.lock().push((what, input, payload));
        Ok(Reply::default())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_are_told_once_they_are_certain() {
    if !is_there("node") {
        return;
    }
    let others = Arc::new(Others::default());
    let gate: Arc<dyn Gate> = others.clone();
    let world = World::with(|options| {
        options.gate = Some(gate);
        options.event_retry_delays = vec![Duration::ZERO, Duration::from_millis(5)];
    })
    .await;
    let more =
        json!({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"}});
    let code = "exports.handler = async (event) => { if (event.fail) throw new Error('told to'); return 'done' }";
    world
        .create(
            "f",
            "nodejs20.x",
            "index.handler",
            &[("index.js", code)],
            more,
        )
        .await;
    world.node("g", "exports.handler = async () => 1").await;
    let config = json!({
        "FunctionName": "f", "MaximumRetryAttempts": 1,
        "DestinationConfig": {
            "OnSuccess": {"Destination": format!("{ARN}g")},
            "OnFailure": {"Destination": "arn:aws:events:us-east-1:000000000000:event-bus/default"},
        },
    });
    let put = world
        .call("PutFunctionEventInvokeConfig", config)
        .await
        .expect("put");
    assert_eq!(put["FunctionArn"], format!("{ARN}f:$LATEST"));
    for event in [json!({"n": 1}), json!({"fail": true})] {
        let input = json!({"FunctionName": "f", "InvocationType": "Event"});
        world
            .call_with("Invoke", input, event.to_string().into())
            .await
            .expect("accepted");
    }
    until("all are told", async || others.told.lock().len() == 3).await;
    let told = others.told.lock().clone();
    let of = |what: &str| {
        told.iter()
            .find(|(told, _, _)| told == what)
            .expect("told")
            .clone()
    };
    let (_, input, record) = of("lambda:Invoke");
    assert_eq!(
        (&input["FunctionName"], &input["InvocationType"]),
        (&json!(format!("{ARN}g")), &json!("Event"))
    );
    let context = &record["requestContext"];
    assert_eq!(
        (
            &context["condition"],
            &context["approximateInvokeCount"],
            &context["functionArn"]
        ),
        (
            &json!("Success"),
            &json!(1),
            &json!(format!("{ARN}f:$LATEST"))
        )
    );
    assert_eq!(
        (
            &record["requestPayload"],
            &record["responsePayload"],
            &record["responseContext"]
        ),
        (
            &json!({"n": 1}),
            &json!("done"),
            &json!({"statusCode": 200, "executedVersion": "$LATEST"})
        )
    );
    let (_, input, _) = of("events:PutEvents");
    let entry = &input["Entries"][0];
    assert_eq!(
        entry["DetailType"],
        "Lambda Function Invocation Result - Failure"
    );
    let detail: Value =
        serde_json::from_str(entry["Detail"].as_str().expect("a text")).expect("JSON");
    assert_eq!(
        (
            &detail["requestContext"]["condition"],
            &detail["requestContext"]["approximateInvokeCount"]
        ),
        (&json!("RetriesExhausted"), &json!(2))
    );
    assert_eq!(detail["responsePayload"]["errorMessage"], "told to");
    let (_, input, _) = of("sqs:SendMessage");
    assert_eq!(
        (
            &input["MessageBody"],
            &input["MessageAttributes"]["ErrorMessage"]["StringValue"]
        ),
        (&json!(r#"{"fail":true}"#), &json!("told to"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_are_put_shown_and_refused() {
    let world = World::new().await;
    world.node("f", "exports.handler = async () => 1").await;
    let put =
        json!({"FunctionName": "f", "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60});
    world
        .call("PutFunctionEventInvokeConfig", put)
        .await
        .expect("put");
    let update = json!({"FunctionName": "f", "MaximumRetryAttempts": 2});
    let shown = world
        .call("UpdateFunctionEventInvokeConfig", update)
        .await
        .expect("updated");
    assert_eq!(
        (
            &shown["MaximumRetryAttempts"],
            &shown["MaximumEventAgeInSeconds"]
        ),
        (&json!(2), &json!(60))
    );
    let cases = [
        (
            "PutFunctionEventInvokeConfig",
            json!({"FunctionName": "f"}),
            "You must specify at least one of error handling or destination setting.".to_owned(),
        ),
        (
            "PutFunctionEventInvokeConfig",
            json!({"FunctionName": "f", "DestinationConfig": {"OnSuccess": {"Destination": format!("{ARN}f")}}}),
            "You can't specify the function as a destination for itself.".to_owned(),
        ),
        (
            "PutFunctionEventInvokeConfig",
            json!({"FunctionName": "g", "MaximumRetryAttempts": 1}),
            "The function does not exist.".to_owned(),
        ),
        (
            "GetFunctionEventInvokeConfig",
            json!({"FunctionName": "f", "Qualifier": "1"}),
            "The function does not exist.".to_owned(),
        ),
    ];
    for (operation, input, message) in cases {
        let failure = world.call(operation, input).await.expect_err(operation);
        assert_eq!(failure.message, message);
    }
    world
        .call(
            "DeleteFunctionEventInvokeConfig",
            json!({"FunctionName": "f"}),
        )
        .await
        .expect("deleted");
    let none = world
        .call("GetFunctionEventInvokeConfig", json!({"FunctionName": "f"}))
        .await;
    assert_eq!(
        none.expect_err("none").message,
        format!("The function {ARN}f:$LATEST doesn't have an EventInvokeConfig")
    );
}
