//! What a Map state in distributed mode says beside what every Map does.
//!
//! Its inner workflow runs in executions of their own, each over a definition that
//! [`child_definition`] cuts out of the parent's.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::definition::Count;
use crate::query::{Expression, Path, Template};
use crate::validate::graph::inner_workflows;

/// The fields of a Distributed Map.
#[derive(Clone, Debug)]
pub struct Distributed {
    /// `Label`, or one that is made of the state's name: it is part of the ARNs of map runs.
    pub label: Arc<str>,
    /// `ExecutionType` of the children.
    pub execution_type: ExecutionType,
    /// `ItemReader`: where the items are; absent where they are in the state's input.
    pub reader: Option<ItemReader>,
    /// `ItemBatcher`: many items a child.
    pub batcher: Option<ItemBatcher>,
    /// `ResultWriter`: what becomes of the children's results.
    pub writer: Option<ResultWriter>,
    /// `ToleratedFailureCount`; 0 tolerates none.
    pub tolerated_failure_count: Option<Count>,
    /// `ToleratedFailurePercentage`; 0 tolerates none.
    pub tolerated_failure_percentage: Option<Percentage>,
}

/// The type of a map run's children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionType {
    /// `STANDARD`.
    Standard,
    /// `EXPRESS`: five minutes, without a history.
    Express,
}

/// `ItemReader`.
#[derive(Clone, Debug)]
pub struct ItemReader {
    /// `Resource`: the action that reads.
    pub resource: Arc<str>,
    /// `Parameters` or `Arguments`.
    pub arguments: Option<Template>,
    /// `ReaderConfig`, without the number of items.
    pub config: Option<Template>,
    /// `MaxItems`; 0 for all.
    pub items_max: Option<Count>,
}

/// `ItemBatcher`.
#[derive(Clone, Debug)]
pub struct ItemBatcher {
    /// `MaxItemsPerBatch`; 0 for as many as fit.
    pub items_max: Option<Count>,
    /// `MaxInputBytesPerBatch`; 0 for as many as an input may have.
    pub bytes_max: Option<Count>,
    /// `BatchInput`: goes into every batch.
    pub input: Option<Template>,
}

/// `ResultWriter`.
#[derive(Clone, Debug)]
pub struct ResultWriter {
    /// `Resource`: the action that writes; absent where the results stay in the state's output.
    pub resource: Option<Arc<str>>,
    /// `Parameters` or `Arguments`.
    pub arguments: Option<Template>,
    /// `WriterConfig`.
    pub config: Option<Template>,
}

/// A number between 0 and 100: literal, found by a path, or made by an expression.
#[derive(Clone, Debug)]
pub enum Percentage {
    /// The literal field.
    Literal(f64),
    /// The field whose name ends in `Path`.
    Path(Path),
    /// The field's JSONata expression.
    Expression(Expression),
}

/// Returns the label of a Distributed Map that names none: 32 hexadecimal digits that are a function of
/// the state's name, which is unique in its machine.
pub(crate) fn label_of(state: &str) -> Arc<str> {
    let hash = |seed: u64| {
        state.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let (first, second) = (hash(0xcbf2_9ce4_8422_2325), hash(0x9e37_79b9_7f4a_7c15));
    format!("{first:016x}{second:016x}").into()
}

/// Returns the definition that the children of the Distributed Map `state` run: the state's inner
/// workflow, in the query language of the machine. `None` when there is no such state in `definition`.
pub fn child_definition(definition: &str, state: &str) -> Option<String> {
    let machine: Value = serde_json::from_str(definition).ok()?;
    let mut open = vec![machine.as_object()?];
    while let Some(workflow) = open.pop() {
        let states = workflow.get("States").and_then(Value::as_object)?;
        if let Some(found) = states.get(state) {
            let inner = ["ItemProcessor", "Iterator"]
                .into_iter()
                .find_map(|field| found.get(field).and_then(Value::as_object))?;
            return Some(cut_out(inner, machine.get("QueryLanguage")));
        }
        let inner = states.values().flat_map(inner_workflows);
        open.extend(inner.map(|(workflow, _)| workflow));
    }
    None
}

fn cut_out(inner: &Map<String, Value>, language: Option<&Value>) -> String {
    let mut child = Map::new();
    if let (Some(language), false) = (language, inner.contains_key("QueryLanguage")) {
        child.insert("QueryLanguage".into(), language.clone());
    }
    for (name, value) in inner {
        if name != "ProcessorConfig" {
            child.insert(name.clone(), value.clone());
        }
    }
    Value::Object(child).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_runs_the_inner_workflow_in_the_language_of_the_machine() {
        let definition = r#"{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
            {"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED"},
             "StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}}}],"End":true}}}"#;
        let child =
            r#"{"QueryLanguage":"JSONata","StartAt":"B","States":{"B":{"Type":"Succeed"}}}"#;
        assert_eq!(child_definition(definition, "M").as_deref(), Some(child));
        assert_eq!(child_definition(definition, "B"), None, "is no Map");
        assert_eq!(child_definition(definition, "X"), None);
    }

    #[test]
    fn labels_are_made_of_names() {
        assert_eq!(label_of("A").len(), 32);
        assert_ne!(label_of("A"), label_of("B"));
        assert_eq!(label_of("A"), label_of("A"));
    }
}
