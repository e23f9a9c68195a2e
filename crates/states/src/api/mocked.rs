//! Starting a test case of the mock file: `…:stateMachine:NAME#CASE`, as Step Functions Local has it.

use std::sync::Arc;

use service::Failure;

use super::failure;
use crate::service::States;

/// Parts the ARN of a machine from the test case that is to run.
pub(crate) fn split(arn: &str) -> (&str, Option<&str>) {
    match arn.split_once('#') {
        Some((arn, case)) => (arn, Some(case)),
        None => (arn, None),
    }
}

/// Returns the made-up answers of a test case, as its execution keeps them.
pub(crate) fn text_of(
    states: &States,
    machine: &str,
    case: Option<&str>,
) -> Result<Option<Arc<str>>, Failure> {
    let Some(case) = case else { return Ok(None) };
    let found = states
        .mocks
        .as_ref()
        .and_then(|file| file.case(machine, case));
    match found {
        Some(case) => Ok(Some(case.to_text().into())),
        None => Err(failure::validation(&format!(
            "The mock file has no test case '{case}' of the state machine '{machine}'"
        ))),
    }
}
