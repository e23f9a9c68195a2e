//! The gateway, for those who are made before it.
//!
//! Services call one another through the gateway, and the gateway routes to the services: one of the two
//! has to be there first. This is the gateway's place until it is; calls wait for it.

use std::sync::Arc;

use async_trait::async_trait;
use gateway::Gateway;
use service::{Call, Failure, Gate, Reply};
use tokio::sync::watch;

/// Filled once, while the server is put together.
#[derive(Clone)]
pub struct LateGateway(Arc<watch::Sender<Option<Arc<Gateway>>>>);

impl LateGateway {
    /// Returns an empty place.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Puts the gateway in its place; calls that waited for it go on.
    pub fn fill(&self, gateway: Arc<Gateway>) {
        self.0.send_replace(Some(gateway));
    }
}

#[async_trait]
impl Gate for LateGateway {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let mut place = self.0.subscribe();
        let gateway = match place.wait_for(Option::is_some).await {
            Ok(filled) => filled.clone(),
            Err(_) => None,
        };
        match gateway {
            Some(gateway) => gateway.call(call).await,
            None => Err(Failure::internal("The server is stopping.").with_status(503)),
        }
    }
}
