//! Recorded results of payload templates and intrinsic functions in Pass states, and of failures.

mod common;

use std::cell::RefCell;

use asl::query::{Failure, NoVariables, Scope};
use asl::{Flow, StateKind};
use serde_json::{Value, json};
use vocab::Entropy;

#[test]
fn evaluates_as_recorded() {
    let Some(cases) = common::cases("history") else {
        return;
    };
    let mut checked = 0;
    for (name, case) in &cases {
        let Ok(machine) = asl::parse(&common::definition(case)) else {
            continue;
        };
        let ([state], Some(input)) = (machine.states(), case["input"].as_str()) else {
            continue;
        };
        let StateKind::Pass(pass) = &state.kind else {
            continue;
        };
        let input: Value = serde_json::from_str(input).expect("input is JSON");
        let expected = &case["expected"];
        // The size of what a state returns is the engine's business.
        if is_scrubbed(&expected["output"]) || is_too_large(expected) {
            continue;
        }
        match run(pass, &input) {
            Ok(output) => assert!(
                same(&output, &expected["output"]),
                "{name}: {output}, recorded {}",
                expected["output"]
            ),
            Err(failure) => check_failure(name, &failure, expected),
        }
        checked += 1;
    }
    println!("{checked} recorded Pass states agree");
    assert!(checked > 0);
}

/// Scalars were recorded as their text.
fn same(output: &Value, recorded: &Value) -> bool {
    as_recorded(output) == as_recorded(recorded)
        || recorded.as_str() == Some(output.to_string().as_str())
}

/// What was random or named by AWS was replaced when it was recorded.
fn is_scrubbed(output: &Value) -> bool {
    let text = output.to_string();
    [
        "generated-uuid",
        "RandomNumberGenerated",
        "<",
        "date",
        "snf_role_arn",
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

fn is_too_large(expected: &Value) -> bool {
    expected["history"]
        .to_string()
        .contains("States.DataLimitExceeded")
}

/// Texts that are objects were replaced by the objects.
fn as_recorded(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('{') || text.starts_with('[') => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        Value::Array(items) => items.iter().map(as_recorded).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, field)| (name.clone(), as_recorded(field)))
                .collect(),
        ),
        scalar => scalar.clone(),
    }
}

fn check_failure(name: &str, failure: &Failure, expected: &Value) {
    let recorded = expected["history"].to_string();
    assert!(
        recorded.contains(failure.error.as_ref()),
        "{name}: {failure:?}"
    );
    let start = failure
        .cause
        .split(" in the input '")
        .next()
        .unwrap_or_default();
    assert!(recorded.contains(start), "{name}: {failure:?}\n{recorded}");
}

fn run(pass: &asl::Pass, input: &Value) -> Result<Value, Failure> {
    let entropy = RefCell::new(Entropy::from_seed(1));
    let context = || json!({ "Execution": { "Input": input }, "State": { "Name": "state" } });
    let scope = Scope {
        input,
        context: &context,
        variables: &NoVariables,
        entropy: &entropy,
        result: None,
        error_output: None,
        now: vocab::Timestamp::default(),
    };
    let flow = match &pass.flow {
        Flow::JsonPath(flow) => flow,
        Flow::Jsonata(flow) => {
            if let Some(assign) = &pass.assign {
                assign.evaluate(&scope)?;
            }
            return match &flow.output {
                Some(output) => output.evaluate(&scope),
                None => Ok(input.clone()),
            };
        }
    };
    let selected = flow.input_path.select(&scope)?;
    let inner = Scope {
        input: &selected,
        context: &context,
        variables: &NoVariables,
        entropy: &entropy,
        result: None,
        error_output: None,
        now: vocab::Timestamp::default(),
    };
    let payload = match &flow.parameters {
        Some(template) => template.evaluate(&inner)?,
        None => selected.clone().into_owned(),
    };
    let result = pass.result.clone().unwrap_or(payload);
    let output = flow.result_path.place(selected.into_owned(), result)?;
    let outer = Scope {
        input: &output,
        context: &context,
        variables: &NoVariables,
        entropy: &entropy,
        result: None,
        error_output: None,
        now: vocab::Timestamp::default(),
    };
    Ok(flow.output_path.select(&outer)?.into_owned())
}
