//! `AWS::Lambda::EventSourceMapping`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use crate::resource::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

pub(super) struct EventSource;

fn input(given: &Map<String, Value>) -> Map<String, Value> {
    let mut input = Value::Object(given.clone());
    properties::integers(
        &mut input,
        &[
            "BatchSize",
            "MaximumBatchingWindowInSeconds",
            "MaximumConcurrency",
        ],
    );
    properties::booleans(&mut input, &["Enabled"]);
    if let Some(filters) = input
        .pointer_mut("/FilterCriteria/Filters")
        .and_then(Value::as_array_mut)
    {
        for filter in filters {
            if let Some(pattern) = filter
                .get_mut("Pattern")
                .filter(|pattern| !pattern.is_string())
            {
                *pattern = pattern.to_string().into();
            }
        }
    }
    match input {
        Value::Object(mut input) => {
            input.shift_remove("Tags");
            input
        }
        _ => Map::new(),
    }
}

#[async_trait]
impl ResourceHandler for EventSource {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::EventSourceMapping"
    }

    /// Those of queues; Lambda refuses the others by name.
    fn properties(&self) -> &'static [&'static str] {
        &[
            "BatchSize",
            "BisectBatchOnFunctionError",
            "DestinationConfig",
            "Enabled",
            "EventSourceArn",
            "FilterCriteria",
            "FunctionName",
            "FunctionResponseTypes",
            "MaximumBatchingWindowInSeconds",
            "MaximumRecordAgeInSeconds",
            "MaximumRetryAttempts",
            "ParallelizationFactor",
            "ScalingConfig",
            "StartingPosition",
            "Tags",
            "TumblingWindowInSeconds",
        ]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["EventSourceArn", "StartingPosition"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["EventSourceMappingArn", "Id"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let made = services.call("lambda", "CreateEventSourceMapping", input(given));
        let made = made.await?;
        let id = made.get("UUID").and_then(Value::as_str).unwrap_or_default();
        let Site { region, account_id } = &services.site;
        let arn = format!("arn:aws:lambda:{region}:{account_id}:event-source-mapping:{id}");
        Ok(Made {
            physical_id: Some(id.to_owned()),
            attributes: properties::object([
                ("Id", id.into()),
                ("EventSourceMappingArn", arn.into()),
            ]),
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut changed = input(after);
        changed.shift_remove("EventSourceArn");
        changed.insert("UUID".to_owned(), physical_id.into());
        // What is no longer said is as if it had never been.
        for (name, default) in [
            ("BatchSize", json!(10)),
            ("Enabled", json!(true)),
            ("FilterCriteria", json!({})),
            ("FunctionResponseTypes", json!([])),
            ("MaximumBatchingWindowInSeconds", json!(0)),
            ("ScalingConfig", json!({})),
        ] {
            if before.contains_key(name) {
                changed.entry(name).or_insert(default);
            }
        }
        let changed = services.call("lambda", "UpdateEventSourceMapping", changed);
        changed.await.map(|_| Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("UUID", physical_id.into())]);
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", "DeleteEventSourceMapping", input, absent)
            .await
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    /// A mapping whose making was cut off is known by its source and its function.
    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        if state.attributes.contains_key("Id") {
            return self.delete(services, &state.physical_id).await;
        }
        let Some(given) = state.properties.as_object() else {
            return Ok(());
        };
        let asked = properties::copy(
            given,
            &[
                ("EventSourceArn", "EventSourceArn"),
                ("FunctionName", "FunctionName"),
            ],
        );
        let found = services.call("lambda", "ListEventSourceMappings", asked);
        let found = found.await?;
        let found = found.get("EventSourceMappings").and_then(Value::as_array);
        for mapping in found.into_iter().flatten() {
            if let Some(id) = mapping.get("UUID").and_then(Value::as_str) {
                self.delete(services, id).await?;
            }
        }
        Ok(())
    }
}
