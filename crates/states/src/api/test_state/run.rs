//! Runs the state: over the engine's own code, with calls as the given role, for five minutes at most.

use std::collections::BTreeMap;
use std::time::Duration;

use engine_core::{
    Cue, End, EveryActivity, Handled, Identity, Inspection, Pause, Payload, SealToken, Setup,
    Stage, TaskCall, TaskId, TaskResource, Text, Told,
};
use serde_json::{Map, Value, json};
use service::{Failure, Principal, Site};
use uuid::Uuid;

use super::asked::Asked;
use crate::api::failure;
use crate::integrations::http::{Exchange, Invocation};
use crate::integrations::{self, Answer};
use crate::service::States;

/// Longest time of a test ("TestState", API reference).
const SECONDS_MAX: u64 = 300;

/// What came of a state.
pub(super) struct Tested {
    pub end: End,
    pub handled: Handled,
    pub stages: BTreeMap<Stage, Payload>,
    /// `None` where the state sees none and assigns none.
    pub variables: Option<Payload>,
    pub input: Payload,
    /// What an HTTP task sent and was answered.
    pub exchange: Option<Exchange>,
}

/// Nobody can answer with the token of a test.
struct Token(String);

impl SealToken for Token {
    fn seal(&self, _: TaskId) -> String {
        self.0.clone()
    }
}

/// Runs a state to its end.
pub(super) async fn run(states: &States, asked: Asked) -> Result<Tested, Failure> {
    let deadline = states.clock.now().plus_seconds(SECONDS_MAX);
    let token = Token(random_name());
    let identity = identity(&states.site, &asked, deadline);
    let role_arn = identity.role_arn.clone();
    let input = asked.input.clone();
    let setup = Setup {
        context: context(states, &asked, &identity),
        identity,
        variables: asked.variables,
        retries: asked.retries,
        items_read: asked.items_read,
    };
    let cue = || Cue {
        now: states.clock.now(),
        seed: rand::random(),
        tokens: &token,
        activities: &EveryActivity,
        limits: &states.limits,
    };
    let now = states.clock.now();
    let mut inspection = Inspection::new(&asked.machine, &asked.state, setup, now)
        .ok_or_else(|| failure::validation("State not found in definition"))?;
    let mut exchange = None;
    let mut reached = inspection.begin(&cue());
    // A state waits once: for its call, its moment, its branches or its iterations.
    let end = loop {
        let pause = match reached {
            Ok(pause) => pause,
            Err(end) => break end,
        };
        let told = match (&asked.mock, pause) {
            (Some(mock), pause) => mocked(mock, &pause, asked.failed_iterations)?,
            (None, Pause::Call(_, call)) => {
                let (told, seen) = called(states, *call, &role_arn, asked.reveals_secrets).await;
                exchange = seen;
                told
            }
            (None, Pause::Moment(due_at)) => {
                let over = due_at > deadline;
                let until = due_at.min(deadline);
                let millis = until.as_millis() - states.clock.now().as_millis();
                tokio::time::sleep(Duration::from_millis(millis.max(0).unsigned_abs())).await;
                if over { timed_out() } else { Told::Time }
            }
            (None, Pause::Worker(_) | Pause::Branches(_) | Pause::Iterations { .. }) => timed_out(),
        };
        reached = inspection.tell(&cue(), told);
    };
    let variables = inspection.variables();
    let members: Map<String, Value> = variables
        .iter()
        .map(|(name, value)| (name.to_string(), value.value().clone()))
        .collect();
    let mut stages = inspection.stages();
    let fails = asked
        .machine
        .find(&asked.state)
        .is_some_and(|state| matches!(state.kind, asl::StateKind::Fail(_)));
    if fails && !asked.place.jsonata {
        // Recorded: a Fail state shows this stage, although it has no such field.
        stages.insert(Stage::InputPath, input.clone());
    }
    Ok(Tested {
        end,
        handled: inspection.handled(),
        stages,
        variables: (!members.is_empty()).then(|| Payload::from_value(Value::Object(members))),
        input,
        exchange,
    })
}

/// Returns what a mock says to a state that waits: of the iterations of a Map state, some may have failed.
fn mocked(mock: &Told, pause: &Pause, failed: Option<u64>) -> Result<Told, Failure> {
    let Pause::Iterations { count, tolerance } = pause else {
        return Ok(mock.clone());
    };
    let failed = failed.unwrap_or(0);
    if count.is_some_and(|count| failed > count) {
        return Err(failure::validation(
            "Map iteration failure count must be less than or equal to the number of Map iterations",
        ));
    }
    let exceeded = tolerance.is_some_and(|tolerance| {
        let share = count
            .filter(|count| *count > 0)
            .map(|count| failed as f64 * 100.0 / count as f64);
        let by_count = tolerance.count > 0 || tolerance.percentage == 0.0;
        let over_count = by_count && failed > tolerance.count;
        let over_share =
            tolerance.percentage > 0.0 && share.is_some_and(|share| share > tolerance.percentage);
        over_count || over_share
    });
    match mock {
        Told::Result(_) if exceeded => Ok(Told::Error {
            error: Some("States.ExceedToleratedFailureThreshold".into()),
            cause: Some("The specified tolerated failure threshold was exceeded".into()),
        }),
        Told::Result(_) | Told::Error { .. } | Told::Time => Ok(mock.clone()),
    }
}

fn timed_out() -> Told {
    Told::Error {
        error: Some("States.Timeout".into()),
        cause: None,
    }
}

/// Makes a state's call as the given role; a call ends with the caller's patience. Says what went over the
/// wire where the state is an HTTP task.
async fn called(
    states: &States,
    call: TaskCall,
    role_arn: &str,
    reveal: bool,
) -> (Told, Option<Exchange>) {
    let description = call.description;
    let principal = Principal::Role {
        role_arn: role_arn.into(),
        session_name: random_name().into(),
    };
    let seconds = description
        .timeout_seconds
        .unwrap_or(SECONDS_MAX)
        .min(SECONDS_MAX);
    let (gate, site) = (states.gate.clone(), states.site.clone());
    // In a task of its own: a service that panics fails this call and nothing else.
    let mut calls = tokio::task::JoinSet::new();
    let client = states.shell.http().clone();
    let is_http = matches!(&description.resource,
        TaskResource::Integration { resource_type, .. } if &**resource_type == "http");
    calls.spawn(async move {
        if is_http {
            let invocation = Invocation {
                gate: &*gate,
                site: &site,
                client: &client,
                principal,
            };
            return invocation.traced(&description, reveal).await;
        }
        let answer = integrations::call(&*gate, &site, &client, &description, principal);
        (answer.await, None)
    });
    let patience = Duration::from_secs(seconds);
    match tokio::time::timeout(patience, calls.join_next()).await {
        Err(_) => (Told::Time, None),
        Ok(Some(Ok((answer, exchange)))) => {
            let told = match answer {
                Answer::Succeeded(output) | Answer::Submitted(output) => Told::Result(output),
                Answer::Failed { error, cause } => Told::Error {
                    error: Some(error.into()),
                    cause: Some(cause.into()),
                },
            };
            (told, exchange)
        }
        Ok(Some(Err(_)) | None) => {
            let cause = "The call of the task ended unexpectedly inside the server.";
            let told = Told::Error {
                error: Some("States.TaskFailed".into()),
                cause: Some(cause.into()),
            };
            (told, None)
        }
    }
}

/// Returns who the execution around the state is: recorded, one of an Express machine that nobody made.
fn identity(site: &Site, asked: &Asked, deadline: vocab::Timestamp) -> Box<Identity> {
    let (machine, name) = (random_name(), random_name());
    let Site { region, account_id } = site;
    let arn = |rest: &str| Text::from(format!("arn:aws:states:{region}:{account_id}:{rest}"));
    let role_arn = match &asked.role_arn {
        Some(role_arn) => Text::from(role_arn.as_str()),
        None => Text::from(format!("arn:aws:iam::{account_id}:role/{}", random_name())),
    };
    Box::new(Identity {
        execution_arn: arn(&format!("express:{machine}:{name}")),
        state_machine_arn: arn(&format!("stateMachine:{machine}")),
        name: name.into(),
        state_machine_name: machine.into(),
        role_arn,
        input: asked.input.clone(),
        deadline,
        trace_header: None,
        region: Text::from(region.clone()),
        version_arn: None,
        alias_arn: None,
    })
}

/// Returns the members of the context object: those of an Express execution, with what the caller gives.
fn context(states: &States, asked: &Asked, identity: &Identity) -> Map<String, Value> {
    let now = states.clock.now().to_string();
    let mut state = json!({"Name": &*asked.state, "EnteredTime": now});
    if asked.machine.find(&asked.state).is_some_and(|state| {
        matches!(
            state.kind,
            asl::StateKind::Task(_) | asl::StateKind::Parallel(_) | asl::StateKind::Map(_)
        )
    }) {
        state["RetryCount"] = asked.retries.into();
    }
    let mut context = Map::new();
    context.insert(
        "Execution".into(),
        json!({
            "Id": &*identity.execution_arn,
            "Input": identity.input.value(),
            "Name": &*identity.name,
            "RoleArn": &*identity.role_arn,
            "StartTime": now,
        }),
    );
    context.insert("State".into(), state);
    if asked.place.within_map {
        let item = json!({"Index": 0, "Value": identity.input.value(), "Source": "STATE_DATA"});
        context.insert("Map".into(), json!({ "Item": item }));
    }
    for (name, given) in &asked.context {
        match (context.get_mut(name), given) {
            (Some(Value::Object(own)), Value::Object(given)) => own.extend(given.clone()),
            _ => drop(context.insert(name.clone(), given.clone())),
        }
    }
    context
}

fn random_name() -> String {
    Uuid::new_v4().to_string()
}
