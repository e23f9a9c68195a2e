//! Carries out calls: rows of the outbox become calls through the gate, their answers become commands.
//!
//! A call is made at least once: one whose answer was not recorded before the server ended is made
//! again. How many run at once is bounded, in all and for each target, so that one slow function holds
//! up nobody else.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use engine_core::{Command, Completion, TaskCall, TaskId, TaskResource, Text};
use service::Principal;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::group::is_continue;
use super::partition::continue_later;
use super::{CommandError, Shell, decode};
use crate::integrations::asking::{TaskGate, waits_of};
use crate::integrations::{self, Answer};
use crate::rows::{self, DefinitionHash, ExecutionRef};

/// Most calls at once.
const CALLS_MAX: usize = 1_000;
/// Most calls to one target at once.
const CALLS_OF_TARGET_MAX: usize = 100;
/// Rows read at once when the outbox is taken up again.
const READ_ROWS: usize = 512;
/// Longest pause between two tries to record an answer.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A row of the outbox.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub execution: ExecutionRef,
    pub task: TaskId,
    /// What is called: calls of one target wait for one another.
    pub target: Arc<str>,
}

#[derive(Default)]
struct Target {
    waiting: VecDeque<(ExecutionRef, TaskId)>,
    active: usize,
}

pub(super) struct Dispatcher {
    shell: Shell,
    calls: mpsc::UnboundedReceiver<Call>,
    ended: (mpsc::UnboundedSender<Call>, mpsc::UnboundedReceiver<Call>),
    /// Every call that waits or is under way: at a start, one can be both read and announced.
    known: HashSet<(ExecutionRef, TaskId)>,
    targets: HashMap<Arc<str>, Target>,
    /// Targets with a waiting call and room for it, in turn.
    ready: VecDeque<Arc<str>>,
    active: usize,
    in_flight: tokio::task::JoinSet<()>,
}

impl Dispatcher {
    pub fn new(shell: Shell, calls: mpsc::UnboundedReceiver<Call>) -> Self {
        Self {
            shell,
            calls,
            ended: mpsc::unbounded_channel(),
            known: HashSet::new(),
            targets: HashMap::new(),
            ready: VecDeque::new(),
            active: 0,
            in_flight: tokio::task::JoinSet::new(),
        }
    }

    pub async fn run(mut self) {
        let shared = self.shell.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        let take_up = tokio::spawn(take_up(self.shell.clone()));
        loop {
            self.begin_calls();
            tokio::select! {
                () = &mut stopped => break,
                call = self.calls.recv() => match call {
                    Some(call) => self.queue(call),
                    None => break,
                },
                Some(call) = self.ended.1.recv() => self.end(call),
                Some(_) = self.in_flight.join_next(), if !self.in_flight.is_empty() => {}
            }
        }
        take_up.abort();
        self.in_flight.shutdown().await;
    }

    fn queue(&mut self, call: Call) {
        if !self.known.insert((call.execution, call.task)) {
            return;
        }
        let target = self.targets.entry(call.target.clone()).or_default();
        if target.active >= CALLS_OF_TARGET_MAX || self.active >= CALLS_MAX {
            self.shell.shared.metrics.count_throttled();
        }
        if target.waiting.is_empty() && target.active < CALLS_OF_TARGET_MAX {
            self.ready.push_back(call.target);
        }
        target.waiting.push_back((call.execution, call.task));
    }

    fn begin_calls(&mut self) {
        while self.active < CALLS_MAX
            && let Some(name) = self.ready.pop_front()
        {
            let Some(target) = self.targets.get_mut(&name) else {
                continue;
            };
            let Some((execution, task)) = target.waiting.pop_front() else {
                continue;
            };
            target.active += 1;
            self.active += 1;
            if !target.waiting.is_empty() && target.active < CALLS_OF_TARGET_MAX {
                self.ready.push_back(name.clone());
            }
            let (shell, ended) = (self.shell.clone(), self.ended.0.clone());
            self.in_flight.spawn(async move {
                carry_out(&shell, execution, task).await;
                // The dispatcher outlives its calls but for the end of the server.
                let _ = ended.send(Call {
                    execution,
                    task,
                    target: name,
                });
            });
        }
    }

    fn end(&mut self, call: Call) {
        let Call {
            execution,
            task,
            target: name,
        } = call;
        self.known.remove(&(execution, task));
        self.active -= 1;
        let Some(target) = self.targets.get_mut(&name) else {
            return;
        };
        target.active -= 1;
        if !target.waiting.is_empty() {
            // At the target's bound it was not among the ready ones; below it, it still is.
            if target.active + 1 == CALLS_OF_TARGET_MAX {
                self.ready.push_back(name);
            }
        } else if target.active == 0 {
            self.targets.remove(&name);
        }
    }
}

/// Takes the outbox up again, as the last run left it.
async fn take_up(shell: Shell) {
    let mut range = store::Range::prefix(store::Space::Outbox, &[]);
    loop {
        let found = match shell.shared.store.scan(&range, READ_ROWS).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the outbox could not be read"
                );
                return;
            }
        };
        for (key, row) in &found {
            let Some((execution, task)) = rows::call_of_key(key) else {
                continue;
            };
            if is_continue(task) {
                continue_later(&shell.shared, execution);
            } else if let Ok(call) = decode::<TaskCall>(row)
                // A task of an activity waits for its worker, unless its answer is made up.
                && (!matches!(call.description.resource, TaskResource::Activity { .. })
                    || super::mocked::is_mocked(&shell, execution).await)
            {
                let target = integrations::target(&call.description);
                drop(shell.shared.calls.send(Call {
                    execution,
                    task,
                    target,
                }));
            }
        }
        match found.last() {
            Some((last, _)) if found.len() == READ_ROWS => {
                range.start = [last, [0].as_slice()].concat().into()
            }
            Some(_) | None => return,
        }
    }
}

/// Makes a call and records what came of it.
async fn carry_out(shell: &Shell, execution: ExecutionRef, task: TaskId) {
    let Some(read) = read_call(shell, execution, task).await else {
        return shell.call_is_over(execution, task);
    };
    // Whatever is logged meanwhile, by whomever is called, says for which execution.
    let arn = &*read.execution_arn;
    let span = tracing::info_span!("task", execution_arn = arn, task = task.0.0);
    make(shell, execution, task, read).instrument(span).await;
}

async fn make(shell: &Shell, execution: ExecutionRef, task: TaskId, read: ReadCall) {
    let ReadCall {
        call,
        principal,
        mocks,
        ..
    } = read;
    if let Some(mocks) = mocks {
        match super::mocked::commands(shell, execution, task, &call, mocks).await {
            Ok(Some(commands)) => {
                record(shell, execution, commands).await;
                return shell.call_is_over(execution, task);
            }
            // The state calls for real.
            Ok(None) => {}
            Err(failure) => {
                return tracing::error!(%failure, "a made-up answer could not be read; it is given at the next start");
            }
        }
    }
    let (gate, site) = (shell.shared.gate.clone(), shell.shared.options.site.clone());
    let shared = shell.shared.clone();
    // In a task of its own: a service that panics fails this call and nothing else.
    let completion = call.description.completion;
    let made = async move {
        let gate = TaskGate {
            gate: &*gate,
            seal: &|| shared.options.sealer.seal(execution, task),
            waits: waits_of(&call.description),
        };
        integrations::call(&gate, &site, &shared.http, &call.description, principal).await
    };
    let made = tokio::spawn(made.in_current_span());
    let answer = AbortOnDrop(made).await.unwrap_or_else(unexpected);
    if let Answer::Failed { error, .. } = &answer {
        tracing::debug!(error, "the call of a task failed");
    }
    let command = match answer {
        Answer::Succeeded(output) => Command::TaskSucceeded { task, output },
        Answer::Submitted(output) => Command::TaskSubmitted { task, output },
        Answer::Failed { error, cause } => match completion {
            Completion::OnReturn => failed(task, error, Some(cause)),
            // Of a call that was made twice, only the first to return counts: the task may by then
            // belong to whoever holds its token.
            Completion::OnToken | Completion::OnJob => {
                let (error, cause) = (Some(error.into()), Some(cause.into()));
                Command::TaskSubmitFailed { task, error, cause }
            }
        },
    };
    record(shell, execution, vec![command]).await;
    if completion == Completion::OnJob {
        shell.call_is_over(execution, task);
    }
}

/// Returns the answer of a call that panicked.
pub(super) fn unexpected() -> Answer {
    Answer::Failed {
        error: "States.TaskFailed".into(),
        cause: "The call of the task ended unexpectedly inside the server.".into(),
    }
}

/// Returns the command that tells of a failed call.
pub(super) fn failed(
    task: TaskId,
    error: impl Into<Text>,
    cause: Option<impl Into<Text>>,
) -> Command {
    let (error, cause) = (Some(error.into()), cause.map(Into::into));
    Command::TaskFailed { task, error, cause }
}

async fn record(shell: &Shell, execution: ExecutionRef, commands: Vec<Command>) {
    let mut pause = Duration::from_millis(50);
    loop {
        match shell.submit_all(execution, commands.clone()).await {
            // The last one is rejected: answered by its token, timed out or stopped meanwhile. The first answer counts.
            Ok(_) | Err(CommandError::Rejected(_) | CommandError::NotFound) => return,
            Err(CommandError::Unavailable | CommandError::NameTaken { .. }) => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// A call with what it takes to make it.
struct ReadCall {
    call: TaskCall,
    principal: Principal,
    mocks: Option<DefinitionHash>,
    execution_arn: String,
}

async fn read_call(shell: &Shell, execution: ExecutionRef, task: TaskId) -> Option<ReadCall> {
    let row = shell
        .shared
        .store
        .get(&rows::outbox_key(execution, task))
        .await;
    // No row: the task was answered or given up before its call was made.
    let call: TaskCall = decode(&row.ok()??).ok()?;
    let record = shell.record(execution).await.ok()??;
    Some(ReadCall {
        call,
        principal: Principal::Role {
            role_arn: Arc::from(record.role_arn),
            session_name: session_name(execution),
        },
        mocks: record.mocks.map(|hash| *hash),
        execution_arn: record.execution_arn,
    })
}

/// Returns 32 letters, as AWS names the sessions of executions; the same each time.
pub(super) fn session_name(execution: ExecutionRef) -> Arc<str> {
    letters(&mut vocab::Entropy::from_seed(
        execution.number ^ (u64::from(execution.partition) << 48),
    ))
}

/// Draws 32 letters.
pub(super) fn letters(entropy: &mut vocab::Entropy) -> Arc<str> {
    const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..32)
        .map(|_| LETTERS[entropy.below(52) as usize] as char)
        .collect::<String>()
        .into()
}

/// A call that ends when nobody waits for it any more.
struct AbortOnDrop(tokio::task::JoinHandle<Answer>);

impl AbortOnDrop {
    /// Returns the answer; `None` when the call panicked.
    async fn await_answer(mut self) -> Option<Answer> {
        (&mut self.0).await.ok()
    }
}

impl IntoFuture for AbortOnDrop {
    type Output = Option<Answer>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Option<Answer>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.await_answer())
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
