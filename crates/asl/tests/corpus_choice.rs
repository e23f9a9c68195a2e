//! Recorded choices: definition and input lead to the branch that AWS took.

mod common;

use std::cell::RefCell;

use asl::query::{NoVariables, Scope};
use asl::{Diagnostic, StateKind, StateMachine, Transition};
use serde_json::Value;
use vocab::Entropy;

#[test]
fn takes_the_recorded_branch() {
    let Some(cases) = common::cases("choice") else {
        return;
    };
    let (mut checked, mut not_built) = (0, 0);
    for (name, case) in &cases {
        match asl::parse(&common::definition(case)) {
            Ok(machine) => {
                let input: Value =
                    serde_json::from_str(case["input"].as_str().expect("input is text"))
                        .expect("input is JSON");
                assert_eq!(
                    &output(&machine, input),
                    &case["expected"]["output"],
                    "{name}"
                );
                checked += 1;
            }
            Err(findings) if findings.iter().all(is_not_built) => not_built += 1,
            Err(findings) => panic!("{name}: {}", asl::joined(&findings)),
        }
    }
    println!("{checked} recorded choices agree, {not_built} use what is not built");
    assert!(checked > 0);
}

fn is_not_built(finding: &Diagnostic) -> bool {
    finding.code == asl::diagnostic::NOT_BUILT_YET
}

/// Walks choices and passes, which is all that these machines are made of.
fn output(machine: &StateMachine, mut value: Value) -> Value {
    let entropy = RefCell::new(Entropy::from_seed(1));
    let context = || Value::Null;
    let mut at = machine.root.start_at;
    for _ in 0..10 {
        let next = match &machine.state(at).kind {
            StateKind::Choice(choice) => {
                let scope = Scope {
                    input: &value,
                    context: &context,
                    variables: &NoVariables,
                    entropy: &entropy,
                    result: None,
                    error_output: None,
                    now: vocab::Timestamp::default(),
                };
                let rule = choice
                    .choices
                    .iter()
                    .find(|option| option.rule.matches(&scope).expect("a rule holds or not"));
                Transition::Next(
                    rule.map(|option| option.next)
                        .or(choice.default)
                        .expect("a rule or the default"),
                )
            }
            StateKind::Pass(pass) => {
                value = pass.result.clone().unwrap_or(value);
                pass.transition
            }
            other => panic!("a {} state among choices", other.name()),
        };
        match next {
            Transition::Next(next) => at = next,
            Transition::End => return value,
        }
    }
    panic!("the machine does not end")
}
