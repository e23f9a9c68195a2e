//! The number fields of a Distributed Map, each with what is said about it.

use asl::{diagnose, joined};

fn check(fields: &str, expected: &str) {
    let definition = format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map",{fields},"End":true,
        "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},
        "StartAt":"P","States":{{"P":{{"Type":"Succeed"}}}}}}}}}}}}"#
    );
    assert_eq!(joined(&diagnose(&definition)), expected, "{fields}");
}

#[test]
fn numbers_are_written_or_read_by_a_path_and_have_bounds() {
    let cases = [
        (
            r#""ToleratedFailureCount":-1"#,
            "Minimum value is 0 at /States/M/ToleratedFailureCount",
        ),
        (
            r#""ToleratedFailurePercentage":-0.5"#,
            "Minimum value is 0.0 at /States/M/ToleratedFailurePercentage",
        ),
        (
            r#""ToleratedFailurePercentage":100.5"#,
            "Maximum value is 100.0 at /States/M/ToleratedFailurePercentage",
        ),
        (
            r#""ToleratedFailurePercentagePath":"$$.Execution.Input.n""#,
            "Value is not a Reference Path at /States/M/ToleratedFailurePercentagePath",
        ),
        (
            r#""ItemBatcher":{"MaxItemsPerBatch":-1}"#,
            "Minimum value is 0 at /States/M/ItemBatcher/MaxItemsPerBatch",
        ),
        (
            r#""ItemBatcher":{"MaxInputBytesPerBatch":1,"MaxInputBytesPerBatchPath":"$.n"}"#,
            "There should only be one of the following fields: [MaxInputBytesPerBatch, MaxInputBytesPerBatchPath] at /States/M/ItemBatcher",
        ),
        (
            r#""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"MaxItems":1,"MaxItemsPath":"$.n"}}"#,
            "There should only be one of the following fields: [MaxItems, MaxItemsPath] at /States/M/ItemReader/ReaderConfig",
        ),
        (
            r#""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"MaxItems":100000001}}"#,
            "Maximum value is 100000000 at /States/M/ItemReader/ReaderConfig/MaxItems",
        ),
    ];
    for (fields, expected) in cases {
        check(fields, &format!("SCHEMA_VALIDATION_FAILED: {expected}"));
    }
    check(
        r#""ToleratedFailurePercentage":100,"ItemBatcher":{"MaxItemsPerBatch":10}"#,
        "",
    );
}
