//! Labels of Maps: each names a part of the ARNs of map runs, so that no two of a machine are the same.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::diagnostic::{DUPLICATE_LABEL_NAME, Diagnostic};
use crate::validate::graph::inner_workflows;

/// Reports every label that another Map of the machine has already. Workflows nest no deeper than the
/// JSON does.
pub(crate) fn check<'j>(
    workflow: &'j Map<String, Value>,
    location: &str,
    labels: &mut BTreeSet<&'j str>,
    findings: &mut Vec<Diagnostic>,
) {
    let states = workflow.get("States").and_then(Value::as_object);
    for (name, state) in states.into_iter().flatten() {
        let at = format!("{location}/States/{name}");
        let label = state.get("Label").and_then(Value::as_str);
        if let Some(label) = label.filter(|label| !labels.insert(label)) {
            findings.push(Diagnostic::error(
                DUPLICATE_LABEL_NAME,
                format!("Duplicate Label name: {label}"),
                Some(format!("{at}/Label")),
            ));
        }
        for (inner, inside) in inner_workflows(state) {
            check(inner, &format!("{at}{inside}"), labels, findings);
        }
    }
}
