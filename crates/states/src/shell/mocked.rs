//! Answers that a test case makes up, in place of calls: facts that the execution was started with.
//!
//! Which answer is due is counted in the journal, so that it is the same one whenever it is asked for.

use std::collections::BTreeMap;

use engine_core::{
    Command, Completion, Event, EventId, FrameId, Payload, TaskCall, TaskId, TaskResource, Text,
};
use service::Failure;

use super::Shell;
use super::dispatcher::failed;
use crate::mocks::{MockCase, MockedAnswer};
use crate::rows::{DefinitionHash, ExecutionRef};

/// What a call fails with that the test case has no answer for.
pub(super) const UNANSWERED: &str = "States.Runtime";
/// Chunks of a journal that are read at once.
const CHUNKS_AT_ONCE: usize = 256;

/// Says whether an execution gets made-up answers.
pub(super) async fn is_mocked(shell: &Shell, execution: ExecutionRef) -> bool {
    let record = shell.record(execution).await;
    matches!(record, Ok(Some(record)) if record.mocks.is_some())
}

/// Returns what the made-up answer to `task` tells the execution, to be carried out together; `None` where
/// its state calls for real.
pub(super) async fn commands(
    shell: &Shell,
    execution: ExecutionRef,
    task: TaskId,
    call: &TaskCall,
    mocks: DefinitionHash,
) -> Result<Option<Vec<Command>>, Failure> {
    let text = shell.shared.definitions.text(&mocks).await?;
    let case = MockCase::from_text(&text)
        .map_err(|_| Failure::internal("the made-up answers of an execution cannot be read"))?;
    let (state, earlier) = place_of(shell, execution, task).await?;
    let is_activity = matches!(call.description.resource, TaskResource::Activity { .. });
    let answer = match due(&case, &state, earlier) {
        Some(Ok(answer)) => answer,
        Some(Err(cause)) => return Ok(Some(vec![failed(task, UNANSWERED, Some(cause))])),
        None if is_activity => {
            let cause = format!(
                "The state '{state}' waits for a worker, and its test case has no answer for it."
            );
            return Ok(Some(vec![failed(task, UNANSWERED, Some(cause))]));
        }
        None => return Ok(None),
    };
    let mut commands = Vec::with_capacity(2);
    if is_activity {
        let worker_name = None;
        commands.push(Command::TaskTaken { task, worker_name });
    } else if call.description.completion != Completion::OnReturn {
        let output = match answer {
            MockedAnswer::Return(result) => Payload::from_value(result.clone()),
            MockedAnswer::Throw { .. } => Payload::empty_object(),
        };
        commands.push(Command::TaskSubmitted { task, output });
    }
    commands.push(command(task, answer));
    Ok(Some(commands))
}

/// Returns the answer to the call that a state makes after `earlier` others, or the cause of its failure
/// where the test case has none left; `None` where the state calls for real.
pub(super) fn due<'c>(
    case: &'c MockCase,
    state: &str,
    earlier: u64,
) -> Option<Result<&'c MockedAnswer, String>> {
    let answers = case.answers(state)?;
    Some(answers.answer(earlier).ok_or_else(|| {
        format!(
            "The test case has {} answers for the state '{state}', and this is call {}.",
            answers.calls(),
            earlier + 1
        )
    }))
}

/// Returns what a made-up answer tells the execution.
pub(super) fn command(task: TaskId, answer: &MockedAnswer) -> Command {
    match answer {
        MockedAnswer::Return(result) => {
            let output = Payload::from_value(result.clone());
            Command::TaskSucceeded { task, output }
        }
        MockedAnswer::Throw { error, cause } => failed(task, &**error, cause.as_deref()),
    }
}

/// Returns the state that scheduled `task`, and how many tasks states of its name scheduled before.
async fn place_of(
    shell: &Shell,
    execution: ExecutionRef,
    task: TaskId,
) -> Result<(Text, u64), Failure> {
    let mut names: BTreeMap<FrameId, Text> = BTreeMap::new();
    let mut scheduled: BTreeMap<Text, u64> = BTreeMap::new();
    let mut from = None;
    loop {
        let chunks = shell.chunks(execution, from, false, CHUNKS_AT_ONCE).await?;
        let full = chunks.len() == CHUNKS_AT_ONCE;
        for (first, chunk) in chunks {
            from = Some(first + chunk.events.len() as u64);
            for (id, recorded) in chunk.numbered() {
                match &recorded.event {
                    Event::StateEntered { name, .. } => {
                        names.insert(FrameId(id), name.clone());
                    }
                    Event::TaskScheduled { frame, .. } => {
                        let name = names.get(frame).cloned().unwrap_or_else(|| "".into());
                        let earlier = scheduled.entry(name.clone()).or_default();
                        if id == task.0 {
                            return Ok((name, *earlier));
                        }
                        *earlier += 1;
                    }
                    _ => {}
                }
            }
        }
        if !full {
            let EventId(number) = task.0;
            return Err(Failure::internal(format!(
                "the task {number} is not in its journal"
            )));
        }
    }
}
