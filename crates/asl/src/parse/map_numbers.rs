//! The number fields of a Distributed Map: each is written or read by a path, never both.
//! [`distributed`](super::distributed) reads the paths.
//!
//! Texts and bounds are those of AWS, as measured in 2026.

use crate::parse::fields::Fields;

/// Most items that a reader may be asked for.
const ITEMS_MAX: u64 = 100_000_000;

/// Reports the number fields that are wrong.
pub(crate) fn check(map: &Fields<'_>) {
    number(
        map,
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        u64::MAX,
    );
    percentage(map);
    if let Some(batcher) = map.object("ItemBatcher") {
        number(
            &batcher,
            "MaxItemsPerBatch",
            "MaxItemsPerBatchPath",
            u64::MAX,
        );
        number(
            &batcher,
            "MaxInputBytesPerBatch",
            "MaxInputBytesPerBatchPath",
            u64::MAX,
        );
    }
    let reader = map.object("ItemReader");
    if let Some(config) = reader.and_then(|reader| reader.object("ReaderConfig")) {
        number(&config, "MaxItems", "MaxItemsPath", ITEMS_MAX);
    }
}

fn number(fields: &Fields<'_>, literal: &'static str, path: &'static str, most: u64) {
    fields.at_most_one(&[literal, path]);
    if !fields.holds_expression(literal) {
        fields.integer(literal, 0..=most);
    }
}

fn percentage(map: &Fields<'_>) {
    let (literal, path) = (
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    );
    map.at_most_one(&[literal, path]);
    if !map.holds_expression(literal)
        && map
            .float(literal, 0.0)
            .is_some_and(|percentage| percentage > 100.0)
    {
        map.refuse_field(literal, "Maximum value is 100.0");
    }
}
