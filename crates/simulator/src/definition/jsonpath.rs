//! What states do with data in JSONPath.

use serde_json::{Value, json};

use super::Maker;

impl Maker<'_> {
    /// Returns a Pass state; one that reads the variable `read` where there is one.
    pub(super) fn jsonpath_pass(&mut self, read: Option<&str>) -> Value {
        if let Some(name) = read {
            return json!({"Type": "Pass", "ResultPath": "$.read", "Parameters": {
                "n.$": format!("${name}.n"), "text.$": format!("States.JsonToString(${name})")}});
        }
        match self.below(5) {
            0 => {
                json!({"Type": "Pass", "Result": {"n": self.below(10), "text": "größer \u{1f40e}"}})
            }
            1 => json!({"Type": "Pass", "ResultPath": "$.n", "Parameters": {
                "n.$": "States.MathRandom(0, 10)", "id.$": "States.UUID()"}}),
            2 => json!({"Type": "Pass", "ResultPath": "$.here", "Parameters": {
                "name.$": "$$.State.Name", "entered.$": "$$.State.EnteredTime"}}),
            // Rarely, a path that finds nothing: no retrier and no catcher sees that failure.
            3 if self.one_in(6) => json!({"Type": "Pass", "Parameters": {"x.$": "$.missing.here"}}),
            _ => json!({"Type": "Pass"}),
        }
    }
}

/// Returns a variable's next value.
pub(super) fn counted(own: &str) -> Value {
    json!({"n.$": format!("States.MathAdd(${own}.n, 1)"), "raw.$": "$"})
}

/// Returns what a catcher assigns.
pub(super) fn error_kept(n: u64) -> Value {
    json!({"n": n, "error.$": "$.Error"})
}

/// Returns a state that makes `items`.
pub(super) fn items(items: &[u64]) -> Value {
    json!({"Type": "Pass", "Result": items, "ResultPath": "$.items"})
}

/// Returns a choice rule over the variable `read` or the input.
pub(super) fn rule(read: Option<&str>, bound: u64) -> Value {
    match read {
        Some(name) => json!({"Variable": format!("${name}.n"), "NumericGreaterThan": bound}),
        None => json!({"And": [
            {"Variable": "$.n", "IsPresent": true},
            {"Not": {"Variable": "$.n", "NumericLessThan": bound}},
        ]}),
    }
}

/// Returns what `function` is called with; `asked` for an answer by token.
pub(super) fn called(function: &str, asked: bool) -> Value {
    if asked {
        json!({"FunctionName": function, "Payload": {"token.$": "$$.Task.Token"}})
    } else {
        json!({"FunctionName": function, "Payload.$": "$"})
    }
}

/// Returns parameters that cannot be filled.
pub(super) fn failing() -> Value {
    json!({"x.$": "States.ArrayGetItem(States.Array(1), 9)"})
}

/// Chooses what the output keeps of the input.
pub(super) fn output(state: &mut Value, choice: u64) {
    match choice {
        0 => {}
        1 => state["ResultPath"] = Value::Null,
        _ => state["ResultPath"] = "$.result".into(),
    }
}

/// Returns a Map state without its processor.
pub(super) fn map(concurrency: u64) -> Value {
    json!({
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": concurrency,
        "ItemSelector": {"item.$": "$$.Map.Item.Value", "n.$": "$$.Map.Item.Index"},
    })
}

/// Returns a choice rule that holds while the variable `own` counts less than `bound`.
pub(super) fn below(own: &str, bound: u64) -> Value {
    json!({"Variable": format!("${own}.n"), "NumericLessThan": bound})
}
