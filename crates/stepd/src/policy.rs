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
        let resources = stack["StackResources"].as_array();
        let mut suggestions = Vec::new();
        for resource in resources.into_iter().flatten() {
            if resource["ResourceType"] != "AWS::IAM::Role" {
                continue;
            }
            let input = json!({"RoleName": resource["PhysicalResourceId"]});
            let Ok(reply) = call("iam", "GetRole", input).await else {
                continue;
            };
            let role: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
            let arn = role["Role"]["Arn"].as_str().unwrap_or_default();
            let policy = self.iam.least_policy(arn).await?;
            suggestions.push(json!({"role": arn, "policy": policy}));
        }
        Ok(RouteAnswer::Json(
            Value::from(suggestions).to_string().into(),
        ))
    }
}
