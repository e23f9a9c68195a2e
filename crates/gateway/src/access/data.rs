//! DynamoDB and CloudWatch Logs.

use serde_json::Value;

use super::{Members, Need, Place};

fn table(name: &str, place: Place<'_>) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    place.arn("dynamodb", &format!("table/{name}"))
}

/// Returns what a call of DynamoDB needs.
pub(super) fn dynamodb(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    let action = format!("dynamodb:{operation}");
    let everything = |action: String| vec![Need::new(action, "*")];
    match operation {
        "BatchGetItem" | "BatchWriteItem" => {
            let Some(Value::Object(tables)) = members.value("RequestItems") else {
                return everything(action);
            };
            let tables = tables.keys();
            tables
                .map(|name| Need::new(action.clone(), table(name, place)))
                .collect()
        }
        "TransactGetItems" | "TransactWriteItems" => match members.value("TransactItems") {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| transacted(item, place))
                .collect::<Option<Vec<_>>>()
                .unwrap_or_else(|| everything(action)),
            _ => everything(action),
        },
        // The table is inside of a statement, which is not read here.
        "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction" => {
            ["Select", "Insert", "Update", "Delete"]
                .map(|verb| Need::new(format!("dynamodb:PartiQL{verb}"), "*"))
                .to_vec()
        }
        _ => {
            let name =
                members.any_text(&["TableName", "ResourceArn", "TableArn", "TargetTableName"]);
            let Some(name) = name else {
                return everything(action);
            };
            let mut resource = table(&name, place);
            if let ("Query" | "Scan", Some(index)) = (operation, members.text("IndexName")) {
                resource = format!("{resource}/index/{index}");
            }
            vec![Need::new(action, resource)]
        }
    }
}

/// Returns what one item of a transaction needs: the action that it is by itself.
fn transacted(item: &Value, place: Place<'_>) -> Option<Need> {
    let (kind, inner) = item.as_object()?.iter().next()?;
    let action = match kind.as_str() {
        "Get" => "dynamodb:GetItem",
        "Put" => "dynamodb:PutItem",
        "Update" => "dynamodb:UpdateItem",
        "Delete" => "dynamodb:DeleteItem",
        "ConditionCheck" => "dynamodb:ConditionCheckItem",
        _ => return None,
    };
    let name = inner["TableName"].as_str()?;
    Some(Need::new(action, table(name, place)))
}

/// Returns what a call of CloudWatch Logs needs.
pub(super) fn logs(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    let action = format!("logs:{operation}");
    if let Some(arn) = members.text("resourceArn") {
        return vec![Need::new(action, arn.into_owned())];
    }
    let group = members.any_text(&["logGroupIdentifier", "logGroupName"]);
    // As AWS writes it: a group without a stream ends in an empty one.
    let stream = match operation {
        "PutLogEvents" | "GetLogEvents" | "DeleteLogStream" => members.text("logStreamName"),
        _ => None,
    };
    let (group, stream) = (group.unwrap_or_default(), stream.unwrap_or_default());
    let group = match group.split_once(":log-group:") {
        Some((_, name)) => name.trim_end_matches(":*"),
        None => &*group,
    };
    let resource = place.arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
    vec![Need::new(action, resource)]
}
