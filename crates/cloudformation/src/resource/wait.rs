//! `AWS::CloudFormation::WaitConditionHandle`, an address at which somebody answers, and
//! `AWS::CloudFormation::WaitCondition`, which is there once enough answers have come.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::custom::store;
use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::signals::{Signal, Signals};
use crate::stack::{ResourceRow, ResourceState};

pub(super) struct WaitHandle;
pub(super) struct WaitCondition;

/// The attribute that holds the handle's address before it is the handle's name.
const ADDRESS: &str = "$address";
/// Longest time that a condition waits (CloudFormation guide: twelve hours).
const TIMEOUT_SECONDS_MAX: u64 = 43_200;
/// How long a creation policy waits that does not say so.
const SIGNAL_SECONDS: u64 = 300;

#[async_trait]
impl ResourceHandler for WaitHandle {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::WaitConditionHandle"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[]
    }

    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 200)
    }

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn known_before(
        &self,
        services: &Services,
        _: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let address = services.signals.open().await.map_err(store)?;
        Ok(properties::object([(ADDRESS, address.into())]))
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        _: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let address = services.about.known.get(ADDRESS).and_then(Value::as_str);
        let url = services.signals.url(address.unwrap_or_default());
        Ok(Made {
            physical_id: Some(url),
            attributes: services.about.known.clone(),
        })
    }

    async fn update(
        &self,
        _: &Services,
        _: &str,
        _: &Map<String, Value>,
        _: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        Ok(Map::new())
    }

    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        match state.attributes.get(ADDRESS).and_then(Value::as_str) {
            Some(address) => services.signals.close(address).await.map_err(store),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl ResourceHandler for WaitCondition {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::WaitCondition"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Count", "Handle", "Timeout"]
    }

    fn is_waiting(&self) -> bool {
        true
    }

    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Count", "Handle", "Timeout"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Data"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 200)
    }

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    /// One without a handle has an address of its own, for `SignalResource`.
    async fn known_before(
        &self,
        services: &Services,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        if services.about.creation_policy.is_none() {
            return Ok(Map::new());
        }
        if let Some(name) = self
            .properties()
            .iter()
            .find(|name| given.contains_key(**name))
        {
            let text = format!("{name} cannot be given together with a CreationPolicy");
            return Err(Failure::client("ValidationError", text));
        }
        let address = services.signals.open().await.map_err(store)?;
        Ok(properties::object([(ADDRESS, address.into())]))
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let data = match &services.about.creation_policy {
            Some(policy) => signalled(services, policy).await,
            None => answered(services, given).await,
        };
        let data = Value::Object(data?).to_string();
        Ok(properties::object([("Data", data.into())]).into())
    }

    async fn update(
        &self,
        _: &Services,
        _: &str,
        _: &Map<String, Value>,
        _: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        Ok(Map::new())
    }

    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        match state.attributes.get(ADDRESS).and_then(Value::as_str) {
            Some(address) => services.signals.close(address).await.map_err(store),
            None => Ok(()),
        }
    }
}

/// Returns the address at which a wait condition takes signals.
pub(crate) fn address(row: &ResourceRow) -> Option<&str> {
    let is_condition = row.kind == WaitCondition.kind();
    let address = row.state.attributes.get(ADDRESS).and_then(Value::as_str);
    address.filter(|_| is_condition)
}

fn wrong(text: &str) -> Failure {
    Failure::client("ValidationError", text)
}

/// Waits for answers at the address of a handle.
async fn answered(
    services: &Services,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let number = |name: &str| {
        given
            .get(name)
            .map(|value| properties::text(value).parse().ok())
    };
    let handle = given.get("Handle").and_then(Value::as_str);
    let address = handle
        .and_then(Signals::token)
        .ok_or_else(|| wrong("Handle must be the URL of a WaitConditionHandle"))?;
    let seconds: u64 = number("Timeout")
        .flatten()
        .filter(|seconds| *seconds <= TIMEOUT_SECONDS_MAX)
        .ok_or_else(|| wrong("Timeout must be between 0 and 43200"))?;
    let count = match number("Count") {
        None => 1,
        Some(count) => count
            .filter(|count| *count >= 1)
            .ok_or_else(|| wrong("Count must be a positive number"))?,
    };
    let enough = services
        .signals
        .wait(address, |signals| verdict(signals, count));
    match tokio::time::timeout(Duration::from_secs(seconds), enough).await {
        Ok(verdict) => verdict
            .map_err(store)?
            .map_err(|text| Failure::client("WaitConditionFailed", text)),
        Err(_) => {
            let signals = services.signals.answers(address).await.map_err(store)?;
            let text = format!(
                "WaitCondition timed out. Received {} conditions when expecting {count}",
                received(&signals).len()
            );
            Err(Failure::client("WaitConditionTimedOut", text))
        }
    }
}

/// Waits for the signals that a creation policy asks for.
async fn signalled(services: &Services, policy: &Value) -> Result<Map<String, Value>, Failure> {
    let signal = policy.get("ResourceSignal").unwrap_or(&Value::Null);
    let count = match signal.get("Count").map(properties::text) {
        None => 1,
        Some(text) => text
            .parse()
            .map_err(|_| wrong("Count of ResourceSignal must be a positive number"))?,
    };
    let seconds = match signal.get("Timeout").map(properties::text) {
        None => SIGNAL_SECONDS,
        Some(text) => seconds_of(&text)
            .filter(|seconds| *seconds <= TIMEOUT_SECONDS_MAX)
            .ok_or_else(|| {
                wrong("Timeout of ResourceSignal must be like PT15M, and at most PT12H")
            })?,
    };
    let address = services.about.known.get(ADDRESS).and_then(Value::as_str);
    let address = address.unwrap_or_default();
    let enough = services.signals.wait(address, |signals| {
        let received = received(signals);
        let failed = |signal: &&&Signal| signal.status != "SUCCESS";
        let failures = received.values().filter(failed).count() as u64;
        let enough = received.len() as u64 >= count;
        enough.then_some((failures, received.len()))
    });
    let ended = tokio::time::timeout(Duration::from_secs(seconds), enough).await;
    let told = match ended {
        Ok(told) => Ok(told.map_err(store)?),
        Err(_) => {
            let signals = services.signals.answers(address).await.map_err(store)?;
            Err(count.saturating_sub(received(&signals).len() as u64))
        }
    };
    services.signals.close(address).await.map_err(store)?;
    match told {
        Ok((0, _)) => Ok(Map::new()),
        Ok((failures, all)) => Err(Failure::client(
            "NotStabilized",
            format!(
                "Received {failures} FAILURE signal(s) out of {all}. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
            ),
        )),
        Err(missing) => Err(Failure::client(
            "NotStabilized",
            format!("Failed to receive {missing} resource signal(s) within the specified duration"),
        )),
    }
}

/// Returns the seconds of a duration like `PT1H30M5S`.
fn seconds_of(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix("PT").filter(|rest| !rest.is_empty())?;
    let mut seconds: u64 = 0;
    for (unit, factor) in [('H', 3_600), ('M', 60), ('S', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let number: u64 = number.parse().ok()?;
            seconds = seconds.checked_add(number.checked_mul(factor)?)?;
            rest = after;
        }
    }
    rest.is_empty().then_some(seconds)
}

/// Returns the answers by their ids: one that comes twice counts once.
fn received(signals: &[Signal]) -> BTreeMap<String, &Signal> {
    let mut received = BTreeMap::new();
    for signal in signals {
        let id = signal.unique_id.clone().unwrap_or_default();
        received.entry(id).or_insert(signal);
    }
    received
}

/// Returns what the answers say as soon as there are enough, or what is wrong as soon as one says so.
fn verdict(signals: &[Signal], count: u64) -> Option<Result<Map<String, Value>, String>> {
    let received = received(signals);
    let failed = received
        .iter()
        .find(|(_, signal)| signal.status != "SUCCESS");
    if let Some((id, signal)) = failed {
        let reason = signal.reason.as_deref().unwrap_or_default();
        return Some(Err(format!(
            "WaitCondition received failed message: '{reason}' for uniqueId: {id}"
        )));
    }
    if (received.len() as u64) < count {
        return None;
    }
    let data = received.into_iter().map(|(id, signal)| {
        let data = signal.data.clone().unwrap_or_else(|| "".into());
        (id, data)
    });
    Some(Ok(data.collect()))
}
