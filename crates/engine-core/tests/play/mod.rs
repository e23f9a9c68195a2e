//! Plays a history that is written down as text: a definition, then commands.

#![allow(dead_code, reason = "each test uses its part")]

use std::fmt::Write;

use asl::StateMachine;
use engine_core::history::{View, history_event};
use engine_core::{
    Command, Cue, Effect, Event, EventId, EveryActivity, Execution, Identity, Limits, MapRunId,
    Payload, Recorded, SealToken, TaskId, Text, Timer, TimerKind, Transition, map_run, step,
};
use serde_json::Value;
use vocab::Timestamp;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Tokens;

impl SealToken for Tokens {
    fn seal(&self, task: TaskId) -> String {
        format!("token-{}", task.0)
    }
}

struct Play {
    machine: StateMachine,
    execution: Execution,
    journal: Vec<Recorded>,
    input: String,
    seed: u64,
    limits: Limits,
    now: Timestamp,
    fired: Option<(Timer, Timestamp)>,
    out: String,
}

/// What came of a file.
pub struct Played {
    /// The file as it should be: its header, and each command with what came of it.
    pub text: String,
    /// All events.
    pub journal: Vec<Recorded>,
}

/// Plays the commands of a file.
pub fn play(text: &str) -> Result<Played, String> {
    let (header, blocks) = text
        .split_once("\n\n")
        .ok_or("no blank line after the definition")?;
    let mut play = Play::new(header)?;
    play.out = format!("{header}\n");
    for line in blocks.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            let _ = writeln!(play.out, "\n> {command}");
            play.line(command)?;
        }
    }
    Ok(Played {
        text: play.out,
        journal: play.journal,
    })
}

impl Play {
    fn new(header: &str) -> Result<Self, String> {
        let at = header.find("\n{").map_or(0, |at| at + 1);
        let (options, definition) = header.split_at(at);
        let machine = asl::parse(definition).map_err(|findings| asl::joined(&findings))?;
        let mut play = Self {
            machine,
            execution: Execution::new(),
            journal: Vec::new(),
            input: "{}".into(),
            seed: 1,
            limits: Limits::default(),
            now: START,
            fired: None,
            out: String::new(),
        };
        for option in options.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = option
                .split_once(": ")
                .ok_or(format!("what is '{option}'?"))?;
            let number = value.parse().unwrap_or_default();
            match name {
                "input" => play.input = value.into(),
                "seed" => play.seed = number,
                "history_events_max" => play.limits.history_events_max = number,
                "payload_bytes_max" => play.limits.payload_bytes_max = number as usize,
                "turn_events_max" => play.limits.turn_events_max = number as usize,
                _ => return Err(format!("what is '{name}'?")),
            }
        }
        Ok(play)
    }

    /// Carries out one line.
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.splitn(3, ' ').filter(|word| !word.is_empty());
        let mut word = || words.next().map(str::to_owned);
        let number = |word: Option<String>| {
            let number = word.as_deref().unwrap_or_default().parse();
            number.map_err(|_| format!("no number in '{line}'"))
        };
        let command = match verb {
            "start" => Command::StartExecution(Box::new(self.identity()?)),
            "at" => {
                self.now = START.plus_seconds(number(word())?);
                return Ok(());
            }
            "fire" => {
                let timers = self.execution.open_timers();
                let next = timers.into_iter().min_by_key(|(timer, at)| (*at, *timer));
                let (timer, due_at) = next.ok_or("no timer runs")?;
                self.now = self.now.max(due_at);
                self.fired = Some((timer, due_at));
                let _ = writeln!(self.out, "  ({} at {})", self.timer(timer), since(due_at));
                Command::TimerFired { timer, due_at }
            }
            "fire-again" => {
                let (timer, due_at) = self.fired.ok_or("no timer has fired")?;
                Command::TimerFired { timer, due_at }
            }
            "continue" => Command::Continue,
            "redrive" | "restart" => Command::RedriveExecution {
                client_token: (!rest.is_empty()).then(|| Text::from(rest)),
                from_start: verb == "restart",
            },
            "stop" => {
                let (error, cause) = rest.split_once(' ').unwrap_or((rest, ""));
                let given = |text: &str| (!text.is_empty()).then(|| Text::from(text));
                Command::StopExecution {
                    error: given(error),
                    cause: given(cause),
                }
            }
            "submitted" | "succeed" => {
                let task = TaskId(EventId(number(word())?));
                let output = rest.split_once(' ').map_or("{}", |(_, output)| output);
                let output = Payload::parse(output).map_err(|error| format!("{line}: {error}"))?;
                match verb {
                    "submitted" => Command::TaskSubmitted { task, output },
                    _ => Command::TaskSucceeded { task, output },
                }
            }
            "fail" | "submit-failed" => {
                let task = TaskId(EventId(number(word())?));
                let (error, cause) = (word().map(Text::from), word().map(Text::from));
                match verb {
                    "fail" => Command::TaskFailed { task, error, cause },
                    _ => Command::TaskSubmitFailed { task, error, cause },
                }
            }
            "take" => Command::TaskTaken {
                task: TaskId(EventId(number(word())?)),
                worker_name: word().map(Text::from),
            },
            "run-succeeded" | "run-failed" => {
                // A run that was redriven twice: `4.2`.
                let name = word().unwrap_or_default();
                let (run, redrives) = name.split_once('.').unwrap_or((&name, "0"));
                let run = MapRunId(EventId(number(Some(run.into()))?));
                let redrives = number(Some(redrives.into()))?;
                match verb {
                    "run-succeeded" => {
                        let output = rest.split_once(' ').map_or("[]", |(_, output)| output);
                        let output =
                            Payload::parse(output).map_err(|error| format!("{line}: {error}"))?;
                        Command::MapRunSucceeded {
                            run,
                            redrives,
                            output,
                        }
                    }
                    _ => {
                        let (error, cause) = (word(), word());
                        let failure = map_run::Failure {
                            error: error.unwrap_or_default().into(),
                            cause: cause.unwrap_or_default().into(),
                        };
                        Command::MapRunFailed {
                            run,
                            redrives,
                            failure,
                        }
                    }
                }
            }
            "beat" => Command::TaskHeartbeat {
                task: TaskId(EventId(number(word())?)),
            },
            _ => return Err(format!("what is '{line}'?")),
        };
        self.carry_out(command)
    }

    fn carry_out(&mut self, command: Command) -> Result<(), String> {
        let before = self.execution.clone();
        let cue = Cue {
            now: self.now,
            seed: self.seed,
            tokens: &Tokens,
            activities: &EveryActivity,
            limits: &self.limits,
        };
        match step(&self.machine, &mut self.execution, command, &cue) {
            Err(rejection) => {
                let _ = writeln!(self.out, "  refused: {rejection}");
                if self.execution != before {
                    return Err("a refused command changed the execution".into());
                }
            }
            Ok(transition) => self.tell(transition),
        }
        if Execution::replay(&self.journal) != self.execution {
            return Err("the replayed execution is another one".into());
        }
        Ok(())
    }

    fn tell(&mut self, transition: Transition) {
        for recorded in transition.events {
            let told = self.event(&recorded);
            self.out.push_str(&told);
            self.journal.push(recorded);
        }
        for effect in transition.effects {
            let told = match effect {
                Effect::ScheduleTask { task, .. } => format!("call {}", task.0),
                Effect::OfferTask { offer, .. } => format!("offer {}", offer.task.0),
                Effect::WithdrawTask { offer } => format!("withdraw {}", offer.task.0),
                Effect::AbandonJob { task } => format!("abandon the job of {}", task.0),
                Effect::SettleTask { task } => format!("settle {}", task.0),
                Effect::StartTimer { timer, due_at } => {
                    format!("start {} at {}", self.timer(timer), since(due_at))
                }
                Effect::CancelTimer { timer, due_at } => {
                    format!("cancel {} at {}", self.timer(timer), since(due_at))
                }
                Effect::StartMapRun { run, start } => format!(
                    "start map run {} of {:?}, {:?}",
                    run.0, start.items, start.settings
                ),
                Effect::AbortMapRun { run, redrives: 0 } => format!("abort map run {}", run.0),
                Effect::AbortMapRun { run, redrives } => {
                    format!("abort map run {}.{redrives}", run.0)
                }
                Effect::RedriveMapRun { run, redrives } => {
                    format!("redrive map run {}.{redrives}", run.0)
                }
                Effect::Continue => "continue".into(),
                Effect::AnnounceClosed => "announce the end".into(),
            };
            let _ = writeln!(self.out, "       => {told}");
        }
    }

    fn event(&self, recorded: &Recorded) -> String {
        let public = |recorded: &&Recorded| recorded.event.is_public();
        let id = EventId(self.journal.iter().filter(public).count() as u64 + 1);
        let view = View {
            region: "eu-west-1",
            include_data: true,
        };
        let Some(shown) = history_event(id, recorded, view) else {
            return match &recorded.event {
                Event::RetryScheduled {
                    frame,
                    retrier,
                    due_at,
                    ..
                } => {
                    let (frame, due) = (frame.0, since(*due_at));
                    format!("     -  RetryScheduled state {frame}, retrier {retrier}, at {due}\n")
                }
                Event::HeartbeatReceived { heartbeat_at, .. } => {
                    let next = heartbeat_at.map(since).unwrap_or_default();
                    format!("     -  HeartbeatReceived, next by {next}\n")
                }
                Event::WaitStarted { due_at, .. } => {
                    format!("     -  WaitStarted, until {}\n", since(*due_at))
                }
                Event::BranchSucceeded { scope, output, .. } => {
                    format!("     -  BranchSucceeded {} {output:?}\n", scope.index)
                }
                Event::StateFailed { frame } => format!("     -  StateFailed {}\n", frame.0),
                other => format!("     -  {other:?}\n"),
            };
        };
        let kind = shown["type"].as_str().unwrap_or_default();
        let previous = &shown["previousEventId"];
        let mut told = format!("  {:>3} <{previous:<3} {kind}", id.0);
        if let Some(details) = details(&shown) {
            let _ = write!(told, " {details}");
        }
        told.push('\n');
        told
    }

    fn timer(&self, timer: Timer) -> String {
        match timer.kind {
            TimerKind::Execution => "Execution".into(),
            kind => format!("{kind:?} of {}", timer.of),
        }
    }

    fn identity(&self) -> Result<Identity, String> {
        let arn = "arn:aws:states:eu-west-1:123456789012";
        let seconds = self
            .machine
            .timeout_seconds
            .unwrap_or(vocab::limits::EXECUTION_SECONDS_MAX);
        Ok(Identity {
            execution_arn: format!("{arn}:execution:m:e").into(),
            name: "e".into(),
            state_machine_arn: format!("{arn}:stateMachine:m").into(),
            state_machine_name: "m".into(),
            role_arn: "r".into(),
            input: Payload::parse(&self.input).map_err(|error| error.to_string())?,
            deadline: START.plus_seconds(seconds),
            trace_header: None,
            region: "eu-west-1".into(),
            version_arn: None,
            alias_arn: None,
        })
    }
}

/// Returns the details of an event without what they always say.
fn details(shown: &Value) -> Option<Value> {
    let members = shown.as_object()?;
    let (_, details) = members
        .iter()
        .find(|(name, _)| name.ends_with("EventDetails"))?;
    let mut details = details.clone();
    if let Some(members) = details.as_object_mut() {
        let always = [
            "assignedVariablesDetails",
            "inputDetails",
            "outputDetails",
            "region",
            "resourceType",
            "roleArn",
        ];
        members.retain(|name, _| !always.contains(&name.as_str()));
    }
    Some(details)
}

pub fn since(moment: Timestamp) -> String {
    let millis = moment.as_millis() - START.as_millis();
    match millis % 1000 {
        0 => format!("{}s", millis / 1000),
        _ => format!("{}.{:03}s", millis / 1000, millis % 1000),
    }
}
