//! One execution in memory, from its start to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use asl::StateMachine;
use engine_core::{
    Command, Cue, Effect, Execution, Identity, Recorded, SealToken, TaskCall, TaskId, Text, Timer,
    Transition, step,
};
use service::Principal;
use tokio::task::{AbortHandle, Id, JoinSet};
use tracing::Instrument as _;
use vocab::{Entropy, Timestamp};

use super::super::Shared;
use super::super::dispatcher::{failed, letters, unexpected};
use super::super::mocked;
use super::Finished;
use crate::integrations::{self, Answer};
use crate::mocks::MockCase;
use crate::rows::ExecutionRecord;

/// Longest sleep: a clock that was set is noticed after this time.
const SLEEP_MAX: Duration = Duration::from_millis(500);
/// Most events that are kept to be written down; the first one and the last one always are.
const EVENTS_KEPT: usize = 25_000;
/// Most bytes of them, as they are written: they are one chunk of a journal.
const BYTES_KEPT: usize = 4 << 20;

pub(super) struct Run {
    shared: Arc<Shared>,
    machine: Arc<StateMachine>,
    record: ExecutionRecord,
    execution: Execution,
    kept: Kept,
    entropy: Entropy,
    session_name: Arc<str>,
    timers: BTreeSet<(Timestamp, Timer)>,
    calls: JoinSet<Command>,
    open: BTreeMap<TaskId, AbortHandle>,
    tasks: BTreeMap<Id, TaskId>,
    cut_off: bool,
    mocks: Option<Mocks>,
}

/// The made-up answers of a test case, and how many calls each state made.
struct Mocks {
    case: MockCase,
    calls: BTreeMap<Text, u64>,
}

/// The events that are kept to be written down: the first ones, and the one that ends the execution.
#[derive(Default)]
struct Kept {
    events: Vec<Recorded>,
    bytes: usize,
    /// One was left out, and with it all that follow but the last.
    full: bool,
}

/// What happens next.
enum Next {
    Command(Command),
    /// The server ends.
    Stop,
}

/// EXPRESS machines have no callbacks, so there is nothing that could be answered.
struct NoTokens;

impl SealToken for NoTokens {
    fn seal(&self, _: TaskId) -> String {
        String::new()
    }
}

impl Run {
    /// Prepares an execution; `case` has the answers that it gets in place of calls.
    pub fn new(
        shared: Arc<Shared>,
        machine: Arc<StateMachine>,
        record: ExecutionRecord,
        case: Option<MockCase>,
    ) -> Self {
        let mut entropy = Entropy::from_seed(rand::random());
        Self {
            shared,
            machine,
            record,
            execution: Execution::new(),
            kept: Kept::default(),
            session_name: letters(&mut entropy),
            entropy,
            timers: BTreeSet::new(),
            calls: JoinSet::new(),
            open: BTreeMap::new(),
            tasks: BTreeMap::new(),
            cut_off: false,
            mocks: case.map(|case| Mocks {
                case,
                calls: BTreeMap::new(),
            }),
        }
    }

    /// Goes on to the end; `None` when the server ends before, or the engine panicked.
    pub async fn end(mut self, identity: Identity) -> Option<Finished> {
        let shared = self.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        let mut next = Command::StartExecution(Box::new(identity));
        loop {
            self.carry_out(next)?;
            if self.execution.closed().is_some() {
                return Some(Finished {
                    machine: self.machine,
                    execution: self.execution,
                    record: self.record,
                    events: self.kept.events,
                    bytes: self.kept.bytes,
                });
            }
            let happens = tokio::select! {
                biased;
                () = &mut stopped => Next::Stop,
                command = Self::next(
                    &shared,
                    &mut self.cut_off,
                    &mut self.timers,
                    &mut self.calls,
                    &mut self.tasks,
                ) => Next::Command(command),
            };
            match happens {
                Next::Stop => return None,
                Next::Command(command) => next = command,
            }
        }
    }

    /// Waits for what is next: a timer that is due, the rest of a turn, an answer.
    async fn next(
        shared: &Shared,
        cut_off: &mut bool,
        timers: &mut BTreeSet<(Timestamp, Timer)>,
        calls: &mut JoinSet<Command>,
        tasks: &mut BTreeMap<Id, TaskId>,
    ) -> Command {
        loop {
            let now = shared.clock.now();
            let first = timers.first().copied();
            if let Some((due_at, timer)) = first.filter(|(due_at, _)| *due_at <= now) {
                timers.remove(&(due_at, timer));
                return Command::TimerFired { timer, due_at };
            }
            if std::mem::take(cut_off) {
                // A long turn lets others have theirs.
                tokio::task::yield_now().await;
                return Command::Continue;
            }
            let millis = first.map_or(i64::MAX, |(at, _)| at.as_millis() - now.as_millis());
            let sleep = Duration::from_millis(millis.max(0) as u64).min(SLEEP_MAX);
            tokio::select! {
                Some(ended) = calls.join_next_with_id(), if !calls.is_empty() => {
                    match ended {
                        Ok((id, command)) => {
                            if tasks.remove(&id).is_some() {
                                return command;
                            }
                        }
                        Err(error) => {
                            let task = tasks.remove(&error.id());
                            if let Some(task) = task.filter(|_| !error.is_cancelled()) {
                                return command_of(task, unexpected());
                            }
                        }
                    }
                }
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Lets the engine decide and begins what it decided; `None` when it panicked.
    fn carry_out(&mut self, command: Command) -> Option<()> {
        let cue = Cue {
            now: self.shared.clock.now(),
            seed: self.entropy.next_u64(),
            tokens: &NoTokens,
            activities: &*self.shared.activities,
            limits: &self.shared.express_limits,
        };
        let (machine, execution) = (&self.machine, &mut self.execution);
        let stepped = catch_unwind(AssertUnwindSafe(|| step(machine, execution, command, &cue)));
        let Ok(decided) = stepped else {
            tracing::error!(arn = %self.record.execution_arn, "the engine panicked");
            return None;
        };
        // Refused: an answer or a timer that nobody waits for any more.
        let Ok(Transition { events, effects }) = decided else {
            return Some(());
        };
        self.kept.add(events);
        for effect in effects {
            self.begin(effect);
        }
        Some(())
    }

    fn begin(&mut self, effect: Effect) {
        match effect {
            Effect::ScheduleTask { task, call } => self.call(task, call),
            Effect::SettleTask { task } => {
                if let Some(call) = self.open.remove(&task) {
                    call.abort();
                }
            }
            Effect::StartTimer { timer, due_at } => {
                self.timers.insert((due_at, timer));
            }
            Effect::CancelTimer { timer, due_at } => {
                self.timers.remove(&(due_at, timer));
            }
            Effect::Continue => self.cut_off = true,
            // The end is told to the caller.
            Effect::AnnounceClosed => {}
            // Definitions of EXPRESS machines that have these are refused when they are made.
            Effect::OfferTask { .. }
            | Effect::WithdrawTask { .. }
            | Effect::AbandonJob { .. }
            | Effect::StartMapRun { .. }
            | Effect::RedriveMapRun { .. }
            | Effect::AbortMapRun { .. } => {
                tracing::error!(arn = %self.record.execution_arn, "an EXPRESS machine does not do this");
            }
        }
    }

    fn call(&mut self, task: TaskId, call: TaskCall) {
        if let Some(command) = self.mocked(task) {
            let answered = self.calls.spawn(std::future::ready(command));
            self.tasks.insert(answered.id(), task);
            self.open.insert(task, answered);
            return;
        }
        let principal = Principal::Role {
            role_arn: self.record.role_arn.as_str().into(),
            session_name: self.session_name.clone(),
        };
        let shared = self.shared.clone();
        let arn = &*self.record.execution_arn;
        let span = tracing::info_span!("task", execution_arn = arn, task = task.0.0);
        let made = async move {
            let (gate, site) = (&*shared.gate, &shared.options.site);
            let (client, task_description) = (&shared.http, &call.description);
            let answer = integrations::call(gate, site, client, task_description, principal);
            command_of(task, answer.await)
        };
        let begun = self.calls.spawn(made.instrument(span));
        self.tasks.insert(begun.id(), task);
        self.open.insert(task, begun);
    }
}

impl Kept {
    fn add(&mut self, events: Vec<Recorded>) {
        for event in events {
            let needed = self.events.is_empty() || event.event.closes();
            if self.full && !needed {
                continue;
            }
            let bytes = event.journal_bytes();
            let has_room = self.events.len() < EVENTS_KEPT && self.bytes + bytes <= BYTES_KEPT;
            if has_room || needed {
                self.bytes += bytes;
                self.events.push(event);
            } else {
                self.full = true;
            }
        }
    }
}

impl Run {
    /// Returns the made-up answer to a task; `None` where it calls for real.
    fn mocked(&mut self, task: TaskId) -> Option<Command> {
        let mocks = self.mocks.as_mut()?;
        let (_, frame) = self.execution.frame_of_task(task)?;
        let calls = mocks.calls.entry(frame.name.clone()).or_default();
        let earlier = std::mem::replace(calls, *calls + 1);
        Some(match mocked::due(&mocks.case, &frame.name, earlier)? {
            Ok(answer) => mocked::command(task, answer),
            Err(cause) => failed(task, mocked::UNANSWERED, Some(cause)),
        })
    }
}

fn command_of(task: TaskId, answer: Answer) -> Command {
    match answer {
        Answer::Succeeded(output) | Answer::Submitted(output) => {
            Command::TaskSucceeded { task, output }
        }
        Answer::Failed { error, cause } => failed(task, error, Some(cause)),
    }
}

#[cfg(test)]
mod tests {
    use engine_core::{Event, EventId, Payload};

    use super::*;

    fn event(event: Event) -> Recorded {
        Recorded {
            previous: EventId::NONE,
            at: Timestamp::from_millis(0),
            event,
        }
    }

    /// Adds `count` events of `length` bytes each and the last one; says how many are kept.
    fn check(length: usize, count: usize, expected: usize) {
        let output = Payload::from_value("x".repeat(length).into());
        let mut kept = Kept::default();
        for _ in 0..count {
            let output = output.clone();
            let resource = engine_core::TaskResource::Activity { arn: "a".into() };
            let frame = engine_core::FrameId(EventId::NONE);
            kept.add(vec![event(Event::TaskSucceeded {
                frame,
                output,
                resource,
            })]);
        }
        kept.add(vec![event(Event::ExecutionTimedOut)]);
        assert_eq!(kept.events.len(), expected, "{count} of {length}");
        assert_eq!(
            kept.events.last().map(|last| &last.event),
            Some(&Event::ExecutionTimedOut)
        );
        let written: usize = kept.events.iter().map(Recorded::journal_bytes).sum();
        assert_eq!(kept.bytes, written);
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_bytes() {
        check(10, 3, 4);
        check(10, EVENTS_KEPT + 9, EVENTS_KEPT + 1);
        check(262_000, 900, 16 + 1);
        // The first is kept whatever it is: an execution is shown with its input.
        check(BYTES_KEPT, 3, 1 + 1);
    }
}
