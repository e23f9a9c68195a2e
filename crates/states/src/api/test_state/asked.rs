//! What a caller asks `TestState` for, and everything for which it is refused.

use std::sync::Arc;

use asl::{LONE_STATE, MachineType, Pattern, ResourceKind, StateKind, StateMachine};
use aws_model::states::{MockInput, MockResponseValidationMode, TestStateInput};
use engine_core::{Payload, Told};
use serde_json::{Map, Value};
use service::Failure;

use super::context;
use crate::api::start_execution::parse_input;
use crate::api::{failure, names};
use crate::items;
use crate::mocks::{Strictness, check_result};
use crate::service::States;

/// A state to test, with all that belongs to it.
pub(super) struct Asked {
    pub machine: StateMachine,
    pub state: Arc<str>,
    pub place: Place,
    pub input: Payload,
    pub variables: Map<String, Value>,
    pub context: Map<String, Value>,
    pub role_arn: Option<String>,
    /// What a connection adds to the request of an HTTP task is shown.
    pub reveals_secrets: bool,
    /// What it is told in place of an answer.
    pub mock: Option<Told>,
    pub retries: u64,
    pub failed_iterations: Option<u64>,
    pub items_read: Option<Payload>,
}

/// Where a state stands in its definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The state speaks JSONata.
    pub jsonata: bool,
    /// It runs in the iterations of a Map state.
    pub within_map: bool,
}

/// Reads what is asked, or says why AWS would refuse it.
pub(super) fn read(states: &States, input: &TestStateInput) -> Result<Asked, Failure> {
    let name = input.state_name.as_deref().unwrap_or(LONE_STATE);
    let machine = definition(states, input, MachineType::Standard)?;
    let state = machine
        .find(name)
        .ok_or_else(|| failure::validation("State not found in definition"))?;
    let settings = input.state_configuration.as_ref();
    check_accompaniments(input)?;
    match &input.mock {
        Some(mock) => check_mock(&state.kind, mock)?,
        None => check_without_mock(states, input, &state.kind, name)?,
    }
    if let Some(role_arn) = &input.role_arn {
        names::check_role_arn(role_arn)?;
    }
    let mock = match &input.mock {
        Some(mock) => Some(told(mock, &state.kind)?),
        None => None,
    };
    let context = match &input.context {
        Some(text) => context::read(text, &state.kind)?,
        None => Map::new(),
    };
    if let Some(culprit) = settings.and_then(|settings| settings.error_caused_by_state.as_deref())
        && machine.find(culprit).is_none()
    {
        return Err(failure::validation("State not found in definition"));
    }
    let payload = match &input.input {
        Some(text) => parse_input(text, states.limits.payload_bytes_max)?,
        None => Payload::empty_object(),
    };
    let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let items = settings.and_then(|settings| settings.map_item_reader_data.as_deref());
    Ok(Asked {
        state: state.name.clone(),
        place: place_of(&input.definition, name),
        input: payload,
        variables: variables(input.variables.as_deref())?,
        context,
        role_arn: input.role_arn.clone(),
        reveals_secrets: input.reveal_secrets == Some(true),
        mock,
        retries: count(settings.and_then(|settings| settings.retrier_retry_count)).unwrap_or(0),
        failed_iterations: count(
            settings.and_then(|settings| settings.map_iteration_failure_count),
        ),
        items_read: match items {
            Some(text) => Some(items_read(text, &input.definition, name)?),
            None => None,
        },
        machine,
    })
}

fn definition(
    states: &States,
    input: &TestStateInput,
    machine_type: MachineType,
) -> Result<StateMachine, Failure> {
    let reading = states.reading(machine_type);
    let parsed = match input.state_name {
        Some(_) => asl::parse_as(&input.definition, reading),
        None => asl::parse_state(&input.definition, reading),
    };
    parsed.map_err(|findings| failure::invalid_definition(&findings))
}

/// Refuses what belongs to a mock without one, and what does not go with one.
fn check_accompaniments(input: &TestStateInput) -> Result<(), Failure> {
    if input.mock.is_some() {
        if input.reveal_secrets == Some(true) {
            let message = "TestState does not support RevealSecrets when a mock is specified.";
            return Err(failure::validation(message));
        }
        return Ok(());
    }
    let settings = input.state_configuration.clone().unwrap_or_default();
    let given = [
        ("Context", input.context.is_some()),
        ("RetrierRetryCount", settings.retrier_retry_count.is_some()),
        (
            "ErrorCausedByState",
            settings.error_caused_by_state.is_some(),
        ),
        (
            "MapIterationFailureCount",
            settings.map_iteration_failure_count.is_some(),
        ),
        ("MapItemReaderData", settings.map_item_reader_data.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((what, _)) => Err(failure::validation(&format!(
            "TestState does not support {what} when a mock is not specified."
        ))),
        None => Ok(()),
    }
}

fn check_mock(kind: &StateKind, mock: &MockInput) -> Result<(), Failure> {
    if mock.result.is_some() == mock.error_output.is_some() {
        return Err(failure::validation(
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ));
    }
    match kind {
        StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => Ok(()),
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => Err(failure::validation(&format!(
            "State type '{}' is not supported when a mock is specified",
            kind.name()
        ))),
    }
}

/// Refuses the states that only a mock can answer.
fn check_without_mock(
    states: &States,
    input: &TestStateInput,
    kind: &StateKind,
    name: &str,
) -> Result<(), Failure> {
    let task = match kind {
        StateKind::Parallel(_) | StateKind::Map(_) => {
            return Err(Failure::client(
                "InvalidDefinition",
                "TestState API does not support Map or Parallel states. Supported state types \
                 include: [Task, Wait, Pass, Succeed, Fail, Choice]",
            ));
        }
        StateKind::Task(task) => task,
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => return Ok(()),
    };
    if waits_for_somebody(&task.resource.kind) {
        // A state by itself runs as an Express machine does, which waits for nobody.
        let reading = states.reading(MachineType::Express);
        let findings = match input.state_name {
            Some(_) => asl::parse_as(&input.definition, reading),
            None => asl::parse_state(&input.definition, reading),
        };
        let of_state = format!("/States/{name}/Resource");
        let mut findings = findings.err().unwrap_or_default();
        findings.retain(|finding| {
            let location = finding.location.as_deref();
            location.is_some_and(|location| location.ends_with(&of_state))
        });
        return Err(failure::invalid_definition(&findings));
    }
    match input.role_arn {
        Some(_) => Ok(()),
        None => Err(failure::validation(
            "RoleArn must be specified when testing a Task state",
        )),
    }
}

fn waits_for_somebody(resource: &ResourceKind) -> bool {
    match resource {
        ResourceKind::LambdaFunction => false,
        ResourceKind::Activity => true,
        ResourceKind::Integration { pattern, .. } => *pattern != Pattern::RequestResponse,
    }
}

/// Returns what the state is told, once it is clear that it could be told that.
fn told(mock: &MockInput, kind: &StateKind) -> Result<Told, Failure> {
    if let Some(error) = &mock.error_output {
        return Ok(Told::Error {
            error: error.error.as_deref().map(Into::into),
            cause: error.cause.as_deref().map(Into::into),
        });
    }
    let text = mock.result.as_deref().unwrap_or_default();
    let result = Payload::parse(text)
        .map_err(|_| failure::validation("Mocked result must be valid JSON"))?;
    let strictness = match mock.field_validation_mode {
        None | Some(MockResponseValidationMode::Strict) => Strictness::Strict,
        Some(MockResponseValidationMode::Present) => Strictness::Present,
        Some(MockResponseValidationMode::None) => Strictness::None,
    };
    let wrong = match kind {
        StateKind::Task(task) => check_result(&task.resource.kind, result.value(), strictness).err(),
        StateKind::Parallel(parallel) => match result.value().as_array() {
            None => Some("Mocked result must be an array.".to_owned()),
            Some(results) if results.len() != parallel.branches.len() => Some(
                "Mocked result must contain the same number of items as number of Parallel branches."
                    .to_owned(),
            ),
            Some(_) => None,
        },
        StateKind::Map(map) => {
            let writer = map.distributed.as_ref().and_then(|map| map.writer.as_ref());
            // What was written to a bucket is told by an object.
            let written = writer.is_some_and(|writer| writer.resource.is_some());
            match (result.value(), written) {
                (Value::Array(_), _) => None,
                (Value::Object(_), true) => None,
                (_, true) => Some("Mocked result must be a JSON object.".to_owned()),
                (_, false) => Some("Mocked result must be an array.".to_owned()),
            }
        }
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => None,
    };
    match wrong {
        Some(wrong) => Err(failure::validation(&wrong)),
        None => Ok(Told::Result(result)),
    }
}

fn variables(text: Option<&str>) -> Result<Map<String, Value>, Failure> {
    match text.map(serde_json::from_str) {
        None => Ok(Map::new()),
        Some(Ok(Value::Object(variables))) => Ok(variables),
        Some(_) => Err(failure::validation("Variables must be a JSON object")),
    }
}

/// Reads what an `ItemReader` is said to have read, "as found in its original source": lines of CSV or JSON
/// where its `ReaderConfig` says so, JSON otherwise.
fn items_read(text: &str, definition: &str, name: &str) -> Result<Payload, Failure> {
    let definition: Value = serde_json::from_str(definition).unwrap_or_default();
    let state = find(&definition, name);
    let config = state.and_then(|(state, _)| state["ItemReader"]["ReaderConfig"].as_object());
    let wrong =
        |format: &str| failure::validation(&format!("Map item reader data must be valid {format}"));
    let format = config.and_then(|config| config.get("InputType")?.as_str());
    match (config, format) {
        (Some(config), Some(format @ ("CSV" | "JSONL"))) => {
            let items = items::decode_text(config, text).map_err(|failed| {
                tracing::debug!(
                    why = failed.cause,
                    "what an ItemReader read is not what it is said to be"
                );
                wrong(format)
            })?;
            Ok(Payload::from_value(Value::Array(items)))
        }
        _ => Payload::parse(text).map_err(|_| wrong("JSON")),
    }
}

/// Finds where the state `name` stands; the definition was read before.
fn place_of(definition: &str, name: &str) -> Place {
    let Ok(definition) = serde_json::from_str::<Value>(definition) else {
        return Place::default();
    };
    let speaks_jsonata = |of: &Value| of.get("QueryLanguage").map(|word| word == "JSONata");
    let of_machine = speaks_jsonata(&definition).unwrap_or(false);
    find(&definition, name).map_or_else(Place::default, |(state, within_map)| Place {
        jsonata: speaks_jsonata(state).unwrap_or(of_machine),
        within_map,
    })
}

/// Finds a state, and whether it runs in the iterations of a Map state.
fn find<'d>(definition: &'d Value, name: &str) -> Option<(&'d Value, bool)> {
    if name == LONE_STATE && definition.get("States").is_none() {
        return Some((definition, false));
    }
    let mut open = vec![(definition, false)];
    while let Some((workflow, within_map)) = open.pop() {
        for (found, state) in workflow["States"].as_object().into_iter().flatten() {
            if found == name {
                return Some((state, within_map));
            }
            for branch in state["Branches"].as_array().into_iter().flatten() {
                open.push((branch, within_map));
            }
            for field in ["ItemProcessor", "Iterator"] {
                open.extend(state.get(field).map(|inner| (inner, true)));
            }
        }
    }
    None
}
