//! Choice, Wait, Succeed, Fail, Parallel and Map states, each with everything that is said about it.

#[path = "common/rows.rs"]
mod rows;

use asl::MachineType;
use rows::{J, P, check, rows};

#[test]
fn choices() {
    let choice = |language: &str, table: &str| {
        let table: String = table
            .lines()
            .map(str::trim)
            .filter(|row| !row.is_empty())
            .map(|row| {
                let (rule, expected) = row.split_once(" |").unwrap_or((row, ""));
                format!("\"Choices\":[{{{rule},\"Next\":\"B\"}}],\"Default\":\"B\" | {expected}\n")
            })
            .collect();
        rows(language, "Choice", &table);
    };
    choice(
        P,
        r#"
        "Variable":"$.a","IsPresent":true
        "Variable":"$$.Execution.Input.a","IsNull":false
        "Variable":"$a","IsString":true
        "Variable":"$.a","StringEquals":""
        "Variable":"$.a","StringEquals":1 | Expected value of type String at @/Choices[0]/StringEquals
        "Variable":"$.a","StringMatches":"*"
        "Variable":"$.a","StringMatches":null | Expected value of type String at @/Choices[0]/StringMatches
        "Variable":"$.a","StringLessThanPath":"$.b"
        "Variable":"$.a","StringLessThanPath":"b" | Value is not a Reference Path: Reference path didn't start with '$' at @/Choices[0]/StringLessThanPath
        "Variable":"$.a","NumericEquals":1.5
        "Variable":"$.a","NumericEquals":"1" | Expected value of type Number at @/Choices[0]/NumericEquals
        "Variable":"$.a","NumericGreaterThanPath":1 | Expected value of type String at @/Choices[0]/NumericGreaterThanPath
        "Variable":"$.a","BooleanEquals":true
        "Variable":"$.a","BooleanEquals":"true" | Expected value of type Boolean at @/Choices[0]/BooleanEquals
        "Variable":"$.a","IsNumeric":1 | Expected value of type Boolean at @/Choices[0]/IsNumeric
        "Variable":"$.a","TimestampEquals":"2020-01-01T00:00:00Z"
        "Variable":"$.a","TimestampEquals":"2020-01-01" | String does not match RFC3339 timestamp at @/Choices[0]/TimestampEquals
        "Variable":"$.a","TimestampEquals":5 | Expected value of type String at @/Choices[0]/TimestampEquals
        "Variable":"Test","IsNull":true | Value is not a Reference Path: Reference path didn't start with '$' at @/Choices[0]/Variable
        "Variable":1,"IsNull":true | Expected value of type String at @/Choices[0]/Variable
        "Variable":"$.a" | A choice rule needs one comparison operator at @/Choices[0]
        "Variable":"$.a","BooleanLessThan":true | Field 'BooleanLessThan' is not supported at @/Choices[0], A choice rule needs one comparison operator at @/Choices[0]
        "Variable":"$.a","IsNull":true,"IsString":true | There should only be one of the following fields: [IsNull, IsString] at @/Choices[0]
        "IsNull":true | These fields are required: [Variable] at @/Choices[0]
        "Variable":"$.a","IsNull":true,"Comment":1 | Expected value of type String at @/Choices[0]/Comment
        "Condition":"{% true %}" | The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage at @/Choices[0], A choice rule needs one comparison operator at @/Choices[0]
        "Variable":"$.a","IsNull":true,"Output":1 | The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at @/Choices[0]
        "Not":{"Variable":"$.a","IsNull":true}
        "Not":[] | Expected value of type Object at @/Choices[0]/Not
        "Not":{"Variable":"$.a","IsNull":true,"Next":"B"} | Field 'Next' is not supported at @/Choices[0]/Not
        "And":[] | Value cannot be empty at @/Choices[0]/And
        "And":{} | Expected value of type Array at @/Choices[0]/And
        "Or":[{"Variable":"$.a","IsNull":true},{"Not":{"Variable":"$.a","IsPresent":true}}]
        "Or":[1] | Expected value of type Object at @/Choices[0]/Or[0]
        "Or":[{"Variable":"$.a","IsNull":true,"Next":"B"}] | Field 'Next' is not supported at @/Choices[0]/Or[0]
        "Or":[{"Variable":"$.a","IsNull":true,"Assign":{}}] | Field 'Assign' is not supported at @/Choices[0]/Or[0]
        "Or":[{"Condition":true}] | The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage at @/Choices[0]/Or[0], A choice rule needs one comparison operator at @/Choices[0]/Or[0]
        "And":[{"Variable":"$.a","NumericEquals":"x"}] | Expected value of type Number at @/Choices[0]/And[0]/NumericEquals
        "And":[{"Variable":"$.a","IsNull":true}],"Variable":"$.a" | Field 'Variable' is not supported at @/Choices[0]
        "And":[{"Variable":"$.a","IsNull":true}],"Or":[] | There should only be one of the following fields: [And, Or] at @/Choices[0]
        "Variable":"$.a","IsNull":true,"Assign":{"x.$":"$.a"}
        "Variable":"$.a","IsNull":true,"End":true | Field 'End' is not supported at @/Choices[0]
        "#,
    );
    choice(
        J,
        r#"
        "Condition":"{% $states.input.a %}"
        "Condition":true
        "Condition":"true" | Expected value of type Boolean at @/Choices[0]/Condition
        "Condition":1 | Expected value of type Boolean at @/Choices[0]/Condition
        "Condition":true,"Output":"{% 1 %}","Assign":{"a":1}
        "Condition":true,"Variable":"$.a" | The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage at @/Choices[0]
        "Condition":true,"StringEquals":"a" | The QueryLanguage is set to 'JSONata', but field 'StringEquals' is only supported for the 'JSONPath' QueryLanguage at @/Choices[0]
        "Condition":true,"And":[] | The QueryLanguage is set to 'JSONata', but field 'And' is only supported for the 'JSONPath' QueryLanguage at @/Choices[0]
        "Condition":true,"Xor":[] | Field 'Xor' is not supported at @/Choices[0]
        "Comment":"c" | These fields are required: [Condition] at @/Choices[0]
        "#,
    );
    rows(
        P,
        "Choice",
        r#"
        - | These fields are required: [Choices] at @
        "Choices":[] | Value cannot be empty at @/Choices
        "Choices":{} | Expected value of type Array at @/Choices
        "Choices":["x"] | Expected value of type Object at @/Choices[0]
        "Choices":[{"Variable":"$.a","IsNull":true}] | These fields are required: [Next] at @/Choices[0]
        "Choices":[{"Variable":"$.a","IsNull":true,"Next":1}] | Expected value of type String at @/Choices[0]/Next
        "Choices":[{"Variable":"$.a","IsNull":true,"Next":"B"}],"Default":1 | Expected value of type String at @/Default
        "Choices":[{"Variable":"$.a","IsNull":true,"Next":"B"}],"Next":"B" | Field 'Next' is not supported at @
        "Choices":[{"Variable":"$.a","IsNull":true,"Next":"B"}],"End":true | Field 'End' is not supported at @
        "Choices":[{"Variable":"$.a","IsNull":true,"Next":"B"}],"Catch":[] | Field 'Catch' is not supported at @
        "Choices":[{"Variable":"$.a","IsNull":true,"Next":"B"}],"ResultPath":null | Field 'ResultPath' is not supported at @
        "Choices":[{"Variable":"$.a","IsNull":true,"Next":"B"}],"Default":"C" | MISSING_TRANSITION_TARGET: Missing 'Next' target: C at @/Default
        "#,
    );
}

#[test]
fn waits_ends_and_what_they_hold() {
    rows(
        P,
        "Wait",
        r#"
        "Seconds":0
        "Seconds":99999999
        "Seconds":100000000 | Maximum value is 99999999 at @/Seconds
        "Seconds":-1 | Minimum value is 0 at @/Seconds
        "Seconds":"1" | Expected value of type Integer at @/Seconds
        "SecondsPath":"$.s"
        "SecondsPath":"$$.Execution.Input.s"
        "SecondsPath":"s" | Value is not a Reference Path at @/SecondsPath
        "Timestamp":"2030-01-31T12:00:00Z"
        "Timestamp":"2030-01-31T12:00:00.123456789+01:00"
        "Timestamp":"2030-01-31 12:00:00Z" | String does not match RFC3339 timestamp at @/Timestamp
        "Timestamp":"2030-01-31T12:00:00" | String does not match RFC3339 timestamp at @/Timestamp
        "Timestamp":"2030-02-31T12:00:00Z" | String does not match RFC3339 timestamp at @/Timestamp
        "Timestamp":1 | Expected value of type String at @/Timestamp
        "TimestampPath":"$.t"
        "TimestampPath":false | Expected value of type String at @/TimestampPath
        - | One of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath] at @
        "Seconds":1,"SecondsPath":"$.s" | There should only be one of the following fields: [Seconds, SecondsPath] at @
        "Seconds":1,"TimestampPath":"$.s" | There should only be one of the following fields: [Seconds, TimestampPath] at @
        "Seconds":1,"Retry":[] | Field 'Retry' is not supported at @
        "Seconds":1,"TimeoutSeconds":1 | Field 'TimeoutSeconds' is not supported at @
        "#,
    );
    rows(
        J,
        "Wait",
        r#"
        "Seconds":"{% $states.input.s %}"
        "Timestamp":"{% $now() %}"
        "Timestamp":"soon" | String does not match RFC3339 timestamp at @/Timestamp
        "Seconds":"{% 1","Assign":{} | Expected value of type Integer at @/Seconds
        "Seconds":1,"InputPath":"$" | The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage at @
        "#,
    );
    rows(
        P,
        "Succeed",
        r#"
        -
        "InputPath":"$.a","OutputPath":null
        "Next":"B" | Field 'Next' is not supported at @
        "End":true | Field 'End' is not supported at @
        "Result":1 | Field 'Result' is not supported at @
        "Assign":{} | Field 'Assign' is not supported at @
        "#,
    );
    rows(
        P,
        "Fail",
        r#"
        -
        "Error":"e","Cause":"c"
        "Error":1 | Expected value of type String at @/Error
        "Cause":{} | Expected value of type String at @/Cause
        "ErrorPath":"$.e","CausePath":"States.Format('{}', $.c)"
        "ErrorPath":"$$.Execution.Id"
        "ErrorPath":"e" | Value must be a valid JSONPath or a valid intrinsic function call at @/ErrorPath
        "CausePath":"States.Nope()" | Value must be a valid JSONPath or a valid intrinsic function call at @/CausePath
        "Cause":"c","CausePath":"$.c" | There should only be one of the following fields: [Cause, CausePath] at @
        "InputPath":"$" | Field 'InputPath' is not supported at @
        "End":true | Field 'End' is not supported at @
        "Next":"B" | Field 'Next' is not supported at @
        "#,
    );
    rows(
        J,
        "Fail",
        r#"
        "Error":"{% $states.input.e %}","Cause":"c"
        "ErrorPath":"$.e" | The QueryLanguage is set to 'JSONata', but field 'ErrorPath' is only supported for the 'JSONPath' QueryLanguage at @
        "Output":1 | Field 'Output' is not supported at @
        "#,
    );
}

#[test]
fn containers() {
    rows(
        P,
        "Parallel",
        r#"
        "Branches":[{"StartAt":"C","States":{"C":{"Type":"Succeed"}}}]
        - | These fields are required: [Branches] at @
        "Branches":{} | Expected value of type Array at @/Branches
        "Branches":[] | Value cannot be empty at @/Branches
        "Branches":[1] | Expected value of type Object at @/Branches[0]
        "Branches":[{"StartAt":"C","States":{}}] | Value cannot be empty at @/Branches[0]/States
        "Branches":[{"States":{"C":{"Type":"Succeed"}}}] | These fields are required: [StartAt] at @/Branches[0]
        "Branches":[{"States":{"C":{}}}] | These fields are required: [StartAt] at @/Branches[0], These fields are required: [Type] at @/Branches[0]/States/C
        "Branches":[{"StartAt":"C","States":{"C":{"Type":"Succeed"}},"Comment":1}] | Expected value of type String at @/Branches[0]/Comment
        "Branches":[{"StartAt":"C","States":{"C":{"Type":"Succeed"}},"TimeoutSeconds":1}] | Field 'TimeoutSeconds' is not supported at @/Branches[0]
        "Branches":[{"StartAt":"C","States":{"C":{"Type":"Succeed"}},"QueryLanguage":"JSONata"}] | Field 'QueryLanguage' is not supported at @/Branches[0]
        "Branches":[{"StartAt":"C","States":{"C":{"Type":"Pass","End":true,"Result":1,"Retry":[]}}}] | Field 'Retry' is not supported at @/Branches[0]/States/C
        "Branches":[{"StartAt":"C","States":{"C":{"Type":"Pass","Next":"B"}}}] | MISSING_TRANSITION_TARGET: Missing 'Next' target: B at @/Branches[0]/States/C/Next, MISSING_END_STATE: Workflow has no terminal state at null
        "Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}] | DUPLICATE_STATE_NAME: Duplicate State name: A at @/Branches[0]/States/A
        "Branches":[{"StartAt":"","States":{"":{"Type":"Succeed"}}}] | INVALID_STATE_NAME: State name cannot be empty at @/Branches[0]/States/
        "Assign":{"x":1},"Branches":[{"StartAt":"C","States":{"C":{"Type":"Pass","End":true,"Assign":{"x":1}}}}] | The variable 'x' is assigned in an outer scope and cannot be assigned here at @/Branches[0]/States
        "#,
    );
    let map = |language: &str, table: &str| {
        let table: String = table
            .lines()
            .map(str::trim)
            .filter(|row| !row.is_empty())
            .map(|row| {
                format!(
                    "\"ItemProcessor\":{{\"StartAt\":\"C\",\"States\":{{\"C\":{{\"Type\":\"Succeed\"}}}}}},{row}\n"
                )
            })
            .collect();
        rows(language, "Map", &table);
    };
    map(
        P,
        r#"
        "ItemsPath":"$.items"
        "ItemsPath":"$$.Execution.Input.items"
        "ItemsPath":"items" | Value is not a Reference Path at @/ItemsPath
        "ItemSelector":{"v.$":"$$.Map.Item.Value"}
        "ItemSelector":{"v.$":"v"} | The value for the field 'v.$' must be a valid JSONPath or a valid intrinsic function call at @/ItemSelector
        "ItemSelector":{},"Parameters":{} | There should only be one of the following fields: [ItemSelector, Parameters] at @
        "MaxConcurrency":0
        "MaxConcurrency":-1 | Minimum value is 0 at @/MaxConcurrency
        "MaxConcurrency":"1" | Expected value of type Integer at @/MaxConcurrency
        "MaxConcurrencyPath":"$.n"
        "MaxConcurrencyPath":"$$.n" | Value is not a Reference Path at @/MaxConcurrencyPath
        "MaxConcurrency":1,"MaxConcurrencyPath":"$.n" | There should only be one of the following fields: [MaxConcurrency, MaxConcurrencyPath] at @
        "Iterator":{"StartAt":"D","States":{"D":{"Type":"Succeed"}}} | There should only be one of the following fields: [ItemProcessor, Iterator] at @
        "Items":[1] | The QueryLanguage is set to 'JSONPath', but field 'Items' is only supported for the 'JSONata' QueryLanguage at @
        "TimeoutSeconds":1 | Field 'TimeoutSeconds' is not supported at @
        "Label":"l" | Field 'Label' is not supported at @
        "ToleratedFailureCount":1 | Field 'ToleratedFailureCount' is not supported at @
        "ItemReader":{} | Field 'ItemReader' is not supported at @
        "#,
    );
    map(
        J,
        r#"
        "Items":[1,2]
        "Items":"{% $states.input.items %}"
        "Items":1 | Expected value of type Array at @/Items
        "ItemsPath":"$.items" | The QueryLanguage is set to 'JSONata', but field 'ItemsPath' is only supported for the 'JSONPath' QueryLanguage at @
        "MaxConcurrency":"{% 2 %}"
        "MaxConcurrencyPath":"$.n" | The QueryLanguage is set to 'JSONata', but field 'MaxConcurrencyPath' is only supported for the 'JSONPath' QueryLanguage at @
        "#,
    );
}

#[test]
fn distributed_maps() {
    let map = |config: &str, machine_type: MachineType, fields: &str, expected: &str| {
        let state = format!(
            r#"{{"Type":"Map","End":true,"ItemProcessor":{{"ProcessorConfig":{config},"StartAt":"C","States":{{"C":{{"Type":"Succeed"}}}}}}{fields}}}"#
        );
        check(P, machine_type, &state, &expected.replace('@', "/States/A"));
    };
    let distributed = r#"{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}"#;
    let (standard, express) = (MachineType::Standard, MachineType::Express);
    map(r#"{"Mode":"INLINE"}"#, express, "", "");
    map("{}", standard, "", "");
    map(
        r#"{"Mode":"BOTH"}"#,
        standard,
        "",
        "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED] at @/ItemProcessor/ProcessorConfig/Mode",
    );
    map(
        r#"{"Mode":"INLINE","Depth":1}"#,
        standard,
        "",
        "Field 'Depth' is not supported at @/ItemProcessor/ProcessorConfig",
    );
    map(
        r#"{"Mode":"DISTRIBUTED"}"#,
        standard,
        "",
        "These fields are required: [ExecutionType] at @/ItemProcessor/ProcessorConfig",
    );
    map(
        r#"{"Mode":"DISTRIBUTED","ExecutionType":"FAST"}"#,
        standard,
        "",
        "The field 'ExecutionType' should have one of these values: [STANDARD, EXPRESS] at @/ItemProcessor/ProcessorConfig/ExecutionType",
    );
    map(
        distributed,
        express,
        "",
        "Express state machine does not support Distributed Map at @/ItemProcessor/ProcessorConfig/Mode",
    );
    let reader = r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"},"ReaderConfig":"#;
    let cases = [
        ("".to_owned(), ""),
        (r#","Label":"my-label_1""#.to_owned(), ""),
        (
            r#","Label":"a b""#.to_owned(),
            "INVALID_LABEL_NAME: Label contains characters that are not allowed at @/Label",
        ),
        (
            r#","Label":"""#.to_owned(),
            "INVALID_LABEL_NAME: Label cannot be empty at @/Label",
        ),
        (
            format!(r#","Label":"{}""#, "l".repeat(41)),
            "INVALID_LABEL_NAME: Label is longer than 40 characters at @/Label",
        ),
        (r#","ItemBatcher":{"MaxItemsPerBatch":5}"#.to_owned(), ""),
        (
            r#","ItemBatcher":{}"#.to_owned(),
            "One of these fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath] at @/ItemBatcher",
        ),
        (
            r#","ItemBatcher":{"MaxInputBytesPerBatch":262145}"#.to_owned(),
            "Maximum value is 262144 at @/ItemBatcher/MaxInputBytesPerBatch",
        ),
        (
            r#","ItemBatcher":{"MaxItemsPerBatch":5,"Items":5}"#.to_owned(),
            "Field 'Items' is not supported at @/ItemBatcher",
        ),
        (
            format!(r#"{reader}{{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}}}}"#),
            "",
        ),
        (
            format!(r#"{reader}{{"InputType":"XML"}}}}"#),
            "The field 'InputType' should have one of these values: [CSV, JSON, JSONL, PARQUET, MANIFEST] at @/ItemReader/ReaderConfig/InputType",
        ),
        (
            format!(r#"{reader}{{"InputType":"CSV","CSVHeaderLocation":"GIVEN"}}}}"#),
            "These fields are required: [CSVHeaders] at @/ItemReader/ReaderConfig",
        ),
        (
            format!(r#"{reader}{{"InputType":"CSV","Delimiter":"COMMA"}}}}"#),
            "Field 'Delimiter' is not supported at @/ItemReader/ReaderConfig",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:putObject"}"#.to_owned(),
            "The resource provided arn:aws:states:::s3:putObject is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at @/ItemReader/Resource",
        ),
        (
            r#","ItemReader":{}"#.to_owned(),
            "These fields are required: [Resource] at @/ItemReader",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Arguments":{}}"#
                .to_owned(),
            "The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for the 'JSONata' QueryLanguage at @/ItemReader",
        ),
        (
            r#","ResultWriter":{"WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSONL"}}"#
                .to_owned(),
            "",
        ),
        (
            r#","ResultWriter":{}"#.to_owned(),
            "Value cannot be empty at @/ResultWriter",
        ),
        (
            r#","ResultWriter":{"WriterConfig":{"OutputType":"CSV"}}"#.to_owned(),
            "The field 'OutputType' should have one of these values: [JSON, JSONL] at @/ResultWriter/WriterConfig/OutputType",
        ),
    ];
    for (fields, expected) in cases {
        map(distributed, standard, &fields, expected);
    }
}
