//! `AWS::Scheduler::Schedule` and `AWS::Scheduler::ScheduleGroup`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use crate::resource::{
    Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags,
};

pub(super) struct Schedule;
pub(super) struct ScheduleGroup;

const ABSENT: &str = "ResourceNotFoundException";

fn group_of(given: &Map<String, Value>) -> String {
    let group = given.get("GroupName").map(properties::text);
    group.unwrap_or_else(|| "default".to_owned())
}

fn input(name: &str, given: &Map<String, Value>) -> Map<String, Value> {
    let mut input = Value::Object(given.clone());
    properties::integers(
        &mut input,
        &[
            "MaximumWindowInMinutes",
            "MaximumRetryAttempts",
            "MaximumEventAgeInSeconds",
        ],
    );
    let mut input = input.as_object().cloned().unwrap_or_default();
    input.insert("Name".to_owned(), name.into());
    input
}

/// A schedule of another group has the group in its id, so that it is found again.
fn parts(physical_id: &str) -> (&str, &str) {
    physical_id
        .split_once('|')
        .unwrap_or(("default", physical_id))
}

#[async_trait]
impl ResourceHandler for Schedule {
    fn kind(&self) -> &'static str {
        "AWS::Scheduler::Schedule"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Description",
            "EndDate",
            "FlexibleTimeWindow",
            "GroupName",
            "KmsKeyArn",
            "Name",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
            "Target",
        ]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["GroupName", "Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    fn physical_id(&self, name: &str, given: &Map<String, Value>, _: &Site) -> String {
        match group_of(given) {
            group if group == "default" => name.to_owned(),
            group => format!("{group}|{name}"),
        }
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let (group, name) = parts(physical_id);
        let input = properties::object([("Name", name.into()), ("GroupName", group.into())]);
        match services.call("scheduler", "GetSchedule", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == ABSENT => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let made = services.call("scheduler", "CreateSchedule", input(name, given));
        let arn = made.await?["ScheduleArn"].clone();
        Ok(properties::object([("Arn", arn)]).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let (_, name) = parts(physical_id);
        let changed = services.call("scheduler", "UpdateSchedule", input(name, after));
        changed.await.map(|_| Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let (group, name) = parts(physical_id);
        let input = properties::object([("Name", name.into()), ("GroupName", group.into())]);
        services
            .delete("scheduler", "DeleteSchedule", input, ABSENT)
            .await
    }
}

#[async_trait]
impl ResourceHandler for ScheduleGroup {
    fn kind(&self) -> &'static str {
        "AWS::Scheduler::ScheduleGroup"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Name", "Tags"]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("Name", physical_id.into())]);
        match services.call("scheduler", "GetScheduleGroup", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == ABSENT => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let made = services.call("scheduler", "CreateScheduleGroup", input(name, given));
        let arn = made.await?["ScheduleGroupArn"].clone();
        Ok(properties::object([("Arn", arn)]).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let Site { region, account_id } = &services.site;
        let arn = format!("arn:aws:scheduler:{region}:{account_id}:schedule-group/{physical_id}");
        let named = properties::object([("ResourceArn", arn.into())]);
        tags::SCHEDULER
            .change(services, named, before, after)
            .await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("Name", physical_id.into())]);
        services
            .delete("scheduler", "DeleteScheduleGroup", input, ABSENT)
            .await
    }
}
