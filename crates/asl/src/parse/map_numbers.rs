//! The number fields of a Distributed Map: each is written or read by a path, never both.
//!
//! Texts and bounds are those of AWS, as measured in 2026.

use crate::parse::fields::Fields;
use crate::query::{Allowed, Miss};

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
    if fields.expression(literal).is_none() {
        fields.integer(literal, 0..=most);
    }
    fields.path(path, Allowed::Input, Miss::Invalid);
}

fn percentage(map: &Fields<'_>) {
    let (literal, path) = (
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    );
    map.at_most_one(&[literal, path]);
    if map.expression(literal).is_none()
        && map
            .float(literal, 0.0)
            .is_some_and(|percentage| percentage > 100.0)
    {
        map.refuse_field(literal, "Maximum value is 100.0");
    }
    map.path(path, Allowed::Input, Miss::Invalid);
}
