//! The smallest shell that is one: load, step, commit; drop what memory holds when a commit is unsure.

use asl::StateMachine;
use engine_core::{
    Command, Cue, Effect, Event, EveryActivity, Execution, Limits, Lived, Offer, Outcome,
    Rejection, SealToken, TaskId, Transition, step,
};
use vocab::Timestamp;

use crate::store::{Batch, Change, Fate, Rows};

/// What became of a command.
#[derive(Debug)]
pub enum Reply {
    /// Carried out and durable.
    Done(Transition),
    /// Refused; nothing changed.
    Refused(Rejection),
    /// The sender hears nothing: the shell crashed, or does not know.
    Silence,
}

/// The shell of one execution.
pub struct Shell<'a> {
    machine: &'a StateMachine,
    /// What memory holds; nothing after a crash.
    execution: Option<Execution>,
    /// What is on disk.
    pub rows: Rows,
    limits: Limits,
}

/// Tokens are the task's number: the world needs no secrets.
pub struct PlainTokens;

impl SealToken for PlainTokens {
    fn seal(&self, task: TaskId) -> String {
        format!("token-{}", task.0)
    }
}

impl<'a> Shell<'a> {
    /// Returns a shell over empty rows.
    pub fn new(machine: &'a StateMachine, limits: Limits) -> Self {
        Self {
            machine,
            execution: None,
            rows: Rows::default(),
            limits,
        }
    }

    /// Returns the execution as memory holds it, loaded from disk where it does not.
    pub fn execution(&mut self) -> &Execution {
        self.execution
            .get_or_insert_with(|| Execution::replay(&self.rows.events()))
    }

    /// Forgets what memory holds.
    pub fn crash(&mut self) {
        self.execution = None;
    }

    /// Says whether a redrive at `now` must be obeyed: the execution ended without success, and neither its
    /// time nor its history stands against it.
    pub fn may_be_redriven(&mut self, now: Timestamp) -> bool {
        let limits = self.limits.clone();
        let execution = self.execution();
        let full = match execution.closed() {
            None | Some((_, Outcome::Succeeded(_))) => return false,
            Some((_, Outcome::Failed(_, Some(cause)))) => cause.contains("history events"),
            Some(_) => false,
        };
        let lived = Lived {
            status: execution.status(),
            started_at: execution.started_at(),
            stopped_at: execution.closed().map(|(at, _)| *at),
            events: execution.last_event().0,
        };
        !full && lived.not_redrivable(now, &limits).is_none()
    }

    /// Carries out `command`; `fate` is what its commit meets.
    pub fn carry_out(&mut self, command: Command, now: Timestamp, seed: u64, fate: Fate) -> Reply {
        self.execution();
        let execution = self.execution.as_mut().expect("it was loaded a line above");
        let is_continue = command == Command::Continue;
        let told_by = match &command {
            Command::MapRunSucceeded { run, .. } | Command::MapRunFailed { run, .. } => Some(*run),
            _ => None,
        };
        let cue = Cue {
            now,
            seed,
            tokens: &PlainTokens,
            activities: &EveryActivity,
            limits: &self.limits,
        };
        let transition = match step(self.machine, execution, command, &cue) {
            Ok(transition) => transition,
            Err(rejection) => {
                // A row that asks for what is no longer needed is used up too.
                self.rows.go_on &= !is_continue;
                if let Some(run) = told_by {
                    self.rows.map_runs.remove(&run);
                }
                return Reply::Refused(rejection);
            }
        };
        let mut batch = batch(&self.rows, &transition, is_continue);
        // A run that has told its parent is over.
        batch.changes.extend(told_by.map(Change::DeleteMapRun));
        match self.rows.commit(batch, fate) {
            Ok(()) => Reply::Done(transition),
            Err(_) => {
                self.crash();
                Reply::Silence
            }
        }
    }
}

fn batch(rows: &Rows, transition: &Transition, is_continue: bool) -> Batch {
    let encode = |event| minicbor::to_vec(event).expect("writing to memory does not fail");
    let mut changes = Vec::new();
    if is_continue {
        changes.push(Change::GoOn(false));
    }
    let mut events = transition.events.iter();
    if events.any(|recorded| matches!(recorded.event, Event::ExecutionRedriven { .. })) {
        changes.push(Change::Announce(false));
    }
    changes.extend(transition.effects.iter().map(|effect| match effect {
        Effect::ScheduleTask { task, call }
        | Effect::OfferTask {
            offer: Offer { task, .. },
            call,
        } => {
            let call = minicbor::to_vec(call).expect("writing to memory does not fail");
            Change::PutCall(*task, call)
        }
        Effect::SettleTask { task }
        | Effect::WithdrawTask {
            offer: Offer { task, .. },
        } => Change::DeleteCall(*task),
        Effect::StartTimer { timer, due_at } => Change::PutTimer(*due_at, *timer),
        Effect::CancelTimer { timer, due_at } => Change::DeleteTimer(*due_at, *timer),
        Effect::StartMapRun { run, start } => {
            let start = minicbor::to_vec(start).expect("writing to memory does not fail");
            Change::PutMapRun(*run, start)
        }
        Effect::RedriveMapRun { run, redrives } => Change::RedriveMapRun(*run, *redrives),
        Effect::AbortMapRun { run, .. } => Change::DeleteMapRun(*run),
        Effect::AbandonJob { task } => Change::AbandonJob(*task),
        Effect::Continue => Change::GoOn(true),
        Effect::AnnounceClosed => Change::Announce(true),
    }));
    let append = transition.events.iter().map(encode).collect();
    Batch {
        journal_length: rows.journal.len(),
        append,
        changes,
    }
}
