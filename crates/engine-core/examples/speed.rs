//! How fast is `step`? `cargo run --release -p engine-core --example speed`

use std::hint::black_box;

use asl::StateMachine;
use engine_core::{
    Command, Cue, Effect, EveryActivity, Execution, Identity, Limits, Payload, SealToken, TaskId,
    step,
};
use vocab::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Tokens;

impl SealToken for Tokens {
    fn seal(&self, task: TaskId) -> String {
        task.0.to_string()
    }
}

fn identity(input: &Payload) -> Identity {
    Identity {
        execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:m:e".into(),
        name: "e".into(),
        state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: "r".into(),
        input: input.clone(),
        deadline: NOW.plus_seconds(1_000_000),
        trace_header: None,
        region: "eu-west-1".into(),
        version_arn: None,
        alias_arn: None,
    }
}

/// Runs a machine whose tasks are answered at once; returns how many events and commands it took.
fn run(machine: &StateMachine, input: &Payload) -> (usize, usize) {
    let limits = Limits {
        history_events_max: u64::MAX,
        ..Limits::default()
    };
    let cue = Cue {
        now: NOW,
        seed: 1,
        tokens: &Tokens,
        activities: &EveryActivity,
        limits: &limits,
    };
    let mut execution = Execution::new();
    let mut waiting = vec![Command::StartExecution(Box::new(identity(input)))];
    let (mut events, mut commands) = (0, 0);
    while let Some(command) = waiting.pop() {
        let transition = step(machine, &mut execution, command, &cue).expect("in order");
        (events, commands) = (events + transition.events.len(), commands + 1);
        for effect in transition.effects {
            match effect {
                Effect::ScheduleTask { task, .. } => {
                    let output = Payload::empty_object();
                    waiting.push(Command::TaskSucceeded { task, output });
                }
                Effect::Continue => waiting.push(Command::Continue),
                Effect::StartMapRun { .. }
                | Effect::AbortMapRun { .. }
                | Effect::RedriveMapRun { .. }
                | Effect::SettleTask { .. }
                | Effect::AbandonJob { .. }
                | Effect::StartTimer { .. }
                | Effect::CancelTimer { .. }
                | Effect::OfferTask { .. }
                | Effect::WithdrawTask { .. }
                | Effect::AnnounceClosed => {}
            }
        }
    }
    assert!(execution.closed().is_some(), "the machine ends");
    (events, commands)
}

fn measure(name: &str, machine: &StateMachine, input: &Payload, rounds: u32) {
    let (events, commands) = run(machine, input);
    #[expect(
        clippy::disallowed_methods,
        reason = "a measurement needs a clock; the core has none"
    )]
    let begun = std::time::Instant::now();
    for _ in 0..rounds {
        black_box(run(black_box(machine), black_box(input)));
    }
    let seconds = begun.elapsed().as_secs_f64() / f64::from(rounds);
    let rate = events as f64 / seconds;
    println!(
        "{name}: {events} events in {commands} turns, {:.1} µs, {rate:.0} events/s",
        seconds * 1e6
    );
}

fn main() {
    let pass = |at: u32| match at {
        5 => r#""P5": {"Type": "Pass", "End": true}"#.to_owned(),
        _ => format!(r#""P{at}": {{"Type": "Pass", "Next": "P{}"}}"#, at + 1),
    };
    let states: Vec<String> = (1..=5).map(pass).collect();
    let five = format!(r#"{{"StartAt": "P1", "States": {{{}}}}}"#, states.join(","));
    let five = asl::parse(&five).expect("a definition");
    measure("five Pass states", &five, &Payload::empty_object(), 20_000);

    let of_map = |state: &str| {
        let text = format!(
            r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", "End": true,
                "ItemProcessor": {{"StartAt": "S", "States": {{"S": {state}}}}}}}}}}}"#
        );
        asl::parse(&text).expect("a definition")
    };
    let pass = of_map(r#"{"Type": "Pass", "End": true}"#);
    let task = of_map(
        r#"{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "TimeoutSeconds": 60, "Parameters": {"t.$": "$$.Task.Token"}, "End": true}"#,
    );
    for items in [1_000, 10_000] {
        let list: Vec<u32> = (0..items).collect();
        let input = Payload::from_value(list.into());
        measure(&format!("Map of {items}, a Pass each"), &pass, &input, 5);
        measure(
            &format!("Map of {items}, a callback each"),
            &task,
            &input,
            5,
        );
    }
}
