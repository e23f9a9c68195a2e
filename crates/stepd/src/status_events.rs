//! Executions that begin and end, as EventBridge tells of them: `Step Functions Execution Status Change`.
//!
//! The details are what `DescribeExecution` says, in the form of the event: moments are milliseconds, and
//! what there is not is null.

use std::sync::Arc;

use async_trait::async_trait;
use events::{Events, Occurrence};
use serde_json::{Value, json};
use service::{Call, Gate, Principal, RequestId, Site, StatusSink};
use vocab::Timestamp;

/// Puts the changes of executions on the default bus.
pub struct StatusEvents {
    pub events: Arc<Events>,
    pub gate: Arc<dyn Gate>,
    pub site: Site,
}

#[async_trait]
impl StatusSink for StatusEvents {
    fn wants(&self) -> bool {
        self.events.wants()
    }

    async fn tell(&self, arn: &str, status: &str, at: Timestamp) -> Result<(), String> {
        let call = Call {
            service: "states",
            operation: "DescribeExecution".into(),
            input: json!({ "executionArn": arn }).to_string().into(),
            payload: Default::default(),
            principal: Principal::Root {
                account: Arc::clone(&self.site.account_id),
            },
            request_id: RequestId::random(),
        };
        let described = match self.gate.call(call).await {
            Ok(reply) => serde_json::from_slice(&reply.output).unwrap_or_default(),
            // One that is gone, or is nothing to describe, will not be described later either.
            Err(failure) if (400..500).contains(&failure.status) => {
                tracing::debug!(%failure, arn, "a change of an execution is told to nobody");
                return Ok(());
            }
            Err(failure) => return Err(failure.to_string()),
        };
        let occurrence = Occurrence {
            source: "aws.states".to_owned(),
            detail_type: "Step Functions Execution Status Change".to_owned(),
            resources: vec![arn.to_owned()],
            time: at,
            detail: detail(&described, status),
        };
        let published = self.events.publish(occurrence).await;
        published.map_err(|error| error.to_string())
    }
}

/// Returns the details of a change. One that has begun may have ended since: it is shown as it was.
fn detail(described: &Value, status: &str) -> Value {
    let running = status == "RUNNING";
    let of_end = |name: &str| match running {
        true => Value::Null,
        false => described[name].clone(),
    };
    let millis = |value: &Value| match value.as_f64() {
        Some(seconds) => Value::from((seconds * 1000.0).round() as i64),
        None => Value::Null,
    };
    let mut detail = json!({
        "executionArn": described["executionArn"],
        "stateMachineArn": described["stateMachineArn"],
        "name": described["name"],
        "status": status,
        "startDate": millis(&described["startDate"]),
        "stopDate": millis(&of_end("stopDate")),
        "input": described["input"],
        "output": of_end("output"),
        "stateMachineVersionArn": described["stateMachineVersionArn"],
        "stateMachineAliasArn": described["stateMachineAliasArn"],
        "redriveCount": described["redriveCount"],
        "redriveDate": millis(&described["redriveDate"]),
        "redriveStatus": match running {
            true => Value::from("NOT_REDRIVABLE"),
            false => described["redriveStatus"].clone(),
        },
        "redriveStatusReason": match running {
            true => Value::from("Execution is RUNNING and cannot be redriven"),
            false => described["redriveStatusReason"].clone(),
        },
        "inputDetails": described["inputDetails"],
        "outputDetails": of_end("outputDetails"),
    });
    detail["error"] = of_end("error");
    detail["cause"] = of_end("cause");
    detail
}

#[cfg(test)]
mod tests {
    use delivery::Deliveries;
    use service::{Failure, Reply, SystemClock};
    use store::MemoryStore;

    use super::*;

    /// Answers every call with a failure.
    struct Refusing(Failure);

    #[async_trait]
    impl Gate for Refusing {
        async fn call(&self, _: Call) -> Result<Reply, Failure> {
            Err(self.0.clone())
        }
    }

    #[tokio::test]
    async fn what_cannot_be_described_is_told_of_no_more_and_our_faults_pass() {
        for (failure, is_over) in [
            (Failure::client("ExecutionDoesNotExist", "gone"), true),
            (Failure::client("InvalidArn", "of an EXPRESS machine"), true),
            (Failure::internal("a disk is full"), false),
        ] {
            let site = Site {
                region: "us-east-1".into(),
                account_id: "000000000000".into(),
            };
            let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(SystemClock));
            let gate: Arc<dyn Gate> = Arc::new(Refusing(failure.clone()));
            let deliveries = Deliveries::open(store.clone(), gate.clone(), clock.clone()).await;
            let deliveries = deliveries.expect("the deliveries open");
            let events = Events::open(store, deliveries, clock, site.clone()).await;
            let events = events.expect("the buses open");
            let sink = StatusEvents { events, gate, site };
            let told = sink.tell("e", "RUNNING", Timestamp::from_millis(0)).await;
            assert_eq!(told.is_ok(), is_over, "{failure}");
        }
    }

    #[test]
    fn what_has_ended_is_shown_as_it_began() {
        let described = json!({
            "executionArn": "e", "name": "n", "status": "SUCCEEDED", "startDate": 1551225146.847,
            "stopDate": 1551225151.881, "input": "{}", "output": "1", "redriveCount": 0,
            "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        });
        let ended = detail(&described, "SUCCEEDED");
        assert_eq!(ended["startDate"], 1_551_225_146_847_i64);
        assert_eq!(ended["stopDate"], 1_551_225_151_881_i64);
        assert_eq!(ended["output"], "1");
        let began = detail(&described, "RUNNING");
        assert_eq!(
            (&began["stopDate"], &began["output"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            began["redriveStatusReason"],
            "Execution is RUNNING and cannot be redriven"
        );
    }
}
