//! The interpreter under a random definition and a random sequence of commands.
//!
//! Held after every command: the simulator's [`rules`](crate::rules) (the events read back from disk
//! fold to the same state, numbers and predecessors are in order, rows are those of what is open); the
//! same arguments give the same answer; a refused command changes nothing; the events of a turn and of
//! a history are bounded.

use engine_core::history::{View, history_event};
use engine_core::{
    Command, Cue, EventId, EveryActivity, Execution, Identity, Limits, Payload, TaskId, Text, step,
};
use vocab::Timestamp;

use super::bytes::Bytes;
use super::machines;
use crate::rules::Rules;
use crate::shell::{PlainTokens, Reply, Shell};
use crate::store::Fate;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Commands of one run.
const COMMANDS_MAX: usize = 120;

/// Most events of a history and of a turn here: few, so that runs reach them.
const HISTORY_EVENTS_MAX: u64 = 300;
const TURN_EVENTS_MAX: usize = 40;

fn limits() -> Limits {
    Limits {
        payload_bytes_max: 2_000,
        history_events_max: HISTORY_EVENTS_MAX,
        turn_events_max: TURN_EVENTS_MAX,
        ..Limits::default()
    }
}

/// What one state may add to a full turn: a Map state of few items, and the ends of all that runs.
const STATE_EVENTS_MAX: usize = 300;

const OUTPUTS: [&str; 6] = [
    r#"{"a":1,"list":[1,2,3],"n":2}"#,
    "{}",
    "null",
    r#"{"a":"text","list":{},"n":-1}"#,
    "[[1],[2]]",
    "1.0",
];

/// The first bytes make the definition, the others the commands.
pub fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let definition = machines::definition(&mut bytes).to_string();
    // As an execution loads it: what the validator would refuse (a state that nothing leads to) runs too.
    let Some(machine) = asl::load(&definition) else {
        return;
    };
    let (mut shell, mut rules) = (Shell::new(&machine, limits()), Rules::default());
    let mut now = START;
    let input = *bytes.pick(&OUTPUTS);
    let mut next = Some(Command::StartExecution(Box::new(identity(input))));
    for _ in 0..COMMANDS_MAX {
        let Some(command) = next.take() else { break };
        now = now.plus_millis(i64::from(bytes.below(4)) * 700);
        let before = shell.execution().clone();
        let expected = answer(&machine, &before, &command, now);
        let after = match shell.carry_out(command.clone(), now, 5, Fate::Written) {
            Reply::Done(transition) => {
                let bound = TURN_EVENTS_MAX + STATE_EVENTS_MAX;
                assert!(
                    transition.events.len() <= bound,
                    "a turn is bounded: {definition}"
                );
                assert_eq!(Ok(&transition), expected.as_ref(), "{definition}");
                Some(transition)
            }
            Reply::Refused(rejection) => {
                assert_eq!(Err(&rejection), expected.as_ref(), "{definition}");
                assert_eq!(*shell.execution(), before, "a refusal changes nothing");
                None
            }
            Reply::Silence => unreachable!("every commit is written"),
        };
        let execution = shell.execution().clone();
        if let Some(transition) = after {
            let checked = rules
                .check(&shell.rows, &execution)
                .and_then(|()| rules.check_transition(&transition));
            assert!(
                checked.is_ok(),
                "{checked:?} after {command:?}: {definition}"
            );
        }
        assert!(execution.last_event().0 <= HISTORY_EVENTS_MAX);
        if execution.closed().is_some() && bytes.is_empty() {
            break;
        }
        next = Some(command_of(&mut bytes, &execution, &shell, &rules));
    }
    show(&shell);
}

/// Returns what `step` answers on a copy.
fn answer(
    machine: &asl::StateMachine,
    execution: &Execution,
    command: &Command,
    now: Timestamp,
) -> Result<engine_core::Transition, engine_core::Rejection> {
    let cue = Cue {
        now,
        seed: 5,
        tokens: &PlainTokens,
        activities: &EveryActivity,
        limits: &limits(),
    };
    step(machine, &mut execution.clone(), command.clone(), &cue)
}

fn identity(input: &str) -> Identity {
    Identity {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        name: "e".into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: "r".into(),
        input: Payload::parse(input).expect("the inputs of this file are JSON"),
        deadline: START.plus_seconds(1_000_000),
        trace_header: None,
        region: "us-east-1".into(),
        version_arn: None,
        alias_arn: None,
    }
}

/// Goes on where a turn was cut short; else answers a task, fires a timer, or disturbs.
fn command_of(
    bytes: &mut Bytes<'_>,
    execution: &Execution,
    shell: &Shell<'_>,
    rules: &Rules,
) -> Command {
    if shell.rows.go_on && !bytes.one_in(8) {
        return Command::Continue;
    }
    let timers = execution.open_timers();
    let tasks: Vec<TaskId> = rules.tasks().iter().copied().collect();
    let task = match bytes.below(10) {
        0 | 1 if !tasks.is_empty() => *bytes.pick(&tasks),
        _ => {
            let open = tasks.iter().rev().find(|task| rules.is_open(**task));
            open.copied()
                .unwrap_or(TaskId(EventId(u64::from(bytes.next()))))
        }
    };
    let output = *bytes.pick(&OUTPUTS);
    let output = Payload::parse(output).expect("the outputs of this file are JSON");
    let error = bytes
        .pick(&[Some("E"), Some("F"), Some("States.Runtime"), None])
        .map(Text::from);
    match bytes.below(12) {
        0..=3 => Command::TaskSucceeded { task, output },
        4 => Command::TaskSubmitted { task, output },
        5 => Command::TaskFailed {
            task,
            cause: error.clone(),
            error,
        },
        6 => Command::TaskSubmitFailed {
            task,
            error,
            cause: None,
        },
        7 => Command::TaskHeartbeat { task },
        8..=10 if !timers.is_empty() => {
            let (timer, due_at) = *bytes.pick(&timers);
            Command::TimerFired { timer, due_at }
        }
        11 if bytes.one_in(6) => Command::StopExecution { error, cause: None },
        _ => Command::Continue,
    }
}

/// The history of what happened can be shown.
fn show(shell: &Shell<'_>) {
    let view = View {
        region: "us-east-1",
        include_data: true,
    };
    for (place, recorded) in (1u64..).zip(shell.rows.events()) {
        let _ = history_event(EventId(place), &recorded, view);
    }
}
