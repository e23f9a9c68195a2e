//! `ValidateStateMachineDefinition`: says what is wrong with a definition, and keeps nothing of it.

use asl::Severity;
use aws_model::states::{
    ValidateStateMachineDefinitionDiagnostic as Shown, ValidateStateMachineDefinitionInput,
    ValidateStateMachineDefinitionOutput, ValidateStateMachineDefinitionResultCode as ResultCode,
    ValidateStateMachineDefinitionSeverity as ShownSeverity,
};
use service::{Failure, Reply};

use crate::machines::TypeCode;
use crate::service::States;

/// How many findings are shown when the caller does not say, or says 0.
const FINDINGS_DEFAULT: usize = 100;

pub(crate) fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: ValidateStateMachineDefinitionInput = super::read_within(input, &states.limits)?;
    let reading = states.reading(TypeCode::from(input.r#type).into());
    let findings = asl::diagnose_as(&input.definition, reading);
    // A definition with warnings only is good.
    let has_errors = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    let shows_warnings = input.severity == Some(ShownSeverity::Warning);
    let mut diagnostics: Vec<_> = findings
        .into_iter()
        .filter(|finding| shows_warnings || finding.severity == Severity::Error)
        .map(shown)
        .collect();
    let findings_max = match input.max_results {
        None | Some(0) => FINDINGS_DEFAULT,
        Some(asked) => usize::try_from(asked).unwrap_or(FINDINGS_DEFAULT),
    };
    let truncated = diagnostics.len() > findings_max;
    diagnostics.truncate(findings_max);
    Ok(super::reply(&ValidateStateMachineDefinitionOutput {
        result: if has_errors {
            ResultCode::Fail
        } else {
            ResultCode::Ok
        },
        diagnostics,
        truncated: Some(truncated),
    }))
}

fn shown(finding: asl::Diagnostic) -> Shown {
    Shown {
        severity: match finding.severity {
            Severity::Error => ShownSeverity::Error,
            Severity::Warning => ShownSeverity::Warning,
        },
        code: finding.code.to_owned(),
        message: finding.message,
        location: finding.location,
    }
}
