//! `AWS::Events::Rule` and `AWS::Events::EventBus`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use crate::resource::{
    Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags,
};
use crate::stack::ResourceState;

pub(super) struct Rule;
pub(super) struct EventBus;

/// Returns the name of a bus from its name or its ARN.
fn bus_of(given: &Map<String, Value>) -> String {
    let bus = given
        .get("EventBusName")
        .map(properties::text)
        .unwrap_or_default();
    match bus.split_once(":event-bus/") {
        Some((_, name)) => name.to_owned(),
        None if bus.is_empty() => "default".to_owned(),
        None => bus,
    }
}

fn arn(site: &Site, name: &str, given: &Map<String, Value>) -> String {
    let bus = match bus_of(given) {
        bus if bus == "default" => String::new(),
        bus => format!("{bus}/"),
    };
    format!(
        "arn:aws:events:{}:{}:rule/{bus}{name}",
        site.region, site.account_id
    )
}

/// Makes or changes the rule and its targets; `before` are the targets that it had.
async fn put(
    services: &Services,
    name: &str,
    given: &Map<String, Value>,
    before: &[String],
) -> Result<(), Failure> {
    let bus = Value::from(bus_of(given));
    let names = ["Description", "RoleArn", "ScheduleExpression", "State"].map(|name| (name, name));
    let mut input = properties::copy(given, &names);
    input.insert("Name".to_owned(), name.into());
    input.insert("EventBusName".to_owned(), bus.clone());
    if let Some(pattern) = given.get("EventPattern") {
        input.insert("EventPattern".to_owned(), properties::text(pattern).into());
    }
    if let Some(tags) = given.get("Tags") {
        input.insert("Tags".to_owned(), tags.clone());
    }
    services.call("events", "PutRule", input).await?;
    let mut targets = given.get("Targets").cloned().unwrap_or(json!([]));
    properties::integers(
        &mut targets,
        &["MaximumRetryAttempts", "MaximumEventAgeInSeconds"],
    );
    let kept = ids(&targets);
    let gone: Vec<&String> = before.iter().filter(|id| !kept.contains(id)).collect();
    if !gone.is_empty() {
        let input = properties::object([
            ("Rule", name.into()),
            ("EventBusName", bus.clone()),
            ("Ids", gone.into_iter().cloned().collect::<Vec<_>>().into()),
        ]);
        services.call("events", "RemoveTargets", input).await?;
    }
    if !kept.is_empty() {
        let input = properties::object([
            ("Rule", name.into()),
            ("EventBusName", bus),
            ("Targets", targets),
        ]);
        let answer = services.call("events", "PutTargets", input).await?;
        if let Some(failed) = answer["FailedEntries"]
            .as_array()
            .and_then(|failed| failed.first())
        {
            return Err(Failure::client(
                properties::text(&failed["ErrorCode"]),
                properties::text(&failed["ErrorMessage"]),
            ));
        }
    }
    Ok(())
}

/// Makes the policy of a bus what a template says; none takes away the one that is there.
async fn put_policy(services: &Services, bus: &str, policy: Option<&Value>) -> Result<(), Failure> {
    let (operation, name, value) = match policy {
        Some(policy) => ("PutPermission", "Policy", properties::text(policy).into()),
        None => ("RemovePermission", "RemoveAllPermissions", true.into()),
    };
    let input = properties::object([("EventBusName", bus.into()), (name, value)]);
    services.call("events", operation, input).await?;
    Ok(())
}

fn ids(targets: &Value) -> Vec<String> {
    let targets = targets.as_array().into_iter().flatten();
    targets
        .filter_map(|target| Some(target.get("Id")?.as_str()?.to_owned()))
        .collect()
}

async fn remove(services: &Services, name: &str, bus: &str) -> Result<(), Failure> {
    let rule = [("Rule", name.into()), ("EventBusName", bus.into())];
    let listed = services.call(
        "events",
        "ListTargetsByRule",
        properties::object(rule.clone()),
    );
    let targets = match listed.await {
        Ok(targets) => ids(&targets["Targets"]),
        Err(failure) if failure.code == "ResourceNotFoundException" => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let mut input = properties::object(rule);
    input.insert("Ids".to_owned(), targets.into());
    services.call("events", "RemoveTargets", input).await?;
    let input = properties::object([("Name", name.into()), ("EventBusName", bus.into())]);
    services
        .delete("events", "DeleteRule", input, "ResourceNotFoundException")
        .await
}

#[async_trait]
impl ResourceHandler for Rule {
    fn kind(&self) -> &'static str {
        "AWS::Events::Rule"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Description",
            "EventBusName",
            "EventPattern",
            "Name",
            "RoleArn",
            "ScheduleExpression",
            "State",
            "Tags",
            "Targets",
        ]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["EventBusName", "Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    /// A rule of another bus has the bus in its id, as on AWS.
    fn physical_id(&self, name: &str, given: &Map<String, Value>, _: &Site) -> String {
        match bus_of(given) {
            bus if bus == "default" => name.to_owned(),
            bus => format!("{bus}|{name}"),
        }
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let (bus, name) = physical_id
            .split_once('|')
            .unwrap_or(("default", physical_id));
        let input = properties::object([("Name", name.into()), ("EventBusName", bus.into())]);
        match services.call("events", "DescribeRule", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "ResourceNotFoundException" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        match put(services, name, given, &[]).await {
            Ok(()) => {
                Ok(properties::object([("Arn", arn(&services.site, name, given).into())]).into())
            }
            Err(failure) => Err(NotCreated {
                failure,
                partly: true,
            }),
        }
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let (_, name) = physical_id.split_once('|').unwrap_or(("", physical_id));
        let former = before.get("Targets").map(ids).unwrap_or_default();
        put(services, name, after, &former).await?;
        // `PutRule` leaves the tags of a rule that is there as they are.
        let arn = arn(&services.site, name, after);
        let named = properties::object([("ResourceARN", arn.as_str().into())]);
        tags::EVENTS.change(services, named, before, after).await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let (bus, name) = physical_id
            .split_once('|')
            .unwrap_or(("default", physical_id));
        remove(services, name, bus).await
    }
}

#[async_trait]
impl ResourceHandler for EventBus {
    fn kind(&self) -> &'static str {
        "AWS::Events::EventBus"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Description", "Name", "Policy", "Tags"]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "Name", "Policy"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 200)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("Name", physical_id.into())]);
        match services.call("events", "DescribeEventBus", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "ResourceNotFoundException" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let names = ["Description", "Tags"].map(|name| (name, name));
        let mut input = properties::copy(given, &names);
        input.insert("Name".to_owned(), name.into());
        let made = services.call("events", "CreateEventBus", input).await?;
        if let Some(policy) = given.get("Policy")
            && let Err(failure) = put_policy(services, name, Some(policy)).await
        {
            return Err(NotCreated {
                failure,
                partly: true,
            });
        }
        let attributes = properties::object([
            ("Arn", made["EventBusArn"].clone()),
            ("Name", name.into()),
            (
                "Policy",
                given
                    .get("Policy")
                    .map(properties::text)
                    .unwrap_or_default()
                    .into(),
            ),
        ]);
        Ok(attributes.into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut input = properties::copy(after, &[("Description", "Description")]);
        input.insert("Name".to_owned(), physical_id.into());
        let changed = services.call("events", "UpdateEventBus", input).await?;
        if before.get("Policy") != after.get("Policy") {
            put_policy(services, physical_id, after.get("Policy")).await?;
        }
        let arn = properties::text(&changed["Arn"]);
        let named = properties::object([("ResourceARN", arn.as_str().into())]);
        tags::EVENTS.change(services, named, before, after).await?;
        let policy = after.get("Policy").map(properties::text);
        let policy = policy.unwrap_or_default();
        Ok(properties::object([("Policy", policy.into())]))
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("Name", physical_id.into())]);
        let absent = "ResourceNotFoundException";
        services
            .delete("events", "DeleteEventBus", input, absent)
            .await
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        self.delete(services, &state.physical_id).await
    }
}
