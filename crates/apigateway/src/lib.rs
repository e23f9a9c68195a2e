//! API Gateway: REST APIs and HTTP APIs, their stages and deployments, and the requests that come for them.
//!
//! An API is one row; what a deployment serves is another. Requests are answered from a [`plan`] that is made
//! of them once. Deliberately absent, and refused by name: WebSocket APIs, API keys and usage plans, domain names,
//! authorizers by JWT and by user pools, integrations with anything but functions and a few services of this server
//! (docs/adr/0064).

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod answer;
mod authorizer;
mod deployments;
mod event;
mod execute;
mod failure;
mod http_import;
mod http_operations;
mod http_stages;
mod integration;
mod plan;
mod response;
mod rest_import;
mod rest_operations;
mod rest_resources;
mod rows;
mod template;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;
use service::{Call, Clock, Failure, Gate, Reply, Service, Site};
use store::{Documents, Space, Store};

pub use answer::{Asked, BODY_BYTES_MAX, Caller};

use crate::plan::Plan;

/// Both kinds of APIs.
pub struct ApiGateway {
    documents: Documents,
    clock: Arc<dyn Clock>,
    site: Site,
    gate: Arc<dyn Gate>,
    /// `127.0.0.1:4566`: where clients find the server.
    authority: String,
    /// Held by who changes an API.
    changing: tokio::sync::Mutex<()>,
    /// What answers requests, by API and stage.
    plans: RwLock<HashMap<(String, String), Arc<Plan>>>,
}

impl ApiGateway {
    /// Returns both kinds of APIs over `store`. Functions are called through `gate`.
    pub fn new(
        store: Arc<dyn Store>,
        gate: Arc<dyn Gate>,
        clock: Arc<dyn Clock>,
        site: Site,
        endpoint: &str,
    ) -> Arc<Self> {
        let authority = endpoint.split("://").last().unwrap_or(endpoint);
        Arc::new(Self {
            documents: Documents::new(store, Space::Apis),
            clock,
            site,
            gate,
            authority: authority.trim_end_matches('/').to_owned(),
            changing: tokio::sync::Mutex::default(),
            plans: RwLock::default(),
        })
    }

    /// Returns the services that answer for it.
    pub fn services(self: &Arc<Self>) -> [Arc<dyn Service>; 3] {
        [
            Arc::new(Rest(Arc::clone(self))),
            Arc::new(Http(Arc::clone(self))),
            Arc::new(execute::Execute),
        ]
    }

    /// Returns the host of an API.
    fn host(&self, id: &str) -> String {
        let port = self.authority.rsplit_once(':').map(|(_, port)| port);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{id}.execute-api.{}.localhost{port}", self.site.region)
    }
}

/// The service `apigateway`: REST APIs.
struct Rest(Arc<ApiGateway>);

/// The service `apigatewayv2`: HTTP APIs.
struct Http(Arc<ApiGateway>);

fn reply(output: serde_json::Value) -> Reply {
    Reply {
        output: output.to_string().into(),
        ..Reply::default()
    }
}

#[async_trait]
impl Service for Rest {
    fn name(&self) -> &'static str {
        "apigateway"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        rest_operations::call(&self.0, call).await.map(reply)
    }
}

#[async_trait]
impl Service for Http {
    fn name(&self) -> &'static str {
        "apigatewayv2"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        http_operations::call(&self.0, call).await.map(reply)
    }
}
