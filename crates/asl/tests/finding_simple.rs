//! Pass and Task states and resources, each with everything that is said about it.

#[path = "common/rows.rs"]
mod rows;

use asl::MachineType;
use rows::{J, P, check, rows};

#[test]
fn pass_states() {
    rows(
        P,
        "Pass",
        r#"
        -
        "Comment":"c"
        "Comment":null | Expected value of type String at @/Comment
        "Comment":{} | Expected value of type String at @/Comment
        "Next":null | Expected value of type String at @/Next
        "Next":["B"] | Expected value of type String at @/Next
        "End":true
        "End":1 | Expected value of type Boolean at @/End
        "End":null | Expected value of type Boolean at @/End
        "End":false | Value must be true at @/End
        "Next":"B","End":false
        "Next":"B","End":true | There should only be one of the following fields: [Next, End] at @
        "InputPath":null
        "InputPath":"$"
        "InputPath":"$$"
        "InputPath":"$$.Execution.Id"
        "InputPath":"$.a[*].b"
        "InputPath":"$.a[?(@.b == 1)]"
        "InputPath":"$name.a"
        "InputPath":"" | Value must be a valid JSONPath. at @/InputPath
        "InputPath":"a" | Value must be a valid JSONPath. at @/InputPath
        "InputPath":"$.a[" | Value must be a valid JSONPath. at @/InputPath
        "InputPath":"$states.input" | Value must be a valid JSONPath. at @/InputPath
        "InputPath":1 | Expected value of type String at @/InputPath
        "InputPath":{} | Expected value of type String at @/InputPath
        "OutputPath":"$.a"
        "OutputPath":null
        "OutputPath":"Test" | Value must be a valid JSONPath. at @/OutputPath
        "OutputPath":false | Expected value of type String at @/OutputPath
        "ResultPath":null
        "ResultPath":"$"
        "ResultPath":"$.a.b"
        "ResultPath":"$.error-info"
        "ResultPath":"$.a[0]"
        "ResultPath":"$.a[*]" | Value is not a Reference Path at @/ResultPath
        "ResultPath":"$.a[0:2]" | Value is not a Reference Path at @/ResultPath
        "ResultPath":"$..a" | Value is not a Reference Path at @/ResultPath
        "ResultPath":"$$.a" | Value is not a Reference Path at @/ResultPath
        "ResultPath":"a" | Value is not a Reference Path at @/ResultPath
        "ResultPath":[] | Expected value of type String at @/ResultPath
        "Result":null
        "Result":{"a.$":1}
        "Parameters":{"a.$":"$.a","b":1}
        "Parameters":"text"
        "Parameters":{"a.$":"$$.State.Name"}
        "Parameters":{"a.$":"$name"}
        "Parameters":{"a.$":"a"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Parameters":{"a.$":null} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Parameters":{"a.$":{"b":1}} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Parameters":{"x":{"a.$":"a","b.$":"b"}} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters/x, The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters/x
        "Parameters":{"a.$":"States.Format('{}', $.a)"}
        "Parameters":{"a.$":"States.Format('\\{ \\} \\' \\\\')"}
        "Parameters":{"a.$":"States.Format('\\n')"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Parameters":{"a.$":"States.Format('a"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Parameters":{"a.$":"States.Format()"}
        "Parameters":{"a.$":"States.format('a')"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Parameters":{"a.$":"States.UUID(1)"}
        "Parameters":{"a.$":"States.Hash('a')"}
        "Parameters":{"a.$":"States.MathAdd(1, 2) "}
        "Parameters":{"a.$":"States.MathAdd(1, 2) x"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Parameters":{"a.$":"States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(1))))))))))"}
        "Parameters":{"a.$":"States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(1)))))))))))"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Parameters
        "Assign":{"a":1,"b.$":"$.b"}
        "Assign":{"größe":1,"_x9":2}
        "Assign":1 | Expected value of type Object at @/Assign
        "Assign":{"9a":1} | '9a' is not a valid variable name at @/Assign
        "Assign":{"a-b":1} | 'a-b' is not a valid variable name at @/Assign
        "Assign":{"states":1} | The variable name 'states' is reserved at @/Assign
        "Assign":{"a.$":"a"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/Assign
        "QueryLanguage":"JSONPath"
        "QueryLanguage":"JSONata","Output":1
        "QueryLanguage":"jsonata" | The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata] at @/QueryLanguage
        "QueryLanguage":1 | The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata] at @/QueryLanguage
        "Coment":"" | Field 'Coment' is not supported at @
        "next":"B" | Field 'next' is not supported at @
        "Output":1 | The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at @
        "Arguments":1 | Field 'Arguments' is not supported at @
        "ResultSelector":{} | Field 'ResultSelector' is not supported at @
        "Retry":[] | Field 'Retry' is not supported at @
        "Next":"C" | Missing 'Next' target: C at @/Next, MISSING_END_STATE: Workflow has no terminal state at null
        "#.replace("Missing 'Next' target: C", "MISSING_TRANSITION_TARGET: Missing 'Next' target: C").as_str(),
    );
    rows(
        J,
        "Pass",
        r#"
        -
        "Output":"{% $states.input %}"
        "Output":{"a":["{% 1 + 1 %}"]}
        "Output":"text"
        "Assign":{"a":"{% 1 %}"}
        "Assign":{"states":1} | The variable name 'states' is reserved at @/Assign
        "QueryLanguage":"JSONata"
        "QueryLanguage":"JSONPath" | 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at @
        "InputPath":"$" | The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage at @
        "Parameters":{} | The QueryLanguage is set to 'JSONata', but field 'Parameters' is only supported for the 'JSONPath' QueryLanguage at @
        "Result":1 | The QueryLanguage is set to 'JSONata', but field 'Result' is only supported for the 'JSONPath' QueryLanguage at @
        "ResultPath":null | The QueryLanguage is set to 'JSONata', but field 'ResultPath' is only supported for the 'JSONPath' QueryLanguage at @
        "Arguments":{} | Field 'Arguments' is not supported at @
        "Output":"{% phone %}" | UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at @/Output
        "#,
    );
}

#[test]
fn tasks() {
    let task = |language: &str, table: &str| {
        let table: String = table
            .lines()
            .map(str::trim)
            .filter(|row| !row.is_empty())
            .map(|row| match row.strip_prefix('-') {
                Some(rest) => format!("\"Resource\":\"arn:aws:states:::lambda:invoke\"{rest}\n"),
                None => format!("\"Resource\":\"arn:aws:states:::lambda:invoke\",{row}\n"),
            })
            .collect();
        rows(language, "Task", &table);
    };
    task(
        P,
        r#"
        -
        "TimeoutSeconds":1
        "TimeoutSeconds":99999999
        "TimeoutSeconds":0 | Minimum value is 1 at @/TimeoutSeconds
        "TimeoutSeconds":-1 | Minimum value is 1 at @/TimeoutSeconds
        "TimeoutSeconds":100000000 | Maximum value is 99999999 at @/TimeoutSeconds
        "TimeoutSeconds":1.5 | Expected value of type Integer at @/TimeoutSeconds
        "TimeoutSeconds":"1" | Expected value of type Integer at @/TimeoutSeconds
        "TimeoutSeconds":null | Expected value of type Integer at @/TimeoutSeconds
        "TimeoutSecondsPath":"$.t"
        "TimeoutSecondsPath":"$$.Execution.Input.t"
        "TimeoutSecondsPath":"t" | Value must be a valid JSONPath. at @/TimeoutSecondsPath
        "TimeoutSecondsPath":5 | Expected value of type String at @/TimeoutSecondsPath
        "TimeoutSeconds":5,"TimeoutSecondsPath":"$.t" | There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] at @
        "HeartbeatSeconds":5,"HeartbeatSecondsPath":"$.t" | There should only be one of the following fields: [HeartbeatSeconds, HeartbeatSecondsPath] at @
        "HeartbeatSeconds":0 | Minimum value is 1 at @/HeartbeatSeconds
        "TimeoutSeconds":5,"HeartbeatSeconds":4
        "TimeoutSeconds":5,"HeartbeatSeconds":5 | HeartbeatSeconds must be smaller than TimeoutSeconds at @/HeartbeatSeconds
        "TimeoutSeconds":5,"HeartbeatSeconds":6 | HeartbeatSeconds must be smaller than TimeoutSeconds at @/HeartbeatSeconds
        "Credentials":{"RoleArn":"arn:aws:iam::111111111111:role/r"}
        "Credentials":{"RoleArn.$":"$.role"}
        "Credentials":{"RoleArn.$":"role"} | The value for the field 'RoleArn.$' must be a valid JSONPath or a valid intrinsic function call at @/Credentials
        "Credentials":{} | The field 'RoleArn' is required but was missing at @/Credentials
        "Credentials":{"RoleArn":1} | Expected value of type String at @/Credentials/RoleArn
        "Credentials":"x" | Expected value of type Object at @/Credentials
        "ResultSelector":{"a.$":"$.a"}
        "ResultSelector":{"a.$":"a"} | The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at @/ResultSelector
        "Result":1 | Field 'Result' is not supported at @
        "Arguments":{} | The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for the 'JSONata' QueryLanguage at @
        "Retry":[]
        "Retry":{} | Expected value of type Array at @/Retry
        "Retry":null | Expected value of type Array at @/Retry
        "Retry":[1] | Expected value of type Object at @/Retry[0]
        "Retry":[{"ErrorEquals":["a"],"Comment":1}] | Expected value of type String at @/Retry[0]/Comment
        "Retry":[{"ErrorEquals":["a"],"Next":"B"}] | Field 'Next' is not supported at @/Retry[0]
        "Retry":[{"ErrorEquals":"a"}] | Expected value of type Array at @/Retry[0]/ErrorEquals
        "Retry":[{"ErrorEquals":["a",1]}] | Expected value of type String at @/Retry[0]/ErrorEquals[1]
        "Retry":[{"ErrorEquals":[]}] | Value cannot be empty at @/Retry[0]/ErrorEquals
        "Retry":[{}] | These fields are required: [ErrorEquals] at @/Retry[0]
        "Retry":[{"ErrorEquals":["States.ALL"]}]
        "Retry":[{"ErrorEquals":["States.ALL","a"]}] | 'States.ALL' must appear alone, and in the last member of the list at @/Retry[0]/ErrorEquals
        "Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["a"]}] | 'States.ALL' must appear alone, and in the last member of the list at @/Retry[0]/ErrorEquals
        "Retry":[{"ErrorEquals":["a"],"IntervalSeconds":0}] | Minimum value is 1 at @/Retry[0]/IntervalSeconds
        "Retry":[{"ErrorEquals":["a"],"IntervalSeconds":1.5}] | Expected value of type Integer at @/Retry[0]/IntervalSeconds
        "Retry":[{"ErrorEquals":["a"],"IntervalSeconds":100000000}] | Maximum value is 99999999 at @/Retry[0]/IntervalSeconds
        "Retry":[{"ErrorEquals":["a"],"MaxAttempts":0}]
        "Retry":[{"ErrorEquals":["a"],"MaxAttempts":-1}] | Minimum value is 0 at @/Retry[0]/MaxAttempts
        "Retry":[{"ErrorEquals":["a"],"MaxAttempts":100000000}] | Maximum value is 99999999 at @/Retry[0]/MaxAttempts
        "Retry":[{"ErrorEquals":["a"],"BackoffRate":1}]
        "Retry":[{"ErrorEquals":["a"],"BackoffRate":0.9}] | Minimum value is 1.0 at @/Retry[0]/BackoffRate
        "Retry":[{"ErrorEquals":["a"],"BackoffRate":"2"}] | Expected value of type Number at @/Retry[0]/BackoffRate
        "Retry":[{"ErrorEquals":["a"],"MaxDelaySeconds":0}] | Minimum value is 1 at @/Retry[0]/MaxDelaySeconds
        "Retry":[{"ErrorEquals":["a"],"MaxDelaySeconds":31622400}]
        "Retry":[{"ErrorEquals":["a"],"MaxDelaySeconds":31622401}] | Maximum value is 31622400 at @/Retry[0]/MaxDelaySeconds
        "Retry":[{"ErrorEquals":["a"],"JitterStrategy":"FULL"}]
        "Retry":[{"ErrorEquals":["a"],"JitterStrategy":"full"}] | The field 'JitterStrategy' should have one of these values: [NONE, FULL] at @/Retry[0]/JitterStrategy
        "Retry":[{"ErrorEquals":["a"],"Jitter":"FULL"}] | Field 'Jitter' is not supported at @/Retry[0]
        "Catch":[]
        "Catch":[{"ErrorEquals":["a"],"Next":"B","ResultPath":"$.e"}]
        "Catch":[{"ErrorEquals":["a"],"Next":"B","ResultPath":null}]
        "Catch":[{"ErrorEquals":["a"],"Next":"B","ResultPath":"$.a[*]"}] | Value is not a Reference Path at @/Catch[0]/ResultPath
        "Catch":[{"ErrorEquals":["a"],"Next":"B","Assign":{"e.$":"$.Error"}}]
        "Catch":[{"ErrorEquals":["a"],"Next":"B","Assign":{"9":1}}] | '9' is not a valid variable name at @/Catch[0]/Assign
        "Catch":[{"ErrorEquals":["a"],"Next":"B","Output":1}] | The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at @/Catch[0]
        "Catch":[{"ErrorEquals":["a"],"Next":"B","IntervalSeconds":1}] | Field 'IntervalSeconds' is not supported at @/Catch[0]
        "Catch":[{"ErrorEquals":["a"],"Next":1}],"End":true | Expected value of type String at @/Catch[0]/Next
        "Catch":[{"Next":"B"}] | These fields are required: [ErrorEquals] at @/Catch[0]
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"},{"ErrorEquals":["a"],"Next":"B"}] | 'States.ALL' must appear alone, and in the last member of the list at @/Catch[0]/ErrorEquals
        "#,
    );
    task(
        J,
        r#"
        -
        "Arguments":{"FunctionName":"f","Payload":"{% $states.input %}"}
        "Arguments":"{% $states.input %}"
        "TimeoutSeconds":"{% 1 + 1 %}"
        "TimeoutSeconds":"1" | Expected value of type Integer at @/TimeoutSeconds
        "TimeoutSecondsPath":"$.t" | The QueryLanguage is set to 'JSONata', but field 'TimeoutSecondsPath' is only supported for the 'JSONPath' QueryLanguage at @
        "HeartbeatSecondsPath":"$.t" | The QueryLanguage is set to 'JSONata', but field 'HeartbeatSecondsPath' is only supported for the 'JSONPath' QueryLanguage at @
        "Parameters":{} | The QueryLanguage is set to 'JSONata', but field 'Parameters' is only supported for the 'JSONPath' QueryLanguage at @
        "ResultSelector":{} | The QueryLanguage is set to 'JSONata', but field 'ResultSelector' is only supported for the 'JSONPath' QueryLanguage at @
        "OutputPath":"$" | The QueryLanguage is set to 'JSONata', but field 'OutputPath' is only supported for the 'JSONPath' QueryLanguage at @
        "Output":"{% $states.result %}"
        "Credentials":{"RoleArn":"{% $states.input.role %}"}
        "Catch":[{"ErrorEquals":["a"],"Next":"B","Output":"{% $states.errorOutput %}"}]
        "Catch":[{"ErrorEquals":["a"],"Next":"B","ResultPath":"$.e"}] | The QueryLanguage is set to 'JSONata', but field 'ResultPath' is only supported for the 'JSONPath' QueryLanguage at @/Catch[0]
        "#,
    );
}

#[test]
fn resources() {
    let unknown = |resource: &str| {
        format!(
            "The resource provided {resource} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/A/Resource"
        )
    };
    let good = [
        "arn:aws:lambda:us-east-1:111111111111:function:f",
        "arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST",
        "arn:aws-cn:lambda:cn-north-1:111111111111:function:f",
        "arn:aws:states:us-east-1:111111111111:activity:a",
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:::sns:publish",
        "arn:aws:states:::states:startExecution.sync",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::states:startExecution.waitForTaskToken",
        "arn:aws:states:::ecs:runTask.sync",
        "arn:aws:states:::ecs:runTask.waitForTaskToken",
        "arn:aws:states:::glue:startJobRun.sync",
        "arn:aws:states:::batch:submitJob.sync",
        "arn:aws:states:::events:putEvents.waitForTaskToken",
        "arn:aws:states:::apigateway:invoke",
        "arn:aws:states:::http:invoke",
        "arn:aws:states:::eks:runJob.sync",
        "arn:aws:states:::bedrock:invokeModel",
        "arn:aws:states:::aws-sdk:s3:getObject",
        "arn:aws:states:::aws-sdk:dynamodb:query",
        "arn:aws:states:::aws-sdk:sfn:startExecution.waitForTaskToken",
    ];
    let bad = [
        "arn:aws:states:::dynamodb:query",
        "arn:aws:states:::dynamodb:getItem.sync",
        "arn:aws:states:::dynamodb:putItem.waitForTaskToken",
        "arn:aws:states:::lambda:invoke.sync",
        "arn:aws:states:::lambda:Invoke",
        "arn:aws:states:::sqs:sendMessage.sync",
        "arn:aws:states:::sqs:receiveMessage",
        "arn:aws:states:::glue:startJobRun.sync:2",
        "arn:aws:states:::http:invoke.waitForTaskToken",
        "arn:aws:states:::nothing:here",
        "arn:aws:states:::aws-sdk:s3:getObject.sync",
        "arn:aws:states:::aws-sdk:s3",
        "arn:aws:states:::lambda:invoke.waitForToken",
        "arn:aws:s3:::bucket",
    ];
    let state = |resource: &str| format!(r#"{{"Type":"Task","Resource":"{resource}","End":true}}"#);
    for resource in good {
        check(P, MachineType::Standard, &state(resource), "");
        check(J, MachineType::Standard, &state(resource), "");
    }
    for resource in bad {
        check(
            P,
            MachineType::Standard,
            &state(resource),
            &unknown(resource),
        );
        check(
            J,
            MachineType::Express,
            &state(resource),
            &unknown(resource),
        );
    }
    let no_arn = "Value is not a valid resource ARN at /States/A/Resource";
    for resource in ["", "create", "f:g", "lambda:invoke"] {
        check(P, MachineType::Standard, &state(resource), no_arn);
    }
    let express = [
        ("arn:aws:states:::lambda:invoke", ""),
        ("arn:aws:states:::aws-sdk:s3:getObject", ""),
        (
            "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Express state machine does not support '.waitForTaskToken' service integration  at /States/A/Resource",
        ),
        (
            "arn:aws:states:::ecs:runTask.sync",
            "Express state machine does not support '.sync' service integration at /States/A/Resource",
        ),
        (
            "arn:aws:states:us-east-1:111111111111:activity:a",
            "Express state machine does not support Activity ARN at /States/A/Resource",
        ),
    ];
    for (resource, expected) in express {
        check(P, MachineType::Express, &state(resource), expected);
        check(J, MachineType::Express, &state(resource), expected);
    }
    rows(
        P,
        "Task",
        r#"
        - | These fields are required: [Resource] at @
        "Resource":1 | Expected value of type String at @/Resource
        "Resource":null | Expected value of type String at @/Resource
        "#,
    );
}
