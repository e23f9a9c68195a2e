//! One keep-alive connection that signs and sends Step Functions calls, as an SDK does.

use std::sync::Arc;
use std::time::SystemTime;

use crate::Server;
use anyhow::{Context, bail};
use aws_wire::sigv4::{Signer, sign};
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use vocab::Timestamp;

/// Where the server is, and with which keys it is called.
#[derive(Clone)]
pub struct Target {
    address: Arc<str>,
    access_key_id: Arc<str>,
    secret_access_key: Arc<str>,
    region: Arc<str>,
}

impl Target {
    /// Returns what a client needs of `server`, as it runs now.
    pub fn of(server: &Server) -> anyhow::Result<Self> {
        let env = server.env();
        let value = |name: &str| {
            env.get(name)
                .map(|value| Arc::from(value.as_str()))
                .context("a server has an environment")
        };
        Ok(Self {
            address: server.endpoint().trim_start_matches("http://").into(),
            access_key_id: value("AWS_ACCESS_KEY_ID")?,
            secret_access_key: value("AWS_SECRET_ACCESS_KEY")?,
            region: value("AWS_REGION")?,
        })
    }

    /// Returns the same server, called with another access key.
    pub fn with_key(&self, access_key_id: &str, secret_access_key: &str) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            ..self.clone()
        }
    }

    /// Opens a connection.
    pub async fn connect(&self) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(&*self.address)
            .await
            .context("could not connect")?;
        stream
            .set_nodelay(true)
            .context("could not set up the connection")?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .context("could not speak HTTP")?;
        tokio::spawn(connection);
        Ok(Client {
            target: self.clone(),
            sender,
        })
    }
}

/// A connection.
pub struct Client {
    target: Target,
    sender: SendRequest<String>,
}

impl Client {
    /// Sends a form to a service of the query protocol; returns the status and what was answered.
    pub async fn query(
        &mut self,
        service: &str,
        form: &[(&str, &str)],
    ) -> anyhow::Result<(u16, String)> {
        let pairs = form.iter().map(|(name, value)| {
            let value = value.bytes().map(|byte| format!("%{byte:02X}"));
            format!("{name}={}", value.collect::<String>())
        });
        let body = pairs.collect::<Vec<_>>().join("&");
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header("host", &*self.target.address)
            .header("content-type", "application/x-www-form-urlencoded");
        let (mut parts, ()) = request
            .body(())
            .context("could not write a request")?
            .into_parts();
        let signer = Signer {
            access_key_id: &self.target.access_key_id,
            secret_access_key: &self.target.secret_access_key,
            session_token: None,
            region: &self.target.region,
            service,
        };
        sign(&mut parts, body.as_bytes(), &signer, now()).context("could not sign a request")?;
        self.sender
            .ready()
            .await
            .context("the connection is closed")?;
        let request = Request::from_parts(parts, body);
        let response = self.sender.send_request(request).await;
        let (head, body) = response.context("could not send a form")?.into_parts();
        let bytes = body.collect().await;
        let bytes = bytes.context("could not read the answer to a form")?;
        let text = String::from_utf8_lossy(&bytes.to_bytes()).into_owned();
        Ok((head.status.as_u16(), text))
    }

    /// Calls `action` of Step Functions; an error of the service is an error here.
    pub async fn call(&mut self, action: &str, input: &Value) -> anyhow::Result<Value> {
        let body = input.to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header("host", &*self.target.address)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{action}"));
        let (mut parts, ()) = request
            .body(())
            .context("could not write a request")?
            .into_parts();
        let signer = Signer {
            access_key_id: &self.target.access_key_id,
            secret_access_key: &self.target.secret_access_key,
            session_token: None,
            region: &self.target.region,
            service: "states",
        };
        sign(&mut parts, body.as_bytes(), &signer, now()).context("could not sign a request")?;
        self.sender
            .ready()
            .await
            .context("the connection is closed")?;
        let response = self
            .sender
            .send_request(Request::from_parts(parts, body))
            .await;
        let (head, body) = response
            .with_context(|| format!("could not send {action}"))?
            .into_parts();
        let bytes = body
            .collect()
            .await
            .with_context(|| format!("could not read the answer to {action}"))?
            .to_bytes();
        if !head.status.is_success() {
            bail!(
                "{action} was answered {}: {}",
                head.status,
                String::from_utf8_lossy(&bytes)
            );
        }
        serde_json::from_slice(&bytes).with_context(|| format!("the answer to {action} is no JSON"))
    }

    /// Creates a state machine and returns its ARN.
    pub async fn create(&mut self, name: &str, definition: &Value) -> anyhow::Result<String> {
        let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE });
        let made = self.call("CreateStateMachine", &input).await?;
        text(&made, "stateMachineArn")
    }

    /// Starts an execution and returns its ARN.
    pub async fn start(&mut self, machine: &str, name: &str) -> anyhow::Result<String> {
        let input = json!({ "stateMachineArn": machine, "name": name, "input": "{}" });
        let started = self.call("StartExecution", &input).await?;
        text(&started, "executionArn")
    }

    /// Returns an execution's status.
    pub async fn status(&mut self, execution: &str) -> anyhow::Result<String> {
        let described = self
            .call("DescribeExecution", &json!({ "executionArn": execution }))
            .await?;
        text(&described, "status")
    }

    /// Says whether any execution of `machine` is running.
    pub async fn is_busy(&mut self, machine: &str) -> anyhow::Result<bool> {
        let input =
            json!({ "stateMachineArn": machine, "statusFilter": "RUNNING", "maxResults": 1 });
        let listed = self.call("ListExecutions", &input).await?;
        Ok(listed["executions"]
            .as_array()
            .is_some_and(|executions| !executions.is_empty()))
    }

    /// Returns the token that `execution` waits for: `None` until its task was submitted.
    pub async fn token(&mut self, execution: &str) -> anyhow::Result<Option<String>> {
        let history = self
            .call("GetExecutionHistory", &json!({ "executionArn": execution }))
            .await?;
        let events = history["events"]
            .as_array()
            .context("a history has events")?;
        if !events.iter().any(|event| event["type"] == "TaskSubmitted") {
            return Ok(None);
        }
        let scheduled = events
            .iter()
            .find(|event| event["type"] == "TaskScheduled")
            .context("a task was scheduled")?;
        let parameters = text(&scheduled["taskScheduledEventDetails"], "parameters")?;
        let parameters: Value =
            serde_json::from_str(&parameters).context("the parameters are no JSON")?;
        text(&parameters["Payload"], "token").map(Some)
    }
}

/// The role of everything that is measured.
pub const ROLE: &str = "arn:aws:iam::000000000000:role/bench";

/// A machine that asks a function which answers at once, and then waits for its token.
pub fn asking(function: &str) -> Value {
    json!({ "StartAt": "Ask", "States": { "Ask": {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": { "FunctionName": function, "Payload": { "token.$": "$$.Task.Token" } },
        "End": true,
    } } })
}

/// A function that does nothing.
pub const NOTHING: &str = "exports.handler = async () => null;\n";

fn text(value: &Value, member: &str) -> anyhow::Result<String> {
    let found = value[member].as_str().map(str::to_owned);
    found.with_context(|| format!("an answer has no {member}: {value}"))
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
