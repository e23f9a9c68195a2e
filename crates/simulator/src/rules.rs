//! What must hold after every command, read off the rows alone: the rules do not use the engine's fold
//! but where they compare it with itself.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Effect, Event, EventId, Execution, FrameId, MapRunId, Offer, Recorded, Scope, TaskId,
    Transition, Waiting,
};

use crate::jobs::Jobs;
use crate::left::Left;
use crate::store::Rows;

/// An independent reading of one execution, event by event.
#[derive(Default)]
pub struct Rules {
    seen: Vec<Vec<u8>>,
    /// What is seen, folded.
    replayed: Execution,
    last: EventId,
    closed: bool,
    succeeded: bool,
    /// What a redrive goes on with.
    left: Left,
    /// The last event of each state that is entered and not left, with what else may come before the
    /// next one.
    states: BTreeMap<FrameId, State>,
    /// Tasks that wait for an answer.
    open: BTreeMap<TaskId, FrameId>,
    /// Tasks whose call has returned.
    submitted: BTreeSet<TaskId>,
    /// The event that may come before the first state of a scope.
    entries: BTreeMap<Option<FrameId>, BTreeSet<EventId>>,
    tasks: BTreeSet<TaskId>,
    jobs: Jobs,
}

struct State {
    scope: Scope,
    /// The state's own last event.
    own: EventId,
    /// It owns branches or iterations: its next event may follow theirs.
    owns: bool,
}

impl Rules {
    /// Says whether `task` waits for an answer.
    pub fn is_open(&self, task: TaskId) -> bool {
        self.open.contains_key(&task)
    }

    /// Says whether the call of `task` has returned.
    pub fn is_submitted(&self, task: TaskId) -> bool {
        self.submitted.contains(&task)
    }

    /// Returns every task that was ever scheduled.
    pub fn tasks(&self) -> &BTreeSet<TaskId> {
        &self.tasks
    }

    /// Checks the rows, and the execution that memory holds, after a command.
    pub fn check(&mut self, rows: &Rows, live: &Execution) -> Result<(), String> {
        self.only_appended(rows)?;
        // The fold goes on where it stood: a shell that crashed folds from the beginning, and both meet.
        for recorded in rows.events_from(self.seen.len()) {
            self.replayed.apply(&recorded);
            self.read(&recorded)?;
        }
        self.seen
            .extend_from_slice(&rows.journal[self.seen.len()..]);
        if self.replayed != *live {
            return Err(format!(
                "replay differs:\n  replayed {:?}\n  live     {live:?}",
                self.replayed
            ));
        }
        if !self.closed && !live.frames().keys().eq(self.states.keys()) {
            let (live, read) = (live.frames().keys(), self.states.keys());
            return Err(format!("states open {live:?}, read {read:?}"));
        }
        if live.last_event() != self.last {
            return Err(format!(
                "{} events counted, {} told",
                self.last,
                live.last_event()
            ));
        }
        self.jobs.check(rows, &self.open)?;
        same_rows(rows, live)
    }

    /// Checks what a command was answered with.
    pub fn check_transition(&self, transition: &Transition) -> Result<(), String> {
        let scheduled = |task: &TaskId| {
            let mut events = transition.events.iter();
            events.any(|recorded| matches!(recorded.event, Event::TaskScheduled { .. }))
                && self.tasks.contains(task)
        };
        for effect in &transition.effects {
            if let Effect::ScheduleTask { task, .. }
            | Effect::OfferTask {
                offer: Offer { task, .. },
                ..
            } = effect
                && !scheduled(task)
            {
                return Err(format!(
                    "task {} is called under a number that no event has",
                    task.0
                ));
            }
            // A store may put before it deletes: one row is not both started and cancelled.
            if let Effect::StartTimer { timer, due_at } = effect {
                let (timer, due_at) = (*timer, *due_at);
                if transition
                    .effects
                    .contains(&Effect::CancelTimer { timer, due_at })
                {
                    return Err(format!("{timer:?} is started and cancelled at once"));
                }
            }
        }
        Ok(())
    }

    fn only_appended(&self, rows: &Rows) -> Result<(), String> {
        if rows.journal.starts_with(&self.seen) {
            Ok(())
        } else {
            Err("an event changed".into())
        }
    }

    fn read(&mut self, recorded: &Recorded) -> Result<(), String> {
        let redriven = matches!(recorded.event, Event::ExecutionRedriven { .. });
        if self.closed != redriven || (redriven && self.succeeded) {
            return Err(format!("an event after the end: {:?}", recorded.event));
        }
        let public = recorded.event.is_public();
        if public {
            self.last = self.last.next();
            if recorded.previous >= self.last {
                return Err(format!("event {} follows {}", self.last, recorded.previous));
            }
        }
        self.follows(recorded)
            .map_err(|why| format!("event {} {:?}: {why}", self.last, recorded.event))?;
        self.learn(recorded)
    }

    /// Checks `previousEventId` for the events whose place in a chain is certain.
    fn follows(&self, recorded: &Recorded) -> Result<(), String> {
        let previous = recorded.previous;
        let own = |frame: &FrameId| match self.states.get(frame) {
            None => Err("its state is not open".to_owned()),
            Some(state) if state.owns || state.own == previous => Ok(()),
            Some(state) => Err(format!(
                "follows {previous}, the state was at {}",
                state.own
            )),
        };
        match &recorded.event {
            Event::ExecutionStarted(_)
            | Event::ExecutionAborted { .. }
            | Event::ExecutionTimedOut => {
                if previous == EventId::NONE {
                    Ok(())
                } else {
                    Err("follows something".into())
                }
            }
            Event::StateEntered { scope, .. } => {
                if self.left.has_succeeded(*scope) {
                    return Err("what had succeeded begins again".into());
                }
                let entries = self.entries.get(&scope.owner);
                let known = entries.is_some_and(|entries| entries.contains(&previous));
                if known {
                    Ok(())
                } else {
                    Err(format!("follows {previous}, which leads nowhere"))
                }
            }
            Event::StateExited { frame, .. }
            | Event::TaskScheduled { frame, .. }
            | Event::TaskStarted { frame, .. }
            | Event::TaskSubmitted { frame, .. }
            | Event::TaskSucceeded { frame, .. }
            | Event::TaskFailed { frame, .. }
            | Event::TaskTimedOut { frame, .. }
            | Event::ParallelStarted { frame, .. }
            | Event::DistributedMapStarted { frame, .. }
            | Event::MapRunStarted { frame, .. }
            | Event::MapRunSucceeded { frame }
            | Event::MapRunFailed { frame, .. }
            | Event::MapRunRedriven { frame, .. }
            | Event::MapStarted { frame, .. } => own(frame),
            Event::ExecutionRedriven { .. } if previous.next() == self.last => Ok(()),
            Event::ExecutionRedriven { .. } => Err(format!("follows {previous}")),
            Event::ParallelSucceeded { .. } | Event::MapSucceeded { .. } => {
                if previous.next() == self.last || self.left.redriven_at == previous {
                    Ok(())
                } else {
                    Err(format!("follows {previous}"))
                }
            }
            Event::IterationStarted { .. }
            | Event::IterationSucceeded { .. }
            | Event::IterationFailed { .. }
            | Event::IterationAborted { .. }
            | Event::HeartbeatReceived { .. }
            | Event::RetryScheduled { .. }
            | Event::WaitStarted { .. }
            | Event::BranchSucceeded { .. }
            | Event::ParallelFailed { .. }
            | Event::MapFailed { .. }
            | Event::EvaluationFailed { .. }
            | Event::StateAborted { .. }
            | Event::StateFailed { .. }
            | Event::MapRunAborted { .. }
            | Event::ExecutionSucceeded { .. }
            | Event::ExecutionFailed { .. } => Ok(()),
        }
    }

    fn learn(&mut self, recorded: &Recorded) -> Result<(), String> {
        let id = self.last;
        self.left.learn(id, &recorded.event);
        match &recorded.event {
            Event::ExecutionStarted(_) => {
                self.entries.entry(None).or_default().insert(EventId::NONE);
            }
            Event::StateEntered { scope, .. } => {
                if let Some(entries) = self.entries.get_mut(&scope.owner) {
                    // A Parallel state's start leads to each of its branches.
                    let shared = scope.owner.is_some_and(|owner| owner.0 < recorded.previous);
                    if !shared {
                        entries.remove(&recorded.previous);
                    }
                }
                let state = State {
                    scope: *scope,
                    own: id,
                    owns: false,
                };
                self.states.insert(FrameId(id), state);
            }
            Event::StateExited { frame, .. } => {
                let state = self.leave(*frame)?;
                self.entries
                    .entry(state.scope.owner)
                    .or_default()
                    .insert(id);
            }
            Event::StateAborted { frame, .. } | Event::StateFailed { frame } => {
                self.leave(*frame)?;
            }
            Event::TaskScheduled { frame, .. } => {
                self.moved(*frame, id);
                if self.open.values().any(|open| open == frame) {
                    return Err(format!("state {} has two open tasks", frame.0));
                }
                self.open.insert(TaskId(id), *frame);
                self.tasks.insert(TaskId(id));
            }
            Event::TaskStarted { frame, .. } | Event::TaskSubmitted { frame, .. } => {
                self.moved(*frame, id);
                self.needs_open(*frame)?;
                if matches!(recorded.event, Event::TaskSubmitted { .. }) {
                    let tasks = self.open.iter().filter(|(_, open)| *open == frame);
                    self.submitted.extend(tasks.map(|(task, _)| *task));
                }
            }
            Event::TaskSucceeded { frame, .. }
            | Event::TaskFailed { frame, .. }
            | Event::TaskTimedOut { frame, .. } => {
                self.moved(*frame, id);
                self.needs_open(*frame)?;
                if !matches!(recorded.event, Event::TaskTimedOut { .. }) {
                    let tasks = self.open.iter().filter(|(_, open)| *open == frame);
                    self.jobs.answered(tasks.map(|(task, _)| *task));
                }
                self.open.retain(|_, open| open != frame);
            }
            Event::DistributedMapStarted { frame, .. }
            | Event::MapRunStarted { frame, .. }
            | Event::MapRunFailed { frame, .. }
            | Event::MapRunAborted { frame } => self.moved(*frame, id),
            // Not a link of the chain: the exit follows the start of the run.
            Event::MapRunSucceeded { .. } => {}
            Event::MapRunRedriven { frame, .. } => self.moved(*frame, id),
            Event::ExecutionRedriven { frame, anew, .. } => {
                self.closed = false;
                self.reopen(*frame, anew.is_some(), id)?;
            }
            Event::ParallelStarted { frame, .. } | Event::MapStarted { frame, .. } => {
                if let Some(state) = self.states.get_mut(frame) {
                    (state.own, state.owns) = (id, true);
                }
                self.entries.entry(Some(*frame)).or_default().insert(id);
            }
            Event::IterationStarted { scope, .. } => {
                self.entries.entry(scope.owner).or_default().insert(id);
            }
            Event::HeartbeatReceived { frame, .. } => self.needs_open(*frame)?,
            Event::ExecutionSucceeded { .. } => {
                self.succeeded = true;
                self.close(self.states.len())?;
            }
            Event::ExecutionFailed { .. }
            | Event::ExecutionAborted { .. }
            | Event::ExecutionTimedOut => self.close(0)?,
            Event::ParallelSucceeded { frame } | Event::MapSucceeded { frame } => {
                // Not a link of the chain: the exit follows what this followed, or the start of the map run.
                if self.states.get(frame).is_some_and(|state| state.owns) {
                    self.owns_no_more(*frame, recorded.previous);
                }
            }
            Event::ParallelFailed { frame }
            | Event::MapFailed { frame }
            | Event::EvaluationFailed { frame, .. } => {
                self.owns_no_more(*frame, id);
            }
            Event::RetryScheduled {
                frame, failed_at, ..
            } => {
                self.owns_no_more(*frame, *failed_at);
            }
            Event::IterationSucceeded { .. }
            | Event::IterationFailed { .. }
            | Event::IterationAborted { .. }
            | Event::WaitStarted { .. }
            | Event::BranchSucceeded { .. } => {}
        }
        Ok(())
    }

    /// Opens the states again that a redrive goes on with.
    fn reopen(&mut self, outermost: FrameId, anew: bool, id: EventId) -> Result<(), String> {
        self.entries.clear();
        for (frame, scope, owns) in self.left.reopened(anew, id) {
            if owns {
                self.entries.entry(Some(frame)).or_default().insert(id);
            }
            let own = id;
            self.states.insert(frame, State { scope, own, owns });
        }
        match self.states.get(&outermost) {
            Some(state) if state.scope == Scope::ROOT => Ok(()),
            Some(_) | None => Err(format!("state {} was not open", outermost.0)),
        }
    }

    fn leave(&mut self, frame: FrameId) -> Result<State, String> {
        self.open.retain(|_, open| *open != frame);
        self.entries.remove(&Some(frame));
        let orphan = self
            .states
            .values()
            .any(|state| state.scope.owner == Some(frame));
        if orphan {
            return Err(format!("state {} ends before its branches", frame.0));
        }
        self.states
            .remove(&frame)
            .ok_or_else(|| format!("state {} is not open", frame.0))
    }

    fn needs_open(&self, frame: FrameId) -> Result<(), String> {
        let open = self.open.values().any(|open| *open == frame);
        if open {
            Ok(())
        } else {
            Err(format!("state {} has no open task", frame.0))
        }
    }

    fn moved(&mut self, frame: FrameId, id: EventId) {
        if let Some(state) = self.states.get_mut(&frame) {
            state.own = id;
        }
    }

    fn owns_no_more(&mut self, frame: FrameId, own: EventId) {
        if let Some(state) = self.states.get_mut(&frame) {
            (state.own, state.owns) = (own, false);
        }
    }

    fn close(&mut self, running: usize) -> Result<(), String> {
        self.closed = true;
        self.open.clear();
        self.states.clear();
        if running == 0 {
            Ok(())
        } else {
            Err(format!("{running} states run after the success"))
        }
    }
}

/// Compares the rows with what the execution waits for.
fn same_rows(rows: &Rows, live: &Execution) -> Result<(), String> {
    let offered = live.open_offers().map(|offer| offer.task);
    let calls: BTreeSet<TaskId> = live.open_calls().chain(offered).collect();
    let stored: BTreeSet<TaskId> = rows.outbox.keys().copied().collect();
    if calls != stored {
        return Err(format!(
            "the outbox holds {stored:?}, the execution waits for {calls:?}"
        ));
    }
    let mut timers = BTreeSet::new();
    for (timer, due_at) in live.open_timers() {
        timers.insert((due_at, timer));
    }
    if timers != rows.timers {
        return Err(format!(
            "timers stored {:?}, running {timers:?}",
            rows.timers
        ));
    }
    let awaited = live
        .frames()
        .values()
        .filter_map(|frame| match &frame.waiting {
            Waiting::MapRun { run } => *run,
            _ => None,
        });
    let awaited: BTreeSet<MapRunId> = awaited.collect();
    if !rows.map_runs.keys().eq(&awaited) {
        return Err(format!(
            "map runs stored {:?}, awaited {awaited:?}",
            rows.map_runs.keys()
        ));
    }
    if live.must_continue() && !rows.go_on {
        return Err("a turn was cut off and nothing continues it".into());
    }
    let closed = live.closed().is_some();
    if closed && (!live.frames().is_empty() || !timers.is_empty() || !rows.announce) {
        return Err("the execution ended and something is left".into());
    }
    let full = live.frames().values().find(|frame| match &frame.waiting {
        Waiting::Iterations {
            open,
            outputs,
            next,
            again,
            ..
        } => open.is_empty() && again.is_empty() && *next as usize == outputs.len(),
        Waiting::Branches { outputs } => outputs.iter().all(Option::is_some),
        Waiting::Turn
        | Waiting::Task { .. }
        | Waiting::Retry { .. }
        | Waiting::Timer { .. }
        | Waiting::MapRun { .. } => false,
    });
    match full {
        Some(frame) => Err(format!("'{}' waits for nothing", frame.name)),
        None => Ok(()),
    }
}
