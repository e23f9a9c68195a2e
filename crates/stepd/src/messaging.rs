//! The services that carry messages: opened together, stopped together.

use std::sync::Arc;

use anyhow::Context as _;
use gateway::Gateway;
use lambda::Lambda;
use service::{Clock, Site};
use sqs::Sqs;
use store::Store;

/// The services.
pub struct Messaging {
    sqs: Arc<Sqs>,
}

impl Messaging {
    /// Opens the services and adds them to the gateway.
    ///
    /// # Errors
    /// When what they keep cannot be read.
    pub async fn open(
        gateway: &Arc<Gateway>,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        site: &Site,
        endpoint: &str,
        lambda: &Arc<Lambda>,
    ) -> anyhow::Result<Self> {
        let sqs = Sqs::open(
            store.clone(),
            clock.clone(),
            site.clone(),
            endpoint.to_owned(),
        );
        let sqs = sqs.await.context("the queues cannot be opened")?;
        gateway.add_service(sqs.clone());
        // Functions whose queues those are poll them from here on.
        let mappings = lambda.begin_mappings(gateway.clone()).await;
        mappings.context("the event source mappings cannot be opened")?;
        Ok(Self { sqs })
    }

    /// Lets those go who wait for messages.
    pub fn stop_polls(&self) {
        self.sqs.stop_polls();
    }
}
