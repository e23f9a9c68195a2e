//! The table of what is known about messages. The first family that fits a message explains it.

/// A message with blanks, and how to explain it.
pub(super) struct Family {
    /// `{}` stands for any text.
    pub(super) message: &'static str,
    pub(super) mark: Mark,
    pub(super) hint: Hint,
}

/// What to point at.
pub(super) enum Mark {
    /// The finding's own place: a value if it is a scalar, else its name.
    Place,
    /// The name of the field that the n-th blank names, in the object at the place.
    Field(usize),
    /// The names of all the fields that the first blank lists.
    Fields,
}

/// What to do next.
pub(super) enum Hint {
    Text(&'static str),
    /// The nearest state to the first blank.
    State,
    /// Where the field of the first blank belongs, or the nearest one.
    UnknownField,
    /// What the missing field is for, or the name that was written for it.
    MissingField,
    /// The nearest of the words in the second blank to the value that is there.
    OneOf,
    /// The nearest operator to a field that is none.
    Operator,
    /// The nearest integration to the first blank.
    Integration,
}

const fn family(message: &'static str, mark: Mark, hint: Hint) -> Family {
    Family {
        message,
        mark,
        hint,
    }
}

const fn says(message: &'static str, hint: &'static str) -> Family {
    family(message, Mark::Place, Hint::Text(hint))
}

pub(super) const FAMILIES: &[Family] = &[
    // JSONata.
    says(
        "Reference to '$$' is not supported.",
        "the input is $states.input, the context object is $states.context",
    ),
    says(
        "Reference to '{}' at the top level is not supported.",
        "an expression has no context to read from: the input is $states.input, a variable $name",
    ),
    says(
        "Field '$states.{}' does not exist.",
        "$states.result is there in Output and Assign of Task, Parallel and Map, $states.errorOutput in those of Catch",
    ),
    says(
        "The symbol {} cannot be used as a unary operator",
        "something is missing before the symbol; ?? and ?: are newer than the JSONata 2.0.6 of AWS",
    ),
    says(
        "String literal must be terminated by a matching quote",
        "close the text with the quote that opened it; texts may stand in single quotes too",
    ),
    says(
        "Number out of range: {}",
        "a number is at most 1.8e308, as in JSON",
    ),
    says(
        "Unsupported escape sequence: {}",
        "in a definition every backslash of an expression is written twice",
    ),
    says(
        "The escape sequence {} must be followed by 4 hex digits",
        "write \\\\u00e9 in the definition for \\u00e9 in the expression",
    ),
    says(
        "Quoted property name must be terminated with a backquote (`)",
        "close the name with the backquote that opened it",
    ),
    says("Comment has no closing tag", "close the comment with */"),
    says(
        "Syntax error: {}",
        "something is missing before this: an operator, a comma, or the bracket that closes what was opened",
    ),
    says(
        "Expected {} before end of expression",
        "what was opened is never closed; {% and %} enclose the whole expression",
    ),
    says(
        "Expected {}, got {}",
        "write what is expected, or close before it what was opened",
    ),
    says(
        "Unexpected end of expression",
        "a value is missing at the end: behind an operator, a comma or :=",
    ),
    says(
        "Parameter {} of function definition must be a variable name (start with $)",
        "write function($name) { … }",
    ),
    says(
        "The left side of := must be a variable name (start with $)",
        "write ($name := value; …), and = to compare",
    ),
    says(
        "The right side of {} must be a variable name (start with $)",
        "write items@$item or items#$index",
    ),
    says(
        "The literal value {} cannot be used as a step within a path expression",
        "a name with blanks or signs stands in backquotes: $states.input.`first name`",
    ),
    says(
        "Empty regular expressions are not allowed",
        "write the pattern between the slashes; two slashes do not begin a comment, /* … */ is one",
    ),
    says(
        "No terminating / in regular expression",
        "close the pattern with a slash; a slash inside of it is written \\\\/",
    ),
    // Syntax.
    says(
        "Unexpected end-of-input{}",
        "something is opened and never closed: a brace, a bracket or a quote is missing",
    ),
    says(
        "Unexpected character ('}' {}was expecting double-quote to start field name",
        "remove the comma before the closing bracket",
    ),
    says(
        "Unexpected character (']' {}expected a valid value{}",
        "remove the comma before the closing bracket",
    ),
    says(
        "Unexpected character {}was expecting double-quote to start field name",
        "names stand in double quotes",
    ),
    says(
        "Unexpected character {}was expecting a colon to separate field name and value",
        "write a colon between a name and its value",
    ),
    says(
        "Unexpected character {}was expecting comma to separate Object entries",
        "separate fields by commas, and close the object with }",
    ),
    says(
        "Unexpected character {}was expecting comma to separate Array entries",
        "separate the members by commas, and close the list with ]",
    ),
    says(
        "Unexpected character {}expected the end of the text",
        "the definition ends before this: one brace too many?",
    ),
    says(
        "Unexpected character {}expected a valid value{}",
        "a value is a text in double quotes, a number, true, false, null, { … } or [ … ]",
    ),
    says(
        "Unrecognized token {}",
        "texts stand in double quotes; true, false and null are written small",
    ),
    says(
        "Illegal unquoted character {}",
        "write \\n for a line break within a text",
    ),
    says(
        "Unrecognized character escape {}",
        "a backslash goes before \" \\ / b f n r t or u and four hexadecimal digits; write \\\\ for one",
    ),
    says(
        "The definition is nested more than {}",
        "nest less: start an inner machine by states:startExecution instead",
    ),
    says(
        "Definition must not be empty",
        "a definition is an object with \"StartAt\" and \"States\"",
    ),
    says(
        "Definition is longer than {}",
        "split the machine in two, and start the second one by states:startExecution",
    ),
    says(
        "Definition must be a valid JSON object",
        "a definition is an object with \"StartAt\" and \"States\"",
    ),
    // The graph.
    family("Missing 'Next' target: {}", Mark::Place, Hint::State),
    says(
        "State \"{}\" is not reachable.",
        "nothing leads to this state: name it in a Next, a Default or a Catch, or remove it",
    ),
    says(
        "Workflow has no terminal state",
        "let one state end the workflow: \"End\": true, or a state of type Succeed or Fail",
    ),
    says(
        "Duplicate State name: {}",
        "names are unique in the whole machine, branches and maps included: rename one of the two",
    ),
    says(
        "Duplicate Label name: {}",
        "labels are unique in the whole machine: change one of the two",
    ),
    says(
        "Label {}",
        "a label is a short name of letters, digits, - and _, part of the ARN of a map run",
    ),
    says("State name cannot be empty", "give the state a name"),
    says(
        "State name is longer than {}",
        "shorten the name; a \"Comment\" can say the rest",
    ),
    // Fields that are there or not.
    family(
        "Field '{}' is not supported",
        Mark::Field(0),
        Hint::UnknownField,
    ),
    says(
        "One of these fields is required: [Next, End]",
        "say where it goes on: \"Next\": \"…\", or \"End\": true",
    ),
    says(
        "One of these fields is required: [{}]",
        "add exactly one of them",
    ),
    family(
        "These fields are required: [{}]",
        Mark::Place,
        Hint::MissingField,
    ),
    says(
        "The field 'RoleArn' is required but was missing",
        "name the role to take: \"RoleArn\": \"arn:aws:iam::…:role/…\"",
    ),
    family(
        "The 'Headers' field contains unsupported values: [{}]",
        Mark::Place,
        Hint::Text("API Gateway sets these itself; name the header otherwise"),
    ),
    family(
        "There should only be one of the following fields: [{}]",
        Mark::Fields,
        Hint::Text("keep one of them"),
    ),
    family(
        "The QueryLanguage is set to 'JSONPath', but field '{}' is only supported for the 'JSONata' QueryLanguage",
        Mark::Field(0),
        Hint::Text(
            "JSONPath states use InputPath, Parameters, ResultSelector, ResultPath and OutputPath; JSONata needs \"QueryLanguage\": \"JSONata\"",
        ),
    ),
    family(
        "The QueryLanguage is set to 'JSONata', but field '{}' is only supported for the 'JSONPath' QueryLanguage",
        Mark::Field(0),
        Hint::Text("JSONata states use Arguments, Output and Assign, with {% … %} for expressions"),
    ),
    family(
        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        Mark::Field(usize::MAX),
        Hint::Text(
            "leave the machine on JSONPath, and set \"QueryLanguage\": \"JSONata\" in single states",
        ),
    ),
    // Resources.
    says(
        "Value is not a valid resource ARN",
        "a resource is an ARN: a Lambda function's, an activity's, or arn:aws:states:::lambda:invoke",
    ),
    family(
        "The resource provided {} is not recognized.{}",
        Mark::Place,
        Hint::Integration,
    ),
    says(
        "Express state machine does not support {}",
        "only STANDARD machines wait: use that type, or call without waiting",
    ),
    // Values.
    says(
        "Value must be a valid JSONPath.",
        "a path begins with $, such as $.order.id; $$ begins one into the context object",
    ),
    says(
        "Value is not a Reference Path{}",
        "a reference path names one place in the input: $.order.items[0], without *, .. or a filter",
    ),
    says(
        "Value must be a valid JSONPath or a valid intrinsic function call",
        "such as $.error, or States.Format('{} failed', $.name)",
    ),
    family(
        "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call",
        Mark::Field(0),
        Hint::Text(
            "a name that ends in .$ takes $.path, $$.path or a call such as States.Format('{}', $.id); without .$ a text is taken as it is",
        ),
    ),
    says(
        "Value must be true",
        "a state that does not end has a \"Next\" in place of \"End\"",
    ),
    says(
        "Value cannot be empty",
        "add at least one member, or remove the field",
    ),
    says(
        "Expected value of type String",
        "write a text in double quotes",
    ),
    says(
        "Expected value of type Boolean",
        "write true or false, without quotes",
    ),
    says(
        "Expected value of type Integer",
        "write a whole number, without quotes",
    ),
    says(
        "Expected value of type Number",
        "write a number, without quotes",
    ),
    says("Expected value of type Object", "write an object: { … }"),
    says("Expected value of type Array", "write a list: [ … ]"),
    family(
        "The field '{}' should have one of these values: [{}]",
        Mark::Place,
        Hint::OneOf,
    ),
    says(
        "String does not match RFC3339 timestamp",
        "write date, time and offset: 2030-01-31T12:00:00Z",
    ),
    says(
        "HeartbeatSeconds must be smaller than TimeoutSeconds",
        "a heartbeat that comes after the timeout is never missed: shorten it",
    ),
    says(
        "'States.ALL' must appear alone, and in the last member of the list",
        "the first member that fits is taken, so the one for all errors comes last and by itself",
    ),
    // Choices.
    family(
        "A choice rule needs one comparison operator",
        Mark::Place,
        Hint::Operator,
    ),
    // Warnings.
    says(
        "The Result of a Pass state is static: {}",
        "use \"Parameters\" with a name that ends in .$ to compute it",
    ),
    says(
        "No '.$' on the field '{}', which {}",
        "let its name end in .$ to compute it; as it stands, the text itself is passed on",
    ),
    says(
        "The value of the field '{}' looks like a path, but {}",
        "the field of the same name with Path behind it takes a path; as it stands, it is a plain text",
    ),
    says(
        "The task waits for an answer without TimeoutSeconds or HeartbeatSeconds",
        "if nobody may ever answer, say how long to wait: \"TimeoutSeconds\": 86400, for example",
    ),
    says(
        "Every error here is named by an earlier member of the list",
        "the first member that fits is taken: put this one first, or remove it",
    ),
    // Our own.
    says(
        "{} is not built yet",
        "AWS accepts this; this version of stepd does not run it",
    ),
];

/// Where fields belong that are in the language, but not at the place where they were found.
pub(super) const FIELD_HOMES: [(&[&str], &str); 9] = [
    (
        &["Next", "End"],
        "Choice, Succeed and Fail states and the rules inside other rules have no Next or End of their own",
    ),
    (
        &[
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Resource",
            "Credentials",
        ],
        "this belongs to Task states (TimeoutSeconds to the whole machine, too)",
    ),
    (
        &["Retry", "Catch", "ResultSelector"],
        "only Task, Parallel and Map states have this",
    ),
    (
        &["Parameters", "ResultPath"],
        "only Pass, Task, Parallel and Map states have this",
    ),
    (
        &["InputPath", "OutputPath"],
        "only states that pass data on have this",
    ),
    (&["Choices", "Default"], "this belongs to Choice states"),
    (
        &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"],
        "this belongs to Wait states",
    ),
    (
        &[
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "Label",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ],
        "this needs a Map whose ItemProcessor has \"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\", …}",
    ),
    (
        &["QueryLanguage"],
        "the machine and its states have a QueryLanguage; branches and item processors follow the machine",
    ),
];

/// What required fields are for.
pub(super) const REQUIRED: [(&str, &str); 9] = [
    (
        "States",
        "a workflow is an object with \"StartAt\" and \"States\"",
    ),
    ("StartAt", "say which state comes first: \"StartAt\": \"…\""),
    (
        "Type",
        "every state has a Type: Task, Pass, Choice, Wait, Succeed, Fail, Parallel or Map",
    ),
    ("Next", "say which state comes next: \"Next\": \"…\""),
    (
        "Resource",
        "say what the task calls: \"Resource\": \"arn:aws:states:::lambda:invoke\", for example",
    ),
    (
        "Choices",
        "add the rules: \"Choices\": [{ \"Variable\": \"$.x\", …, \"Next\": \"…\" }]",
    ),
    ("Variable", "say what is compared: \"Variable\": \"$.x\""),
    (
        "ErrorEquals",
        "say which errors are meant: \"ErrorEquals\": [\"States.ALL\"] for all",
    ),
    (
        "Branches",
        "add what runs side by side: \"Branches\": [{ \"StartAt\": …, \"States\": … }]",
    ),
];

/// The fields of machines, states and their parts.
pub(super) const FIELDS: &[&str] = &[
    "Comment",
    "StartAt",
    "States",
    "Version",
    "TimeoutSeconds",
    "QueryLanguage",
    "Type",
    "Next",
    "End",
    "InputPath",
    "OutputPath",
    "Parameters",
    "ResultPath",
    "ResultSelector",
    "Result",
    "Arguments",
    "Output",
    "Assign",
    "Retry",
    "Catch",
    "Resource",
    "Credentials",
    "TimeoutSecondsPath",
    "HeartbeatSeconds",
    "HeartbeatSecondsPath",
    "Choices",
    "Default",
    "Variable",
    "Condition",
    "Seconds",
    "SecondsPath",
    "Timestamp",
    "TimestampPath",
    "Error",
    "ErrorPath",
    "Cause",
    "CausePath",
    "Branches",
    "ItemProcessor",
    "Iterator",
    "ProcessorConfig",
    "Mode",
    "ExecutionType",
    "Items",
    "ItemsPath",
    "ItemSelector",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "MaxConcurrency",
    "MaxConcurrencyPath",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "RoleArn",
];

/// The operators of choice rules.
pub(super) const OPERATORS: &[&str] = &[
    "And",
    "Or",
    "Not",
    "BooleanEquals",
    "IsBoolean",
    "IsNull",
    "IsNumeric",
    "IsPresent",
    "IsString",
    "IsTimestamp",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "StringEquals",
    "StringGreaterThan",
    "StringGreaterThanEquals",
    "StringLessThan",
    "StringLessThanEquals",
    "StringMatches",
    "TimestampEquals",
    "TimestampGreaterThan",
    "TimestampGreaterThanEquals",
    "TimestampLessThan",
    "TimestampLessThanEquals",
];

/// Integrations that are often written.
pub(super) const INTEGRATIONS: [&str; 13] = [
    "arn:aws:states:::lambda:invoke",
    "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "arn:aws:states:::dynamodb:getItem",
    "arn:aws:states:::dynamodb:putItem",
    "arn:aws:states:::dynamodb:updateItem",
    "arn:aws:states:::dynamodb:deleteItem",
    "arn:aws:states:::sqs:sendMessage",
    "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "arn:aws:states:::sns:publish",
    "arn:aws:states:::events:putEvents",
    "arn:aws:states:::states:startExecution",
    "arn:aws:states:::states:startExecution.sync:2",
    "arn:aws:states:::states:startExecution.waitForTaskToken",
];
