//! `GetActivityTask`: a worker comes for a task, and waits up to a minute for one.
//!
//! Once this answers with a task, its `ActivityStarted` is durable and nobody else gets it. A worker that
//! goes away before it has heard leaves the task to its heartbeat and its timeout.

use std::time::Duration;

use aws_model::states::{GetActivityTaskInput, GetActivityTaskOutput};
use bytes::Bytes;
use engine_core::{Command, KnowActivities, Text};
use service::{Failure, Reply};

use super::{failure, names};
use crate::activities::{Asked, Place};
use crate::service::States;
use crate::shell::CommandError;

/// How long a poll waits (API model: "The maximum time the service holds on to the request").
const POLL_SECONDS: Duration = Duration::from_secs(60);

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: GetActivityTaskInput = super::read(input)?;
    let arn = &input.activity_arn;
    names::parse_activity_arn(arn)?;
    let missing = || failure::activity_does_not_exist(arn);
    let activities = states.shell.activities();
    if !activities.exists(arn) {
        return Err(missing());
    }
    let deadline = tokio::time::Instant::now() + POLL_SECONDS;
    let seat = states.shell.polls().sit_down(arn);
    let seat = seat.ok_or_else(failure::activity_worker_limit_exceeded)?;
    let worker_name = input.worker_name.map(Text::from);
    loop {
        match seat.ask(deadline).await {
            Asked::Nothing => return Ok(no_task()),
            Asked::Deleted => return Err(missing()),
            Asked::Place(hand) => {
                let taken = take(states, hand.place(), worker_name.clone()).await?;
                hand.settle();
                if let Some(task) = taken {
                    return Ok(super::reply(&task));
                }
            }
        }
    }
}

/// Takes the task; `None` when it waits no more.
async fn take(
    states: &States,
    place: Place,
    worker_name: Option<Text>,
) -> Result<Option<GetActivityTaskOutput>, Failure> {
    let Place {
        execution, task, ..
    } = place;
    // Before the task is taken: with that, the row goes.
    let Some(call) = states.shell.offered(execution, task).await? else {
        return Ok(None);
    };
    let command = Command::TaskTaken { task, worker_name };
    match states.shell.submit(execution, command).await {
        Ok(_) => Ok(Some(GetActivityTaskOutput {
            task_token: Some(states.tokens.seal(execution, task)),
            input: Some(call.description.parameters.text().to_owned()),
        })),
        Err(CommandError::Rejected(_) | CommandError::NotFound) => Ok(None),
        Err(CommandError::NameTaken { .. } | CommandError::Unavailable) => {
            Err(failure::unavailable())
        }
    }
}

/// "The poll returns a taskToken with a null string": the member is there, and holds nothing.
fn no_task() -> Reply {
    Reply {
        output: Bytes::from_static(br#"{"taskToken":null}"#),
        payload: Bytes::new(),
    }
}
