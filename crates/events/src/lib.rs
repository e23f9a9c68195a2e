//! The EventBridge API: buses, rules, schedules, and the targets that are told.
//!
//! To put events is one commit: a row for each target of each rule that matches; they are delivered behind
//! the answer (the crate `delivery`). Scheduled rules fire from their rows: one that was missed while there was
//! no server fires once. Connections are what HTTP tasks prove themselves with. Deliberately absent: archives,
//! replays, partners, endpoints, API destinations.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod buses;
mod clockwork;
mod connections;
mod failure;
mod put_events;
mod rows;
mod rules;
mod targets;
mod transform;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use delivery::Deliveries;
use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value};
use service::{Call, Clock, Failure, Members, Reply, Service, Site};
use store::{Documents, Space, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::connections::Connections;
use crate::rows::{BusRow, Rule, RuleRow};

pub use put_events::Occurrence;

/// The bus that every account has.
const DEFAULT: &str = "default";

/// The service `events`.
pub struct Events {
    core: Arc<Core>,
    connections: Connections,
    clockwork: Mutex<Option<JoinHandle<()>>>,
}

/// What the operations share.
pub(crate) struct Core {
    pub documents: Documents,
    pub deliveries: Arc<Deliveries>,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
    pub buses: RwLock<BTreeMap<String, Arc<Bus>>>,
    /// Held by who changes buses and rules.
    pub changing: tokio::sync::Mutex<()>,
    /// Told when a schedule changes.
    pub rescheduled: Notify,
}

/// A bus at work.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    pub row: BusRow,
    pub rules: BTreeMap<String, Arc<Rule>>,
}

impl Bus {
    /// Returns the rules whose pattern an event fits.
    pub(crate) fn wanting(&self, event: &Value) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.values().filter(move |rule| {
            let pattern = rule.pattern.as_ref().filter(|_| rule.row.enabled);
            pattern.is_some_and(|pattern| pattern.matches(event))
        })
    }
}

impl Events {
    /// Opens the buses in `store`; targets are told through `deliveries`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        deliveries: Arc<Deliveries>,
        clock: Arc<dyn Clock>,
        site: Site,
    ) -> Result<Arc<Self>, StoreError> {
        let connections = Connections {
            store: store.clone(),
            clock: clock.clone(),
            site: site.clone(),
        };
        let documents = Documents::new(store, Space::Schedules);
        let mut buses = BTreeMap::new();
        let default = BusRow {
            name: DEFAULT.to_owned(),
            ..BusRow::default()
        };
        let kept = documents.all::<BusRow>("b/").await?;
        for row in std::iter::once(default).chain(kept.into_iter().map(|(_, row)| row)) {
            let name = row.name.clone();
            let rules = BTreeMap::new();
            buses.insert(name, Bus { row, rules });
        }
        for (_, row) in documents.all::<RuleRow>("r/").await? {
            if let Some(bus) = buses.get_mut(&row.bus) {
                bus.rules.insert(row.name.clone(), Arc::new(row.into()));
            }
        }
        let buses = buses.into_iter().map(|(name, bus)| (name, Arc::new(bus)));
        let core = Arc::new(Core {
            documents,
            deliveries,
            clock,
            site,
            buses: RwLock::new(buses.collect()),
            changing: tokio::sync::Mutex::default(),
            rescheduled: Notify::new(),
        });
        let clockwork = tokio::spawn(clockwork::run(Arc::clone(&core)));
        Ok(Arc::new(Self {
            core,
            connections,
            clockwork: Mutex::new(Some(clockwork)),
        }))
    }

    /// Says whether any rule of the default bus may want an event of `source`: nobody needs to be told else.
    pub fn wants(&self) -> bool {
        let buses = self.core.buses.read();
        buses.get(DEFAULT).is_some_and(|bus| {
            bus.rules
                .values()
                .any(|rule| rule.pattern.is_some() && rule.row.enabled)
        })
    }

    /// Puts an event of a service on the default bus. Once this returns, its targets will be told.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn publish(&self, occurrence: Occurrence) -> Result<(), StoreError> {
        put_events::publish(&self.core, occurrence).await
    }

    /// Answers a call about connections; `None` where it is about something else.
    async fn call_connections(&self, call: &Call) -> Option<Result<Value, Failure>> {
        let connections = &self.connections;
        let read = || {
            serde_json::from_slice::<Map<String, Value>>(&call.input).map_err(|error| {
                let message = format!("The request is not understood: {error}");
                Failure::client("SerializationException", message)
            })
        };
        if !call.operation.contains("Connection") {
            return None;
        }
        let input = match read() {
            Ok(input) => input,
            Err(failure) => return Some(Err(failure)),
        };
        Some(match &*call.operation {
            "CreateConnection" => connections.create(&input).await,
            "UpdateConnection" => connections.update(&input).await,
            "DescribeConnection" => connections.describe(&input).await,
            "DeleteConnection" => connections.delete(&input).await,
            "ListConnections" => connections.list(&input).await,
            // Not of the API: AWS has it as a permission alone, and nothing that comes by wire leads here.
            "RetrieveConnectionCredentials" => connections.credentials(&input).await,
            _ => return None,
        })
    }

    /// Begins nothing new.
    pub fn stop(&self) {
        if let Some(clockwork) = self.clockwork.lock().take() {
            clockwork.abort();
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Core {
    fn arn(&self, resource: &str) -> String {
        let Site { region, account_id } = &self.site;
        format!("arn:aws:events:{region}:{account_id}:{resource}")
    }

    pub(crate) fn bus_arn(&self, name: &str) -> String {
        self.arn(&format!("event-bus/{name}"))
    }

    pub(crate) fn rule_arn(&self, bus: &str, name: &str) -> String {
        if bus == DEFAULT {
            return self.arn(&format!("rule/{name}"));
        }
        self.arn(&format!("rule/{bus}/{name}"))
    }

    /// Returns the bus that `EventBusName` names, by name or ARN; the default one where nothing is said.
    pub(crate) fn bus(&self, input: &Members) -> Result<Arc<Bus>, Failure> {
        let name = rows::bus_name(input.text("EventBusName").unwrap_or(DEFAULT));
        self.named(name)
    }

    pub(crate) fn named(&self, name: &str) -> Result<Arc<Bus>, Failure> {
        let bus = self.buses.read().get(name).cloned();
        bus.ok_or_else(|| failure::no_bus(name))
    }

    /// Puts a bus to work as it is now.
    pub(crate) fn put(&self, bus: Bus) {
        self.buses
            .write()
            .insert(bus.row.name.clone(), Arc::new(bus));
        self.rescheduled.notify_one();
    }
}

#[async_trait]
impl Service for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        if let Some(answered) = self.call_connections(&call).await {
            return Ok(Reply {
                output: answered?.to_string().into(),
                ..Reply::default()
            });
        }
        let core = &*self.core;
        let input = Members::read(&call.input)?;
        let output = match &*call.operation {
            "CreateEventBus" => buses::create(core, &input).await,
            "UpdateEventBus" => buses::update(core, &input).await,
            "DeleteEventBus" => buses::delete(core, &input).await,
            "DescribeEventBus" => buses::describe(core, &input),
            "ListEventBuses" => buses::list(core, &input),
            "PutPermission" => buses::put_permission(core, &input).await,
            "RemovePermission" => buses::remove_permission(core, &input).await,
            "PutRule" => rules::put(core, &input).await,
            "DeleteRule" => rules::delete(core, &input).await,
            "DescribeRule" => rules::describe(core, &input),
            "ListRules" => rules::list(core, &input),
            "EnableRule" => rules::enable(core, &input, true).await,
            "DisableRule" => rules::enable(core, &input, false).await,
            "TagResource" => rules::tag(core, &input).await,
            "UntagResource" => rules::untag(core, &input).await,
            "ListTagsForResource" => rules::tags(core, &input),
            "PutTargets" => targets::put(core, &input).await,
            "RemoveTargets" => targets::remove(core, &input).await,
            "ListTargetsByRule" => targets::list(core, &input),
            "ListRuleNamesByTarget" => targets::rules(core, &input),
            "PutEvents" => put_events::call(core, &input).await,
            "TestEventPattern" => put_events::test_pattern(&input),
            other => Err(failure::not_built(&format!("events:{other}"))),
        }?;
        Ok(Reply {
            output: match output {
                Value::Null => bytes::Bytes::new(),
                output => output.to_string().into(),
            },
            ..Reply::default()
        })
    }
}
