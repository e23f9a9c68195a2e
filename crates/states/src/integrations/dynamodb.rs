//! DynamoDB: `getItem`, `putItem`, `updateItem`, `deleteItem`. Other operations are `aws-sdk` calls.

use engine_core::TaskDescription;
use service::{Gate, Principal};

use super::Answer;
use super::exchange::FirstSdk;
use super::optimized::Action;

/// Calls `dynamodb:ACTION`.
pub(super) async fn call(
    gate: &dyn Gate,
    operation: &'static str,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let action = Action {
        service: "dynamodb",
        sdk_name: "dynamodb",
        operation,
        sdk: FirstSdk {
            prefix: "DynamoDB",
            service: "AmazonDynamoDBv2",
            general: "AmazonDynamoDBException",
        },
        content_type: "application/x-amz-json-1.0",
        server: true,
    };
    match action.members(task) {
        Ok(input) => action.answer(gate, input, task, principal).await,
        Err(failed) => failed,
    }
}
