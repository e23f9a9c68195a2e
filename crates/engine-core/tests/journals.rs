//! Journals outlive the release that wrote them: those of every format are kept, and replay to the
//! states that they had. `STEPD_UPDATE=1` writes those that are missing; one that is there is never
//! written again.

mod play;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use engine_core::{
    Assignment, Completion, Event, EventId, Execution, FrameId, Identity, MapRunId, Payload,
    Recorded, Scope, StateType, TaskDescription, TaskResource, Text, Waiting,
};
use vocab::Timestamp;

/// The histories of `tests/histories` whose journals are kept: together they use every event.
const KEPT: [&str; 23] = [
    "callback",
    "callback_failure",
    "callback_heartbeat",
    "execution_timeout",
    "evaluation_failed",
    "fail_in_branch",
    "map",
    "map_run",
    "map_run_aborted",
    "nested_failure",
    "parallel",
    "parallel_retry",
    "redrive",
    "redrive_map",
    "redrive_map_run",
    "redrive_nested",
    "redrive_selector",
    "retry_counters",
    "stop",
    "unicode",
    "variables",
    "variables_scopes",
    "wait",
];

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpus/journals")
        .join(version)
}

#[test]
fn kept_journals_replay_to_their_states() {
    let folder = folder("v1");
    if env::var_os("STEPD_UPDATE").is_some() {
        write_missing(&folder);
    }
    let mut seen = BTreeSet::new();
    for name in KEPT {
        let bytes = fs::read(folder.join(format!("{name}.cbor"))).expect(name);
        let journal = decode(&bytes);
        seen.extend(journal.iter().map(|recorded| number(&recorded.event)));
        let expected = fs::read_to_string(folder.join(format!("{name}.txt"))).expect(name);
        for (made, expected) in states(&journal).lines().zip(expected.lines()) {
            assert_eq!(made, expected, "{name}");
        }
        assert_eq!(
            states(&journal).lines().count(),
            expected.lines().count(),
            "{name}"
        );
    }
    let all: BTreeSet<usize> = samples().iter().map(number).collect();
    assert_eq!(seen, all, "every event is in some kept journal");
}

fn write_missing(folder: &Path) {
    fs::create_dir_all(folder).expect("the folder of journals can be made");
    for name in KEPT {
        let file = folder.join(format!("{name}.cbor"));
        if file.exists() {
            continue;
        }
        let history = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
        let text = fs::read_to_string(history.join(format!("{name}.txt"))).expect(name);
        let journal = play::play(&text).expect(name).journal;
        fs::write(file, encode(&journal)).expect(name);
        fs::write(folder.join(format!("{name}.txt")), states(&journal)).expect(name);
    }
}

/// A CBOR sequence: one item an event.
fn encode(journal: &[Recorded]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for recorded in journal {
        minicbor::encode(recorded, &mut bytes).expect("writing to memory does not fail");
    }
    bytes
}

fn decode(bytes: &[u8]) -> Vec<Recorded> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let mut journal = Vec::new();
    while decoder.position() < bytes.len() {
        journal.push(
            decoder
                .decode()
                .expect("an event of a kept journal decodes"),
        );
    }
    journal
}

/// Returns the state after each event, a line each.
fn states(journal: &[Recorded]) -> String {
    let mut execution = Execution::new();
    let mut text = String::new();
    for recorded in journal {
        execution.apply(recorded);
        let _ = write!(
            text,
            "#{} {}",
            execution.last_event(),
            execution.status().name()
        );
        if let Some((at, outcome)) = execution.closed() {
            let _ = write!(text, " at {} {outcome:?}", play::since(*at));
        }
        for (id, frame) in execution.frames() {
            let scope = match frame.scope.owner {
                None => String::new(),
                Some(owner) => format!(" in {}.{}", owner.0, frame.scope.index),
            };
            let _ = write!(
                text,
                " | {} {} {}{scope} tail {} retries {:?} input {:?} {}",
                id.0,
                frame.state_type.name(),
                frame.name,
                frame.tail,
                frame.retries,
                frame.input,
                waiting(&frame.waiting)
            );
        }
        for (scope, variables) in execution.variables() {
            let owner = scope.owner.map_or(0, |owner| owner.0.0);
            let _ = write!(text, " | ${owner}.{} {variables:?}", scope.index);
        }
        text.push('\n');
    }
    text
}

fn waiting(waiting: &Waiting) -> String {
    let moment = |at: &Option<Timestamp>| at.map(play::since).unwrap_or_default();
    match waiting {
        Waiting::Turn => "ready".into(),
        Waiting::Task {
            task,
            stage,
            completion,
            timeout_at,
            heartbeat_at,
            ..
        } => format!(
            "task {} {stage:?} {completion:?} timeout {} heartbeat {}",
            task.0,
            moment(timeout_at),
            moment(heartbeat_at)
        ),
        Waiting::Retry { due_at } => format!("retry at {}", play::since(*due_at)),
        Waiting::Timer { due_at } => format!("until {}", play::since(*due_at)),
        Waiting::MapRun { run } => format!("map run {:?}", run.map(|run| run.0.0)),
        Waiting::Branches { outputs } => format!("branches {outputs:?}"),
        Waiting::Iterations {
            items,
            input,
            concurrency,
            next,
            open,
            outputs,
            pairs,
            again,
        } => {
            let open: Vec<u32> = open.keys().copied().collect();
            let again = match again.is_empty() {
                true => String::new(),
                false => format!(" again {again:?}"),
            };
            let pairs = if *pairs { "pairs" } else { "items" };
            format!(
                "{pairs} {items:?} input {input:?} at once {concurrency} next {next}{again} open {open:?} {outputs:?}"
            )
        }
    }
}

#[test]
fn every_event_survives_the_journal() {
    let samples = samples();
    let numbers: BTreeSet<usize> = samples.iter().map(number).collect();
    assert_eq!(
        numbers,
        (0..numbers.len()).collect(),
        "there is a sample of every event"
    );
    for event in samples {
        let at = Timestamp::from_millis(1_700_000_000_123);
        let recorded = Recorded {
            previous: EventId(7),
            at,
            event,
        };
        let bytes = encode(std::slice::from_ref(&recorded));
        assert_eq!(decode(&bytes), [recorded]);
    }
}

/// Returns the number that an event has in journals. A new event needs a line here, and a sample.
fn number(event: &Event) -> usize {
    match event {
        Event::ExecutionStarted(_) => 0,
        Event::StateEntered { .. } => 1,
        Event::StateExited { .. } => 2,
        Event::TaskScheduled { .. } => 3,
        Event::TaskStarted { .. } => 4,
        Event::TaskSubmitted { .. } => 5,
        Event::HeartbeatReceived { .. } => 6,
        Event::TaskSucceeded { .. } => 7,
        Event::TaskFailed { .. } => 8,
        Event::TaskTimedOut { .. } => 9,
        Event::RetryScheduled { .. } => 10,
        Event::WaitStarted { .. } => 11,
        Event::ParallelStarted { .. } => 12,
        Event::BranchSucceeded { .. } => 13,
        Event::ParallelSucceeded { .. } => 14,
        Event::ParallelFailed { .. } => 15,
        Event::MapStarted { .. } => 16,
        Event::IterationStarted { .. } => 17,
        Event::IterationSucceeded { .. } => 18,
        Event::IterationFailed { .. } => 19,
        Event::IterationAborted { .. } => 20,
        Event::MapSucceeded { .. } => 21,
        Event::MapFailed { .. } => 22,
        Event::StateAborted { .. } => 23,
        Event::ExecutionSucceeded { .. } => 24,
        Event::ExecutionFailed { .. } => 25,
        Event::ExecutionAborted { .. } => 26,
        Event::ExecutionTimedOut => 27,
        Event::StateFailed { .. } => 28,
        Event::EvaluationFailed { .. } => 29,
        Event::DistributedMapStarted { .. } => 30,
        Event::MapRunStarted { .. } => 31,
        Event::MapRunSucceeded { .. } => 32,
        Event::MapRunFailed { .. } => 33,
        Event::MapRunAborted { .. } => 34,
        Event::ExecutionRedriven { .. } => 35,
        Event::MapRunRedriven { .. } => 36,
    }
}

/// Returns events of every kind, with their optional fields there and not there.
fn samples() -> Vec<Event> {
    let frame = FrameId(EventId(300));
    let (name, text) = (Text::from("Prüfen 审批"), |text: &str| {
        Some(Text::from(text))
    });
    let output = Payload::parse("{\"a\" : [1.0, \"\u{1f40e}\"]}").expect("JSON");
    let at = Timestamp::from_millis(1_700_000_060_000);
    let scope = Scope {
        owner: Some(frame),
        index: 70_000,
    };
    let resources = [
        TaskResource::LambdaFunction {
            arn: "arn:f".into(),
        },
        TaskResource::Activity {
            arn: "arn:a".into(),
        },
        TaskResource::Integration {
            resource_type: "sqs".into(),
            resource: "sendMessage".into(),
        },
    ];
    let identity = |trace_header: Option<Text>| {
        Event::ExecutionStarted(Box::new(Identity {
            execution_arn: "arn:e".into(),
            name: "e".into(),
            state_machine_arn: "arn:m".into(),
            state_machine_name: "m".into(),
            role_arn: "arn:r".into(),
            input: output.clone(),
            deadline: at,
            trace_header,
            region: "eu-west-1".into(),
            version_arn: None,
            alias_arn: None,
        }))
    };
    let mut samples = vec![identity(None), identity(text("Root=1"))];
    let types = [
        StateType::Pass,
        StateType::Task,
        StateType::Choice,
        StateType::Wait,
        StateType::Succeed,
        StateType::Fail,
        StateType::Parallel,
        StateType::Map,
    ];
    for state_type in types {
        let (name, input, output) = (name.clone(), output.clone(), output.clone());
        samples.extend([
            Event::StateEntered {
                name: name.clone(),
                state_type,
                scope: Scope::ROOT,
                input,
            },
            Event::StateExited {
                frame,
                name,
                state_type,
                output: output.clone(),
                assigned: Some(vec![Assignment {
                    name: "größe".into(),
                    value: output.clone(),
                }]),
            },
            Event::StateAborted { frame, state_type },
        ]);
    }
    for (resource, completion) in
        resources
            .into_iter()
            .zip([Completion::OnReturn, Completion::OnToken, Completion::OnJob])
    {
        let task = TaskDescription {
            resource: resource.clone(),
            parameters: output.clone(),
            timeout_seconds: Some(99_999_999),
            heartbeat_seconds: None,
            credentials_role_arn: text("arn:other"),
            completion,
        };
        let r = || resource.clone();
        samples.extend([
            Event::TaskScheduled {
                frame,
                task: Box::new(task),
                timeout_at: Some(at),
            },
            Event::TaskStarted {
                frame,
                heartbeat_at: None,
                resource: r(),
                worker_name: text("w"),
                timeout_at: Some(at),
            },
            Event::TaskSubmitted {
                frame,
                output: output.clone(),
                heartbeat_at: Some(at),
                resource: r(),
            },
            Event::TaskSucceeded {
                frame,
                output: output.clone(),
                resource: r(),
            },
            Event::TaskFailed {
                frame,
                error: text("E"),
                cause: None,
                resource: r(),
            },
            Event::TaskTimedOut {
                frame,
                heartbeat: true,
                resource: r(),
            },
        ]);
    }
    samples.extend([
        Event::HeartbeatReceived {
            frame,
            heartbeat_at: Some(at),
        },
        Event::RetryScheduled {
            frame,
            retrier: 2,
            due_at: at,
            failed_at: EventId(9),
        },
        Event::WaitStarted { frame, due_at: at },
        Event::ParallelStarted { frame, branches: 3 },
        Event::BranchSucceeded {
            scope,
            output: output.clone(),
            last: EventId(9),
        },
        Event::ParallelSucceeded { frame },
        Event::ParallelFailed { frame },
        Event::MapStarted {
            frame,
            items: output.clone(),
            length: 2,
            concurrency: 0,
            input: None,
            pairs: Some(true),
        },
        Event::IterationStarted {
            scope,
            name: name.clone(),
        },
        Event::IterationSucceeded {
            scope,
            name: name.clone(),
            output: output.clone(),
            last: EventId(9),
        },
        Event::IterationFailed {
            scope,
            name: name.clone(),
        },
        Event::IterationAborted {
            scope,
            name: name.clone(),
        },
        Event::EvaluationFailed {
            frame,
            state: name,
            error: "States.QueryEvaluationError".into(),
            cause: "C".into(),
            location: "Output/größe[0]".into(),
        },
        Event::MapSucceeded { frame },
        Event::MapFailed { frame },
        Event::ExecutionSucceeded { output },
        Event::ExecutionFailed {
            error: text("E"),
            cause: text("C"),
        },
        Event::ExecutionAborted {
            error: None,
            cause: None,
        },
        Event::ExecutionTimedOut,
        Event::StateFailed { frame },
        Event::DistributedMapStarted {
            frame,
            length: 100_000,
        },
        Event::MapRunStarted {
            frame,
            map_run_arn: "arn:run".into(),
        },
        Event::MapRunSucceeded { frame },
        Event::MapRunFailed {
            frame,
            error: "E".into(),
            cause: "C".into(),
        },
        Event::MapRunAborted { frame },
        Event::ExecutionRedriven {
            frame,
            count: 2,
            deadline: Timestamp::from_millis(1_700_000_000_000),
            client_token: text("token"),
            anew: Some(true),
        },
        Event::ExecutionRedriven {
            frame,
            count: 1,
            deadline: Timestamp::from_millis(1_700_000_000_000),
            client_token: None,
            anew: None,
        },
        Event::MapRunRedriven {
            frame,
            run: MapRunId(EventId(12)),
            map_run_arn: "arn:aws:states:eu-west-1:123456789012:mapRun:m/L:u".into(),
            count: 3,
        },
    ]);
    samples
}
