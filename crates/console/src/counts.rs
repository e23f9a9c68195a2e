//! How many executions a machine has of each status: what AWS's console shows beside each name.
//!
//! The API has no such call, so they are counted from listings, up to a thousand of a status, and
//! remembered for a moment, so that many open pages cost as much as one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use service::{Failure, Principal};

use crate::{Console, api};

/// Most executions of one status that are counted: one page of the listing.
const COUNTED_MAX: usize = 1_000;

/// Most machines of one question.
const MACHINES_MAX: usize = 1_000;

/// How long a count is good while executions come and go all the time.
const FRESH: Duration = Duration::from_millis(100);

const STATUSES: [&str; 5] = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];

/// What was counted last.
#[derive(Default)]
pub(crate) struct Counts {
    known: Mutex<HashMap<String, (Instant, Value)>>,
}

impl Counts {
    /// Answers `{"stateMachineArns": […]}` with the counts of each: a number, or at a thousand
    /// `{"atLeast": 1000}`; `null` for a machine whose executions cannot be listed.
    pub async fn answer(
        &self,
        console: &Arc<Console>,
        principal: &Principal,
        input: &[u8],
    ) -> Result<Bytes, Failure> {
        let input: Value = serde_json::from_slice(input).unwrap_or_default();
        let arns = input["stateMachineArns"].as_array();
        let arns: Vec<&str> = arns
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if arns.len() > MACHINES_MAX {
            let message = format!("At most {MACHINES_MAX} machines are counted at once.");
            return Err(Failure::client("ValidationException", message));
        }
        let mut counts = Map::new();
        for arn in arns {
            let key = format!("{} {arn}", principal.arn());
            let known = self.known.lock().get(&key).cloned();
            let counted = match known {
                Some((at, counted)) if at.elapsed() < FRESH => counted,
                _ => {
                    let counted = count(console, principal, arn).await;
                    let mut known = self.known.lock();
                    known.retain(|_, (at, _)| at.elapsed() < FRESH);
                    known.insert(key, (Instant::now(), counted.clone()));
                    counted
                }
            };
            counts.insert(arn.to_owned(), counted);
        }
        Ok(Value::Object(counts).to_string().into())
    }
}

async fn count(console: &Console, principal: &Principal, arn: &str) -> Value {
    let mut counts = Map::new();
    for status in STATUSES {
        let input = json!({
            "stateMachineArn": arn,
            "statusFilter": status,
            "maxResults": COUNTED_MAX,
        });
        let Ok(reply) = api::call(console, principal, "ListExecutions", input.to_string()).await
        else {
            return Value::Null;
        };
        let output: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
        let found = output["executions"].as_array().map_or(0, Vec::len);
        let more = output["nextToken"].is_string();
        let number = if more {
            json!({"atLeast": found})
        } else {
            json!(found)
        };
        counts.insert(status.to_owned(), number);
    }
    Value::Object(counts)
}
