//! The services that carry messages: opened together, stopped together.

use std::sync::Arc;

use anyhow::Context as _;
use delivery::Deliveries;
use events::Events;
use gateway::Gateway;
use lambda::Lambda;
use scheduler::Scheduler;
use secretsmanager::SecretsManager;
use service::{Clock, Gate, Site, StatusSink};
use sns::Sns;
use sqs::Sqs;
use ssm::Ssm;
use store::Store;

use crate::status_events::StatusEvents;
use crate::topic_links::TopicLinks;

/// The services.
pub struct Messaging {
    sqs: Arc<Sqs>,
    deliveries: Arc<Deliveries>,
    events: Arc<Events>,
    scheduler: Arc<Scheduler>,
    site: Site,
}

/// What the services stand on.
pub struct Grounds<'a> {
    /// Where they are added, and through which they call one another.
    pub gateway: &'a Arc<Gateway>,
    /// What they keep.
    pub store: &'a Arc<dyn Store>,
    /// The time.
    pub clock: &'a Arc<dyn Clock>,
    /// Where they are.
    pub site: &'a Site,
    /// Where clients find them.
    pub endpoint: &'a str,
    /// The functions that poll queues.
    pub lambda: &'a Arc<Lambda>,
    /// What secrets are sealed under.
    pub master: [u8; 32],
}

impl Messaging {
    /// Opens the services and adds them to the gateway.
    ///
    /// # Errors
    /// When what they keep cannot be read.
    pub async fn open(grounds: Grounds<'_>) -> anyhow::Result<Self> {
        let Grounds {
            gateway,
            store,
            clock,
            site,
            endpoint,
            lambda,
            master,
        } = grounds;
        let endpoint = endpoint.to_owned();
        let (store, clock, site) = (store.clone(), clock.clone(), site.clone());
        let sqs = Sqs::open(store.clone(), clock.clone(), site.clone(), endpoint.clone());
        let sqs = sqs.await.context("the queues cannot be opened")?;
        gateway.add_service(sqs.clone());
        let deliveries = Deliveries::open(store.clone(), gateway.clone(), clock.clone());
        let deliveries = deliveries
            .await
            .context("what is to be delivered cannot be read")?;
        let sns = Sns::open(
            store.clone(),
            deliveries.clone(),
            clock.clone(),
            site.clone(),
            endpoint,
            &master,
        );
        let sns = sns.await.context("the topics cannot be opened")?;
        gateway.add_service(sns.clone());
        gateway.add_hosted(Arc::new(TopicLinks(sns)));
        let events = Events::open(
            store.clone(),
            deliveries.clone(),
            clock.clone(),
            site.clone(),
        );
        let events = events.await.context("the rules cannot be opened")?;
        gateway.add_service(events.clone());
        let scheduler = Scheduler::open(
            store.clone(),
            deliveries.clone(),
            clock.clone(),
            site.clone(),
        );
        let scheduler = scheduler.await.context("the schedules cannot be opened")?;
        gateway.add_service(scheduler.clone());
        let ssm = Ssm::new(store.clone(), clock.clone(), site.clone(), &master);
        gateway.add_service(Arc::new(ssm));
        let secrets = SecretsManager::new(store.clone(), clock.clone(), site.clone(), &master);
        gateway.add_service(Arc::new(secrets));
        // Functions whose queues those are poll them from here on.
        let mappings = lambda.begin_mappings(gateway.clone()).await;
        mappings.context("the event source mappings cannot be opened")?;
        Ok(Self {
            sqs,
            deliveries,
            events,
            scheduler,
            site,
        })
    }

    /// Returns who tells of executions that begin and end.
    pub fn statuses(&self, gate: Arc<dyn Gate>) -> Arc<dyn StatusSink> {
        Arc::new(StatusEvents {
            events: self.events.clone(),
            gate,
            site: self.site.clone(),
        })
    }

    /// Lets those go who wait for messages, and begins no more deliveries.
    pub fn stop(&self) {
        self.sqs.stop_polls();
        self.events.stop();
        self.scheduler.stop();
        self.deliveries.stop();
    }
}
