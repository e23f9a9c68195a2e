//! What a task says of itself when it starts an execution: who it is, so that it starts one however
//! often it asks, and whether it goes on waiting for the end.
//!
//! Two members in front of the input that the API does not have. The first is the task's sealed token:
//! whoever holds it may answer the task anyway, so nobody gains anything by saying it.

use std::borrow::Cow;

use async_trait::async_trait;
use bytes::Bytes;
use engine_core::{Completion, TaskDescription, TaskResource};
use serde::Deserialize;
use service::{Call, Failure, Gate, Reply};

use crate::rows::Waits;

/// How an input begins that says it. Not a name that a modelled member could have.
const HEAD: &[u8] = br#"{"stepd:task":""#;

/// Who asks for an execution.
#[derive(Deserialize)]
pub(crate) struct Asking<'a> {
    /// The task's token.
    #[serde(rename = "stepd:task", borrow)]
    pub(crate) token: Cow<'a, str>,
    #[serde(rename = "stepd:waits")]
    waits: u8,
}

impl<'a> Asking<'a> {
    /// Reads who asks, where it is a task.
    pub(crate) fn read(input: &'a [u8]) -> Option<Self> {
        if !input.starts_with(HEAD) {
            return None;
        }
        serde_json::from_slice(input).ok()
    }

    /// Returns whether the task goes on waiting for the end.
    pub(crate) fn waits(&self) -> Waits {
        match self.waits {
            1 => Waits::ForText,
            2 => Waits::ForJson,
            _ => Waits::No,
        }
    }
}

/// Returns what a task wants to know of the execution that its call starts.
pub(crate) fn waits_of(task: &TaskDescription) -> Waits {
    match (&task.resource, task.completion) {
        (TaskResource::Integration { resource, .. }, Completion::OnJob) => {
            if resource.ends_with(".sync:2") {
                Waits::ForJson
            } else {
                Waits::ForText
            }
        }
        _ => Waits::No,
    }
}

/// The way to the services for one task: what it starts knows who asked for it.
pub(crate) struct TaskGate<'a> {
    pub(crate) gate: &'a dyn Gate,
    /// Seals the task's token: most calls start nothing and need none.
    pub(crate) seal: &'a (dyn Fn() -> String + Send + Sync),
    pub(crate) waits: Waits,
}

#[async_trait]
impl Gate for TaskGate<'_> {
    async fn call(&self, mut call: Call) -> Result<Reply, Failure> {
        if call.service == "states" && call.operation == "StartExecution" {
            call.input = self.named(&call.input);
        }
        self.gate.call(call).await
    }
}

impl TaskGate<'_> {
    fn named(&self, input: &[u8]) -> Bytes {
        let waits = self.waits as u8;
        let mut named = HEAD.to_vec();
        named.extend_from_slice((self.seal)().as_bytes());
        named.extend_from_slice(format!(r#"","stepd:waits":{waits}"#).as_bytes());
        let members = input.strip_prefix(b"{").unwrap_or(b"}");
        if members != b"}" {
            named.push(b',');
        }
        named.extend_from_slice(members);
        named.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Unused;

    #[async_trait]
    impl Gate for Unused {
        async fn call(&self, _: Call) -> Result<Reply, Failure> {
            Ok(Reply::default())
        }
    }

    #[test]
    fn an_input_says_who_asks() {
        let gate = TaskGate {
            gate: &Unused,
            seal: &|| "AQ-_".to_owned(),
            waits: Waits::ForJson,
        };
        for input in ["{}", r#"{"name":"n"}"#] {
            let named = gate.named(input.as_bytes());
            let asking = Asking::read(&named).expect("is a task's");
            assert_eq!(
                (&*asking.token, asking.waits()),
                ("AQ-_", Waits::ForJson),
                "{input}"
            );
            assert!(Asking::read(input.as_bytes()).is_none(), "{input}");
        }
    }
}
