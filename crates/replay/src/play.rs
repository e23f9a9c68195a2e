//! Plays a history: the engine, with a stand-in for everything outside, which answers what was recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use asl::StateMachine;
use engine_core::history::{View, history_event};
use engine_core::{
    Command, Completion, Cue, Effect, EventId, Execution, Identity, KnowActivities, Limits,
    MapRunId, Offer, Outcome, Payload, SealToken, TaskCall, TaskId, Timer, TimerKind, step,
};
use serde_json::{Value, json};
use vocab::Timestamp;

use crate::{map_run, recording};

/// Far more commands than events of a history that is worth playing.
const COMMANDS_MAX: usize = 100_000;

/// What came of a history.
pub struct Played {
    /// The history, as the API shows it.
    pub history: Vec<Value>,
    /// `status`, `output`, `error`, `cause`; null when the execution did not end.
    pub outcome: Value,
    /// Why nothing more happened, where the execution did not end.
    pub stuck: Option<String>,
}

/// Plays `machine` over `input` until the execution ends, as `recorded` says that it did.
///
/// # Errors
/// When it does not end.
pub fn play(
    definition: &str,
    machine: &StateMachine,
    input: &str,
    recorded: &[Value],
) -> Result<Played, String> {
    let world = World::new(definition, machine, recorded);
    let played = world.run(identity(input, recorded, machine, None)?);
    match played.stuck {
        None => Ok(played),
        Some(stuck) => Err(stuck),
    }
}

/// Plays a history as far as it goes.
pub(crate) fn again(
    definition: &str,
    machine: &StateMachine,
    recorded: &[Value],
    execution_arn: Option<&str>,
) -> Result<Played, String> {
    let input = text(&recording::details(&recorded[0])["input"]);
    let identity = identity(&input, recorded, machine, execution_arn)?;
    Ok(World::new(definition, machine, recorded).run(identity))
}

fn identity(
    input: &str,
    recorded: &[Value],
    machine: &StateMachine,
    execution_arn: Option<&str>,
) -> Result<Identity, String> {
    let started = recorded.first().map_or(&Value::Null, |event| event);
    let role = &started["executionStartedEventDetails"]["roleArn"];
    let arn = execution_arn.unwrap_or(
        "arn:aws:states:us-east-1:111111111111:execution:<ArnPart_0idx>:<ExecArnPart_0idx>",
    );
    let parts: Vec<&str> = arn.splitn(8, ':').collect();
    let [_, _, _, region, account, "execution", of, name] = parts[..] else {
        return Err(format!("{arn} is not the ARN of an execution"));
    };
    let seconds = machine
        .timeout_seconds
        .unwrap_or(vocab::limits::EXECUTION_SECONDS_MAX);
    let started_at = started_at(recorded);
    Ok(Identity {
        execution_arn: arn.into(),
        name: name.into(),
        state_machine_arn: format!("arn:aws:states:{region}:{account}:stateMachine:{of}").into(),
        state_machine_name: of.into(),
        role_arn: role.as_str().unwrap_or("snf_role_arn").into(),
        input: Payload::parse(input).map_err(|error| format!("the input: {error}"))?,
        deadline: started_at.plus_seconds(seconds),
        trace_header: None,
        region: region.into(),
        version_arn: None,
        alias_arn: None,
    })
}

/// Returns when the execution began, where the recording says it.
fn started_at(recorded: &[Value]) -> Timestamp {
    recorded
        .first()
        .and_then(recording::moment)
        .unwrap_or(START)
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
    /// Nothing was replaced: moments are moments, and map runs end as they did.
    original: bool,
    region: String,
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
        let original = !recorded.is_empty() && !recording::is_scrubbed(recorded);
        Self {
            original,
            region: "us-east-1".into(),
            definition,
            map_runs: VecDeque::new(),
            machine,
            recorded,
            used: vec![false; recorded.len()],
            execution: Execution::new(),
            history: Vec::new(),
            now: started_at(recorded),
            tokens: Tokens::default(),
            limits: Limits::default(),
            pending: BTreeMap::new(),
            cut_off: false,
        }
    }

    /// Plays until the execution ends, or nothing more can happen.
    fn run(mut self, identity: Identity) -> Played {
        self.region = (*identity.region).to_owned();
        let mut next = Ok(Command::StartExecution(Box::new(identity)));
        for _ in 0..COMMANDS_MAX {
            next = match next.and_then(|command| self.carry_out(command)) {
                Err(stuck) => return self.played(Some(stuck)),
                Ok(()) if self.execution.closed().is_some() => match self.redriven() {
                    Some(redrive) => Ok(redrive),
                    None => return self.played(None),
                },
                Ok(()) => self
                    .next()
                    .ok_or_else(|| "nothing is left to happen".into()),
            };
        }
        self.played(Some("it does not end".into()))
    }

    /// Returns the redrive that the recording goes on with.
    fn redriven(&self) -> Option<Command> {
        let redriven = |event: &&Value| event["type"] == "ExecutionRedriven";
        let asked = self.recorded.iter().filter(redriven).count() as u64;
        (self.execution.redrives() < asked).then_some(Command::RedriveExecution {
            client_token: None,
            from_start: false,
        })
    }

    fn carry_out(&mut self, command: Command) -> Result<(), String> {
        let (tokens, limits) = (&self.tokens, &self.limits);
        let cue = Cue {
            now: self.now,
            // What is drawn in two turns differs; recordings of the corpus bind one name to it.
            seed: if self.original {
                self.history.len() as u64
            } else {
                7
            },
            tokens,
            activities: &Activities(self.recorded.iter().any(is_offer)),
            limits,
        };
        let shown = format!("{command:?}");
        let transition = step(self.machine, &mut self.execution, command, &cue)
            .map_err(|rejection| format!("{shown} was refused: {rejection}"))?;
        let view = View {
            region: &self.region,
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
                Effect::StartMapRun { run, .. } if self.original => self.await_run(run, 0),
                Effect::RedriveMapRun { run, redrives } if self.original => {
                    self.await_run(run, redrives);
                }
                Effect::StartMapRun { run, start } => {
                    let items = map_run::recorded_items(self.recorded, run);
                    let end = map_run::end(self.definition, self.machine, run, &start, items)?;
                    self.map_runs.push_back(end);
                }
                Effect::AbortMapRun { .. }
                | Effect::RedriveMapRun { .. }
                | Effect::SettleTask { .. }
                | Effect::AbandonJob { .. }
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
        let Some(scheduled) = self.scheduled(task, call) else {
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
    fn scheduled(&mut self, task: TaskId, call: &TaskCall) -> Option<usize> {
        let by_number = self
            .recorded
            .iter()
            .position(|event| event["id"] == json!(task.0.0));
        let is_scheduled = |event: &Value| of_task(event, "Scheduled");
        let frame = self.execution.frames().get(&call.frame);
        let state = frame.map(|frame| frame.name.clone());
        // Of an original's, of the same state with the same data before others of the same state.
        let likely = |with_data: bool| {
            let sent = call.description.parameters.value();
            (0..self.recorded.len()).find(|at| {
                let event = &self.recorded[*at];
                let data = recording::details(event);
                let received = data.get("parameters").or(data.get("input")).map(text);
                let received = received.and_then(|text| serde_json::from_str::<Value>(&text).ok());
                !self.used[*at]
                    && is_scheduled(event)
                    && recording::state_of(self.recorded, event) == state.as_deref()
                    && (!with_data || received.as_ref() == Some(sent))
            })
        };
        let by_state = self
            .original
            .then(|| likely(true).or_else(|| likely(false)));
        let at = by_state
            .flatten()
            .or(by_number)
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
            if let Some(timer) = self.fired_before(at) {
                self.pending.insert(at, answer);
                return Some(timer);
            }
            if let Some(moment) = recording::moment(&self.recorded[at]) {
                self.now = self.now.max(moment);
            }
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
        if let Some(stop) = self.stopped() {
            return Some(stop);
        }
        let (timer, due_at) = self.next_timer()?;
        self.now = self.now.max(due_at);
        Some(Command::TimerFired { timer, due_at })
    }

    fn next_timer(&self) -> Option<(Timer, Timestamp)> {
        let timers = self.execution.open_timers().into_iter();
        timers.min_by_key(|(timer, due_at)| (*due_at, timer.kind == TimerKind::Execution))
    }

    /// Returns the timer that fired before the recorded event at `at`: of those whose firing nobody else
    /// could have forestalled.
    fn fired_before(&mut self, at: usize) -> Option<Command> {
        let moment = recording::moment(&self.recorded[at]).filter(|_| self.original)?;
        let timers = self.execution.open_timers().into_iter();
        let waits = timers.filter(|(timer, due_at)| {
            *due_at < moment && matches!(timer.kind, TimerKind::Wait | TimerKind::Retry)
        });
        let (timer, due_at) = waits.min_by_key(|(_, due_at)| *due_at)?;
        self.now = self.now.max(due_at);
        Some(Command::TimerFired { timer, due_at })
    }

    /// Returns the stop that the recording ends with, once everything before it has happened.
    fn stopped(&mut self) -> Option<Command> {
        let is_stop = |event: &&Value| event["type"] == "ExecutionAborted";
        let at = self
            .recorded
            .iter()
            .skip(self.history.len())
            .position(|event| is_stop(&event))?;
        let at = at + self.history.len();
        if let Some(timer) = self.fired_before(at) {
            return Some(timer);
        }
        if at > self.history.len() {
            return None;
        }
        let member = |name: &str| self.details(at).get(name).map(text).map(Into::into);
        Some(Command::StopExecution {
            error: member("error"),
            cause: member("cause"),
        })
    }

    /// Lets a map run end as it did: its children have histories of their own.
    fn await_run(&mut self, run: MapRunId, redrives: u64) {
        let ends = ["MapRunSucceeded", "MapRunFailed"];
        let at = (0..self.recorded.len()).find(|at| {
            let kind = self.recorded[*at]["type"].as_str().unwrap_or_default();
            !self.used[*at] && ends.contains(&kind)
        });
        let Some(at) = at else { return };
        self.used[at] = true;
        let member = |name: &str| self.details(at).get(name).map(text).unwrap_or_default();
        let end = if self.recorded[at]["type"] == "MapRunFailed" {
            let failure = engine_core::map_run::Failure {
                error: member("error").into(),
                cause: member("cause").into(),
            };
            Command::MapRunFailed {
                run,
                redrives,
                failure,
            }
        } else {
            // Behind the end comes the exit with the result, as far as the state leaves it as it is.
            let exits = self.recorded[at..].iter();
            let mut exits = exits.filter(|event| event["type"] == "MapStateExited");
            let output = exits.next().map(|exit| &recording::details(exit)["output"]);
            let output = payload(output);
            Command::MapRunSucceeded {
                run,
                redrives,
                output,
            }
        };
        self.map_runs.push_back(end);
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
        recording::details(&self.recorded[at])
    }

    fn played(self, stuck: Option<String>) -> Played {
        let Some((_, outcome)) = self.execution.closed() else {
            return Played {
                history: self.history,
                outcome: Value::Null,
                stuck,
            };
        };
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
            stuck,
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
    // A placeholder in the place of JSON text, or data that were left out.
    Payload::parse(&text).unwrap_or_else(|_| Payload::from_value(recorded.clone()))
}
