//! DynamoDB and CloudWatch Logs.

use std::borrow::Cow;

use serde_json::Value;

use super::{Members, Need, Place, modelled};

fn table(name: &str, place: Place<'_>) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    place.arn("dynamodb", &format!("table/{name}"))
}

/// Returns what a call of DynamoDB needs.
pub(super) fn dynamodb(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    let action = format!("dynamodb:{operation}");
    let everything = |action: String| vec![Need::on_any(action)];
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
                .map_or_else(|| everything(action), |needs| needs.concat()),
            _ => everything(action),
        },
        // The table is inside of a statement, which is not read here.
        "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction" => {
            ["Select", "Insert", "Update", "Delete"]
                .map(|verb| Need::on_any(format!("dynamodb:PartiQL{verb}")))
                .to_vec()
        }
        "ListTables" | "ListStreams" | "DescribeEndpoints" | "DescribeLimits" => {
            vec![Need::new(action, "*")]
        }
        _ => {
            let index = match operation {
                "Query" | "Scan" => members.text("IndexName"),
                _ => None,
            };
            let resource = |name: Cow<'_, str>| match &index {
                Some(index) => format!("{}/index/{index}", table(&name, place)),
                None => table(&name, place),
            };
            let names = tables_of(operation).iter();
            let names = names.filter_map(|member| members.text(member));
            Need::on_each(&action, names.map(resource))
        }
    }
}

/// Returns the members that name the tables of an operation. Others of them are not looked at: an input may
/// say what the operation does not read.
fn tables_of(operation: &str) -> &'static [&'static str] {
    match operation {
        "TagResource"
        | "UntagResource"
        | "ListTagsOfResource"
        | "GetResourcePolicy"
        | "PutResourcePolicy"
        | "DeleteResourcePolicy" => &["ResourceArn"],
        "DescribeStream" | "GetShardIterator" => &["StreamArn"],
        "ExportTableToPointInTime" => &["TableArn"],
        "RestoreTableFromBackup" => &["BackupArn", "TargetTableName"],
        "RestoreTableToPointInTime" => &["SourceTableName", "SourceTableArn", "TargetTableName"],
        _ => &["TableName"],
    }
}

/// Returns what one item of a transaction needs: the action that it is by itself. Which one counts of several,
/// which is a mistake, is not guessed.
fn transacted(item: &Value, place: Place<'_>) -> Option<Vec<Need>> {
    let parts = item.as_object().filter(|parts| !parts.is_empty())?;
    parts
        .iter()
        .map(|(kind, inner)| part_of(kind, inner, place))
        .collect()
}

fn part_of(kind: &str, inner: &Value, place: Place<'_>) -> Option<Need> {
    let action = match kind {
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
    if modelled("logs", operation).is_none() {
        return vec![Need::on_any(action)];
    }
    if let Some(arn) = members.text("resourceArn") {
        return vec![Need::new(action, arn.into_owned())];
    }
    // Only what the operation reads is here, so that several are all meant.
    let names = ["logGroupIdentifier", "logGroupName"].into_iter();
    let mut groups: Vec<Cow<'_, str>> = names.filter_map(|name| members.text(name)).collect();
    if groups.is_empty() {
        groups.push(Cow::Borrowed(""));
    }
    // As AWS writes it: a group without a stream ends in an empty one.
    let stream = match operation {
        "PutLogEvents" | "GetLogEvents" | "DeleteLogStream" => members.text("logStreamName"),
        _ => None,
    };
    let stream = stream.unwrap_or_default();
    let resource = |group: Cow<'_, str>| {
        let group = match group.split_once(":log-group:") {
            Some((_, name)) => name.trim_end_matches(":*"),
            None => &*group,
        };
        place.arn("logs", &format!("log-group:{group}:log-stream:{stream}"))
    };
    Need::on_each(&action, groups.into_iter().map(resource))
}
