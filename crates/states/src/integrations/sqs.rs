//! SQS: `sendMessage`, whose body may be any JSON.

use engine_core::TaskDescription;
use service::{Gate, Principal};

use super::Answer;
use super::exchange::FirstSdk;
use super::optimized::{Action, as_text};

const SEND: Action = Action {
    service: "sqs",
    sdk_name: "sqs",
    operation: "SendMessage",
    sdk: FirstSdk {
        prefix: "SQS",
        service: "AmazonSQS",
        general: "AmazonSQSException",
    },
    content_type: "application/x-amz-json-1.0",
    server: false,
};

/// Calls `sqs:sendMessage`.
pub(super) async fn send_message(
    gate: &dyn Gate,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let mut input = match SEND.members(task) {
        Ok(input) => input,
        Err(failed) => return failed,
    };
    as_text(&mut input, "MessageBody");
    SEND.answer(gate, input, task, principal).await
}
