//! SNS: `publish`, whose message may be any JSON.

use engine_core::TaskDescription;
use service::{Gate, Principal};

use super::Answer;
use super::exchange::FirstSdk;
use super::optimized::{Action, as_text};

const PUBLISH: Action = Action {
    service: "sns",
    sdk_name: "sns",
    operation: "Publish",
    sdk: FirstSdk {
        prefix: "SNS",
        service: "AmazonSNS",
        general: "AmazonSNSException",
    },
    content_type: "text/xml",
    server: false,
};

/// Calls `sns:publish`.
pub(super) async fn publish(
    gate: &dyn Gate,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let mut input = match PUBLISH.members(task) {
        Ok(input) => input,
        Err(failed) => return failed,
    };
    as_text(&mut input, "Message");
    PUBLISH.answer(gate, input, task, principal).await
}
