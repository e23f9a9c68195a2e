//! One input and one context for all expressions, and ways to have them evaluated.

#![allow(dead_code)] // Each test file uses what it needs.

use std::cell::RefCell;

use asl::query::{Failure, NoVariables, Scope};
use asl::{Flow, JsonPathFlow, State, StateKind, StateMachine, parse};
use serde_json::{Value, json};
use vocab::Entropy;

pub fn input() -> Value {
    json!({
        "application": {"id": 7, "name": "Spock"},
        "checks": [{"flagged": true}, {"flagged": false}],
        "error-info": {"Cause": "{\"errorMessage\":\"no\"}"},
        "list": [1, 2, 3, 4, 5],
        "text": "a,b;c",
        "price": 1.50,
        "count": 3,
        "nothing": null,
        "when": "2020-01-01T00:00:00Z",
        "users": [{"name": "A", "status": 0}, {"name": "B", "status": 1}]
    })
}

pub fn context() -> Value {
    json!({"Task": {"Token": "T0"}, "Execution": {"Name": "run"}, "State": {"RetryCount": 0}})
}

/// Evaluates with the input of these tests as `$` and their context as `$$`.
pub fn with_scope<T>(evaluate: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (input, entropy) = (input(), RefCell::new(Entropy::from_seed(42)));
    evaluate(&Scope {
        input: &input,
        context: &context,
        variables: &NoVariables,
        entropy: &entropy,
        result: None,
        error_output: None,
        now: vocab::Timestamp::default(),
    })
}

pub fn machine(states: &str) -> StateMachine {
    let definition = format!(r#"{{"StartAt":"A","States":{{{states}}}}}"#);
    parse(&definition).unwrap_or_else(|findings| panic!("{definition}: {}", asl::joined(&findings)))
}

pub fn state(machine: &StateMachine) -> &State {
    machine.find("A").expect("the state A")
}

pub fn flow(state: &State) -> &JsonPathFlow {
    match &state.kind {
        StateKind::Pass(pass) => match &pass.flow {
            Flow::JsonPath(flow) => flow,
            Flow::Jsonata(_) => panic!("a state in JSONata"),
        },
        other => panic!("a {} state", other.name()),
    }
}

pub fn pass(fields: &str) -> StateMachine {
    machine(&format!(r#""A":{{"Type":"Pass",{fields},"End":true}}"#))
}

pub fn as_pair(result: Result<Value, Failure>) -> Result<Value, (String, String)> {
    result.map_err(|failure| (failure.error.into_owned(), failure.cause))
}

/// Evaluates `Parameters`.
pub fn template(parameters: &Value) -> Result<Value, (String, String)> {
    let machine = pass(&format!(r#""Parameters":{parameters}"#));
    let template = flow(state(&machine))
        .parameters
        .as_ref()
        .expect("Parameters");
    as_pair(with_scope(|scope| template.evaluate(scope)))
}
