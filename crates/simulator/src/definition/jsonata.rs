//! What states do with data in JSONata.

use serde_json::{Value, json};

use super::Maker;

/// The state's input, where it is an object; an empty one else.
const INPUT: &str = "($type($states.input) = 'object' ? $states.input : {})";

impl Maker<'_> {
    /// Returns a Pass state; one that reads the variable `read` where there is one.
    pub(super) fn jsonata_pass(&mut self, read: Option<&str>) -> Value {
        if let Some(name) = read {
            let read =
                format!("{{% $merge([{INPUT}, {{'n': ${name}.n, 'text': $string(${name})}}]) %}}");
            return json!({"Type": "Pass", "Output": read});
        }
        match self.below(5) {
            0 => json!({"Type": "Pass", "Output": {
                "n": self.below(10), "text": "{% 'größer ' & '\u{1f40e}' %}"}}),
            1 => json!({"Type": "Pass", "Output": {"n": "{% $floor($random() * 10) %}",
                "id": "{% $uuid() %}", "at": "{% $now() %}", "in": "{% $states.input %}"}}),
            2 => json!({"Type": "Pass", "Output": {
                "name": "{% $states.context.State.Name %}", "entered": "{% $states.context.State.EnteredTime %}"}}),
            // Rarely, an expression without a value: a Pass state has no catcher for it.
            3 if self.one_in(6) => {
                json!({"Type": "Pass", "Output": "{% $states.input.missing.here %}"})
            }
            _ => json!({"Type": "Pass"}),
        }
    }
}

/// Returns a variable's next value.
pub(super) fn counted(own: &str) -> Value {
    json!({"n": format!("{{% ${own}.n + 1 %}}"), "raw": "{% $states.input %}"})
}

/// Returns what a catcher assigns.
pub(super) fn error_kept(n: u64) -> Value {
    json!({"n": n, "error": "{% $states.errorOutput.Error %}"})
}

/// Returns a state that makes `items`.
pub(super) fn items(items: &[u64]) -> Value {
    let items = json!(items);
    json!({"Type": "Pass", "Output": format!("{{% $merge([{INPUT}, {{'items': {items}}}]) %}}")})
}

/// Returns a choice rule over the variable `read` or the input.
pub(super) fn rule(read: Option<&str>, bound: u64) -> Value {
    let condition = match read {
        Some(name) => format!("{{% ${name}.n > {bound} %}}"),
        None => format!("{{% $type($states.input.n) = 'number' and $states.input.n >= {bound} %}}"),
    };
    json!({ "Condition": condition })
}

/// Returns what `function` is called with; `asked` for an answer by token.
pub(super) fn called(function: &str, asked: bool) -> Value {
    let payload = if asked {
        json!({"token": "{% $states.context.Task.Token %}"})
    } else {
        "{% $states.input %}".into()
    };
    json!({"FunctionName": function, "Payload": payload})
}

/// Returns arguments without a value.
pub(super) fn failing() -> Value {
    json!({"x": "{% $sum('one') %}"})
}

/// Chooses what the output keeps of the input.
pub(super) fn output(state: &mut Value, choice: u64) {
    match choice {
        0 => {}
        1 => state["Output"] = "{% $states.input %}".into(),
        _ => state["Output"] = merged("result", "result"),
    }
}

/// Returns an output that adds `$states.<what>` to the input as `name`.
pub(super) fn merged(name: &str, what: &str) -> Value {
    format!("{{% $merge([{INPUT}, {{'{name}': $states.{what}}}]) %}}").into()
}

/// Returns a Map state without its processor.
pub(super) fn map(concurrency: u64) -> Value {
    json!({
        "Type": "Map",
        "Items": "{% $states.input.items %}",
        "MaxConcurrency": format!("{{% {concurrency} %}}"),
        "ItemSelector": {"item": "{% $states.context.Map.Item.Value %}",
            "n": "{% $states.context.Map.Item.Index %}"},
    })
}

/// Returns a choice rule that holds while the variable `own` counts less than `bound`.
pub(super) fn below(own: &str, bound: u64) -> Value {
    json!({ "Condition": format!("{{% ${own}.n < {bound} %}}") })
}
