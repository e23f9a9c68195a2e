//! Stacks, events and resources as the API shows them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stack::{OnFailure, ResourceRow, StackEvent, StackRow};

use super::{present, tag_list};

const HIDDEN: &str = "****";

fn text(text: &str) -> Option<Value> {
    Some(Value::from(text))
}

fn time(moment: vocab::Timestamp) -> Option<Value> {
    Some(Value::from(moment.to_string()))
}

/// Returns parameters with their values; those that are shown to nobody with four stars.
pub(super) fn parameters<'a>(
    values: impl Iterator<Item = (&'a String, &'a String)>,
    no_echo: &[String],
    fetched: &BTreeMap<String, String>,
) -> Value {
    values
        .map(|(key, value)| {
            let hidden = no_echo.contains(key);
            let shown = |value: &str| text(if hidden { HIDDEN } else { value });
            present([
                ("ParameterKey", text(key)),
                ("ParameterValue", shown(value)),
                (
                    "ResolvedValue",
                    fetched.get(key).and_then(|value| shown(value)),
                ),
            ])
        })
        .collect()
}

pub(super) fn stack(row: &StackRow) -> Value {
    let contents = &row.contents;
    let values = if contents.resolved.is_empty() {
        &contents.parameters
    } else {
        &contents.resolved
    };
    let outputs: Vec<Value> = contents
        .outputs
        .iter()
        .map(|output| {
            present([
                ("OutputKey", text(&output.output_key)),
                ("OutputValue", text(&output.output_value)),
                ("Description", output.description.as_deref().and_then(text)),
                ("ExportName", output.export_name.as_deref().and_then(text)),
            ])
        })
        .collect();
    let settings = &contents.settings;
    let filled = |list: Value| Some(list).filter(|list| list != &json!([]));
    present([
        ("StackId", text(&row.id)),
        ("StackName", text(&row.name)),
        (
            "ParentId",
            row.parent.as_ref().and_then(|parent| text(&parent.id)),
        ),
        (
            "RootId",
            row.parent.as_ref().and_then(|parent| text(&parent.root_id)),
        ),
        ("ChangeSetId", row.change_set_id.as_deref().and_then(text)),
        (
            "Description",
            contents.description.as_deref().and_then(text),
        ),
        (
            "Parameters",
            filled(parameters(
                values.iter(),
                &contents.no_echo,
                &contents.fetched,
            )),
        ),
        ("CreationTime", time(row.created_at)),
        ("DeletionTime", row.deleted_at.and_then(time)),
        ("LastUpdatedTime", row.updated_at.and_then(time)),
        ("RollbackConfiguration", Some(json!({}))),
        ("StackStatus", text(row.status.name())),
        ("StackStatusReason", row.reason.as_deref().and_then(text)),
        (
            "DisableRollback",
            Some((row.on_failure == OnFailure::DoNothing).into()),
        ),
        ("NotificationARNs", Some(json!(settings.notification_arns))),
        ("Capabilities", filled(json!(settings.capabilities))),
        ("Outputs", filled(outputs.into())),
        ("RoleARN", settings.role_arn.as_deref().and_then(text)),
        ("Tags", Some(tag_list(&settings.tags))),
        ("EnableTerminationProtection", Some(row.protected.into())),
        (
            "DriftInformation",
            Some(json!({"StackDriftStatus": "NOT_CHECKED"})),
        ),
    ])
}

pub(super) fn stack_summary(row: &StackRow) -> Value {
    let description = row.contents.description.as_deref();
    present([
        ("StackId", text(&row.id)),
        ("StackName", text(&row.name)),
        ("TemplateDescription", description.and_then(text)),
        ("CreationTime", time(row.created_at)),
        ("LastUpdatedTime", row.updated_at.and_then(time)),
        ("DeletionTime", row.deleted_at.and_then(time)),
        ("StackStatus", text(row.status.name())),
        ("StackStatusReason", row.reason.as_deref().and_then(text)),
        (
            "DriftInformation",
            Some(json!({"StackDriftStatus": "NOT_CHECKED"})),
        ),
    ])
}

pub(super) fn event(event: &StackEvent) -> Value {
    present([
        ("StackId", text(&event.stack_id)),
        ("EventId", text(&event.event_id)),
        ("StackName", text(&event.stack_name)),
        ("LogicalResourceId", text(&event.logical_resource_id)),
        ("PhysicalResourceId", text(&event.physical_resource_id)),
        ("ResourceType", text(&event.resource_type)),
        ("Timestamp", time(event.timestamp)),
        ("ResourceStatus", text(event.resource_status.name())),
        (
            "ResourceStatusReason",
            event.resource_status_reason.as_deref().and_then(text),
        ),
    ])
}

/// Returns a resource; `time_name` is what the operation calls the moment of its last change.
pub(super) fn resource(stack: &StackRow, row: &ResourceRow, time_name: &str) -> Value {
    present([
        ("StackName", text(&stack.name)),
        ("StackId", text(&stack.id)),
        ("LogicalResourceId", text(&row.logical_id)),
        ("PhysicalResourceId", text(&row.state.physical_id)),
        ("ResourceType", text(&row.kind)),
        (time_name, time(row.updated_at)),
        ("ResourceStatus", text(row.status.name())),
        ("ResourceStatusReason", row.reason.as_deref().and_then(text)),
        (
            "DriftInformation",
            Some(json!({"StackResourceDriftStatus": "NOT_CHECKED"})),
        ),
    ])
}
