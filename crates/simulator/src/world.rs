//! One run: a definition, a shell, and everything that can go wrong around it.

use std::collections::VecDeque;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine_core::{
    Command, Completion, Event, Identity, Limits, MapRunId, Payload, Status, TaskId, TaskResource,
    Text, Timer, TimerKind,
};
use serde_json::json;
use vocab::{Entropy, Timestamp};

use crate::definition::{ERRORS, definition};
use crate::map_runs::{MapRuns, Next};
use crate::rules::Rules;
use crate::shell::{Reply, Shell};
use crate::store::Fate;
use crate::told::{Broken, Told, Troubles};

/// Steps of the storm that an execution which has ended still sees.
const AFTER_THE_END: u32 = 20;

/// Most commands of a run after the storm: far more than any definition of ours takes.
const CALM_COMMANDS_MAX: u32 = 20_000;

/// Runs the world of `seed`.
pub fn run(seed: u64, troubles: &Troubles) -> Result<Told, Broken> {
    let mut entropy = Entropy::from_seed(seed);
    let text = definition(&mut entropy, troubles.size).to_string();
    live(text, seed, entropy, troubles)
}

/// Lets an execution of the definition `text` live.
fn live(
    text: String,
    seed: u64,
    mut entropy: Entropy,
    troubles: &Troubles,
) -> Result<Told, Broken> {
    let machine = match asl::parse(&text) {
        Ok(machine) => machine,
        Err(findings) => {
            let why = format!("the definition is refused: {}", asl::joined(&findings));
            return Err(Broken {
                why,
                story: vec![text],
            });
        }
    };
    let limits = Limits {
        // Sometimes turns are short, and sometimes the history is.
        turn_events_max: if entropy.below(3) == 0 { 4 } else { 1_000 },
        history_events_max: if entropy.below(20) == 0 { 40 } else { 25_000 },
        ..Limits::default()
    };
    let mut world = World {
        shell: Shell::new(&machine, limits),
        rules: Rules::default(),
        entropy,
        now: START,
        mail: VecDeque::new(),
        map_runs: MapRuns::default(),
        redrives_left: 0,
        troubles,
        calm: false,
        story: vec![text],
        told: Told {
            status: Status::Running,
            commands: 0,
            events: 0,
            redrives: 0,
            crashes: 0,
            refused: 0,
            children: 0,
            fingerprint: seed,
            story: Vec::new(),
        },
    };
    // A panic is a broken rule too, and has a story.
    let live = AssertUnwindSafe(|| world.live(machine.timeout_seconds));
    let lived = catch_unwind(live).unwrap_or_else(|_| Err("a panic".into()));
    match lived {
        Ok(()) => Ok(Told {
            story: world.story,
            ..world.told
        }),
        Err(why) => Err(Broken {
            why,
            story: world.story,
        }),
    }
}

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
struct World<'a> {
    shell: Shell<'a>,
    rules: Rules,
    entropy: Entropy,
    now: Timestamp,
    /// Commands on their way.
    mail: VecDeque<Command>,
    map_runs: MapRuns,
    /// How often a caller will still redrive the execution.
    redrives_left: u64,
    troubles: &'a Troubles,
    calm: bool,
    story: Vec<String>,
    told: Told,
}

impl World<'_> {
    fn live(&mut self, timeout_seconds: Option<u64>) -> Result<(), String> {
        let seconds = timeout_seconds.unwrap_or(vocab::limits::EXECUTION_SECONDS_MAX);
        let identity = Identity {
            execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:m:e".into(),
            name: "e".into(),
            state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:m".into(),
            state_machine_name: "m".into(),
            role_arn: "arn:aws:iam::123456789012:role/r".into(),
            input: Payload::from_value(json!({"n": self.entropy.below(10)})),
            deadline: START.plus_seconds(seconds),
            trace_header: None,
            region: "eu-west-1".into(),
            version_arn: None,
            alias_arn: None,
        };
        // The caller tries again until it is told.
        while self.shell.rows.journal.is_empty() {
            self.send(Command::StartExecution(Box::new(identity.clone())))?;
        }
        if self.troubles.redrives && self.entropy.below(2) == 0 {
            self.redrives_left = 1 + self.entropy.below(4);
        }
        let mut after_the_end = AFTER_THE_END;
        for _ in 0..self.troubles.storm {
            self.something_happens()?;
            if self.is_over() {
                // What comes too late comes, but not for the rest of the storm.
                after_the_end -= 1;
            } else {
                after_the_end = AFTER_THE_END;
            }
            if after_the_end == 0 {
                break;
            }
        }
        self.calm = true;
        for _ in 0..CALM_COMMANDS_MAX {
            if !self.is_over() {
                self.what_is_due_happens()?;
            } else if !self.redrive()? {
                return self.after_the_end();
            }
        }
        Err("the execution does not end".into())
    }

    fn is_over(&mut self) -> bool {
        self.shell.execution().closed().is_some()
    }

    /// Nothing that comes after the end changes anything.
    fn after_the_end(&mut self) -> Result<(), String> {
        let tasks: Vec<TaskId> = self.rules.tasks().iter().copied().collect();
        for task in tasks {
            let output = Payload::empty_object();
            self.send(Command::TaskSucceeded { task, output })?;
        }
        self.told.status = self.shell.execution().status();
        if let Some((_, outcome)) = self.shell.execution().closed().cloned() {
            self.note(format!("{outcome:?}"));
        }
        self.told.events = self.shell.rows.journal.len();
        for event in self.shell.rows.journal.iter().flatten() {
            let mixed = self.told.fingerprint.rotate_left(5) ^ u64::from(*event);
            self.told.fingerprint = mixed.wrapping_mul(0x100_0000_01b3);
        }
        Ok(())
    }

    /// One step of the storm.
    fn something_happens(&mut self) -> Result<(), String> {
        let troubles = *self.troubles;
        match self.entropy.below(25) {
            0..=5 => self.call(),
            6..=10 => self.deliver(),
            11..=13 => self.fire(),
            14 | 15 => self.answer_something(),
            16 => self.beat(),
            17 if self.shell.rows.go_on => self.send(Command::Continue),
            18 if troubles.crashes => {
                self.note("crash".into());
                self.told.crashes += 1;
                self.shell.crash();
                Ok(())
            }
            19 if troubles.clock => {
                let millis = self.entropy.below(100_000) as i64 - 30_000;
                self.now = self.now.plus_millis(millis);
                self.note(format!("the clock jumps by {millis} ms"));
                Ok(())
            }
            20 if troubles.stops && self.entropy.below(25) == 0 => {
                let error = (self.entropy.below(2) == 0).then(|| Text::from("Stopped"));
                self.send(Command::StopExecution { error, cause: None })
            }
            21 if troubles.messages => self.stale_timer(),
            22 => self.map_run(),
            23 if self.entropy.below(4) == 0 => self.redrive().map(drop),
            _ => {
                self.now = self.now.plus_millis(self.entropy.below(3_000) as i64);
                Ok(())
            }
        }
    }

    /// One step in fair weather: whatever is due, in a fixed order.
    fn what_is_due_happens(&mut self) -> Result<(), String> {
        if self.shell.rows.go_on {
            return self.send(Command::Continue);
        }
        if let Some(command) = self.mail.pop_front() {
            return self.send(command);
        }
        if let Some(task) = self.shell.rows.outbox.keys().next().copied() {
            return self.call_of(task);
        }
        if !self.shell.rows.map_runs.is_empty() {
            return self.map_run();
        }
        let waiting: Option<TaskId> = self
            .rules
            .tasks()
            .iter()
            .copied()
            .find(|task| self.rules.is_open(*task));
        if let Some(task) = waiting {
            let output = Payload::from_value(json!({"answer": "calm"}));
            return self.send(Command::TaskSucceeded { task, output });
        }
        let timers = &self.shell.rows.timers;
        let only_the_end = timers.len() == 1;
        match timers.first().copied() {
            Some((_, timer)) if only_the_end && timer.kind == TimerKind::Execution => {
                Err("the execution waits for nothing but the end of its time".into())
            }
            Some((due_at, timer)) => {
                self.now = self.now.max(due_at);
                self.send(Command::TimerFired { timer, due_at })
            }
            None => Err("nothing is left to happen, and the execution runs".into()),
        }
    }

    /// The dispatcher makes a call from the outbox, perhaps one that was made before.
    fn call(&mut self) -> Result<(), String> {
        let tasks: Vec<TaskId> = self.shell.rows.outbox.keys().copied().collect();
        match self.pick(&tasks) {
            Some(task) => self.call_of(task),
            None => Ok(()),
        }
    }

    fn call_of(&mut self, task: TaskId) -> Result<(), String> {
        let call = self.shell.rows.call(task).ok_or("a call without a row")?;
        let fails = self.troubles.failures && !self.calm && self.entropy.below(5) == 0;
        if let TaskResource::Activity { .. } = call.description.resource {
            // A worker comes for the task; what it was told may get lost like any other answer.
            let worker_name = (!fails).then(|| Text::from("worker"));
            return self.send(Command::TaskTaken { task, worker_name });
        }
        let command = match (call.description.completion, fails) {
            (Completion::OnReturn, false) => Command::TaskSucceeded {
                task,
                output: self.output(),
            },
            (Completion::OnReturn, true) => self.failure(task),
            (Completion::OnToken | Completion::OnJob, false) => {
                let output = Payload::from_value(json!({"accepted": task.0.0}));
                Command::TaskSubmitted { task, output }
            }
            (Completion::OnToken | Completion::OnJob, true) => match self.failure(task) {
                Command::TaskFailed { task, error, cause } => {
                    Command::TaskSubmitFailed { task, error, cause }
                }
                other => other,
            },
        };
        self.mail.push_back(command);
        Ok(())
    }

    fn output(&mut self) -> Payload {
        match self.entropy.below(5) {
            0 => Payload::from_value(json!({"n": self.entropy.below(10), "größe": "\u{1f980}"})),
            1 => Payload::from_value(json!([1, 2.5, null])),
            2 => Payload::from_value("plain text".into()),
            3 if self.entropy.below(8) == 0 => Payload::from_value("x".repeat(262_145).into()),
            _ => Payload::empty_object(),
        }
    }

    fn failure(&mut self, task: TaskId) -> Command {
        let error = match self.entropy.below(4) {
            3 => None,
            at => Some(Text::from(ERRORS[at as usize])),
        };
        Command::TaskFailed {
            task,
            error,
            cause: Some("the weather".into()),
        }
    }

    /// A message arrives: not always the oldest, sometimes twice, sometimes never.
    fn deliver(&mut self) -> Result<(), String> {
        if self.mail.is_empty() {
            return Ok(());
        }
        let at = if self.troubles.messages {
            self.entropy.below(self.mail.len() as u64)
        } else {
            0
        };
        let Some(command) = self.mail.remove(at as usize) else {
            return Ok(());
        };
        match self.entropy.below(10) {
            0 if self.troubles.messages => {
                self.note(format!("lost: {command:?}"));
                return Ok(());
            }
            1 if self.troubles.messages => self.mail.push_back(command.clone()),
            _ => {}
        }
        self.send(command)
    }

    /// Somebody answers a task: the holder of an open token, or of one that is long dead.
    fn answer_something(&mut self) -> Result<(), String> {
        let tasks: Vec<TaskId> = self.rules.tasks().iter().copied().collect();
        let Some(task) = self.pick(&tasks) else {
            return Ok(());
        };
        let command = match self.entropy.below(3) {
            0 if self.troubles.failures && self.entropy.below(2) == 0 => self.failure(task),
            _ => Command::TaskSucceeded {
                task,
                output: self.output(),
            },
        };
        self.mail.push_back(command);
        Ok(())
    }

    /// A map run takes a step.
    fn map_run(&mut self) -> Result<(), String> {
        let runs: Vec<MapRunId> = self.shell.rows.map_runs.keys().copied().collect();
        let Some(run) = self.pick(&runs) else {
            return Ok(());
        };
        let start = self.shell.rows.map_run(run).ok_or("a run without a row")?;
        let redrives = self.shell.rows.redrives_of(run);
        match self
            .map_runs
            .step((run, redrives), &start, &mut self.entropy)
        {
            Next::Nothing => {}
            Next::Child(state) => {
                let status = self.child(&state)?;
                self.map_runs.child_ended(run, status);
            }
            Next::Tell(command) => self.send(command)?,
        }
        self.map_runs.check(run)
    }

    /// A child of a Map state lives in a world of its own, where it storms for a shorter time.
    fn child(&mut self, state: &str) -> Result<Status, String> {
        let text = self.story.first().map_or("", String::as_str);
        let text = asl::child_definition(text, state).ok_or("a child without a definition")?;
        let troubles = Troubles {
            storm: self.troubles.storm / 4,
            ..*self.troubles
        };
        let seed = self.entropy.next_u64();
        match live(text, seed, Entropy::from_seed(seed), &troubles) {
            Ok(told) => {
                self.note(format!("a child of '{state}' is {}", told.status.name()));
                self.told.crashes += told.crashes;
                self.told.children += 1 + told.children;
                Ok(told.status)
            }
            Err(Broken { why, story }) => Err(format!("a child: {}\n{why}", story.join("\n"))),
        }
    }

    /// A caller redrives the execution, if any still wants to; says whether that was tried.
    fn redrive(&mut self) -> Result<bool, String> {
        let succeeded = self.shell.execution().status() == Status::Succeeded;
        if self.redrives_left == 0 || (self.calm && succeeded) {
            return Ok(false);
        }
        self.redrives_left -= 1;
        let command = Command::RedriveExecution {
            client_token: None,
            from_start: false,
        };
        let may = self.shell.may_be_redriven(self.now);
        let before = self.shell.execution().redrives();
        let sent = self.told.refused;
        self.send(command)?;
        if self.told.refused > sent && may {
            return Err("a redrive was refused without a reason".into());
        }
        self.told.redrives += self.shell.execution().redrives() - before;
        Ok(true)
    }

    fn beat(&mut self) -> Result<(), String> {
        let tasks: Vec<TaskId> = self.rules.tasks().iter().copied().collect();
        match self.pick(&tasks) {
            Some(task) => self.send(Command::TaskHeartbeat { task }),
            None => Ok(()),
        }
    }

    /// The timer wheel fires what is due, if anything is.
    fn fire(&mut self) -> Result<(), String> {
        let due: Vec<(Timestamp, Timer)> = self
            .shell
            .rows
            .timers
            .iter()
            .take_while(|(at, _)| *at <= self.now)
            .copied()
            .collect();
        match self.pick(&due) {
            Some((due_at, timer)) => self.send(Command::TimerFired { timer, due_at }),
            None => Ok(()),
        }
    }

    /// A timer that never was, or no longer is.
    fn stale_timer(&mut self) -> Result<(), String> {
        let kinds = [
            TimerKind::Execution,
            TimerKind::TaskTimeout,
            TimerKind::TaskHeartbeat,
            TimerKind::Retry,
            TimerKind::Wait,
        ];
        let kind = kinds[self.entropy.below(5) as usize];
        let of = engine_core::EventId(self.entropy.below(30));
        let due_at = self.now.plus_millis(-(self.entropy.below(5_000) as i64));
        self.send(Command::TimerFired {
            timer: Timer { kind, of },
            due_at,
        })
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        among
            .get(self.entropy.below(among.len() as u64) as usize)
            .copied()
    }

    /// Sends a command to the shell and holds the world against the rules.
    fn send(&mut self, command: Command) -> Result<(), String> {
        self.told.commands += 1;
        let fate = self.fate();
        let answers = answered_task(&command);
        let returns = matches!(
            command,
            Command::TaskSubmitted { .. } | Command::TaskSubmitFailed { .. }
        );
        // A call that was made twice returns twice; the second return is no answer.
        let was_open = answers.is_none_or(|task| {
            self.rules.is_open(task) && !(returns && self.rules.is_submitted(task))
        });
        let mut line = format!("{} {command:?}", self.now);
        if fate != Fate::Written {
            let _ = write!(line, " [{fate:?}]");
        }
        let before = self.shell.rows.journal.len();
        let is_timer = matches!(command, Command::TimerFired { .. });
        let timer_ran = match &command {
            Command::TimerFired { timer, due_at } => {
                self.shell.rows.timers.contains(&(*due_at, *timer))
            }
            _ => true,
        };
        let reply = self
            .shell
            .carry_out(command, self.now, self.entropy.next_u64(), fate);
        let _ = write!(line, " -> {}", shown(&reply));
        self.note(line);
        self.told.refused += u64::from(matches!(reply, Reply::Refused(_)));
        if is_timer && !timer_ran && !matches!(reply, Reply::Refused(_)) {
            return Err("a timer that does not run was obeyed".into());
        }
        if self.shell.rows.journal.len() > before && !was_open {
            return Err("an answer to a task that does not wait changed something".into());
        }
        let live = self.shell.execution().clone();
        self.rules.check(&self.shell.rows, &live)?;
        match &reply {
            Reply::Done(transition) => self.rules.check_transition(transition),
            Reply::Refused(_) if self.shell.rows.journal.len() != before => {
                Err("a refused command changed something".into())
            }
            Reply::Refused(_) | Reply::Silence => Ok(()),
        }
    }

    fn fate(&mut self) -> Fate {
        if self.calm || !self.troubles.crashes {
            return Fate::Written;
        }
        match self.entropy.below(12) {
            0 => Fate::Lost,
            1 => Fate::WrittenUnheard,
            _ => Fate::Written,
        }
    }

    fn note(&mut self, line: String) {
        self.story.push(line);
    }
}

fn answered_task(command: &Command) -> Option<TaskId> {
    match command {
        Command::TaskSubmitted { task, .. }
        | Command::TaskSubmitFailed { task, .. }
        | Command::TaskSucceeded { task, .. }
        | Command::TaskFailed { task, .. }
        | Command::TaskTaken { task, .. }
        | Command::TaskHeartbeat { task } => Some(*task),
        Command::StartExecution(_)
        | Command::MapRunSucceeded { .. }
        | Command::MapRunFailed { .. }
        | Command::TimerFired { .. }
        | Command::StopExecution { .. }
        | Command::RedriveExecution { .. }
        | Command::Continue => None,
    }
}

fn shown(reply: &Reply) -> String {
    match reply {
        Reply::Silence => "silence".into(),
        Reply::Refused(rejection) => format!("refused: {rejection}"),
        Reply::Done(transition) => {
            let name = |event: &Event| {
                let debug = format!("{event:?}");
                debug
                    .split([' ', '('])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            let names: Vec<String> = transition
                .events
                .iter()
                .map(|recorded| name(&recorded.event))
                .collect();
            names.join(" ")
        }
    }
}
