//! `stepd policy suggest`: the least policies for the roles of a stack, from what they did.

use std::sync::Arc;

use async_trait::async_trait;
use gateway::{Route, RouteAnswer, RouteRequest};
use http::Method;
use iam::Iam;
use serde_json::{Value, json};
use service::{Call, Failure, Gate, RequestId};

use crate::client::Client;

/// What is done about policies.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the least policy for each role of a stack, from what the roles have done so far
    Suggest(SuggestArguments),
}

/// Options of `stepd policy suggest`.
#[derive(clap::Args)]
pub struct SuggestArguments {
    /// The stack's name
    stack: String,
}

/// Asks the server, and prints JSON: roles and their policies.
pub fn run(command: &Command) -> anyhow::Result<()> {
    let Command::Suggest(SuggestArguments { stack }) = command;
    let answer = Client::from_environment()?.ask("policies", &json!({ "stack": stack }))?;
    for suggestion in answer.as_array().into_iter().flatten() {
        let role = suggestion["role"].as_str().unwrap_or_default();
        match &suggestion["policy"] {
            Value::Null => eprintln!("{role} has done nothing yet"),
            policy => {
                eprintln!("{role}");
                println!("{policy:#}");
            }
        }
    }
    Ok(())
}

/// `POST /_stepd/policies`: says what the roles of a stack did.
pub struct Suggestions {
    /// Who knows what roles did.
    pub iam: Arc<Iam>,
    /// Who is asked for the stack.
    pub gate: Arc<dyn Gate>,
}

#[async_trait]
impl Route for Suggestions {
    fn name(&self) -> &'static str {
        "policies"
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        if request.method != Method::POST {
            let failure = Failure::client("MethodNotAllowed", "This is asked with POST.");
            return Err(failure.with_status(405));
        }
        let asked: Value = serde_json::from_slice(&request.body)
            .map_err(|error| Failure::client("ValidationException", error.to_string()))?;
        let call = |service, operation: &'static str, input: Value| {
            self.gate.call(Call {
                service,
                operation: operation.into(),
                input: input.to_string().into(),
                payload: Default::default(),
                principal: request.principal.clone(),
                request_id: RequestId::random(),
            })
        };
        let input = json!({"StackName": asked["stack"]});
        let reply = call("cloudformation", "DescribeStackResources", input).await?;
        let stack: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
        let resources = stack["StackResources"].as_array().into_iter().flatten();
        let (mut roles, mut runs) = (Vec::new(), Vec::new());
        for resource in resources {
            let id = &resource["PhysicalResourceId"];
            let (service, operation, input) = match resource["ResourceType"].as_str() {
                Some("AWS::IAM::Role") => ("iam", "GetRole", json!({"RoleName": id})),
                Some("AWS::StepFunctions::StateMachine") => (
                    "states",
                    "DescribeStateMachine",
                    json!({"stateMachineArn": id}),
                ),
                _ => continue,
            };
            let Ok(reply) = call(service, operation, input).await else {
                continue;
            };
            let found: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
            match service {
                "iam" => roles.extend(found["Role"]["Arn"].as_str().map(str::to_owned)),
                _ => runs.extend(map_runs(&found)),
            }
        }
        let mut suggestions = Vec::new();
        for role in roles {
            let mut policy = self.iam.least_policy(&role).await?;
            let of_role = runs.iter().filter(|(runner, _)| *runner == role);
            for (_, statements) in of_role {
                if let Some(known) = policy["Statement"].as_array_mut() {
                    known.extend(statements.iter().cloned());
                }
            }
            suggestions.push(json!({"role": role, "policy": policy}));
        }
        Ok(RouteAnswer::Json(
            Value::from(suggestions).to_string().into(),
        ))
    }
}

/// Returns the role of a machine with distributed Maps, and what AWS wants it to be allowed: to start, look at and
/// stop the children. Here the engine does that by itself, so that no role is seen doing it.
fn map_runs(machine: &Value) -> Option<(String, [Value; 2])> {
    let definition = machine["definition"].as_str()?;
    let definition: Value = serde_json::from_str(definition).ok()?;
    if !is_distributed(&definition) {
        return None;
    }
    let arn = machine["stateMachineArn"].as_str()?;
    let children = arn.replacen(":stateMachine:", ":execution:", 1);
    let statements = [
        json!({"Effect": "Allow", "Action": ["states:StartExecution"], "Resource": [arn]}),
        json!({
            "Effect": "Allow",
            "Action": ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"],
            "Resource": [format!("{children}/*"), format!("{children}:*")],
        }),
    ];
    Some((machine["roleArn"].as_str()?.to_owned(), statements))
}

/// Says whether there is a Map in distributed mode anywhere in a definition.
fn is_distributed(definition: &Value) -> bool {
    match definition {
        Value::Object(members) => {
            let mode = members.get("ProcessorConfig").map(|config| &config["Mode"]);
            mode.is_some_and(|mode| mode == "DISTRIBUTED") || members.values().any(is_distributed)
        }
        Value::Array(items) => items.iter().any(is_distributed),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mode: &str, is_suggested: bool) {
        let map = json!({"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": mode}}});
        let branch = json!({"Type": "Parallel", "Branches": [{"States": {"M": map}}]});
        let machine = json!({
            "definition": json!({"States": {"P": branch}}).to_string(),
            "stateMachineArn": "arn:aws:states:r:1:stateMachine:m",
            "roleArn": "arn:r",
        });
        let found = map_runs(&machine);
        assert_eq!(found.is_some(), is_suggested, "{mode}");
        if let Some((role, [start, look])) = found {
            assert_eq!(role, "arn:r");
            assert_eq!(start["Resource"][0], "arn:aws:states:r:1:stateMachine:m");
            assert_eq!(look["Resource"][0], "arn:aws:states:r:1:execution:m/*");
        }
    }

    #[test]
    fn distributed_maps_are_suggested() {
        check("DISTRIBUTED", true);
        check("INLINE", false);
    }
}
