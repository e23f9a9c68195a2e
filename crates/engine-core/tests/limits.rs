//! The limits of an execution, at their real size.

use asl::StateMachine;
use engine_core::{
    Command, Cue, Effect, Event, EventId, EveryActivity, Execution, Identity, Limits, Outcome,
    Payload, Recorded, SealToken, TaskId, step,
};
use vocab::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Tokens;

impl SealToken for Tokens {
    fn seal(&self, task: TaskId) -> String {
        task.0.to_string()
    }
}

fn identity(input: Payload) -> Identity {
    Identity {
        execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:m:e".into(),
        name: "e".into(),
        state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: "r".into(),
        input,
        deadline: NOW.plus_seconds(1_000_000),
        trace_header: None,
        region: "eu-west-1".into(),
        version_arn: None,
        alias_arn: None,
    }
}

/// Runs a machine that waits for nobody, turn by turn, until it ends.
fn run(machine: &StateMachine, input: Payload) -> (Execution, Vec<Recorded>) {
    let limits = Limits::default();
    let cue = Cue {
        now: NOW,
        seed: 1,
        tokens: &Tokens,
        activities: &EveryActivity,
        limits: &limits,
    };
    let (mut execution, mut journal) = (Execution::new(), Vec::new());
    let mut next = Some(Command::StartExecution(Box::new(identity(input))));
    while let Some(command) = next.take() {
        let transition =
            step(machine, &mut execution, command, &cue).expect("the command is in order");
        // A turn is bounded, but for what one state does at once.
        assert!(transition.events.len() < limits.turn_events_max + 200);
        journal.extend(transition.events);
        next = transition
            .effects
            .contains(&Effect::Continue)
            .then_some(Command::Continue);
    }
    assert_eq!(Execution::replay(&journal), execution);
    (execution, journal)
}

fn parse(definition: &str) -> StateMachine {
    asl::parse(definition).unwrap_or_else(|findings| panic!("{}", asl::joined(&findings)))
}

/// Measured: the failure is event 25,000, and 24,999 the last ordinary one.
#[test]
fn the_history_holds_25_000_events() {
    let machine = parse(
        r#"{"StartAt": "Loop", "States": {
            "Loop": {"Type": "Choice", "Default": "Out",
                "Choices": [{"Variable": "$.spin", "BooleanEquals": true, "Next": "Loop"}]},
            "Out": {"Type": "Succeed"}}}"#,
    );
    let input = Payload::parse(r#"{"spin":true}"#).expect("JSON");
    let (execution, journal) = run(&machine, input);
    assert_eq!(execution.last_event(), EventId(25_000));
    let [.., before, last] = journal.as_slice() else {
        panic!("two events")
    };
    assert!(
        matches!(before.event, Event::StateExited { .. }),
        "{before:?}"
    );
    assert_eq!(last.previous, EventId(24_999));
    let Event::ExecutionFailed { error, cause } = &last.event else {
        panic!("{last:?}")
    };
    assert_eq!(error.as_deref(), Some("States.Runtime"));
    let text = "The execution reached the maximum number of history events (25000).";
    assert_eq!(cause.as_deref(), Some(text));
}

/// A value that grows by a level with each round stays readable: it ends with an error of its own.
#[test]
fn nesting_is_bounded() {
    let machine = parse(
        r#"{"StartAt": "Nest", "States": {
            "Nest": {"Type": "Pass", "Parameters": {"in.$": "$"}, "Next": "Again"},
            "Again": {"Type": "Choice", "Default": "Out",
                "Choices": [{"Variable": "$.in", "IsPresent": true, "Next": "Nest"}]},
            "Out": {"Type": "Succeed"}}}"#,
    );
    let (execution, _) = run(&machine, Payload::empty_object());
    let Some((_, Outcome::Failed(error, Some(cause)))) = execution.closed() else {
        panic!("{:?}", execution.closed());
    };
    assert_eq!(error.as_deref(), Some("States.Runtime"));
    assert!(
        cause.ends_with("The value is nested more than 120 levels deep."),
        "{cause}"
    );
}

/// One Assign takes as much as one payload, all its variables together.
#[test]
fn one_assign_holds_262_144_bytes() {
    let cases = [(131_072, true), (131_073, false)];
    for (bytes, passes) in cases {
        let text = "x".repeat(bytes - 2);
        let half = "x".repeat(131_070);
        let definition = format!(
            r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Pass", "Assign": {{"a": "{text}", "b": "{half}"}}, "End": true}}}}}}"#
        );
        let (execution, _) = run(&parse(&definition), Payload::empty_object());
        let succeeded = matches!(execution.closed(), Some((_, Outcome::Succeeded(_))));
        assert_eq!(succeeded, passes, "{bytes}");
    }
}

/// Exactly the limit passes; one byte more does not.
#[test]
fn payloads_hold_262_144_bytes() {
    let cases = [(262_144, true), (262_145, false)];
    for (bytes, passes) in cases {
        let text = "x".repeat(bytes - 2);
        let definition = format!(
            r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Pass", "Result": "{text}", "End": true}}}}}}"#
        );
        let (execution, _) = run(&parse(&definition), Payload::empty_object());
        let succeeded = matches!(execution.closed(), Some((_, Outcome::Succeeded(_))));
        assert_eq!(succeeded, passes, "{bytes}");
    }
}
