//! Expressions over any JSON: paths, intrinsic functions, JSONata. The first line is the expression.

use std::cell::RefCell;

use asl::query::{Failure, Scope, Template, Variables};
use asl::{Flow, StateKind};
use jsonpath::{JsonPath, ReferencePath};
use serde_json::{Value, json};
use vocab::{Entropy, Timestamp};

use super::bytes::halves;

/// A path: the same answer twice, a list where the path is indefinite, and what is written is read.
pub fn jsonpath(bytes: &[u8]) {
    let Some((text, document)) = halves(bytes) else {
        return;
    };
    let document: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    if let Ok(path) = JsonPath::parse(text) {
        let found = path.evaluate(&document);
        assert_eq!(found, path.evaluate(&document));
        if let Ok(found) = &found {
            assert!(path.is_definite() || found.is_array(), "{text}");
        }
    }
    if let Ok(path) = ReferencePath::parse(text) {
        let mut written = document.clone();
        match path.write(&mut written, json!("written")) {
            Ok(()) => assert_eq!(
                path.read(&written).as_deref(),
                Ok(&json!("written")),
                "{text}"
            ),
            Err(_) => assert_eq!(written, document, "a refused write changes nothing"),
        }
    }
}

/// A call in `Parameters` of a Pass state.
pub fn intrinsics(bytes: &[u8]) {
    let Some((text, input)) = halves(bytes) else {
        return;
    };
    let fields = json!({"Type": "Pass", "Parameters": {"v.$": text}, "End": true});
    evaluated(&fields, input);
}

/// An expression in `Output` of a Pass state.
pub fn jsonata(bytes: &[u8]) {
    let Some((text, input)) = halves(bytes) else {
        return;
    };
    let output = format!("{{% {text} %}}");
    let fields = json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": output, "End": true});
    evaluated(&fields, input);
}

/// Variables that expressions find: `$a` and `$list`.
struct Assigned(Value);

impl Variables for Assigned {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Evaluates the payload of a state twice; both times come to the same.
fn evaluated(fields: &Value, input: &str) {
    let definition = json!({"StartAt": "A", "States": {"A": fields}});
    let Some(machine) = asl::load(&definition.to_string()) else {
        return;
    };
    let Some(StateKind::Pass(pass)) = machine.find("A").map(|state| &state.kind) else {
        return;
    };
    let template = match &pass.flow {
        Flow::JsonPath(flow) => flow.parameters.as_ref(),
        Flow::Jsonata(flow) => flow.output.as_ref(),
    };
    let (Some(template), Ok(input)) = (template, serde_json::from_str(input)) else {
        return;
    };
    let first = evaluate(template, &input);
    assert_eq!(first, evaluate(template, &input), "{fields} over {input}");
}

fn evaluate(template: &Template, input: &Value) -> Result<Value, Failure> {
    let entropy = RefCell::new(Entropy::from_seed(7));
    let context = || json!({"Execution": {"Name": "e", "Input": input}, "State": {"Name": "A"}});
    template.evaluate(&Scope {
        input,
        result: None,
        error_output: None,
        context: &context,
        variables: &Assigned(json!({"a": 1, "list": [1, 2, 3]})),
        entropy: &entropy,
        now: Timestamp::from_millis(1_700_000_000_000),
    })
}
