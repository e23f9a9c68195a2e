//! Plays a case: the engine, with a stand-in for every service, which answers what was recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use asl::StateMachine;
use engine_core::history::{View, history_event};
use engine_core::{
    Command, Completion, Cue, Effect, EventId, Execution, Identity, KnowActivities, Limits, Offer,
    Outcome, Payload, SealToken, TaskCall, TaskId, TimerKind, step,
};
use serde_json::{Value, json};
use vocab::Timestamp;

use super::map_run;

/// What came of a case.
pub struct Played {
    /// The history, as the API shows it.
    pub history: Vec<Value>,
    /// `status`, `output`, `error`, `cause`.
    pub outcome: Value,
}

/// Plays `machine` over `input` until the execution ends.
pub fn play(
    definition: &str,
    machine: &StateMachine,
    input: &str,
    recorded: &[Value],
) -> Result<Played, String> {
    let mut world = World::new(definition, machine, recorded);
    let identity = identity(input, recorded, machine)?;
    world.carry_out(Command::StartExecution(Box::new(identity)))?;
    // Far more commands than any recorded case takes.
    for _ in 0..10_000 {
        if world.execution.closed().is_some() {
            return Ok(world.played());
        }
        let next = world.next().ok_or("nothing is left to happen")?;
        world.carry_out(next)?;
    }
    Err("the case does not end".into())
}

fn identity(input: &str, recorded: &[Value], machine: &StateMachine) -> Result<Identity, String> {
    let started = recorded.first().map_or(&Value::Null, |event| event);
    let role = &started["executionStartedEventDetails"]["roleArn"];
    let prefix = "arn:aws:states:us-east-1:111111111111";
    let seconds = machine
        .timeout_seconds
        .unwrap_or(vocab::limits::EXECUTION_SECONDS_MAX);
    Ok(Identity {
        execution_arn: format!("{prefix}:execution:<ArnPart_0idx>:<ExecArnPart_0idx>").into(),
        name: "<ExecArnPart_0idx>".into(),
        state_machine_arn: format!("{prefix}:stateMachine:<ArnPart_0idx>").into(),
        state_machine_name: "<ArnPart_0idx>".into(),
        role_arn: role.as_str().unwrap_or("snf_role_arn").into(),
        input: Payload::parse(input).map_err(|error| format!("the input: {error}"))?,
        deadline: START.plus_seconds(seconds),
        trace_header: None,
        region: "us-east-1".into(),
        version_arn: None,
        alias_arn: None,
    })
}

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Tokens are named in the order in which they are made, as the recorder named them.
#[derive(Default)]
struct Tokens(RefCell<Vec<TaskId>>);

impl SealToken for Tokens {
    fn seal(&self, task: TaskId) -> String {
        let mut known = self.0.borrow_mut();
        let at = known
            .iter()
            .position(|known| *known == task)
            .unwrap_or_else(|| {
                known.push(task);
                known.len() - 1
            });
        format!("<task_token:{}>", at + 1)
    }
}

/// The activities are there if the recording scheduled a task of one.
struct Activities(bool);

impl KnowActivities for Activities {
    fn exists(&self, _: &str) -> bool {
        self.0
    }
}

/// What the recording says that a task's answer was.
struct Answer {
    task: TaskId,
    /// A worker's taking the task, before everything else.
    taken: Option<usize>,
    /// The call's return, before the event that ends the task.
    submitted: Option<usize>,
    end: Option<usize>,
}

struct World<'a> {
    definition: &'a str,
    machine: &'a StateMachine,
    recorded: &'a [Value],
    used: Vec<bool>,
    execution: Execution,
    history: Vec<Value>,
    now: Timestamp,
    tokens: Tokens,
    limits: Limits,
    /// Answers to give, by the place of what is next in the recording.
    pending: BTreeMap<usize, Answer>,
    cut_off: bool,
    /// The ends of map runs that are to be told.
    map_runs: VecDeque<Command>,
}

impl<'a> World<'a> {
    fn new(definition: &'a str, machine: &'a StateMachine, recorded: &'a [Value]) -> Self {
        Self {
            definition,
            map_runs: VecDeque::new(),
            machine,
            recorded,
            used: vec![false; recorded.len()],
            execution: Execution::new(),
            history: Vec::new(),
            now: START,
            tokens: Tokens::default(),
            limits: Limits::default(),
            pending: BTreeMap::new(),
            cut_off: false,
        }
    }

    fn carry_out(&mut self, command: Command) -> Result<(), String> {
        let (tokens, limits) = (&self.tokens, &self.limits);
        let cue = Cue {
            now: self.now,
            seed: 7,
            tokens,
            activities: &Activities(self.recorded.iter().any(is_offer)),
            limits,
        };
        let shown = format!("{command:?}");
        let transition = step(self.machine, &mut self.execution, command, &cue)
            .map_err(|rejection| format!("{shown} was refused: {rejection}"))?;
        let view = View {
            region: "us-east-1",
            include_data: true,
        };
        for recorded in &transition.events {
            let id = EventId(self.history.len() as u64 + 1);
            self.history.extend(history_event(id, recorded, view));
        }
        for effect in transition.effects {
            match effect {
                Effect::ScheduleTask { task, call }
                | Effect::OfferTask {
                    offer: Offer { task, .. },
                    call,
                } => self.prepare(task, &call),
                Effect::Continue => self.cut_off = true,
                Effect::StartMapRun { run, start } => {
                    let items = map_run::recorded_items(self.recorded, run);
                    let end = map_run::end(self.definition, self.machine, run, &start, items)?;
                    self.map_runs.push_back(end);
                }
                Effect::AbortMapRun { .. }
                | Effect::RedriveMapRun { .. }
                | Effect::SettleTask { .. }
                | Effect::WithdrawTask { .. }
                | Effect::StartTimer { .. }
                | Effect::CancelTimer { .. }
                | Effect::AnnounceClosed => {}
            }
        }
        Ok(())
    }

    /// Looks up what the recording says of a task.
    fn prepare(&mut self, task: TaskId, call: &TaskCall) {
        if self.recorded.is_empty() {
            // A map run's child, whose history the recordings do not hold: functions answer what they
            // are given.
            let output = call.description.parameters.clone();
            self.map_runs
                .push_back(Command::TaskSucceeded { task, output });
            return;
        }
        let Some(scheduled) = self.scheduled(task) else {
            return;
        };
        let started = self.after(scheduled, &["Started"]);
        let mut last = started.unwrap_or(scheduled);
        let taken = started.filter(|_| is_offer(&self.recorded[scheduled]));
        let submitted = match call.description.completion {
            Completion::OnReturn => None,
            Completion::OnToken | Completion::OnJob => self.after(last, &["Submitted"]),
        };
        last = submitted.unwrap_or(last);
        let end = self.after(last, &["Succeeded", "Failed", "TimedOut"]);
        if let Some(next) = taken.or(submitted).or(end) {
            self.pending.insert(
                next,
                Answer {
                    task,
                    taken,
                    submitted,
                    end,
                },
            );
        }
    }

    /// Returns the recorded event that scheduled the task: by its number, or, in branches, the first.
    fn scheduled(&mut self, task: TaskId) -> Option<usize> {
        let by_number = self
            .recorded
            .iter()
            .position(|event| event["id"] == json!(task.0.0));
        let is_scheduled = |event: &Value| of_task(event, "Scheduled");
        let at = by_number
            .filter(|at| is_scheduled(&self.recorded[*at]))
            .or_else(|| {
                (0..self.recorded.len())
                    .find(|at| !self.used[*at] && is_scheduled(&self.recorded[*at]))
            })?;
        self.used[at] = true;
        Some(at)
    }

    /// Returns the event that follows the one at `at`, if it is one of `what`.
    fn after(&mut self, at: usize, what: &[&str]) -> Option<usize> {
        let id = &self.recorded[at]["id"];
        let follows = |event: &Value| {
            what.iter().any(|what| of_task(event, what))
                && (id.is_array() == event["id"].is_array())
                && (id.is_array() || event["previousEventId"] == *id)
        };
        let next = (0..self.recorded.len())
            .find(|next| !self.used[*next] && follows(&self.recorded[*next]))?;
        self.used[next] = true;
        Some(next)
    }

    /// Returns the next command: an answer in the recording's order, else the next timer.
    fn next(&mut self) -> Option<Command> {
        if std::mem::take(&mut self.cut_off) {
            return Some(Command::Continue);
        }
        if let Some(end) = self.map_runs.pop_front() {
            return Some(end);
        }
        while let Some((at, answer)) = self.pending.pop_first() {
            if answer.taken == Some(at) {
                if let Some(end) = answer.end {
                    let taken = None;
                    self.pending.insert(end, Answer { taken, ..answer });
                }
                let worker_name = self.details(at).get("workerName").map(text);
                return Some(Command::TaskTaken {
                    task: answer.task,
                    worker_name: worker_name.map(Into::into),
                });
            }
            if answer.submitted == Some(at) {
                if let Some(end) = answer.end {
                    self.pending.insert(
                        end,
                        Answer {
                            submitted: None,
                            ..answer
                        },
                    );
                }
                let output = payload(self.details(at).get("output"));
                return Some(Command::TaskSubmitted {
                    task: answer.task,
                    output,
                });
            }
            if let Some(command) = self.answer(answer.task, at) {
                return Some(command);
            }
        }
        let (timer, due_at) = self
            .execution
            .open_timers()
            .into_iter()
            .min_by_key(|(timer, due_at)| (*due_at, timer.kind == TimerKind::Execution))?;
        self.now = self.now.max(due_at);
        Some(Command::TimerFired { timer, due_at })
    }

    fn answer(&self, task: TaskId, at: usize) -> Option<Command> {
        let details = self.details(at);
        let member = |name: &str| details.get(name).map(text);
        if of_task(&self.recorded[at], "Succeeded") {
            let output = payload(details.get("output"));
            Some(Command::TaskSucceeded { task, output })
        } else if of_task(&self.recorded[at], "TimedOut") {
            // Silence: the clock will end it.
            None
        } else if member("error").as_deref() == Some("States.DataLimitExceeded") {
            // An error that the engine makes, not a service: what came back was too long.
            let output = Payload::from_value("x".repeat(self.limits.payload_bytes_max).into());
            Some(Command::TaskSucceeded { task, output })
        } else {
            let (error, cause) = (
                member("error").map(Into::into),
                member("cause").map(Into::into),
            );
            Some(Command::TaskFailed { task, error, cause })
        }
    }

    fn details(&self, at: usize) -> &'a Value {
        let event = self.recorded[at]
            .as_object()
            .expect("an event is an object");
        event
            .iter()
            .find(|(name, _)| name.ends_with("EventDetails"))
            .map_or(&Value::Null, |(_, details)| details)
    }

    fn played(self) -> Played {
        let (_, outcome) = self
            .execution
            .closed()
            .expect("only a closed execution was played");
        let (output, error, cause) = match outcome {
            Outcome::Succeeded(output) => (output.text().into(), Value::Null, Value::Null),
            Outcome::Failed(error, cause) | Outcome::Aborted(error, cause) => (
                Value::Null,
                error.as_deref().into(),
                cause.as_deref().into(),
            ),
            Outcome::TimedOut => (Value::Null, Value::Null, Value::Null),
        };
        let status = outcome.status().name();
        let outcome = json!({"status": status, "output": output, "error": error, "cause": cause});
        Played {
            history: self.history,
            outcome,
        }
    }
}

/// Says whether the event offers a task to the workers of an activity.
fn is_offer(event: &Value) -> bool {
    event["type"] == "ActivityScheduled"
}

/// Says whether the event is a task's, of whatever family, and ends in `what`.
fn of_task(event: &Value, what: &str) -> bool {
    let name = event["type"].as_str().unwrap_or_default();
    ["LambdaFunction", "Task", "Activity"]
        .iter()
        .any(|family| name.strip_prefix(family) == Some(what))
}

/// Returns a recorded text: the recorder parsed those that held JSON.
fn text(recorded: &Value) -> String {
    recorded
        .as_str()
        .map_or_else(|| recorded.to_string(), str::to_owned)
}

fn payload(recorded: Option<&Value>) -> Payload {
    let recorded = recorded.unwrap_or(&Value::Null);
    let text = text(recorded);
    // A placeholder in the place of JSON text.
    Payload::parse(&text).unwrap_or_else(|_| Payload::from_value(recorded.clone()))
}
