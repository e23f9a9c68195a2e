//! The history that clients see: events in the shapes of the API's `HistoryEvent`.

use serde_json::{Map, Value, json};

use crate::event::{Assignment, Event, Recorded, StateType, TaskResource};
use crate::ids::EventId;
use crate::payload::{Payload, Text};

/// How a history is shown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The region that `TaskScheduled` names.
    pub region: &'a str,
    /// Inputs, outputs and parameters are shown (`includeExecutionData`).
    pub include_data: bool,
}

/// Returns the `HistoryEvent` of `recorded`, which has the number `id`; `None` for events that are
/// not part of the history.
pub fn history_event(id: EventId, recorded: &Recorded, view: View<'_>) -> Option<Value> {
    if !recorded.event.is_public() {
        return None;
    }
    let mut shown = Map::new();
    shown.insert("timestamp".into(), recorded.at.as_epoch_seconds().into());
    shown.insert("type".into(), event_type(&recorded.event).into());
    shown.insert("id".into(), id.0.into());
    shown.insert("previousEventId".into(), recorded.previous.0.into());
    if let Some((name, details)) = details(&recorded.event, view) {
        shown.insert(name, Value::Object(details));
    }
    Some(Value::Object(shown))
}

/// Returns the details of a public event as logs show them: nothing stands in for data that is left out.
pub fn event_details(event: &Event, view: View<'_>) -> Map<String, Value> {
    let (_, mut details) = details(event, view).unwrap_or_default();
    if !view.include_data {
        details.shift_remove("parameters");
    }
    details
}

/// Returns the type of a public event; empty for the others.
pub fn event_type(event: &Event) -> String {
    let of_state = |state_type: &StateType, what: &str| format!("{}State{what}", state_type.name());
    let of_task = |resource: &TaskResource, what: &str| {
        let family = match resource {
            TaskResource::LambdaFunction { .. } => "LambdaFunction",
            TaskResource::Activity { .. } => "Activity",
            TaskResource::Integration { .. } => "Task",
        };
        format!("{family}{what}")
    };
    let fixed = match event {
        Event::StateEntered { state_type, .. } => return of_state(state_type, "Entered"),
        Event::StateExited { state_type, .. } => return of_state(state_type, "Exited"),
        Event::StateAborted { state_type, .. } => return of_state(state_type, "Aborted"),
        Event::TaskScheduled { task, .. } => return of_task(&task.resource, "Scheduled"),
        Event::TaskStarted { resource, .. } => return of_task(resource, "Started"),
        Event::TaskSubmitted { resource, .. } => return of_task(resource, "Submitted"),
        Event::TaskSucceeded { resource, .. } => return of_task(resource, "Succeeded"),
        Event::TaskFailed { resource, .. } => return of_task(resource, "Failed"),
        Event::TaskTimedOut { resource, .. } => return of_task(resource, "TimedOut"),
        Event::ExecutionStarted(_) => "ExecutionStarted",
        Event::ParallelStarted { .. } => "ParallelStateStarted",
        Event::ParallelSucceeded { .. } => "ParallelStateSucceeded",
        Event::ParallelFailed { .. } => "ParallelStateFailed",
        Event::MapStarted { .. } => "MapStateStarted",
        Event::IterationStarted { .. } => "MapIterationStarted",
        Event::IterationSucceeded { .. } => "MapIterationSucceeded",
        Event::IterationFailed { .. } => "MapIterationFailed",
        Event::IterationAborted { .. } => "MapIterationAborted",
        Event::DistributedMapStarted { .. } => "MapStateStarted",
        Event::MapRunStarted { .. } => "MapRunStarted",
        Event::MapRunSucceeded { .. } => "MapRunSucceeded",
        Event::MapRunFailed { .. } => "MapRunFailed",
        Event::MapRunAborted { .. } => "MapRunAborted",
        Event::MapRunRedriven { .. } => "MapRunRedriven",
        Event::MapSucceeded { .. } => "MapStateSucceeded",
        Event::MapFailed { .. } => "MapStateFailed",
        Event::EvaluationFailed { .. } => "EvaluationFailed",
        Event::ExecutionSucceeded { .. } => "ExecutionSucceeded",
        Event::ExecutionFailed { .. } => "ExecutionFailed",
        Event::ExecutionAborted { .. } => "ExecutionAborted",
        Event::ExecutionTimedOut => "ExecutionTimedOut",
        Event::ExecutionRedriven { .. } => "ExecutionRedriven",
        Event::HeartbeatReceived { .. }
        | Event::RetryScheduled { .. }
        | Event::WaitStarted { .. }
        | Event::BranchSucceeded { .. }
        | Event::StateFailed { .. } => "",
    };
    fixed.to_owned()
}

/// Returns the member that holds the event's details, with its name.
fn details(event: &Event, view: View<'_>) -> Option<(String, Map<String, Value>)> {
    let mut shown = Details {
        members: Map::new(),
        include_data: view.include_data,
    };
    let name = match event {
        Event::ExecutionStarted(identity) => {
            shown.data("input", &identity.input);
            shown.text("roleArn", &identity.role_arn);
            if let Some(arn) = &identity.alias_arn {
                shown.text("stateMachineAliasArn", arn);
            }
            if let Some(arn) = &identity.version_arn {
                shown.text("stateMachineVersionArn", arn);
            }
            "executionStartedEventDetails"
        }
        Event::StateEntered { name, input, .. } => {
            shown.text("name", name);
            shown.data("input", input);
            "stateEnteredEventDetails"
        }
        Event::StateExited {
            name,
            output,
            assigned,
            ..
        } => {
            shown.text("name", name);
            shown.data("output", output);
            shown.assigned(assigned.as_deref());
            "stateExitedEventDetails"
        }
        Event::TaskScheduled { task, .. } => {
            shown.resource(&task.resource);
            let parameters = &task.parameters;
            if let TaskResource::Integration { .. } = &task.resource {
                shown.members.insert("region".into(), view.region.into());
                // The model requires the member, so it stays, empty, where data is left out.
                let text = if view.include_data {
                    parameters.text()
                } else {
                    ""
                };
                shown.members.insert("parameters".into(), text.into());
            } else {
                shown.data("input", parameters);
            }
            shown.number("timeoutInSeconds", task.timeout_seconds);
            if !matches!(task.resource, TaskResource::LambdaFunction { .. }) {
                shown.number("heartbeatInSeconds", task.heartbeat_seconds);
            }
            if let Some(role) = &task.credentials_role_arn {
                shown
                    .members
                    .insert("taskCredentials".into(), json!({ "roleArn": &**role }));
            }
            return Some((member_of_task(&task.resource, "Scheduled"), shown.members));
        }
        Event::TaskStarted {
            resource,
            worker_name,
            ..
        } => {
            match resource {
                TaskResource::LambdaFunction { .. } => return None,
                TaskResource::Activity { .. } => {
                    if let Some(name) = worker_name {
                        shown.text("workerName", name);
                    }
                }
                TaskResource::Integration { .. } => shown.resource(resource),
            }
            return Some((member_of_task(resource, "Started"), shown.members));
        }
        Event::TaskSubmitted {
            output, resource, ..
        } => {
            shown.resource(resource);
            shown.data("output", output);
            "taskSubmittedEventDetails"
        }
        Event::TaskSucceeded {
            output, resource, ..
        } => {
            shown.resource_of_integration(resource);
            shown.data("output", output);
            return Some((member_of_task(resource, "Succeeded"), shown.members));
        }
        Event::TaskFailed {
            error,
            cause,
            resource,
            ..
        } => {
            shown.resource_of_integration(resource);
            shown.failure(error.as_ref(), cause.as_ref());
            return Some((member_of_task(resource, "Failed"), shown.members));
        }
        Event::TaskTimedOut { resource, .. } => {
            shown.resource_of_integration(resource);
            shown
                .members
                .insert("error".into(), "States.Timeout".into());
            return Some((member_of_task(resource, "TimedOut"), shown.members));
        }
        Event::MapStarted { length, .. } => {
            shown.number("length", Some(u64::from(*length)));
            "mapStateStartedEventDetails"
        }
        Event::DistributedMapStarted { length, .. } => {
            shown.number("length", Some(*length));
            "mapStateStartedEventDetails"
        }
        Event::MapRunStarted { map_run_arn, .. } => {
            shown.text("mapRunArn", map_run_arn);
            "mapRunStartedEventDetails"
        }
        Event::MapRunFailed { error, cause, .. } => {
            shown.failure(Some(error), Some(cause));
            "mapRunFailedEventDetails"
        }
        Event::MapRunRedriven {
            map_run_arn, count, ..
        } => {
            shown.text("mapRunArn", map_run_arn);
            shown.number("redriveCount", Some(*count));
            "mapRunRedrivenEventDetails"
        }
        Event::ExecutionRedriven { count, .. } => {
            shown.number("redriveCount", Some(*count));
            "executionRedrivenEventDetails"
        }
        Event::IterationStarted { scope, name } => {
            shown.iteration(name, scope.index);
            "mapIterationStartedEventDetails"
        }
        Event::IterationSucceeded { scope, name, .. } => {
            shown.iteration(name, scope.index);
            "mapIterationSucceededEventDetails"
        }
        Event::IterationFailed { scope, name } => {
            shown.iteration(name, scope.index);
            "mapIterationFailedEventDetails"
        }
        Event::IterationAborted { scope, name } => {
            shown.iteration(name, scope.index);
            "mapIterationAbortedEventDetails"
        }
        Event::EvaluationFailed {
            state,
            error,
            cause,
            location,
            ..
        } => {
            shown.failure(Some(error), Some(cause));
            shown.text("location", location);
            shown.text("state", state);
            "evaluationFailedEventDetails"
        }
        Event::ExecutionSucceeded { output } => {
            shown.data("output", output);
            "executionSucceededEventDetails"
        }
        Event::ExecutionFailed { error, cause } => {
            shown.failure(error.as_ref(), cause.as_ref());
            "executionFailedEventDetails"
        }
        Event::ExecutionAborted { error, cause } => {
            shown.failure(error.as_ref(), cause.as_ref());
            "executionAbortedEventDetails"
        }
        Event::ExecutionTimedOut => {
            // Measured: the error and no cause.
            shown
                .members
                .insert("error".into(), "States.Timeout".into());
            "executionTimedOutEventDetails"
        }
        Event::ParallelStarted { .. }
        | Event::ParallelSucceeded { .. }
        | Event::ParallelFailed { .. }
        | Event::MapRunSucceeded { .. }
        | Event::MapRunAborted { .. }
        | Event::MapSucceeded { .. }
        | Event::MapFailed { .. }
        | Event::StateAborted { .. }
        | Event::HeartbeatReceived { .. }
        | Event::RetryScheduled { .. }
        | Event::WaitStarted { .. }
        | Event::BranchSucceeded { .. }
        | Event::StateFailed { .. } => return None,
    };
    Some((name.to_owned(), shown.members))
}

fn member_of_task(resource: &TaskResource, what: &str) -> String {
    let family = match resource {
        TaskResource::LambdaFunction { .. } => "lambdaFunction",
        TaskResource::Activity { .. } => "activity",
        TaskResource::Integration { .. } => "task",
    };
    format!("{family}{what}EventDetails")
}

/// The members of an event's details, as they are put together.
struct Details {
    members: Map<String, Value>,
    include_data: bool,
}

impl Details {
    fn text(&mut self, name: &str, text: &Text) {
        self.members.insert(name.to_owned(), (**text).into());
    }

    fn number(&mut self, name: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.members.insert(name.to_owned(), number.into());
        }
    }

    /// `input` with `inputDetails`, `output` with `outputDetails`.
    fn data(&mut self, name: &str, payload: &Payload) {
        if self.include_data {
            self.members.insert(name.to_owned(), payload.text().into());
            self.members
                .insert(format!("{name}Details"), json!({ "truncated": false }));
        }
    }

    /// `assignedVariables`: each name with its value's JSON text.
    fn assigned(&mut self, assigned: Option<&[Assignment]>) {
        let Some(assigned) = assigned.filter(|_| self.include_data) else {
            return;
        };
        let texts = assigned
            .iter()
            .map(|one| (one.name.to_string(), one.value.text().into()));
        let texts: Map<String, Value> = texts.collect();
        self.members
            .insert("assignedVariables".into(), Value::Object(texts));
        self.members.insert(
            "assignedVariablesDetails".into(),
            json!({ "truncated": false }),
        );
    }

    fn failure(&mut self, error: Option<&Text>, cause: Option<&Text>) {
        if let Some(error) = error {
            self.text("error", error);
        }
        if let Some(cause) = cause {
            self.text("cause", cause);
        }
    }

    fn iteration(&mut self, name: &Text, index: u32) {
        self.text("name", name);
        self.number("index", Some(u64::from(index)));
    }

    fn resource(&mut self, resource: &TaskResource) {
        match resource {
            TaskResource::LambdaFunction { arn } | TaskResource::Activity { arn } => {
                self.text("resource", arn)
            }
            TaskResource::Integration { .. } => self.resource_of_integration(resource),
        }
    }

    /// The members that only the `Task…` events have.
    fn resource_of_integration(&mut self, resource: &TaskResource) {
        if let TaskResource::Integration {
            resource_type,
            resource,
        } = resource
        {
            self.text("resourceType", resource_type);
            self.text("resource", resource);
        }
    }
}
