//! Calls of S3 through the gate, and how a Map state fails when one is refused.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use service::{Call, Failure, Gate, Principal, RequestId};

/// Why a Map state cannot read its items or write its results: the error that `Retry` and `Catch` see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemsFailed {
    /// `States.ItemReaderFailed` or `States.ResultWriterFailed`.
    pub error: &'static str,
    /// For people; where AWS was recorded, its words.
    pub cause: String,
}

impl ItemsFailed {
    /// Returns a failure to read items.
    pub fn reading(cause: impl Into<String>) -> Self {
        Self {
            error: "States.ItemReaderFailed",
            cause: cause.into(),
        }
    }

    /// Returns a failure to write results.
    pub fn writing(cause: impl Into<String>) -> Self {
        Self {
            error: "States.ResultWriterFailed",
            cause: cause.into(),
        }
    }
}

/// What S3 answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// The members of the output, with the model's names.
    pub output: Map<String, Value>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Returns the member `name` where it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.output.get(name).and_then(Value::as_str)
    }
}

/// S3 as one principal sees it.
#[derive(Clone)]
pub(super) struct S3 {
    gate: Arc<dyn Gate>,
    principal: Principal,
}

impl S3 {
    /// Returns S3 as `principal` sees it.
    pub fn new(gate: Arc<dyn Gate>, principal: Principal) -> Self {
        Self { gate, principal }
    }

    /// Makes one call; what is refused says which request it was.
    pub async fn call(
        &self,
        operation: &'static str,
        input: Map<String, Value>,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let request_id = RequestId::random();
        let call = Call {
            service: "s3",
            operation: operation.into(),
            input: Value::Object(input).to_string().into(),
            payload: body,
            principal: self.principal.clone(),
            request_id,
        };
        match self.gate.call(call).await {
            Ok(reply) => Ok(Answer {
                output: serde_json::from_slice(&reply.output).unwrap_or_default(),
                body: reply.payload,
            }),
            Err(failure) => Err(Refusal {
                failure,
                request_id,
            }),
        }
    }
}

/// A call that S3, or the gate before it, refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub failure: Failure,
    request_id: RequestId,
}

impl Refusal {
    /// Returns the refusal in the words of the SDK that Step Functions uses for S3.
    pub fn cause(&self) -> String {
        let Failure {
            code,
            message,
            status,
            ..
        } = &self.failure;
        let request_id = self.request_id;
        format!(
            "{message} (Service: Amazon S3; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
        )
    }
}
