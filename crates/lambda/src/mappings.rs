//! Event source mappings: queues whose messages a function is given. One is a row; as long as it is
//! enabled, a task polls its queue ([`poller`]). Sources other than SQS answer an error that names them.

mod poller;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Call, Failure, Gate, Members, Principal, Reply, RequestId};
use store::{Batch, Key, Range, Space, Store, StoreError};
use tokio::task::JoinHandle;
use vocab::{Arn, Timestamp};

use crate::name::FunctionName;
use crate::{Lambda, failure};

const PREFIX: &[u8] = b"mapping/";
/// Most mappings that are read and listed at once.
const PAGE_MAX: usize = 10_000;
/// Mappings of one page of `ListEventSourceMappings`.
const LISTED_MAX: i64 = 100;

/// The row of a mapping.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mapping {
    uuid: String,
    /// The function's name.
    function: String,
    qualifier: Option<String>,
    source: String,
    enabled: bool,
    batch_size: i64,
    window_seconds: i64,
    /// Whether the function says which messages it failed on.
    reports_failures: bool,
    /// Patterns of which a message must match one.
    filters: Vec<String>,
    /// How many batches are under way at once.
    concurrency_max: Option<i64>,
    modified_at: Timestamp,
}

/// The mappings, and the tasks that poll for them.
pub(crate) struct Mappings {
    store: Arc<dyn Store>,
    gate: OnceLock<Arc<dyn Gate>>,
    pollers: Mutex<HashMap<String, JoinHandle<()>>>,
    changing: tokio::sync::Mutex<()>,
}

impl Mappings {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            gate: OnceLock::new(),
            pollers: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn stop(&self) {
        for (_, poller) in self.pollers.lock().drain() {
            poller.abort();
        }
    }

    async fn all(&self) -> Result<Vec<Mapping>, StoreError> {
        let range = Range::prefix(Space::Functions, PREFIX);
        let rows = self.store.scan(&range, PAGE_MAX).await?;
        let read = |(_, row): (Bytes, Bytes)| {
            serde_json::from_slice(&row).map_err(|error| StoreError::Corrupted {
                detail: format!("the row of an event source mapping: {error}"),
            })
        };
        rows.into_iter().map(read).collect()
    }

    async fn get(&self, uuid: &str) -> Result<Mapping, Failure> {
        let row = self.store.get(&key(uuid)).await;
        let row = row.map_err(|error| failure::store(&error))?;
        let row = row.and_then(|row| serde_json::from_slice(&row).ok());
        row.ok_or_else(|| {
            Failure::client(
                "ResourceNotFoundException",
                "The resource you requested does not exist.",
            )
            .with_status(404)
            .with_field("Type", "User")
        })
    }

    async fn put(&self, mapping: &Mapping) -> Result<(), Failure> {
        let row = serde_json::to_vec(mapping).expect("its members are plain values");
        let batch = Batch {
            put: vec![(key(&mapping.uuid), row.into())],
            ..Batch::default()
        };
        let committed = self.store.commit(batch).await;
        committed.map_err(|error| failure::store(&error))
    }
}

fn key(uuid: &str) -> Key {
    Key::new(Space::Functions, [PREFIX, uuid.as_bytes()].concat())
}

impl Lambda {
    /// Begins to poll for the mappings that there are; calls go through `gate`, as the functions' roles.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn begin_mappings(self: &Arc<Self>, gate: Arc<dyn Gate>) -> Result<(), StoreError> {
        // Called once; a second gate would not be another one.
        let _ = self.mappings.gate.set(gate);
        let _ = self.mappings_of.set(Arc::downgrade(self));
        for mapping in self.mappings.all().await? {
            self.poll(mapping);
        }
        Ok(())
    }

    /// Polls for a mapping as it is now, and no more as it was.
    fn poll(&self, mapping: Mapping) {
        let mut pollers = self.mappings.pollers.lock();
        if let Some(before) = pollers.remove(&mapping.uuid) {
            before.abort();
        }
        let (Some(gate), Some(lambda)) = (self.mappings.gate.get(), self.mappings_of.get()) else {
            return;
        };
        if mapping.enabled {
            let (gate, lambda) = (Arc::clone(gate), Weak::clone(lambda));
            let uuid = mapping.uuid.clone();
            pollers.insert(uuid, tokio::spawn(poller::run(mapping, gate, lambda)));
        }
    }

    pub(crate) async fn create_mapping(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input = Members::read(input)?;
        let source = input.text("EventSourceArn").unwrap_or_default();
        let queue = Arn::parse(source).filter(|arn| arn.service == "sqs");
        let Some(queue) = queue else {
            return Err(failure::not_built(&format!(
                "an event source other than a queue of SQS ('{source}')"
            )));
        };
        let named = input.text("FunctionName").unwrap_or_default();
        let (name, stored) = self.find_any(named).await?;
        let _changing = self.mappings.changing.lock().await;
        let all = self.mappings.all().await;
        let all = all.map_err(|error| failure::store(&error))?;
        let same = all.iter().find(|mapping| {
            (&*mapping.source, &mapping.function) == (source, &name.name)
                && mapping.qualifier == name.qualifier
        });
        if let Some(mapping) = same {
            return Err(Failure::client(
                "ResourceConflictException",
                format!(
                    "The event source arn (\" {source} \") and function (\" {} \") provided mapping already exists. Please update or delete the existing mapping with UUID {}",
                    name.name, mapping.uuid
                ),
            )
            .with_status(409)
            .with_field("Type", "User"));
        }
        let mut mapping = Mapping {
            uuid: RequestId::random().to_string(),
            function: name.name,
            qualifier: name.qualifier,
            source: source.to_owned(),
            enabled: true,
            batch_size: 10,
            window_seconds: 0,
            reports_failures: false,
            filters: Vec::new(),
            concurrency_max: None,
            modified_at: self.clock.now(),
        };
        change(&mut mapping, &input)?;
        self.check_queue(queue.resource, &stored).await?;
        self.mappings.put(&mapping).await?;
        let shown = self.shown_mapping(&mapping, Some("Creating"));
        self.poll(mapping);
        Ok(answer(shown))
    }

    pub(crate) async fn get_mapping(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input = Members::read(input)?;
        let mapping = self.mappings.get(input.text("UUID").unwrap_or_default());
        Ok(answer(self.shown_mapping(&mapping.await?, None)))
    }

    pub(crate) async fn list_mappings(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input = Members::read(input)?;
        let function = match input.text("FunctionName") {
            Some(text) => Some(FunctionName::parse(text, None, &self.site)?),
            None => None,
        };
        let (source, after) = (input.text("EventSourceArn"), input.text("Marker"));
        let most = input.integer("MaxItems")?.unwrap_or(LISTED_MAX);
        let most = usize::try_from(most.clamp(1, LISTED_MAX)).unwrap_or(1);
        let all = self.mappings.all().await;
        let mut found = all
            .map_err(|error| failure::store(&error))?
            .into_iter()
            .filter(|mapping| {
                source.is_none_or(|source| mapping.source == source)
                    && function.as_ref().is_none_or(|name| {
                        name.name == mapping.function
                            && (name.qualifier.is_none() || name.qualifier == mapping.qualifier)
                    })
                    && after.is_none_or(|after| mapping.uuid.as_str() > after)
            });
        let page: Vec<Mapping> = found.by_ref().take(most).collect();
        let shown: Vec<Value> = page
            .iter()
            .map(|mapping| self.shown_mapping(mapping, None))
            .collect();
        let mut output = json!({ "EventSourceMappings": shown });
        if found.next().is_some() {
            output["NextMarker"] = page.last().map(|last| last.uuid.clone()).into();
        }
        Ok(answer(output))
    }

    pub(crate) async fn update_mapping(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input = Members::read(input)?;
        let _changing = self.mappings.changing.lock().await;
        let mapping = self.mappings.get(input.text("UUID").unwrap_or_default());
        let mut mapping = mapping.await?;
        if let Some(function) = input.text("FunctionName") {
            let (name, _) = self.find_any(function).await?;
            (mapping.function, mapping.qualifier) = (name.name, name.qualifier);
        }
        change(&mut mapping, &input)?;
        mapping.modified_at = self.clock.now();
        self.mappings.put(&mapping).await?;
        let shown = self.shown_mapping(&mapping, Some("Updating"));
        self.poll(mapping);
        Ok(answer(shown))
    }

    pub(crate) async fn delete_mapping(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input = Members::read(input)?;
        let _changing = self.mappings.changing.lock().await;
        let mapping = self.mappings.get(input.text("UUID").unwrap_or_default());
        let mapping = mapping.await?;
        let batch = Batch {
            delete: vec![key(&mapping.uuid)],
            ..Batch::default()
        };
        let committed = self.mappings.store.commit(batch).await;
        committed.map_err(|error| failure::store(&error))?;
        if let Some(poller) = self.mappings.pollers.lock().remove(&mapping.uuid) {
            poller.abort();
        }
        Ok(answer(self.shown_mapping(&mapping, Some("Deleting"))))
    }

    /// Returns a function whatever its qualifier is; which versions there are is asked when it is called.
    async fn find_any(
        &self,
        text: &str,
    ) -> Result<(FunctionName, crate::catalog::Stored), Failure> {
        let name = FunctionName::parse(text, None, &self.site)?;
        let (_, stored) = self.find(&name.arn(&self.site), None).await?;
        Ok((name, stored))
    }

    /// Asks for the queue as the function's role, as who will poll.
    async fn check_queue(
        &self,
        queue: &str,
        stored: &crate::catalog::Stored,
    ) -> Result<(), Failure> {
        let Some(gate) = self.mappings.gate.get() else {
            return Err(failure::not_built("an event source without a gate"));
        };
        let function = &stored.function;
        let input = json!({"QueueUrl": queue, "AttributeNames": ["VisibilityTimeout"]});
        let call = poller::call(
            "GetQueueAttributes",
            input,
            role(&function.role, &function.name),
        );
        let reply = gate.call(call).await.map_err(|refused| {
            failure::invalid_parameter(format!(
                "Error occurred while ReceiveMessage. SQS Error Code: {}. SQS Error Message: {}",
                refused.code, refused.message
            ))
        })?;
        let attributes: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
        let visibility = attributes["Attributes"]["VisibilityTimeout"].as_str();
        let visibility: u32 = visibility.and_then(|text| text.parse().ok()).unwrap_or(30);
        if visibility < function.timeout_seconds {
            return Err(failure::invalid_parameter(format!(
                "Queue visibility timeout: {visibility} seconds is less than Function timeout: {} seconds",
                function.timeout_seconds
            )));
        }
        Ok(())
    }

    fn shown_mapping(&self, mapping: &Mapping, state: Option<&str>) -> Value {
        let site = &self.site;
        let settled = if mapping.enabled {
            "Enabled"
        } else {
            "Disabled"
        };
        let name = FunctionName {
            name: mapping.function.clone(),
            qualifier: mapping.qualifier.clone(),
        };
        let mut shown = json!({
            "UUID": mapping.uuid,
            "BatchSize": mapping.batch_size,
            "MaximumBatchingWindowInSeconds": mapping.window_seconds,
            "EventSourceArn": mapping.source,
            "FunctionArn": name.qualified_arn(site, None),
            "LastModified": mapping.modified_at.as_epoch_seconds(),
            "State": state.unwrap_or(settled),
            "StateTransitionReason": "USER_INITIATED",
            "EventSourceMappingArn": format!(
                "arn:aws:lambda:{}:{}:event-source-mapping:{}",
                site.region, site.account_id, mapping.uuid
            ),
        });
        if mapping.reports_failures {
            shown["FunctionResponseTypes"] = json!(["ReportBatchItemFailures"]);
        }
        if let Some(most) = mapping.concurrency_max {
            shown["ScalingConfig"] = json!({ "MaximumConcurrency": most });
        }
        if !mapping.filters.is_empty() {
            let filters = mapping
                .filters
                .iter()
                .map(|pattern| json!({"Pattern": pattern}));
            shown["FilterCriteria"] = json!({ "Filters": filters.collect::<Vec<_>>() });
        }
        shown
    }
}

/// Changes what the call says, and checks what comes of it.
fn change(mapping: &mut Mapping, input: &Members) -> Result<(), Failure> {
    for name in [
        "AmazonManagedKafkaEventSourceConfig",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "DocumentDBEventSourceConfig",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
        "Queues",
        "SelfManagedEventSource",
        "SourceAccessConfigurations",
        "StartingPosition",
        "Topics",
        "TumblingWindowInSeconds",
    ] {
        if input.get(name).is_some() {
            return Err(failure::invalid_parameter(format!(
                "Unsupported source parameter {name} for given event source mapping type."
            )));
        }
    }
    mapping.enabled = input.flag("Enabled").unwrap_or(mapping.enabled);
    mapping.batch_size = input.integer("BatchSize")?.unwrap_or(mapping.batch_size);
    let window = input.integer("MaximumBatchingWindowInSeconds")?;
    mapping.window_seconds = window.unwrap_or(mapping.window_seconds);
    if input.get("FunctionResponseTypes").is_some() {
        let types = input.texts("FunctionResponseTypes");
        mapping.reports_failures = types.contains(&"ReportBatchItemFailures");
    }
    if let Some(scaling) = input.map("ScalingConfig") {
        let most = scaling.get("MaximumConcurrency").and_then(Value::as_i64);
        if most.is_some_and(|most| !(2..=1000).contains(&most)) {
            return Err(failure::invalid_parameter(
                "MaximumConcurrency must be between 2 and 1000",
            ));
        }
        mapping.concurrency_max = most;
    }
    if let Some(criteria) = input.map("FilterCriteria") {
        let filters = criteria.get("Filters").and_then(Value::as_array);
        let pattern = |filter: &Value| Some(filter.get("Pattern")?.as_str()?.to_owned());
        mapping.filters = filters.into_iter().flatten().filter_map(pattern).collect();
        for pattern in &mapping.filters {
            if poller::Pattern::parse(pattern).is_err() {
                return Err(failure::invalid_parameter(
                    "Invalid filter pattern definition.",
                ));
            }
        }
    }
    let fifo = mapping.source.ends_with(".fifo");
    let most = if fifo { 10 } else { 10_000 };
    if !(1..=most).contains(&mapping.batch_size) {
        return Err(failure::invalid_parameter(format!(
            "Batch size must be between 1 and {most}"
        )));
    }
    if !(0..=300).contains(&mapping.window_seconds) {
        return Err(failure::invalid_parameter(
            "Maximum batch window in seconds must be between 0 and 300",
        ));
    }
    if fifo && mapping.window_seconds > 0 {
        return Err(failure::invalid_parameter(
            "Batching window is not supported for FIFO queues",
        ));
    }
    if mapping.batch_size > 10 && mapping.window_seconds == 0 {
        return Err(failure::invalid_parameter(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ));
    }
    Ok(())
}

/// Returns the session under which Lambda polls for a function.
fn role(role_arn: &str, function: &str) -> Principal {
    Principal::Role {
        role_arn: role_arn.into(),
        session_name: function.into(),
    }
}

/// Returns the call by which the service invokes a function of its own.
fn invocation(function: &str, payload: Bytes, account: &Arc<str>) -> Call {
    let input: Map<String, Value> = [("FunctionName".to_owned(), function.into())]
        .into_iter()
        .collect();
    Call {
        service: "lambda",
        operation: "Invoke".into(),
        input: Value::Object(input).to_string().into(),
        payload,
        principal: Principal::Root {
            account: Arc::clone(account),
        },
        request_id: RequestId::random(),
    }
}

fn answer(output: Value) -> Reply {
    Reply {
        output: output.to_string().into(),
        payload: Bytes::new(),
    }
}
