//! `AWS::CloudFormation::Stack`: a stack in a stack, through the same API as any other.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

pub(super) struct Stack;

/// Longest name of a stack.
const NAME_CHARS_MAX: usize = 128;
/// How often the inner stack is looked after.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How often an inner stack that somebody still holds is asked for. With the pauses above, these are
/// about twelve seconds.
const ATTEMPTS_MAX: usize = 12;
/// The state of a stack whose parent has changed it and has not said that this is for good.
const OPEN: &str = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
/// The parent's word: what was replaced goes, or comes back.
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
/// Who deploys a template with stacks in it has said so for these as well.
const CAPABILITIES: [&str; 3] = [
    "CAPABILITY_IAM",
    "CAPABILITY_NAMED_IAM",
    "CAPABILITY_AUTO_EXPAND",
];

#[async_trait]
impl ResourceHandler for Stack {
    fn kind(&self) -> &'static str {
        crate::stack::STACK_KIND
    }

    fn properties(&self) -> &'static [&'static str] {
        &["NotificationARNs", "Parameters", "Tags", "TemplateURL"]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_attribute(&self, attribute: &str) -> bool {
        attribute.starts_with("Outputs.")
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = input(name, given);
        input.insert("ParentId".to_owned(), services.stack_id.as_str().into());
        services
            .call("cloudformation", "CreateStack", input)
            .await?;
        let partly = |failure| NotCreated {
            failure,
            partly: true,
        };
        let stack = settled(services, name).await.map_err(partly)?;
        if status(&stack) != "CREATE_COMPLETE" {
            return Err(partly(failed(&stack)));
        }
        Ok(Made {
            attributes: outputs(&stack),
            physical_id: stack
                .get("StackId")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        // What was replaced is still there where the change that did it is open.
        let ending = if services.about.is_restored {
            ROLLBACK
        } else {
            COMMIT
        };
        if end(services, physical_id, ending).await? && services.about.is_restored {
            let stack = settled(services, physical_id).await?;
            return match status(&stack) {
                "UPDATE_ROLLBACK_COMPLETE" => Ok(outputs(&stack)),
                _ => Err(failed(&stack)),
            };
        }
        let mut pause = PAUSE_MIN;
        let mut attempts = 0;
        loop {
            // What was interrupted goes back first: a stack in a stack is taken up by itself.
            let stack = settled(services, physical_id).await?;
            let mut input = input(physical_id, after);
            // One that is changed back is not waited for by anybody who could change it again.
            if !services.about.is_restored {
                input.insert("ParentId".to_owned(), services.stack_id.as_str().into());
            }
            match services.call("cloudformation", "UpdateStack", input).await {
                Ok(_) => break,
                // It is what it shall be, whichever way it came there.
                Err(failure) if failure.message == "No updates are to be performed." => {
                    return match is_whole(&stack) {
                        true => Ok(outputs(&stack)),
                        false => Err(failed(&stack)),
                    };
                }
                Err(failure) if attempts < ATTEMPTS_MAX && is_held(&failure, is_whole(&stack)) => {
                    attempts += 1;
                    rest(&mut pause).await;
                }
                Err(failure) => return Err(failure),
            }
        }
        let stack = changed(services, physical_id).await?;
        match status(&stack) {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | OPEN => Ok(outputs(&stack)),
            _ => Err(failed(&stack)),
        }
    }

    fn is_open_ended(&self) -> bool {
        true
    }

    async fn settle(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        if end(services, physical_id, COMMIT).await? {
            settled(services, physical_id).await?;
        }
        Ok(())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        // A name is nobody's once its stack is gone.
        let gone = |failure: &Failure| failure.message.ends_with(" does not exist");
        let mut pause = PAUSE_MIN;
        let mut attempts = 0;
        match end(services, physical_id, COMMIT).await {
            Err(failure) if gone(&failure) => return Ok(()),
            ended => {
                ended?;
            }
        }
        loop {
            match settled(services, physical_id).await {
                Ok(stack) if status(&stack) == "DELETE_COMPLETE" => return Ok(()),
                Ok(_) => {}
                Err(failure) if gone(&failure) => return Ok(()),
                Err(failure) => return Err(failure),
            }
            let name = properties::object([("StackName", physical_id.into())]);
            match services.call("cloudformation", "DeleteStack", name).await {
                Ok(_) => break,
                Err(failure) if attempts < ATTEMPTS_MAX && is_held(&failure, true) => {
                    attempts += 1;
                    rest(&mut pause).await;
                }
                Err(failure) => return Err(failure),
            }
        }
        match settled(services, physical_id).await {
            Ok(stack) if status(&stack) == "DELETE_COMPLETE" => Ok(()),
            Ok(stack) => Err(failed(&stack)),
            Err(failure) if gone(&failure) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

fn input(name: &str, given: &Map<String, Value>) -> Map<String, Value> {
    let mut input = properties::copy(
        given,
        &[
            ("TemplateURL", "TemplateURL"),
            ("NotificationARNs", "NotificationARNs"),
            ("Tags", "Tags"),
        ],
    );
    input.insert("StackName".to_owned(), name.into());
    input.insert("Capabilities".to_owned(), json!(CAPABILITIES));
    if let Some(Value::Object(parameters)) = given.get("Parameters") {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|(key, value)| {
                let text = match value {
                    Value::Array(items) => {
                        let texts: Vec<String> = items.iter().map(properties::text).collect();
                        texts.join(",")
                    }
                    value => properties::text(value),
                };
                json!({"ParameterKey": key, "ParameterValue": text})
            })
            .collect();
        input.insert("Parameters".to_owned(), parameters.into());
    }
    input
}

/// Returns the stack as it is.
async fn described(services: &Services, name: &str) -> Result<Value, Failure> {
    let name = properties::object([("StackName", name.into())]);
    let found = services.call("cloudformation", "DescribeStacks", name);
    let mut found = found.await?;
    let stack = found.pointer_mut("/Stacks/0").map(Value::take);
    Ok(stack.unwrap_or_default())
}

/// Returns the stack once nobody works on it.
async fn settled(services: &Services, name: &str) -> Result<Value, Failure> {
    let mut pause = PAUSE_MIN;
    loop {
        let stack = described(services, name).await?;
        if !status(&stack).ends_with("_IN_PROGRESS") {
            return Ok(stack);
        }
        rest(&mut pause).await;
    }
}

/// Returns the stack once the change that its parent has begun is done, or waits for the parent's word.
async fn changed(services: &Services, name: &str) -> Result<Value, Failure> {
    let mut pause = PAUSE_MIN;
    loop {
        let stack = described(services, name).await?;
        if status(&stack) == OPEN || !status(&stack).ends_with("_IN_PROGRESS") {
            return Ok(stack);
        }
        rest(&mut pause).await;
    }
}

/// Ends a change that waits for the parent's word, and says whether there was one. One that somebody works
/// on ends by itself.
async fn end(services: &Services, name: &str, ending: &str) -> Result<bool, Failure> {
    let mut pause = PAUSE_MIN;
    let mut attempts = 0;
    while status(&described(services, name).await?) == OPEN {
        let input = properties::object([
            ("StackName", name.into()),
            ("ParentId", services.stack_id.as_str().into()),
            ("Ending", ending.into()),
        ]);
        match services.call("cloudformation", "UpdateStack", input).await {
            Ok(_) => return Ok(true),
            Err(failure) if attempts < ATTEMPTS_MAX && is_held(&failure, true) => {
                attempts += 1;
                rest(&mut pause).await;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(false)
}

/// Waits for `pause`, and makes the next one longer.
async fn rest(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSE_MAX);
}

/// Says whether a stack is one that can be updated.
fn is_whole(stack: &Value) -> bool {
    matches!(
        status(stack),
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE"
    )
}

/// Says whether a stack was refused because somebody works on it, and not for the state that it is in:
/// whoever has settled it holds it for a moment longer, and somebody may have begun in between.
fn is_held(failure: &Failure, may_be_changed: bool) -> bool {
    let text = failure.message.as_str();
    let refused = ["updated", "deleted", "rolled back"]
        .iter()
        .any(|wanted| text.ends_with(&format!(" state and can not be {wanted}.")));
    refused && (may_be_changed || text.contains("_IN_PROGRESS state"))
}

fn status(stack: &Value) -> &str {
    stack
        .get("StackStatus")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn failed(stack: &Value) -> Failure {
    let id = stack.get("StackId").and_then(Value::as_str);
    let reason = stack.get("StackStatusReason").and_then(Value::as_str);
    let text = format!(
        "Embedded stack {} was not successfully deployed: {} {}",
        id.unwrap_or_default(),
        status(stack),
        reason.unwrap_or_default()
    );
    Failure::client("ValidationError", text.trim_end())
}

fn outputs(stack: &Value) -> Map<String, Value> {
    let outputs = stack.get("Outputs").and_then(Value::as_array);
    outputs
        .into_iter()
        .flatten()
        .filter_map(|output| {
            let key = output.get("OutputKey")?.as_str()?;
            Some((format!("Outputs.{key}"), output.get("OutputValue")?.clone()))
        })
        .collect()
}
