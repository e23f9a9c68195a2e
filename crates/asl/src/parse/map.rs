//! The Map state, in both modes and in its legacy spelling.

use crate::definition::{Count, Flow, Items, Map};
use crate::distributed::ExecutionType;
use crate::parse::fields::Fields;
use crate::parse::workflow::{Builder, Language, Siblings};
use crate::parse::{assign, distributed, flow, map_numbers, map_rules, retry, state};
use crate::query::{Allowed, Miss};

/// The fields of a Distributed Map.
pub(crate) const DISTRIBUTED_FIELDS: [&str; 8] = [
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
];

/// Far above what any machine could run at once.
const CONCURRENCY_MAX: u64 = i32::MAX as u64;

pub(crate) fn map<'j>(
    builder: &mut Builder<'j>,
    name: &str,
    fields: &Fields<'j>,
    siblings: &Siblings<'j>,
) -> Option<Map> {
    let transition = state::transition(fields, siblings);
    let selector = fields.at_most_one(&["ItemSelector", "Parameters"]);
    let item_selector = selector.and_then(|name| fields.template(name));
    let mut flow = flow::full(fields);
    // `Parameters` is the legacy spelling of `ItemSelector` here: it is no field of the flow.
    if let Flow::JsonPath(flow) = &mut flow {
        flow.parameters = None;
    }
    let items = items(fields);
    let max_concurrency = max_concurrency(fields);
    let assign = assign::assign_reading(fields, flow::RESULT);
    let (retry, catch) = (retry::retry(fields), retry::catch(fields, siblings));
    let processor = match fields.at_most_one(&["ItemProcessor", "Iterator"]) {
        Some(name) => fields.object(name)?,
        None => {
            fields.require(&["ItemProcessor"]);
            return None;
        }
    };
    processor.allow_only(&[&["Comment", "StartAt", "States", "ProcessorConfig"]]);
    let machine_type = builder.machine_type;
    let execution_type = execution_type(&processor);
    let distributed = execution_type.map(|execution_type| {
        map_rules::check(machine_type, fields, &processor);
        map_numbers::check(fields);
        Box::new(distributed::distributed(name, fields, execution_type))
    });
    if distributed.is_none() {
        let foreign = |name: &&str| DISTRIBUTED_FIELDS.contains(name);
        for name in fields.names().filter(foreign) {
            fields.refuse(format!("Field '{name}' is not supported"));
        }
    }
    let processor = match execution_type {
        Some(execution_type) => builder.child_workflow(&processor, execution_type)?,
        None => builder.workflow(&processor)?,
    };
    Some(Map {
        flow,
        items,
        item_selector,
        max_concurrency,
        processor,
        distributed,
        assign,
        retry,
        catch,
        transition: transition?,
    })
}

/// Reads `ItemsPath`, or `Items`: an array or an object, or an expression.
fn items(fields: &Fields<'_>) -> Items {
    if fields.language() == Language::JsonPath {
        let path = fields.path("ItemsPath", Allowed::Context, Miss::Items);
        return path.map_or(Items::Input, Items::Path);
    }
    match fields.template("Items") {
        None => Items::Input,
        Some(template) => {
            let fixed = template.as_literal();
            if fixed.is_some_and(|items| !items.is_array() && !items.is_object()) {
                fields.refuse_field("Items", "Expected value of type Array");
            }
            Items::Template(template)
        }
    }
}

fn max_concurrency(fields: &Fields<'_>) -> Option<Count> {
    if let Some(expression) = fields.expression("MaxConcurrency") {
        return expression.map(Count::Expression);
    }
    match fields.at_most_one(&["MaxConcurrency", "MaxConcurrencyPath"])? {
        "MaxConcurrency" => fields
            .integer("MaxConcurrency", 0..=CONCURRENCY_MAX)
            .map(Count::Literal),
        _ => fields
            .path("MaxConcurrencyPath", Allowed::Input, Miss::Invalid)
            .map(Count::Path),
    }
}

/// Returns the type of the children of a Distributed Map; `None` in inline mode.
fn execution_type(processor: &Fields<'_>) -> Option<ExecutionType> {
    let config = processor.object("ProcessorConfig")?;
    config.allow_only(&[&["Mode", "ExecutionType"]]);
    let execution_type = config.word("ExecutionType", &["STANDARD", "EXPRESS"]);
    if config.word("Mode", &["INLINE", "DISTRIBUTED"]) != Some("DISTRIBUTED") {
        return None;
    }
    Some(match execution_type {
        Some("EXPRESS") => ExecutionType::Express,
        Some(_) | None => ExecutionType::Standard,
    })
}
