//! Deciding: a command becomes events and effects.
//!
//! One kind of state, one file. All of them work on a [`Turn`], which holds the execution, applies
//! each event as it is emitted, and keeps the frames that can still be moved in this turn.

mod activity;
mod assign;
mod choice;
mod complete;
mod fail;
mod failure;
mod flow;
pub(crate) mod inspection;
mod map;
mod map_run;
pub(crate) mod notes;
mod parallel;
mod parameters;
mod pass;
mod redrive;
mod succeed;
mod task;
mod wait;

use std::cell::RefCell;
use std::collections::VecDeque;

use asl::{State, StateIndex, StateKind, StateMachine, Transition as Onward, Workflow};
use vocab::{Entropy, Timestamp, limits};

pub use self::redrive::Lived;

use self::assign::Assigned;
use self::notes::{Notes, Stage};
use crate::command::{Command, Rejection};
use crate::effect::{Effect, Offer, Timer, TimerKind};
use crate::event::{Event, Identity, Recorded, Scope, StateType};
use crate::execution::Execution;
use crate::frame::{Frame, Waiting};
use crate::ids::{EventId, FrameId, MapRunId, TaskId};
use crate::payload::{Payload, Text};

/// Everything that a decision may depend on and the execution does not itself contain.
pub struct Cue<'a> {
    /// The moment of the decision.
    pub now: Timestamp,
    /// Where the turn's randomness begins.
    pub seed: u64,
    /// Makes the tokens of tasks.
    pub tokens: &'a dyn SealToken,
    /// Knows which activities there are.
    pub activities: &'a dyn KnowActivities,
    /// The limits that hold.
    pub limits: &'a Limits,
}

/// Makes a task's token. A pure function of the execution and the task: the same token each time.
pub trait SealToken {
    /// Returns the token by which `task` of this execution is answered.
    fn seal(&self, task: TaskId) -> String;
}

/// Knows which activities there are, at the moment of the decision.
pub trait KnowActivities {
    /// Says whether there is an activity with this ARN.
    fn exists(&self, arn: &str) -> bool;
}

/// A world in which every activity is there.
#[derive(Clone, Copy, Debug)]
pub struct EveryActivity;

impl KnowActivities for EveryActivity {
    fn exists(&self, _: &str) -> bool {
        true
    }
}

/// Limits that an operator may raise; the default is AWS's.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest input, output or result, in bytes.
    pub payload_bytes_max: usize,
    /// Most that one `Assign` may assign, in bytes.
    pub assign_bytes_max: usize,
    /// Most that all variables of an execution may hold, in bytes.
    pub variables_bytes_max: usize,
    /// Longest life of an execution, in seconds.
    pub execution_seconds_max: u64,
    /// Longest definition, in bytes.
    pub definition_bytes_max: usize,
    /// Most events of a history.
    pub history_events_max: u64,
    /// How many days a closed execution is kept.
    pub history_days: u64,
    /// Most events of one turn; what is left goes on in the next.
    pub turn_events_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes_max: limits::PAYLOAD_BYTES_MAX,
            assign_bytes_max: limits::ASSIGN_BYTES_MAX,
            variables_bytes_max: limits::VARIABLES_BYTES_MAX,
            execution_seconds_max: limits::EXECUTION_SECONDS_MAX,
            definition_bytes_max: limits::DEFINITION_BYTES_MAX,
            history_events_max: limits::HISTORY_EVENTS_MAX,
            history_days: limits::HISTORY_DAYS,
            turn_events_max: 1_000,
        }
    }
}

/// What a command came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    /// The facts, already applied, in order.
    pub events: Vec<Recorded>,
    /// What the shell must now do. A timer or a call that began and ended in this turn is not here.
    pub effects: Vec<Effect>,
}

/// Carries out `command`: changes `execution` by the events that it returns.
///
/// On a [`Rejection`] the execution is unchanged. The same arguments give the same answer.
pub fn step(
    machine: &StateMachine,
    execution: &mut Execution,
    command: Command,
    cue: &Cue<'_>,
) -> Result<Transition, Rejection> {
    let mut turn = Turn::new(machine, execution, cue);
    match turn.carry_out(command)? {
        Ok(()) => turn.run(),
        Err(Halt) => turn.fail_history_full(),
    }
    Ok(turn.finish())
}

/// How the cause of an execution begins that had no room for another event.
const HISTORY_FULL: &str = "The execution reached the maximum number of history events";

/// The history is full: the turn ends and the execution fails.
#[derive(Debug)]
struct Halt;

/// What a part of a turn comes to.
type Progress = Result<(), Halt>;

/// One turn: from a command to the point where every frame waits.
struct Turn<'a> {
    machine: &'a StateMachine,
    execution: &'a mut Execution,
    cue: &'a Cue<'a>,
    entropy: RefCell<Entropy>,
    ready: VecDeque<FrameId>,
    /// The task whose answer this turn carries out.
    answered: Option<(FrameId, TaskId)>,
    transition: Transition,
    /// Where somebody looks at one state by itself.
    notes: Option<&'a Notes>,
}

impl<'a> Turn<'a> {
    fn new(machine: &'a StateMachine, execution: &'a mut Execution, cue: &'a Cue<'a>) -> Self {
        let entropy = RefCell::new(Entropy::from_seed(cue.seed));
        let (ready, transition) = (VecDeque::new(), Transition::default());
        Self {
            machine,
            execution,
            cue,
            entropy,
            ready,
            answered: None,
            transition,
            notes: None,
        }
    }

    /// Applies the command itself. The outer error leaves the execution unchanged.
    fn carry_out(&mut self, command: Command) -> Result<Progress, Rejection> {
        if let Command::StartExecution(identity) = command {
            return match self.execution.identity() {
                Some(_) => Err(Rejection::AlreadyStarted),
                None => Ok(self.start(identity)),
            };
        }
        if self.execution.identity().is_none() {
            return Err(Rejection::NotStarted);
        }
        let reopens = matches!(command, Command::RedriveExecution { .. });
        if self.execution.closed().is_some() && !reopens {
            return Err(Rejection::ExecutionClosed);
        }
        match command {
            Command::StartExecution(_) => Err(Rejection::AlreadyStarted),
            Command::RedriveExecution {
                client_token,
                from_start,
            } => self.redrive(client_token, from_start),
            Command::TaskSubmitted { task, output } => self.task_submitted(task, output),
            Command::TaskSucceeded { task, output } => self.task_succeeded(task, output),
            Command::TaskSubmitFailed { task, error, cause } => {
                self.task_submit_failed(task, error, cause)
            }
            Command::TaskFailed { task, error, cause } => self.task_failed(task, error, cause),
            Command::TaskTaken { task, worker_name } => self.task_taken(task, worker_name),
            Command::TaskHeartbeat { task } => self.task_heartbeat(task),
            Command::MapRunSucceeded {
                run,
                redrives,
                output,
            } => self.map_run_succeeded(run, redrives, output),
            Command::MapRunFailed {
                run,
                redrives,
                failure,
            } => self.map_run_failed(run, redrives, failure),
            Command::TimerFired { timer, due_at } => self.timer_fired(timer, due_at),
            Command::StopExecution { error, cause } => {
                Ok(self.close(EventId::NONE, Event::ExecutionAborted { error, cause }))
            }
            Command::Continue => self.resume(),
        }
    }

    fn start(&mut self, identity: Box<Identity>) -> Progress {
        let input = identity.input.clone();
        let deadline = identity.deadline;
        self.emit(EventId::NONE, Event::ExecutionStarted(identity))?;
        let timer = Timer {
            kind: TimerKind::Execution,
            of: EventId::NONE,
        };
        self.effect(Effect::StartTimer {
            timer,
            due_at: deadline,
        });
        let machine = self.machine;
        self.enter_workflow(&machine.root, Scope::ROOT, EventId::NONE, input)
    }

    fn timer_fired(&mut self, timer: Timer, due_at: Timestamp) -> Result<Progress, Rejection> {
        let running = self.execution.open_timers().contains(&(timer, due_at));
        if !running {
            return Err(Rejection::TimerNotRunning);
        }
        let id = FrameId(timer.of);
        Ok(match timer.kind {
            TimerKind::Execution => self.close(EventId::NONE, Event::ExecutionTimedOut),
            TimerKind::TaskTimeout => self.task_timed_out(TaskId(timer.of), false),
            TimerKind::TaskHeartbeat => self.task_timed_out(TaskId(timer.of), true),
            TimerKind::Retry => {
                self.cancel_timers(id);
                self.run_frame(id)
            }
            TimerKind::Wait => {
                self.cancel_timers(id);
                self.wait_over(id)
            }
        })
    }

    fn resume(&mut self) -> Result<Progress, Rejection> {
        let waiting = self
            .execution
            .frames()
            .iter()
            .filter(|(_, frame)| frame.waiting == Waiting::Turn);
        self.ready = waiting.map(|(id, _)| *id).collect();
        if self.ready.is_empty() {
            Err(Rejection::NothingToContinue)
        } else {
            Ok(Ok(()))
        }
    }

    /// Moves frames until each waits for something, or the turn's bound is reached.
    fn run(&mut self) {
        while let Some(id) = self.ready.pop_front() {
            if self.transition.events.len() >= self.cue.limits.turn_events_max {
                self.effect(Effect::Continue);
                return;
            }
            // A frame that a failing sibling aborted is gone.
            if self.execution.frames().contains_key(&id) && self.run_frame(id).is_err() {
                return self.fail_history_full();
            }
        }
    }

    /// Does what the frame's state does.
    fn run_frame(&mut self, id: FrameId) -> Progress {
        let state = self.state_of(id);
        match &state.kind {
            StateKind::Pass(pass) => self.run_pass(id, pass),
            StateKind::Task(task) => self.run_task(id, task),
            StateKind::Choice(choice) => self.run_choice(id, choice),
            StateKind::Wait(wait) => self.run_wait(id, wait),
            StateKind::Succeed(succeed) => self.run_succeed(id, succeed),
            StateKind::Fail(fail) => self.run_fail(id, fail),
            StateKind::Parallel(parallel) => self.run_parallel(id, parallel),
            StateKind::Map(map) => self.run_map(id, map),
        }
    }

    /// Enters the first state of `workflow`.
    fn enter_workflow(
        &mut self,
        workflow: &Workflow,
        scope: Scope,
        previous: EventId,
        input: Payload,
    ) -> Progress {
        self.enter(workflow.start_at, scope, previous, input)
    }

    fn enter(
        &mut self,
        index: StateIndex,
        scope: Scope,
        previous: EventId,
        input: Payload,
    ) -> Progress {
        let state = self.machine.state(index);
        let entered = Event::StateEntered {
            name: Text::from(state.name.clone()),
            state_type: StateType::from(&state.kind),
            scope,
            input,
        };
        let id = self.emit(previous, entered)?;
        self.ready.push_back(FrameId(id));
        Ok(())
    }

    /// Leaves the frame with `output`, assigns what it assigns, and goes where `onward` says.
    fn exit(
        &mut self,
        id: FrameId,
        output: Payload,
        assigned: Assigned,
        onward: Onward,
    ) -> Progress {
        let frame = self.frame(id);
        let (scope, tail) = (frame.scope, frame.tail);
        let exited = Event::StateExited {
            frame: id,
            name: frame.name.clone(),
            state_type: frame.state_type,
            output: output.clone(),
            assigned,
        };
        let last = self.emit(tail, exited)?;
        match onward {
            Onward::Next(next) => self.enter(next, scope, last, output),
            Onward::End => self.complete(scope, last, output),
        }
    }

    /// Closes the execution; whatever is open is taken back.
    fn close(&mut self, previous: EventId, event: Event) -> Progress {
        let calls: Vec<TaskId> = self.execution.open_calls().collect();
        let jobs: Vec<TaskId> = self.execution.open_jobs().collect();
        let offers: Vec<Offer> = self.execution.open_offers().collect();
        let timers = self.execution.open_timers();
        let map_runs: Vec<(MapRunId, u64)> = self.execution.open_map_runs().collect();
        self.emit(previous, event)?;
        self.ready.clear();
        for (run, redrives) in map_runs {
            self.effect(Effect::AbortMapRun { run, redrives });
        }
        for task in jobs {
            self.effect(Effect::AbandonJob { task });
        }
        for task in calls {
            self.effect(Effect::SettleTask { task });
        }
        for offer in offers {
            self.effect(Effect::WithdrawTask { offer });
        }
        for (timer, due_at) in timers {
            self.effect(Effect::CancelTimer { timer, due_at });
        }
        self.effect(Effect::AnnounceClosed);
        Ok(())
    }

    /// Fails the execution with the one event that is left (recorded).
    fn fail_history_full(&mut self) {
        let max = self.cue.limits.history_events_max;
        let cause = format!("{HISTORY_FULL} ({max}).");
        let event = Event::ExecutionFailed {
            error: Some("States.Runtime".into()),
            cause: Some(cause.into()),
        };
        let previous = self.execution.last_event();
        // Closing is allowed to use the last number, so this cannot halt.
        let _ = self.close(previous, event);
    }

    /// Records a fact: the only way in which the execution changes.
    fn emit(&mut self, previous: EventId, event: Event) -> Result<EventId, Halt> {
        let counted = self.execution.events_counted();
        if event.is_public() && !event.closes() && counted + 1 >= self.cue.limits.history_events_max
        {
            return Err(Halt);
        }
        let recorded = Recorded {
            previous,
            at: self.cue.now,
            event,
        };
        self.execution.apply(&recorded);
        self.transition.events.push(recorded);
        Ok(self.execution.last_event())
    }

    /// Adds an effect, or takes back the one that it undoes.
    fn effect(&mut self, effect: Effect) {
        let effects = &mut self.transition.effects;
        let calls = |earlier: &Effect, of: &TaskId| matches!(earlier, Effect::ScheduleTask { task, .. } if task == of);
        if let Effect::AbandonJob { task } = &effect
            && effects.iter().any(|earlier| calls(earlier, task))
        {
            // The call that would have begun it is taken back in this turn.
            return;
        }
        let undone = match &effect {
            Effect::SettleTask { task } => effects
                .iter()
                .rposition(|earlier| calls(earlier, task)),
            Effect::WithdrawTask { offer } => effects
                .iter()
                .rposition(|earlier| matches!(earlier, Effect::OfferTask { offer: begun, .. } if begun == offer)),
            Effect::CancelTimer { timer, due_at } => effects.iter().rposition(|earlier| {
                matches!(earlier, Effect::StartTimer { timer: begun, due_at: at } if begun == timer && at == due_at)
            }),
            Effect::AnnounceClosed => effects.iter().position(|earlier| *earlier == Effect::Continue),
            Effect::ScheduleTask { .. }
            | Effect::OfferTask { .. }
            | Effect::StartTimer { .. }
            | Effect::StartMapRun { .. }
            | Effect::AbandonJob { .. }
            | Effect::RedriveMapRun { .. }
            // A run that began is known from then on, and can be redriven.
            | Effect::AbortMapRun { .. }
            | Effect::Continue => None,
        };
        match (undone, effect) {
            (Some(at), Effect::AnnounceClosed) => effects[at] = Effect::AnnounceClosed,
            (Some(at), _) => drop(effects.remove(at)),
            // A frame still shows its timer while what the timer led to is decided.
            (None, effect @ Effect::CancelTimer { .. }) if effects.contains(&effect) => {}
            (None, effect) => effects.push(effect),
        }
    }

    /// Takes back the timers of a frame; to be called while the frame still shows them.
    fn cancel_timers(&mut self, id: FrameId) {
        for (timer, due_at) in self.frame(id).timers(id) {
            self.effect(Effect::CancelTimer { timer, due_at });
        }
    }

    /// Notes what a stage came to, where somebody looks.
    fn note(&self, stage: Stage, payload: &Payload) {
        if let Some(notes) = self.notes {
            notes.stage(stage, payload);
        }
    }

    fn frame(&self, id: FrameId) -> &Frame {
        self.execution
            .frames()
            .get(&id)
            .expect("a frame that runs has been entered and not left")
    }

    fn state_of(&self, id: FrameId) -> &'a State {
        let name = &self.frame(id).name;
        self.machine
            .find(name)
            .expect("an execution pins the definition that its frames come from")
    }

    fn finish(self) -> Transition {
        self.transition
    }
}
