//! Whether a made-up result could be the answer of the service that the task calls.
//!
//! Members are called as Step Functions shows them: with a capital first letter. Members that the
//! model does not know are let through (recorded).

use asl::{Pattern, ResourceKind};
use serde_json::{Map, Value};

use super::answers::{Answers, Output, Shape};
use crate::integrations::capitalized;

/// What is asked of a made-up result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// What is always there must be there, and what is there must be right.
    Strict,
    /// What is there must be right.
    Present,
    /// Nothing.
    None,
}

/// Returns what is wrong with `result` as the answer of what `resource` calls, in AWS's words.
pub(crate) fn check_result(
    resource: &ResourceKind,
    result: &Value,
    strictness: Strictness,
) -> Result<(), String> {
    let ResourceKind::Integration {
        service,
        action,
        pattern,
    } = resource
    else {
        return Ok(());
    };
    if strictness == Strictness::None {
        return Ok(());
    }
    let Some((service, operation, free)) = answered_by(service, action, *pattern) else {
        return Ok(());
    };
    let Some(answers) = Answers::of(&service) else {
        return Ok(());
    };
    let Some(output) = answers.output_of(operation) else {
        return Ok(());
    };
    let Value::Object(members) = result else {
        return Err("Mocked result must be a JSON object.".to_owned());
    };
    let Output::Shape(shape) = output else {
        return Ok(());
    };
    let check = Check {
        answers: &answers,
        strict: strictness == Strictness::Strict,
        free,
    };
    check
        .structure(shape, members)
        .map_err(|wrong| format!("Mock result schema validation error: {wrong}"))
}

/// Returns the service and the operation whose answer a task's result is, and the member that holds
/// JSON of any form. `None` where a result has no model: what a token is answered with, HTTP, EKS.
fn answered_by<'a>(
    service: &str,
    action: &'a str,
    pattern: Pattern,
) -> Option<(String, &'a str, Option<&'static str>)> {
    if let Some(name) = service.strip_prefix("aws-sdk:") {
        return (pattern == Pattern::RequestResponse)
            .then(|| (name.to_ascii_lowercase(), action, None));
    }
    let service_name = match service {
        "bedrock" if action == "invokeModel" => "bedrockruntime",
        "databrew" => "databrew",
        "elasticmapreduce" => "emr",
        "emr-containers" => "emrcontainers",
        "emr-serverless" => "emrserverless",
        "events" => "eventbridge",
        "states" => "sfn",
        "apigateway" | "bedrockagentcore" | "eks" | "http" => return None,
        name => name,
    };
    match pattern {
        Pattern::WaitForTaskToken => None,
        Pattern::Sync | Pattern::Sync2 => {
            Some((service_name.to_owned(), polled(service, action)?, None))
        }
        // These are put together of several calls, and shown in a form of their own.
        Pattern::RequestResponse if service == "elasticmapreduce" => None,
        Pattern::RequestResponse => {
            let free = match (service, action) {
                ("lambda", "invoke") => Some("Payload"),
                ("bedrock", "invokeModel") => Some("Body"),
                _ => None,
            };
            Some((service_name.to_owned(), action, free))
        }
    }
}

/// Returns the operation that a `.sync` task asks until its job has ended: its answer is the result.
fn polled(service: &str, action: &str) -> Option<&'static str> {
    Some(match (service, action) {
        ("athena", "startQueryExecution") => "GetQueryExecution",
        ("batch", "submitJob") => "DescribeJobs",
        ("bedrock", "createModelCustomizationJob") => "GetModelCustomizationJob",
        ("codebuild", "startBuild") => "BatchGetBuilds",
        ("codebuild", "startBuildBatch" | "retryBuildBatch" | "deleteBuildBatch") => {
            "BatchGetBuildBatches"
        }
        ("databrew", "startJobRun") => "DescribeJobRun",
        ("ecs", "runTask") => "DescribeTasks",
        ("elasticmapreduce", "createCluster" | "terminateCluster") => "DescribeCluster",
        ("elasticmapreduce", "addStep") => "DescribeStep",
        ("emr-containers", "deleteVirtualCluster") => "DescribeVirtualCluster",
        ("emr-containers", "startJobRun") => "DescribeJobRun",
        ("emr-serverless", "startJobRun" | "cancelJobRun") => "GetJobRun",
        ("emr-serverless", _) => "GetApplication",
        ("glue", "startJobRun") => "GetJobRun",
        ("mediaconvert", "createJob") => "GetJob",
        ("sagemaker", "createTrainingJob") => "DescribeTrainingJob",
        ("sagemaker", "createTransformJob") => "DescribeTransformJob",
        ("sagemaker", "createLabelingJob") => "DescribeLabelingJob",
        ("sagemaker", "createHyperParameterTuningJob") => "DescribeHyperParameterTuningJob",
        ("sagemaker", "createProcessingJob") => "DescribeProcessingJob",
        ("sagemaker", "createAutoMLJob") => "DescribeAutoMLJob",
        ("states", "startExecution") => "DescribeExecution",
        _ => return None,
    })
}

struct Check<'a> {
    answers: &'a Answers,
    strict: bool,
    /// A member of the answer itself that may be anything.
    free: Option<&'static str>,
}

impl Check<'_> {
    /// Checks the members of an object; JSON that was read nests no deeper than its reader allows.
    fn structure(&self, shape: usize, object: &Map<String, Value>) -> Result<(), String> {
        let Shape::Structure(members) = self.answers.shape(shape) else {
            return Ok(());
        };
        for member in &members {
            let name = capitalized(member.name);
            match object.get(&name) {
                None | Some(Value::Null) if member.always && self.strict => {
                    return Err(format!("Required field '{name}' is missing"));
                }
                None | Some(Value::Null) => {}
                Some(_) if self.free == Some(&*name) => {}
                Some(value) => self.value(member.shape, &name, value)?,
            }
        }
        Ok(())
    }

    fn value(&self, shape: usize, name: &str, value: &Value) -> Result<(), String> {
        let must_be = |what: &str| Err(format!("Field '{name}' must be {what}"));
        match (self.answers.shape(shape), value) {
            (Shape::Structure(_), Value::Object(object)) => self.structure(shape, object),
            (Shape::Map(inner), Value::Object(object)) => object
                .iter()
                .try_for_each(|(key, value)| self.value(inner, key, value)),
            (Shape::Structure(_) | Shape::Map(_), _) => must_be("an object"),
            (Shape::List(inner), Value::Array(elements)) => elements
                .iter()
                .try_for_each(|element| self.value(inner, name, element)),
            (Shape::List(_), _) => must_be("an array"),
            (Shape::Text(words), Value::String(text)) => {
                if words.is_empty() || words.contains(&text.as_str()) {
                    Ok(())
                } else {
                    Err(format!("Field '{name}' is not an expected value"))
                }
            }
            (Shape::Moment | Shape::Bytes, Value::String(_)) => Ok(()),
            (Shape::Text(_) | Shape::Moment | Shape::Bytes, _) => must_be("a string"),
            (Shape::Number { min, max }, Value::Number(number)) => {
                let number = number.as_f64().unwrap_or_default();
                if max.is_some_and(|max| number > max) {
                    Err(format!("Field '{name}' exceeds the maximum value"))
                } else if min.is_some_and(|min| number < min) {
                    Err(format!("Field '{name}' is less than the minimum value"))
                } else {
                    Ok(())
                }
            }
            (Shape::Number { .. }, _) => must_be("a number"),
            (Shape::Boolean, Value::Bool(_)) => Ok(()),
            (Shape::Boolean, _) => must_be("a boolean"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(resource: &str, result: Value, expected: Result<(), &str>) {
        let (call, pattern) = match resource.split_once('.') {
            None => (resource, Pattern::RequestResponse),
            Some((call, "sync")) => (call, Pattern::Sync),
            Some((call, "sync:2")) => (call, Pattern::Sync2),
            Some((call, _)) => (call, Pattern::WaitForTaskToken),
        };
        let (service, action) = call.rsplit_once(':').expect("service:action");
        let kind = ResourceKind::Integration {
            service: service.into(),
            action: action.into(),
            pattern,
        };
        let found = check_result(&kind, &result, Strictness::Strict);
        let expected = expected.map_err(|wrong| match wrong {
            "object" => "Mocked result must be a JSON object.".to_owned(),
            wrong => format!("Mock result schema validation error: {wrong}"),
        });
        assert_eq!(found, expected, "{resource} {result}");
    }

    #[test]
    fn a_made_up_result_is_held_against_the_model() {
        let missing = Err("Required field 'Status' is missing");
        let execution = json!({"ExecutionArn": "a", "StartDate": "d"});
        check("states:startExecution", execution.clone(), Ok(()));
        check("aws-sdk:sfn:startExecution", execution, Ok(()));
        // A job's result is what its polls answer.
        let described = json!({"ExecutionArn": "a", "StateMachineArn": "m"});
        check("states:startExecution.sync:2", described, missing);
        check("states:startExecution.waitForTaskToken", json!(1), Ok(()));
        check(
            "glue:startJobRun.sync",
            json!({"JobRun": {"JobRunState": "DONE"}}),
            Err("Field 'JobRunState' is not an expected value"),
        );
        check(
            "lambda:invoke",
            json!({"Payload": {"any": 1}, "StatusCode": 200}),
            Ok(()),
        );
        check("lambda:invoke", json!([1]), Err("object"));
        check(
            "sqs:sendMessage",
            json!({"MessageId": {}}),
            Err("Field 'MessageId' must be a string"),
        );
        check(
            "dynamodb:getItem",
            json!({"Item": {"a": {"BOOL": "true"}}}),
            Err("Field 'BOOL' must be a boolean"),
        );
        check(
            "dynamodb:getItem",
            json!({"Item": 1}),
            Err("Field 'Item' must be an object"),
        );
        check(
            "ecs:runTask.sync",
            json!({"Tasks": [{"Cpu": 1}]}),
            Err("Field 'Cpu' must be a string"),
        );
        check("eks:call", json!(1), Ok(()));
        check("aws-sdk:unknown:thing", json!(1), Ok(()));
        check(
            "aws-sdk:ec2:describeInstances",
            json!({"Reservations": {}}),
            Err("Field 'Reservations' must be an array"),
        );
    }
}
