// The words of the Amazon States Language: its fields by where they stand, and the values that fields have.

export interface Fields {
  flow: string[];
  state: string[];
  retrier: string[];
  catcher: string[];
  rule: string[];
  processor: string[];
  /** Of each type of state, beside those that all have. */
  types: Record<string, string[]>;
}

export type Spot = keyof Fields;

const PATHS = ["InputPath", "OutputPath"];
const RESULT = ["Parameters", "ResultSelector", "ResultPath"];
const NEXT = ["Next", "End"];
const FAULTS = ["Retry", "Catch"];

export const FIELDS: Fields = {
  flow: ["Comment", "StartAt", "States", "QueryLanguage", "TimeoutSeconds", "Version", "ProcessorConfig"],
  state: ["Type", "Comment", "QueryLanguage", "Assign", "Output"],
  retrier: ["ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"],
  catcher: ["ErrorEquals", "Next", "ResultPath", "Assign", "Output", "Comment"],
  rule: [
    "Variable", "Next", "Condition", "Assign", "Output", "Comment", "And", "Or", "Not", "IsPresent", "IsNull", "IsString", "IsNumeric", "IsBoolean", "IsTimestamp",
    "StringEquals", "StringEqualsPath", "StringMatches", "StringLessThan", "StringGreaterThan", "StringLessThanEquals", "StringGreaterThanEquals",
    "NumericEquals", "NumericEqualsPath", "NumericLessThan", "NumericGreaterThan", "NumericLessThanEquals", "NumericGreaterThanEquals",
    "BooleanEquals", "BooleanEqualsPath", "TimestampEquals", "TimestampLessThan", "TimestampGreaterThan", "TimestampLessThanEquals", "TimestampGreaterThanEquals",
  ],
  processor: ["Mode", "ExecutionType"],
  types: {
    Task: ["Resource", "Arguments", "Credentials", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath", ...RESULT, ...PATHS, ...FAULTS, ...NEXT],
    Pass: ["Result", "Parameters", "ResultPath", ...PATHS, ...NEXT],
    Choice: ["Choices", "Default", ...PATHS],
    Wait: ["Seconds", "SecondsPath", "Timestamp", "TimestampPath", ...PATHS, ...NEXT],
    Succeed: PATHS,
    Fail: ["Error", "ErrorPath", "Cause", "CausePath"],
    Parallel: ["Branches", "Arguments", ...RESULT, ...PATHS, ...FAULTS, ...NEXT],
    Map: [
      "ItemProcessor", "Items", "ItemsPath", "ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter", "MaxConcurrency", "MaxConcurrencyPath", "Label",
      "ToleratedFailureCount", "ToleratedFailurePercentage", "ResultSelector", "ResultPath", ...PATHS, ...FAULTS, ...NEXT,
    ],
  },
};

export const VALUES: Record<string, string[]> = {
  Type: Object.keys(FIELDS.types),
  QueryLanguage: ["JSONata", "JSONPath"],
  Mode: ["INLINE", "DISTRIBUTED"],
  ExecutionType: ["STANDARD", "EXPRESS"],
  JitterStrategy: ["FULL", "NONE"],
  ErrorEquals: [
    "States.ALL", "States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout", "States.Runtime", "States.DataLimitExceeded", "States.Permissions",
    "States.ResultPathMatchFailure", "States.ParameterPathFailure", "States.BranchFailed", "States.NoChoiceMatched", "States.IntrinsicFailure",
    "States.ExceedToleratedFailureThreshold", "States.ItemReaderFailed", "States.ResultWriterFailed", "States.QueryEvaluationError",
    "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException",
  ],
};

export const RESOURCES = [
  "lambda:invoke", "lambda:invoke.waitForTaskToken", "states:startExecution", "states:startExecution.sync:2", "states:startExecution.waitForTaskToken",
  "dynamodb:getItem", "dynamodb:putItem", "dynamodb:updateItem", "dynamodb:deleteItem", "sqs:sendMessage", "sqs:sendMessage.waitForTaskToken",
  "sns:publish", "sns:publish.waitForTaskToken", "events:putEvents", "events:putEvents.waitForTaskToken", "http:invoke", "aws-sdk:",
].map((name) => `arn:aws:states:::${name}`);
