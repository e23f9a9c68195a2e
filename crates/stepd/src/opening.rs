//! Step Functions while it opens: executions that go on call it before it is there.

use async_trait::async_trait;
use service::{Call, Failure, Reply, Service};
use std::sync::Arc;
use tokio::sync::watch;

/// A service that is not open yet: its callers wait until it is.
pub struct Opening(watch::Receiver<Option<Arc<dyn Service>>>);

impl Opening {
    /// Returns the service, and where to put it once it is open.
    pub fn new() -> (Arc<Self>, watch::Sender<Option<Arc<dyn Service>>>) {
        let (open, opening) = watch::channel(None);
        (Arc::new(Self(opening)), open)
    }
}

#[async_trait]
impl Service for Opening {
    fn name(&self) -> &'static str {
        "states"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let mut opening = self.0.clone();
        // The server does not start without it.
        let open = opening.wait_for(Option::is_some).await;
        let service = open.ok().and_then(|open| open.clone());
        match service {
            Some(service) => service.call(call).await,
            None => Err(Failure::internal("Step Functions did not open.")),
        }
    }
}
