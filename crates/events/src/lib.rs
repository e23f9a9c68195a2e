//! The EventBridge API, as far as it is built: connections.
//!
//! A connection is who calls an HTTP endpoint and what it proves itself with. Deliberately absent: buses,
//! rules, targets and API destinations; what is not built answers an error that names it.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod connections;
mod failure;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Call, Clock, Failure, Reply, Service, Site};
use store::Store;

use crate::connections::Connections;

/// The service `events`.
pub struct Events {
    connections: Connections,
}

impl Events {
    /// Returns the service over `store`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, site: Site) -> Self {
        let connections = Connections { store, clock, site };
        Self { connections }
    }
}

#[async_trait]
impl Service for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let input: Map<String, Value> = serde_json::from_slice(&call.input).map_err(|error| {
            let message = format!("The request is not understood: {error}");
            Failure::client("SerializationException", message)
        })?;
        let connections = &self.connections;
        let output = match &*call.operation {
            "CreateConnection" => connections.create(&input).await?,
            "UpdateConnection" => connections.update(&input).await?,
            "DescribeConnection" => connections.describe(&input).await?,
            "DeleteConnection" => connections.delete(&input).await?,
            "ListConnections" => connections.list(&input).await?,
            // Not of the API: AWS has it as a permission alone, and nothing that comes by wire leads here.
            "RetrieveConnectionCredentials" => connections.credentials(&input).await?,
            other => {
                let message = format!("events:{other} is not served here yet");
                return Err(Failure::client("NotImplemented", message).with_status(501));
            }
        };
        Ok(Reply {
            output: output.to_string().into(),
            ..Reply::default()
        })
    }
}
