//! EventBridge: `putEvents`, whose details may be any JSON, and which fails when one entry does.

use engine_core::{Payload, TaskDescription};
use serde_json::Value;
use service::{Gate, Principal};

use super::Answer;
use super::exchange::FirstSdk;
use super::optimized::{Action, as_text};

const PUT: Action = Action {
    service: "events",
    sdk_name: "eventbridge",
    operation: "PutEvents",
    sdk: FirstSdk {
        prefix: "EventBridge",
        service: "AmazonEventBridge",
        general: "AmazonEventBridgeException",
    },
    content_type: "application/x-amz-json-1.1",
    server: false,
};

/// Calls `events:putEvents`. The result shows nothing of the exchange (recorded).
pub(super) async fn put_events(
    gate: &dyn Gate,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let mut input = match PUT.members(task) {
        Ok(input) => input,
        Err(failed) => return failed,
    };
    for entry in input
        .get_mut("Entries")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Value::Object(entry) = entry {
            as_text(entry, "Detail");
        }
    }
    match PUT.call(gate, input, principal).await {
        Ok((shown, _)) => {
            let failed = shown.get("FailedEntryCount").and_then(Value::as_u64);
            let shown = Value::Object(shown);
            if failed.unwrap_or(0) > 0 {
                return Answer::failed("EventBridge.FailedEntry", shown.to_string());
            }
            Answer::returned(Payload::from_value(shown), task.completion)
        }
        Err(failed) => failed,
    }
}
