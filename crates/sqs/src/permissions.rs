//! `AddPermission` and `RemovePermission`: statements of the queue's policy.

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::queue::arn;
use crate::{Core, failure, queues};

pub(crate) async fn add(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let label = input
        .text("Label")
        .ok_or_else(|| failure::missing("Label"))?;
    let (accounts, actions) = (input.texts("AWSAccountIds"), input.texts("Actions"));
    for (name, empty) in [
        ("AWSAccountIds", accounts.is_empty()),
        ("Actions", actions.is_empty()),
    ] {
        if empty {
            return Err(failure::missing(name));
        }
    }
    let principals = accounts.iter().map(|id| format!("arn:aws:iam::{id}:root"));
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principals.collect::<Vec<_>>()},
        "Action": actions.iter().map(|action| format!("SQS:{action}")).collect::<Vec<_>>(),
        "Resource": arn(&core.site, &queue.name),
    });
    let known = |statement: &Value| statement.get("Sid").and_then(Value::as_str) == Some(label);
    change(core, input, |statements| {
        if statements.iter().any(known) {
            return Err(failure::invalid_value(label, "Label", "Already exists."));
        }
        statements.push(statement);
        Ok(())
    })
    .await
}

pub(crate) async fn remove(core: &Core, input: &Members) -> Result<Value, Failure> {
    let label = input
        .text("Label")
        .ok_or_else(|| failure::missing("Label"))?;
    let known = |statement: &Value| statement.get("Sid").and_then(Value::as_str) == Some(label);
    change(core, input, |statements| {
        let before = statements.len();
        statements.retain(|statement| !known(statement));
        if statements.len() == before {
            let reason = "can't find label on existing policy.";
            return Err(failure::invalid_value(label, "Label", reason));
        }
        Ok(())
    })
    .await
}

async fn change(
    core: &Core,
    input: &Members,
    with: impl FnOnce(&mut Vec<Value>) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let queue = core.find(input)?;
    let mut row = queue.current().0.clone();
    let policy = row.attributes.get("Policy").filter(|text| !text.is_empty());
    let policy = policy.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut policy = policy.unwrap_or_else(|| {
        json!({
            "Version": "2012-10-17",
            "Id": format!("{}/SQSDefaultPolicy", arn(&core.site, &queue.name)),
            "Statement": [],
        })
    });
    let statements = match policy["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    let mut statements = statements;
    with(&mut statements)?;
    if statements.is_empty() {
        row.attributes.remove("Policy");
    } else {
        policy["Statement"] = statements.into();
        row.attributes
            .insert("Policy".to_owned(), policy.to_string());
    }
    queues::write(core, &queue, row).await?;
    Ok(Value::Null)
}
