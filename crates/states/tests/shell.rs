//! The shell over a store in memory: what a caller sees of it, restarts included.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use engine_core::{Command, Limits, Payload, TaskId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use service::{Call, Clock, Failure, Gate, Reply, Site};
use states::{
    CommandError, DefinitionHash, Definitions, ExecutionRef, Shell, ShellOptions, Start,
    TokenSealer,
};
use store::{Batch, MemoryStore, Store};
use vocab::Timestamp;

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:M";

/// A clock that stands still until it is moved.
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// What a function answers: by its name, and every payload that it was called with.
#[derive(Default)]
struct Functions {
    answers: Mutex<HashMap<String, (Option<&'static str>, String)>>,
    calls: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Gate for Functions {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let input: Value = serde_json::from_slice(&call.input).expect("an invocation is JSON");
        let name = input["FunctionName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.calls.lock().push((
            name.clone(),
            String::from_utf8_lossy(&call.payload).into_owned(),
        ));
        let answers = self.answers.lock();
        let (error, payload) = answers.get(&name).ok_or_else(|| {
            Failure::client(
                "ResourceNotFoundException",
                format!("Function not found: {name}"),
            )
            .with_status(404)
        })?;
        let mut output = json!({ "StatusCode": 200, "ExecutedVersion": "$LATEST" });
        if let Some(error) = error {
            output["FunctionError"] = (*error).into();
        }
        Ok(Reply {
            output: output.to_string().into(),
            payload: Bytes::from(payload.clone()),
        })
    }
}

struct World {
    store: Arc<MemoryStore>,
    functions: Arc<Functions>,
    clock: Arc<MovedClock>,
    shell: Shell,
}

impl World {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let functions = Arc::new(Functions::default());
        let clock = Arc::new(MovedClock(AtomicI64::new(1_700_000_000_000)));
        let shell = open(&store, &functions, &clock).await;
        Self {
            store,
            functions,
            clock,
            shell,
        }
    }

    /// Forgets everything but the store.
    async fn restart(&mut self) {
        self.shell.shut_down().await;
        self.shell = open(&self.store, &self.functions, &self.clock).await;
    }

    async fn define(&self, definition: &Value) -> DefinitionHash {
        let text = definition.to_string();
        let hash = Definitions::hash(&text);
        let put = vec![(Definitions::key(&hash), Bytes::from(text))];
        self.store
            .commit(Batch {
                put,
                ..Batch::default()
            })
            .await
            .expect("commits");
        hash
    }

    async fn start(
        &self,
        definition: &Value,
        name: &str,
        input: &str,
    ) -> Result<ExecutionRef, CommandError> {
        let start = Start {
            state_machine_arn: MACHINE.into(),
            state_machine_name: "M".into(),
            name: name.into(),
            definition: self.define(definition).await,
            role_arn: "arn:aws:iam::000000000000:role/R".into(),
            input: Payload::parse(input).expect("JSON"),
            trace_header: None,
            child_of: None,
            express: None,
            started_by: None,
            qualified: None,
            logging: None,
            mocks: None,
        };
        self.shell.start(start).await?;
        Ok(self
            .shell
            .find(MACHINE, name)
            .await
            .expect("reads")
            .expect("has just been started"))
    }

    async fn types(&self, execution: ExecutionRef) -> Vec<String> {
        let chunks = self
            .shell
            .chunks(execution, None, false, usize::MAX)
            .await
            .expect("reads");
        let events = chunks.iter().flat_map(|(_, chunk)| &chunk.events);
        events
            .filter(|e| e.event.is_public())
            .map(|e| engine_core::history::event_type(&e.event))
            .collect()
    }

    async fn status(&self, execution: ExecutionRef) -> &'static str {
        self.shell
            .record(execution)
            .await
            .expect("reads")
            .expect("exists")
            .status
            .name()
    }

    /// Waits until `done` holds of the history's event types.
    async fn until(
        &self,
        execution: ExecutionRef,
        done: impl Fn(&[String]) -> bool,
    ) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let types = self.types(execution).await;
            if done(&types) {
                return types;
            }
            assert!(Instant::now() < deadline, "the history stays at {types:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn until_closed(&self, execution: ExecutionRef) -> Vec<String> {
        self.until(execution, |types| {
            types.len() > 1 && types.last().is_some_and(|t| t.starts_with("Execution"))
        })
        .await
    }
}

async fn open(
    store: &Arc<MemoryStore>,
    functions: &Arc<Functions>,
    clock: &Arc<MovedClock>,
) -> Shell {
    let options = ShellOptions {
        spans: None,
        statuses: None,
        site: Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        },
        limits: Limits::default(),
        sealer: TokenSealer::new(&[1; 32]),
    };
    let definitions = Arc::new(Definitions::new(store.clone()));
    Shell::open(
        options,
        store.clone(),
        definitions,
        functions.clone(),
        clock.clone(),
    )
    .await
    .expect("opens")
}

fn callback() -> Value {
    json!({"StartAt": "Ask", "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}},
            "HeartbeatSeconds": 30, "TimeoutSeconds": 600,
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}],
            "End": true
        },
        "Late": {"Type": "Succeed"}
    }})
}

async fn asked(world: &World, execution: ExecutionRef) -> TaskId {
    world
        .functions
        .answers
        .lock()
        .insert("ask".into(), (None, "null".into()));
    world
        .until(execution, |types| {
            types.iter().any(|t| t == "TaskSubmitted")
        })
        .await;
    let calls = world.functions.calls.lock();
    let payload: Value = serde_json::from_str(&calls.last().expect("was called").1).expect("JSON");
    let token = payload["token"].as_str().expect("a token").to_owned();
    let (sealed_for, task) = TokenSealer::new(&[1; 32]).open(&token).expect("ours");
    assert_eq!(sealed_for, execution);
    task
}

fn succeed(task: TaskId) -> Command {
    Command::TaskSucceeded {
        task,
        output: Payload::parse(r#"{"decision":"APPROVE"}"#).expect("JSON"),
    }
}

#[tokio::test]
async fn a_machine_without_tasks_is_closed_when_its_start_returns() {
    let world = World::new().await;
    let machine = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}});
    let execution = world
        .start(&machine, "one", "{ \"a\": 1 }")
        .await
        .expect("starts");
    assert_eq!(world.status(execution).await, "SUCCEEDED");
    let expected = [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(world.types(execution).await, expected);
    world.shell.shut_down().await;
}

#[tokio::test]
async fn a_name_is_taken_unless_it_runs_with_the_same_input() {
    let world = World::new().await;
    let machine =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}});
    let first = world.start(&machine, "same", "{}").await.expect("starts");
    assert_eq!(
        world
            .start(&machine, "same", "{}")
            .await
            .expect("is the same one"),
        first
    );
    let other = world.start(&machine, "same", "{\"other\":1}").await;
    assert!(
        matches!(other, Err(CommandError::NameTaken { .. })),
        "{other:?}"
    );
    world
        .shell
        .submit(
            first,
            Command::StopExecution {
                error: None,
                cause: None,
            },
        )
        .await
        .expect("stops");
    let closed = world.start(&machine, "same", "{}").await;
    assert!(
        matches!(closed, Err(CommandError::NameTaken { .. })),
        "{closed:?}"
    );
    world.shell.shut_down().await;
}

#[tokio::test]
async fn a_callback_survives_a_restart_and_is_answered_once() {
    let mut world = World::new().await;
    world
        .functions
        .answers
        .lock()
        .insert("ask".into(), (None, "null".into()));
    let execution = world.start(&callback(), "ask", "{}").await.expect("starts");
    let task = asked(&world, execution).await;
    world.restart().await;
    assert_eq!(world.status(execution).await, "RUNNING");
    world
        .shell
        .submit(execution, succeed(task))
        .await
        .expect("the first answer counts");
    let second = world.shell.submit(execution, succeed(task)).await;
    assert!(
        matches!(second, Err(CommandError::Rejected(_))),
        "{second:?}"
    );
    assert_eq!(world.status(execution).await, "SUCCEEDED");
    assert_eq!(
        world.functions.calls.lock().len(),
        1,
        "the restart did not ask again"
    );
    world.shell.shut_down().await;
}

#[tokio::test]
async fn a_missed_heartbeat_is_noticed_after_a_restart() {
    let mut world = World::new().await;
    world
        .functions
        .answers
        .lock()
        .insert("ask".into(), (None, "null".into()));
    let execution = world
        .start(&callback(), "beat", "{}")
        .await
        .expect("starts");
    let task = asked(&world, execution).await;
    world.clock.0.fetch_add(20_000, Ordering::SeqCst);
    world
        .shell
        .submit(execution, Command::TaskHeartbeat { task })
        .await
        .expect("beats");
    world.clock.0.fetch_add(20_000, Ordering::SeqCst);
    world.restart().await;
    assert_eq!(
        world.status(execution).await,
        "RUNNING",
        "40 s after the call, 20 s after the beat"
    );
    world.clock.0.fetch_add(10_000, Ordering::SeqCst);
    let types = world.until_closed(execution).await;
    assert!(types.iter().any(|t| t == "TaskTimedOut"), "{types:?}");
    assert_eq!(
        world.status(execution).await,
        "SUCCEEDED",
        "the catcher took it"
    );
    let late = world.shell.submit(execution, succeed(task)).await;
    assert!(matches!(late, Err(CommandError::Rejected(_))), "{late:?}");
    world.shell.shut_down().await;
}

#[tokio::test]
async fn a_failing_function_is_retried_and_then_caught() {
    let world = World::new().await;
    let failure = r#"{"errorType":"Broken","errorMessage":"no"}"#;
    world
        .functions
        .answers
        .lock()
        .insert("f".into(), (Some("Unhandled"), failure.into()));
    let machine = json!({"StartAt": "Call", "States": {
        "Call": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "Retry": [{"ErrorEquals": ["Broken"], "MaxAttempts": 2, "IntervalSeconds": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true
        },
        "Caught": {"Type": "Pass", "End": true}
    }});
    let execution = world.start(&machine, "retry", "{}").await.expect("starts");
    for attempts in 1..=3 {
        world
            .until(execution, |types| {
                types.iter().filter(|t| *t == "TaskFailed").count() == attempts
            })
            .await;
        world.clock.0.fetch_add(10_000, Ordering::SeqCst);
    }
    let types = world.until_closed(execution).await;
    assert_eq!(
        types.iter().filter(|t| *t == "TaskScheduled").count(),
        3,
        "MaxAttempts 2 means three calls"
    );
    assert_eq!(world.status(execution).await, "SUCCEEDED");
    world.shell.shut_down().await;
}

#[tokio::test]
async fn a_long_loop_is_cut_into_turns_and_ends_at_the_limit() {
    let world = World::new().await;
    let machine = json!({"StartAt": "Loop", "States": {
        "Loop": {"Type": "Choice", "Choices": [{"Variable": "$.go", "BooleanEquals": true, "Next": "Loop"}], "Default": "End"},
        "End": {"Type": "Succeed"}
    }});
    let execution = world
        .start(&machine, "loop", r#"{"go":true}"#)
        .await
        .expect("starts");
    let types = world.until_closed(execution).await;
    assert_eq!(types.len(), 25_000);
    assert_eq!(types.last().map(String::as_str), Some("ExecutionFailed"));
    world.shell.shut_down().await;
}

#[tokio::test]
async fn a_panic_in_one_execution_touches_no_other() {
    let mut world = World::new().await;
    let waiting = |name: &str| {
        let wait = json!({"Type": "Wait", "Seconds": 60, "End": true});
        json!({"StartAt": name, "States": {name: wait}})
    };
    let broken = world
        .start(&waiting("Broken"), "broken", "{}")
        .await
        .expect("starts");
    let others = ["a", "b", "c", "d"].map(|name| (name, waiting("Sound")));
    let mut sound = Vec::new();
    for (name, machine) in &others {
        sound.push(world.start(machine, name, "{}").await.expect("starts"));
    }
    // A definition that lost the state which the execution is in: nothing that a caller can do.
    let key = Definitions::key(&Definitions::hash(&waiting("Broken").to_string()));
    let put = vec![(key, Bytes::from(waiting("Other").to_string()))];
    world
        .store
        .commit(Batch {
            put,
            ..Batch::default()
        })
        .await
        .expect("commits");
    world.restart().await;
    world.clock.0.fetch_add(120_000, Ordering::SeqCst);
    for execution in sound {
        world.until_closed(execution).await;
        assert_eq!(world.status(execution).await, "SUCCEEDED");
    }
    let stopped = world
        .shell
        .submit(
            broken,
            Command::StopExecution {
                error: None,
                cause: None,
            },
        )
        .await;
    assert!(
        stopped.is_ok(),
        "what does not need the state still works: {stopped:?}"
    );
    assert_eq!(world.status(broken).await, "ABORTED");
    world.shell.shut_down().await;
}

#[tokio::test]
async fn a_command_that_took_effect_before_keeps_the_next_one_from_nothing() {
    let world = World::new().await;
    world
        .functions
        .answers
        .lock()
        .insert("ask".to_owned(), (None, "1".to_owned()));
    let execution = world
        .start(&callback(), "twice", "{}")
        .await
        .expect("starts");
    let task = asked(&world, execution).await;
    let output = Payload::empty_object();
    // The first was recorded when both were sent before; the answer to that was lost.
    let submitted = Command::TaskSubmitted {
        task,
        output: output.clone(),
    };
    let succeeded = Command::TaskSucceeded { task, output };
    let both = vec![submitted, succeeded];
    let answer = world.shell.submit_all(execution, both.clone()).await;
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(world.status(execution).await, "SUCCEEDED");
    let answer = world.shell.submit_all(execution, both).await;
    assert!(matches!(answer, Err(CommandError::Rejected(_))));
}
