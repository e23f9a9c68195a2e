//! `AWS::Serverless::SimpleTable`: a table with one key.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

use super::{Expansion, Serverless};

const SAME: [(&str, &str); 4] = [
    (
        "PointInTimeRecoverySpecification",
        "PointInTimeRecoverySpecification",
    ),
    ("ProvisionedThroughput", "ProvisionedThroughput"),
    ("SSESpecification", "SSESpecification"),
    ("TableName", "TableName"),
];

pub(super) fn expand(
    mut table: Serverless<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let (name, kind) = match table.take("PrimaryKey") {
        None => (Value::from("id"), "S"),
        Some(key) => {
            let kind = match key.get("Type").and_then(Value::as_str) {
                Some("String") => "S",
                Some("Number") => "N",
                Some("Binary") => "B",
                _ => {
                    return Err(
                        table.sam("'PrimaryKey' needs a 'Type' of String, Number or Binary.")
                    );
                }
            };
            let Some(name) = key.get("Name").cloned() else {
                return Err(table.sam("'PrimaryKey' is missing required Property 'Name'."));
            };
            (name, kind)
        }
    };
    let mut properties = Map::new();
    properties.insert(
        "AttributeDefinitions".to_owned(),
        json!([{"AttributeName": name, "AttributeType": kind}]),
    );
    properties.insert(
        "KeySchema".to_owned(),
        json!([{"AttributeName": name, "KeyType": "HASH"}]),
    );
    table.rename(&mut properties, &SAME);
    if !properties.contains_key("ProvisionedThroughput") {
        properties.insert("BillingMode".to_owned(), Value::from("PAY_PER_REQUEST"));
    }
    if let Some(Value::Object(own)) = table.take("Tags") {
        let list = own
            .into_iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        properties.insert("Tags".to_owned(), list);
    }
    let id = table.id.to_owned();
    expanded.add(id, table.finish("AWS::DynamoDB::Table", properties)?)
}
