//! What the optimized integrations of plain calls have in common: parameters that are the operation's
//! members, a result with what the first SDK for Java knows of the exchange.

use aws_model::sdk;
use bytes::Bytes;
use engine_core::{Payload, TaskDescription};
use serde_json::{Map, Value};
use service::{Call, Gate, Principal, RequestId};

use super::Answer;
use super::exchange::{Exchange, FirstSdk};

/// One action of one service.
pub(super) struct Action {
    /// The endpoint prefix.
    pub(super) service: &'static str,
    /// As ARNs call the service's SDK; the model's errors are found by it.
    pub(super) sdk_name: &'static str,
    /// The operation.
    pub(super) operation: &'static str,
    /// How errors read.
    pub(super) sdk: FirstSdk,
    /// What AWS's answers are made of.
    pub(super) content_type: &'static str,
    /// AWS's answers say that they come from a `Server`.
    pub(super) server: bool,
}

impl Action {
    /// Returns a task's parameters, without those that are null: the SDK does not send them.
    pub(super) fn members(&self, task: &TaskDescription) -> Result<Map<String, Value>, Answer> {
        match task.parameters.value() {
            Value::Object(parameters) => {
                let members = parameters.iter().filter(|(_, value)| !value.is_null());
                let owned = members.map(|(name, value)| (name.clone(), value.clone()));
                Ok(owned.collect())
            }
            _ => Err(Answer::failed(
                "States.Runtime",
                format!(
                    "The parameters of {}:{} must be an object.",
                    self.service, self.operation
                ),
            )),
        }
    }

    /// Makes the call; returns the members of the reply, in the order of the alphabet, and the exchange.
    pub(super) async fn call(
        &self,
        gate: &dyn Gate,
        input: Map<String, Value>,
        principal: Principal,
    ) -> Result<(Map<String, Value>, Exchange), Answer> {
        let request_id = RequestId::random();
        let call = Call {
            service: self.service,
            operation: self.operation.into(),
            input: Value::Object(input).to_string().into(),
            payload: Bytes::new(),
            principal,
            request_id,
        };
        let reply = gate.call(call).await.map_err(|failure| {
            let service = sdk::service(self.sdk_name);
            let named = |code: &str| service.is_some_and(|service| service.names_error(code));
            self.sdk.refused(&failure, request_id, named)
        })?;
        let mut output: Map<String, Value> =
            serde_json::from_slice(&reply.output).unwrap_or_default();
        output.sort_keys();
        let exchange = Exchange {
            content_type: self.content_type,
            content_length: reply.output.len(),
            request_id,
            server: self.server,
        };
        Ok((output, exchange))
    }

    /// Makes the call of a task whose result is the reply and the exchange.
    pub(super) async fn answer(
        &self,
        gate: &dyn Gate,
        input: Map<String, Value>,
        task: &TaskDescription,
        principal: Principal,
    ) -> Answer {
        match self.call(gate, input, principal).await {
            Ok((mut shown, exchange)) => {
                exchange.add_to(&mut shown);
                Answer::returned(Payload::from_value(Value::Object(shown)), task.completion)
            }
            Err(failed) => failed,
        }
    }
}

/// Makes text of a member that may be any JSON.
pub(super) fn as_text(members: &mut Map<String, Value>, name: &str) {
    if let Some(value) = members.get_mut(name)
        && !value.is_string()
    {
        *value = Value::String(value.to_string());
    }
}
