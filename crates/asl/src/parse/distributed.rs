//! The fields of a Map state in distributed mode. Their numbers and names are checked in `map_numbers`.

use crate::definition::Count;
use crate::distributed::{
    Distributed, ExecutionType, ItemBatcher, ItemReader, Percentage, ResultWriter, label_of,
};
use crate::parse::fields::Fields;
use crate::query::{Allowed, Miss};

/// Reads the fields of the Distributed Map called `name`.
pub(crate) fn distributed(
    name: &str,
    fields: &Fields<'_>,
    execution_type: ExecutionType,
) -> Distributed {
    Distributed {
        label: fields
            .text("Label")
            .map_or_else(|| label_of(name), Into::into),
        execution_type,
        reader: object(fields, "ItemReader").map(|fields| reader(&fields)),
        batcher: object(fields, "ItemBatcher").map(|fields| batcher(&fields)),
        writer: fields.object("ResultWriter").map(|fields| writer(&fields)),
        tolerated_failure_count: count(fields, "ToleratedFailureCount"),
        tolerated_failure_percentage: percentage(fields),
    }
}

/// Returns the object in a field that `map_numbers` has looked at: it has said if it is none.
fn object<'j>(fields: &Fields<'j>, name: &str) -> Option<Fields<'j>> {
    fields.get(name).filter(|value| value.is_object())?;
    fields.object(name)
}

fn reader(fields: &Fields<'_>) -> ItemReader {
    let config = object(fields, "ReaderConfig");
    ItemReader {
        resource: fields.text("Resource").unwrap_or_default().into(),
        arguments: arguments(fields),
        config: fields.template("ReaderConfig"),
        items_max: config.and_then(|config| count(&config, "MaxItems")),
    }
}

fn batcher(fields: &Fields<'_>) -> ItemBatcher {
    ItemBatcher {
        items_max: count(fields, "MaxItemsPerBatch"),
        bytes_max: count(fields, "MaxInputBytesPerBatch"),
        input: fields.template("BatchInput"),
    }
}

fn writer(fields: &Fields<'_>) -> ResultWriter {
    ResultWriter {
        resource: fields.text("Resource").map(Into::into),
        arguments: arguments(fields),
        config: fields.template("WriterConfig"),
    }
}

fn arguments(fields: &Fields<'_>) -> Option<crate::query::Template> {
    fields
        .template("Parameters")
        .or_else(|| fields.template("Arguments"))
}

/// Reads the field `literal`, or the one of that name with `Path` behind it.
fn count(fields: &Fields<'_>, literal: &'static str) -> Option<Count> {
    if let Some(expression) = fields.expression(literal) {
        return expression.map(Count::Expression);
    }
    if fields.has(literal) {
        return fields.get(literal)?.as_u64().map(Count::Literal);
    }
    let path = format!("{literal}Path");
    fields
        .path(&path, Allowed::Input, Miss::Invalid)
        .map(Count::Path)
}

fn percentage(fields: &Fields<'_>) -> Option<Percentage> {
    if let Some(expression) = fields.expression("ToleratedFailurePercentage") {
        return expression.map(Percentage::Expression);
    }
    if let Some(value) = fields.get("ToleratedFailurePercentage") {
        return value.as_f64().map(Percentage::Literal);
    }
    fields
        .path(
            "ToleratedFailurePercentagePath",
            Allowed::Input,
            Miss::Invalid,
        )
        .map(Percentage::Path)
}
