//! The ports between services: what a call is, who makes it, and what it answers.
//!
//! A service is one value that answers [`Call`]s. It is called by the listener for a client, or by
//! another service through [`Gate`], which authorizes the call first; it cannot tell the difference.
//! Wire formats are absent: input and output are JSON objects whose members have the names of the
//! AWS model (`FunctionName`, `stateMachineArn`), and blobs travel beside them.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod authority;
mod principal;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use authority::{Access, Authority, KeyHolder};
pub use principal::{Limited, Principal};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value};
use vocab::Timestamp;

mod members;

pub use members::Members;

/// One call of one operation.
#[derive(Clone, Debug)]
pub struct Call {
    /// The service's endpoint prefix in lower case: `states`, `lambda`, `dynamodb`.
    pub service: &'static str,
    /// The operation's name in the AWS model: `StartExecution`, `Invoke`.
    pub operation: Cow<'static, str>,
    /// The input as the text of a JSON object with the model's member names; blobs that are not the
    /// payload are base64. Query, path and header members of REST protocols are members like others.
    pub input: Bytes,
    /// The member that the model marks as the body (`payload`), raw; empty where there is none.
    pub payload: Bytes,
    /// Who calls, already authenticated.
    pub principal: Principal,
    /// Given to the caller as `x-amzn-RequestId`.
    pub request_id: RequestId,
}

/// What a call answers when it works.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The output as the text of a JSON object with the model's member names.
    pub output: Bytes,
    /// The payload member, raw; empty where there is none.
    pub payload: Bytes,
}

/// What a call answers when it does not: a modelled error, or a fault of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The error's code as clients match it: `ExecutionDoesNotExist`, `ValidationException`.
    pub code: Cow<'static, str>,
    /// The text that the caller reads. Never a secret, never a path of this machine.
    pub message: String,
    /// The HTTP status that the model gives the error; 400 where it gives none, 5xx for our faults.
    pub status: u16,
    /// Further members that the model gives the error (`reason`, `resourceName`, `Type`).
    pub fields: Map<String, Value>,
}

impl Failure {
    /// Returns the client error `code` with status 400.
    pub fn client(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: 400,
            fields: Map::new(),
        }
    }

    /// Returns a fault of the server; clients retry it.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            code: "InternalFailure".into(),
            message: message.into(),
            status: 500,
            fields: Map::new(),
        }
    }

    /// Returns the same failure with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Returns the same failure with one more member.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

/// An identifier of one request, in the form of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(uuid::Uuid);

impl RequestId {
    /// Draws a new one.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One AWS service.
#[async_trait]
pub trait Service: Send + Sync {
    /// The endpoint prefix that the service answers for, as in [`Call::service`].
    fn name(&self) -> &'static str;

    /// Answers `call`. Once this returns `Ok`, what it says is durable.
    async fn call(&self, call: Call) -> Result<Reply, Failure>;

    /// Returns the ARN that a call is about where only the service can tell, as behind a task's token.
    async fn resource_of(&self, _call: &Call) -> Option<String> {
        None
    }

    /// Says whether `operation` waits for somebody else, so that it ends when its caller goes away. Every other
    /// call that has begun is carried out: what is in memory must not fall behind what is on disk.
    fn waits(&self, _operation: &str) -> bool {
        false
    }

    /// Returns the policy of the resource with this ARN, where it has one.
    async fn resource_policy(&self, _resource: &str) -> Option<String> {
        None
    }
}

/// The way from one service to another: authorizes the call as its principal, then routes it.
///
/// The gateway implements it; the engine and the deployer hold it and have no privileges beside it.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Carries out `call`; a service that is not there answers with a failure that names it.
    async fn call(&self, call: Call) -> Result<Reply, Failure>;
}

/// The time, for all that is not a pure crate. Tests move it.
pub trait Clock: Send + Sync {
    /// Returns the present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_millis(elapsed.map_or(0, |d| d.as_millis() as i64))
    }
}

/// Access keys that stand for a role for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryCredentials {
    /// Begins with `ASIA`.
    pub access_key_id: String,
    /// Signs requests; never logged.
    pub secret_access_key: String,
    /// Says which role and until when; sealed, so that it cannot be made up.
    pub session_token: String,
    /// When they end.
    pub expires_at: Timestamp,
}

impl fmt::Debug for TemporaryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TemporaryCredentials({}, until {})",
            self.access_key_id, self.expires_at
        )
    }
}

/// Who hands out temporary credentials. The gateway implements it and verifies what it handed out.
pub trait CredentialIssuer: Send + Sync {
    /// Returns credentials of `role_arn` under `session_name` for `seconds`.
    fn issue(&self, role_arn: &str, session_name: &str, seconds: u64) -> TemporaryCredentials {
        let principal = Principal::Role {
            role_arn: role_arn.into(),
            session_name: session_name.into(),
        };
        self.issue_to(&principal, seconds)
    }

    /// Returns credentials of `principal` for `seconds`.
    fn issue_to(&self, principal: &Principal, seconds: u64) -> TemporaryCredentials;
}

/// Where lines of a program go: a log group and a stream in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogStreamName {
    /// `/aws/lambda/NAME`.
    pub group: String,
    /// `2026/11/25/[$LATEST]8b1a…`.
    pub stream: String,
}

/// A line of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub time: Timestamp,
    /// The line without its end.
    pub message: String,
}

/// Who keeps what programs of this server write. CloudWatch Logs implements it.
#[async_trait]
pub trait LogSink: Send + Sync {
    /// Takes lines for a stream; group and stream are made when they are not there. Returns before the
    /// lines are durable, which they are a moment later, and waits only where too much is waiting.
    async fn write(&self, to: &Arc<LogStreamName>, lines: Vec<LogLine>);
}

/// A piece of work with a beginning and an end, as traces show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace that it is part of.
    pub trace_id: [u8; 16],
    /// Its own id.
    pub span_id: [u8; 8],
    /// The piece that it is part of.
    pub parent_span_id: Option<[u8; 8]>,
    /// What it is called.
    pub name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it failed, if it did. Never what was worked on.
    pub error: Option<String>,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, String)>,
}

/// A collector of traces.
#[async_trait]
pub trait SpanSink: Send + Sync {
    /// Tells of `spans`. Once this returns `Ok`, they need not be told again.
    ///
    /// # Errors
    /// Why the collector did not take them, when it may do so later.
    async fn export(&self, spans: &[Span]) -> Result<(), String>;
}

/// Who hears of executions that begin and end.
#[async_trait]
pub trait StatusSink: Send + Sync {
    /// Says whether anybody wants to hear; nothing is written down for nobody.
    fn wants(&self) -> bool;

    /// Tells that the execution `arn` has had `status` since `at`. Once this returns `Ok`, it need not be
    /// told again.
    ///
    /// # Errors
    /// Why it was not heard, when it may be later.
    async fn tell(&self, arn: &str, status: &str, at: Timestamp) -> Result<(), String>;
}

/// Where the server is and whom it serves: constant for a run.
#[derive(Clone, Debug)]
pub struct Site {
    /// `us-east-1` unless told otherwise.
    pub region: Arc<str>,
    /// Twelve digits.
    pub account_id: Arc<str>,
}
