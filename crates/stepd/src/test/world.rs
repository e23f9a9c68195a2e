//! One case: the engine, a clock that jumps, and answers that are made up.

use std::collections::BTreeMap;

use asl::StateMachine;
use engine_core::{
    Command, Completion, Cue, Effect, Event, EventId, EveryActivity, Execution, FrameId, Identity,
    Limits, MapRunId, Outcome, Payload, Recorded, Scope, SealToken, TaskCall, TaskId, TaskResource,
    step,
};
use serde_json::Value;
use vocab::{Timestamp, limits};

use super::children;
use super::expect::contains;
use super::file::{Answer, Answers, Case, Reply, Suite};

/// When executions begin that do not say when: any moment, but always the same one.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Most commands of one execution: no history has room for what so many lead to.
const COMMANDS_MAX: usize = 200_000;

/// What came of an execution.
#[derive(Default)]
pub struct Ran {
    /// How it ended; `None` where it could not be run to its end.
    pub outcome: Option<Outcome>,
    /// Why it could not be run to its end.
    pub problem: Option<String>,
    /// How long it took, in its own time.
    pub millis: i64,
    /// The states that were entered, in order; those of children stand behind their Map state.
    pub visits: Vec<Visit>,
    /// The calls that were made, in order.
    pub calls: Vec<MadeCall>,
    /// The ways that were gone.
    pub ways: Vec<Way>,
}

/// A state that was entered.
pub struct Visit {
    /// Its name.
    pub state: String,
    /// With what.
    pub input: Payload,
    /// It is one of the execution itself, not of a branch, an iteration or a child.
    pub outermost: bool,
}

/// A call that was made.
pub struct MadeCall {
    /// By which state.
    pub state: String,
    /// With what.
    pub parameters: Payload,
}

/// From one state to another.
pub struct Way {
    /// The state that was left.
    pub from: String,
    /// The state that was entered.
    pub to: String,
    /// It was left because a catcher took a failure on.
    pub caught: bool,
}

impl Ran {
    /// Returns the states of the execution itself, in the order in which they were entered.
    pub fn path(&self) -> Vec<String> {
        let outermost = self.visits.iter().filter(|visit| visit.outermost);
        outermost.map(|visit| visit.state.clone()).collect()
    }
}

/// What an execution is run with.
pub(super) struct Setting<'s> {
    pub machine: &'s StateMachine,
    /// The definition as JSON: what the children of Distributed Maps run is cut out of it.
    pub definition: &'s str,
    pub answers: &'s BTreeMap<String, Answers>,
    pub express: bool,
    /// How many executions are around this one.
    pub depth: usize,
}

/// Runs a case to its end.
pub fn run(suite: &Suite, case: &Case) -> Ran {
    let definition = suite.definition.to_string();
    let setting = Setting {
        machine: &suite.machine,
        definition: &definition,
        answers: &case.answers,
        express: suite.express,
        depth: 0,
    };
    let input = Payload::from_value(case.input.clone());
    execute(&setting, input, case.start.unwrap_or(START))
}

/// Runs an execution that begins at `start` to its end.
pub(super) fn execute(setting: &Setting<'_>, input: Payload, start: Timestamp) -> Ran {
    let mut world = World {
        setting,
        execution: Execution::new(),
        now: start,
        limits: Limits::default(),
        agenda: BTreeMap::new(),
        planned: 0,
        given: BTreeMap::new(),
        frames: BTreeMap::new(),
        left: BTreeMap::new(),
        ran: Ran::default(),
    };
    if let Err(problem) = world.run(identity(setting, input, start)) {
        world.ran.problem = Some(problem);
    }
    world.ran.millis = world.now.as_millis() - start.as_millis();
    world.ran.outcome = world.execution.closed().map(|(_, outcome)| outcome.clone());
    world.ran
}

struct Tokens;

impl SealToken for Tokens {
    fn seal(&self, task: TaskId) -> String {
        format!("task-token-{}", task.0)
    }
}

/// Something that will happen.
enum Planned {
    Do(Command),
    /// Beats until `until`, every so often.
    Beat {
        task: TaskId,
        every: i64,
        until: Timestamp,
    },
}

/// A frame, as the coverage sees it.
struct Seen {
    name: String,
    scope: Scope,
    failed: bool,
}

struct World<'s> {
    setting: &'s Setting<'s>,
    execution: Execution,
    now: Timestamp,
    limits: Limits,
    /// What will happen, by its moment and the order in which it was planned.
    agenda: BTreeMap<(Timestamp, u64), Planned>,
    planned: u64,
    /// How many answers of its sequence each state was given.
    given: BTreeMap<String, usize>,
    frames: BTreeMap<FrameId, Seen>,
    /// The state of each scope that was left last.
    left: BTreeMap<Scope, (String, bool)>,
    ran: Ran,
}

impl World<'_> {
    fn run(&mut self, identity: Identity) -> Result<(), String> {
        self.carry_out(Command::StartExecution(Box::new(identity)))?;
        for _ in 0..COMMANDS_MAX {
            if self.execution.closed().is_some() {
                return Ok(());
            }
            if self.execution.must_continue() {
                self.carry_out(Command::Continue)?;
                continue;
            }
            let timers = self.execution.open_timers();
            let timer = timers
                .into_iter()
                .min_by_key(|(timer, due_at)| (*due_at, *timer));
            let first = self.agenda.first_key_value().map(|(key, _)| *key);
            match (first, timer) {
                (Some(key), timer) if timer.is_none_or(|(_, due_at)| key.0 <= due_at) => {
                    self.now = self.now.max(key.0);
                    if let Some(planned) = self.agenda.remove(&key) {
                        self.happen(planned)?;
                    }
                }
                (_, Some((timer, due_at))) => {
                    self.now = self.now.max(due_at);
                    self.carry_out(Command::TimerFired { timer, due_at })?;
                }
                (_, None) => return Err("nothing is left that could happen".to_owned()),
            }
        }
        Err(format!(
            "the execution is not at its end after {COMMANDS_MAX} steps"
        ))
    }

    fn happen(&mut self, planned: Planned) -> Result<(), String> {
        match planned {
            Planned::Do(command) => self.carry_out(command),
            Planned::Beat { task, every, until } => {
                let next = self.now.plus_millis(every);
                if next < until {
                    self.plan(next, Planned::Beat { task, every, until });
                }
                self.carry_out(Command::TaskHeartbeat { task })
            }
        }
    }

    fn plan(&mut self, at: Timestamp, planned: Planned) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), planned);
    }

    fn carry_out(&mut self, command: Command) -> Result<(), String> {
        let cue = Cue {
            now: self.now,
            // Another one for each turn, and the same in every run.
            seed: self.execution.last_event().0 ^ 0x5eed,
            tokens: &Tokens,
            activities: &EveryActivity,
            limits: &self.limits,
        };
        let mut id = self.execution.last_event();
        // An answer that comes too late is refused, as it would be by the service.
        let Ok(transition) = step(self.setting.machine, &mut self.execution, command, &cue) else {
            return Ok(());
        };
        for recorded in transition.events {
            if recorded.event.is_public() {
                id = id.next();
            }
            self.watch(id, recorded);
        }
        for effect in transition.effects {
            match effect {
                Effect::ScheduleTask { task, call } => self.called(task, call)?,
                Effect::OfferTask { offer, call } => self.called(offer.task, call)?,
                Effect::StartMapRun { run, start } => self.map_run(run, &start)?,
                Effect::SettleTask { .. }
                | Effect::WithdrawTask { .. }
                | Effect::AbortMapRun { .. }
                | Effect::AbandonJob { .. }
                | Effect::RedriveMapRun { .. }
                | Effect::StartTimer { .. }
                | Effect::CancelTimer { .. }
                | Effect::Continue
                | Effect::AnnounceClosed => {}
            }
        }
        Ok(())
    }

    /// Notes where the execution is.
    fn watch(&mut self, id: EventId, recorded: Recorded) {
        match recorded.event {
            Event::StateEntered {
                name, scope, input, ..
            } => {
                if let Some((from, caught)) = self.left.remove(&scope) {
                    let to = name.to_string();
                    self.ran.ways.push(Way { from, to, caught });
                }
                let outermost = scope == Scope::ROOT;
                let state = name.to_string();
                self.ran.visits.push(Visit {
                    state,
                    input,
                    outermost,
                });
                let name = name.to_string();
                let failed = false;
                self.frames.insert(
                    FrameId(id),
                    Seen {
                        name,
                        scope,
                        failed,
                    },
                );
            }
            Event::StateExited { frame, .. } => {
                if let Some(seen) = self.frames.remove(&frame) {
                    self.left.insert(seen.scope, (seen.name, seen.failed));
                }
            }
            Event::TaskFailed { frame, .. }
            | Event::TaskTimedOut { frame, .. }
            | Event::ParallelFailed { frame }
            | Event::MapFailed { frame }
            | Event::EvaluationFailed { frame, .. } => self.fails(frame, true),
            Event::RetryScheduled { frame, .. } => self.fails(frame, false),
            _ => {}
        }
    }

    fn fails(&mut self, frame: FrameId, failed: bool) {
        if let Some(seen) = self.frames.get_mut(&frame) {
            seen.failed = failed;
        }
    }

    /// Returns the answer to a call of `state`.
    fn answer(&mut self, state: &str, parameters: &Value) -> Option<Answer> {
        let answers = self.setting.answers.get(state)?;
        let matches = |answer: &&Answer| {
            answer
                .when
                .as_ref()
                .is_some_and(|when| contains(when, parameters))
        };
        if let Some(answer) = answers.matching.iter().find(matches) {
            return Some(answer.clone());
        }
        let given = self.given.entry(state.to_owned()).or_default();
        let at = match answers.repeats {
            true => 0,
            false => *given,
        };
        *given += 1;
        answers.sequence.get(at).cloned()
    }

    fn called(&mut self, task: TaskId, call: TaskCall) -> Result<(), String> {
        let frame = self.execution.frames().get(&call.frame);
        let state = frame
            .map(|frame| frame.name.to_string())
            .unwrap_or_default();
        let description = call.description;
        let parameters = description.parameters;
        let answer = self.answer(&state, parameters.value());
        self.ran.calls.push(MadeCall {
            state: state.clone(),
            parameters: parameters.clone(),
        });
        let Some(answer) = answer else {
            let number = self
                .ran
                .calls
                .iter()
                .filter(|call| call.state == state)
                .count();
            return Err(format!(
                "the state '{state}' calls {} with {}, and the case has no answer for it (call {number} of the state)",
                called(&description.resource),
                parameters.text()
            ));
        };
        let is_activity = matches!(description.resource, TaskResource::Activity { .. });
        let now = self.now;
        match (is_activity, description.completion) {
            (true, _) => {
                let worker_name = None;
                self.plan(now, Planned::Do(Command::TaskTaken { task, worker_name }));
            }
            (false, Completion::OnReturn) => {}
            (false, Completion::OnToken | Completion::OnJob) => {
                let output = Payload::empty_object();
                self.plan(now, Planned::Do(Command::TaskSubmitted { task, output }));
            }
        }
        let at = now.plus_millis(answer.after);
        if let Some(every) = answer.beat {
            self.plan(
                now.plus_millis(every),
                Planned::Beat {
                    task,
                    every,
                    until: at,
                },
            );
        }
        let command = match answer.reply {
            Reply::Return(value) => {
                let output = Payload::from_value(value);
                Command::TaskSucceeded { task, output }
            }
            Reply::Throw { error, cause } => {
                let (error, cause) = (Some(error.into()), cause.map(Into::into));
                Command::TaskFailed { task, error, cause }
            }
            Reply::Never => return Ok(()),
            Reply::Items(_) => {
                return Err(format!(
                    "'{state}' is a Task, which reads no items: say `return`"
                ));
            }
        };
        self.plan(at, Planned::Do(command));
        Ok(())
    }

    fn map_run(
        &mut self,
        run: MapRunId,
        start: &engine_core::map_run::MapRunStart,
    ) -> Result<(), String> {
        let answer = self.answer(&start.state, &Value::Null);
        let (after, reply) = match answer {
            Some(answer) => (answer.after, Some(answer.reply)),
            None => (0, None),
        };
        let at = self.now.plus_millis(after);
        let failed = |error: String, cause: Option<String>| Command::MapRunFailed {
            run,
            redrives: 0,
            failure: engine_core::map_run::Failure {
                error: error.into(),
                cause: cause.unwrap_or_default().into(),
            },
        };
        let items = match reply {
            Some(Reply::Return(value)) => {
                let output = Payload::from_value(value);
                self.plan(
                    at,
                    Planned::Do(Command::MapRunSucceeded {
                        run,
                        output,
                        redrives: 0,
                    }),
                );
                return Ok(());
            }
            Some(Reply::Throw { error, cause }) => {
                self.plan(at, Planned::Do(failed(error, cause)));
                return Ok(());
            }
            Some(Reply::Never) => return Ok(()),
            Some(Reply::Items(items)) => Some(items),
            None => None,
        };
        let ended = children::run(self.setting, start, items, at)?;
        let at = at.plus_millis(ended.millis);
        for ran in ended.children {
            let inner = ran.visits.into_iter().map(|visit| Visit {
                outermost: false,
                ..visit
            });
            self.ran.visits.extend(inner);
            self.ran.calls.extend(ran.calls);
            self.ran.ways.extend(ran.ways);
        }
        let command = match ended.result {
            Ok(output) => Command::MapRunSucceeded {
                run,
                output,
                redrives: 0,
            },
            Err(failure) => failed(failure.error.to_string(), Some(failure.cause.to_string())),
        };
        self.plan(at, Planned::Do(command));
        Ok(())
    }
}

fn called(resource: &TaskResource) -> String {
    match resource {
        TaskResource::LambdaFunction { arn } | TaskResource::Activity { arn } => arn.to_string(),
        TaskResource::Integration {
            resource_type,
            resource,
        } => format!("{resource_type}:{resource}"),
    }
}

fn identity(setting: &Setting<'_>, input: Payload, start: Timestamp) -> Identity {
    let arn = "arn:aws:states:us-east-1:000000000000";
    let most = match setting.express {
        true => limits::EXPRESS_SECONDS_MAX,
        false => limits::EXECUTION_SECONDS_MAX,
    };
    let seconds = setting.machine.timeout_seconds.unwrap_or(most).min(most);
    Identity {
        execution_arn: format!("{arn}:execution:Machine:test").into(),
        name: "test".into(),
        state_machine_arn: format!("{arn}:stateMachine:Machine").into(),
        state_machine_name: "Machine".into(),
        role_arn: "arn:aws:iam::000000000000:role/test".into(),
        input,
        deadline: start.plus_seconds(seconds),
        trace_header: None,
        region: "us-east-1".into(),
        version_arn: None,
        alias_arn: None,
    }
}
