//! `AWS::DynamoDB::Table`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags};

pub(super) struct Table;

/// Longest name of a table (`TableName` of the API model).
const NAME_CHARS_MAX: usize = 255;

/// Properties that `CreateTable` takes as they are.
const SAME: [(&str, &str); 8] = [
    ("AttributeDefinitions", "AttributeDefinitions"),
    ("BillingMode", "BillingMode"),
    ("DeletionProtectionEnabled", "DeletionProtectionEnabled"),
    ("GlobalSecondaryIndexes", "GlobalSecondaryIndexes"),
    ("KeySchema", "KeySchema"),
    ("LocalSecondaryIndexes", "LocalSecondaryIndexes"),
    ("ProvisionedThroughput", "ProvisionedThroughput"),
    ("TableClass", "TableClass"),
];

/// Properties that `UpdateTable` changes, all in one call.
const UPDATED: [&str; 6] = [
    "BillingMode",
    "DeletionProtectionEnabled",
    "ProvisionedThroughput",
    "SSESpecification",
    "StreamSpecification",
    "TableClass",
];

#[async_trait]
impl ResourceHandler for Table {
    fn kind(&self) -> &'static str {
        "AWS::DynamoDB::Table"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "AttributeDefinitions",
            "BillingMode",
            "DeletionProtectionEnabled",
            "GlobalSecondaryIndexes",
            "KeySchema",
            "LocalSecondaryIndexes",
            "ProvisionedThroughput",
            "SSESpecification",
            "StreamSpecification",
            "TableClass",
            "TableName",
            "Tags",
            "TimeToLiveSpecification",
        ]
    }

    fn name_property(&self) -> &'static str {
        "TableName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["TableName", "KeySchema", "LocalSecondaryIndexes"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "StreamArn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        match describe(services, physical_id).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "ResourceNotFoundException" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = table_input(properties);
        input.insert("TableName".to_owned(), name.into());
        if let Some(tags) = properties.get("Tags") {
            input.insert("Tags".to_owned(), tags.clone());
        }
        services.call("dynamodb", "CreateTable", input).await?;
        let rest = async {
            if let Some(ttl) = properties.get("TimeToLiveSpecification") {
                update_time_to_live(services, name, ttl).await?;
            }
            describe(services, name).await
        };
        match rest.await {
            Ok(table) => Ok(attributes(&services.site, name, &table).into()),
            Err(failure) => Err(NotCreated {
                failure,
                partly: true,
            }),
        }
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        if properties::differ(before, after, &UPDATED) {
            update_settings(services, physical_id, before, after).await?;
        }
        update_indexes(services, physical_id, before, after).await?;
        if properties::differ(before, after, &["TimeToLiveSpecification"]) {
            let ttl = match (
                after.get("TimeToLiveSpecification"),
                before.get("TimeToLiveSpecification"),
            ) {
                (Some(ttl), _) => ttl.clone(),
                (None, former) => {
                    let attribute = former
                        .and_then(|ttl| ttl.get("AttributeName"))
                        .cloned()
                        .unwrap_or_default();
                    json!({"AttributeName": attribute, "Enabled": false})
                }
            };
            update_time_to_live(services, physical_id, &ttl).await?;
        }
        let named = properties::object([("ResourceArn", arn(&services.site, physical_id).into())]);
        tags::DYNAMODB
            .change(services, named, before, after)
            .await?;
        let table = describe(services, physical_id).await?;
        Ok(attributes(&services.site, physical_id, &table))
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let name = properties::object([("TableName", physical_id.into())]);
        let absent = "ResourceNotFoundException";
        services
            .delete("dynamodb", "DeleteTable", name, absent)
            .await
    }
}

fn arn(site: &Site, name: &str) -> String {
    format!(
        "arn:aws:dynamodb:{}:{}:table/{name}",
        site.region, site.account_id
    )
}

fn attributes(site: &Site, name: &str, table: &Value) -> Map<String, Value> {
    let mut attributes = properties::object([("Arn", arn(site, name).into())]);
    if let Some(stream) = table.pointer("/Table/LatestStreamArn") {
        attributes.insert("StreamArn".to_owned(), stream.clone());
    }
    attributes
}

async fn describe(services: &Services, name: &str) -> Result<Value, Failure> {
    services
        .call(
            "dynamodb",
            "DescribeTable",
            properties::object([("TableName", name.into())]),
        )
        .await
}

/// Returns the members of `CreateTable` and `UpdateTable` that come from properties.
fn table_input(properties: &Map<String, Value>) -> Map<String, Value> {
    let mut input = properties::copy(properties, &SAME);
    if let Some(stream) = properties.get("StreamSpecification") {
        let view = stream.get("StreamViewType").cloned().unwrap_or_default();
        let stream = json!({"StreamEnabled": true, "StreamViewType": view});
        input.insert("StreamSpecification".to_owned(), stream);
    }
    if let Some(Value::Object(encryption)) = properties.get("SSESpecification") {
        let names = [
            ("SSEEnabled", "Enabled"),
            ("SSEType", "SSEType"),
            ("KMSMasterKeyId", "KMSMasterKeyId"),
        ];
        let encryption = Value::Object(properties::copy(encryption, &names));
        input.insert("SSESpecification".to_owned(), encryption);
    }
    typed(input)
}

fn typed(input: Map<String, Value>) -> Map<String, Value> {
    let mut input = Value::Object(input);
    properties::integers(&mut input, &["ReadCapacityUnits", "WriteCapacityUnits"]);
    properties::booleans(&mut input, &["Enabled", "DeletionProtectionEnabled"]);
    match input {
        Value::Object(input) => input,
        _ => Map::new(),
    }
}

async fn update_settings(
    services: &Services,
    name: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), Failure> {
    let mut input = table_input(after);
    input.retain(|member, _| {
        UPDATED.contains(&member.as_str()) && properties::differ(before, after, &[member.as_str()])
    });
    // Whoever pays for throughput must say how much of it.
    if input.contains_key("BillingMode")
        && let Some(throughput) = after.get("ProvisionedThroughput")
    {
        input.extend(typed(properties::object([(
            "ProvisionedThroughput",
            throughput.clone(),
        )])));
    }
    if before.contains_key("StreamSpecification") && !after.contains_key("StreamSpecification") {
        input.insert(
            "StreamSpecification".to_owned(),
            json!({"StreamEnabled": false}),
        );
    }
    if before.contains_key("DeletionProtectionEnabled")
        && !after.contains_key("DeletionProtectionEnabled")
    {
        input.insert("DeletionProtectionEnabled".to_owned(), false.into());
    }
    if input.is_empty() {
        return Ok(());
    }
    input.insert("TableName".to_owned(), name.into());
    services
        .call("dynamodb", "UpdateTable", input)
        .await
        .map(drop)
}

/// Drops the indexes that are gone or changed, then makes those that are new or changed: DynamoDB
/// takes one of them a call. What is there is asked, for an update that is undone or done again may
/// have stopped anywhere.
async fn update_indexes(
    services: &Services,
    name: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), Failure> {
    let (before, now) = (indexes(before), indexes(after));
    if before == now {
        return Ok(());
    }
    let table = describe(services, name).await?;
    let live = table
        .pointer("/Table/GlobalSecondaryIndexes")
        .and_then(Value::as_array);
    let live: Vec<&Value> = live
        .into_iter()
        .flatten()
        .filter_map(|index| index.get("IndexName"))
        .collect();
    let is_live = |index: &Value| {
        index
            .get("IndexName")
            .is_some_and(|name| live.contains(&name))
    };
    let definitions = after
        .get("AttributeDefinitions")
        .cloned()
        .unwrap_or_default();
    let dropped: Vec<&Value> = before
        .iter()
        .filter(|index| !now.contains(index) && is_live(index))
        .collect();
    let dropped_name = |index: &Value| {
        dropped
            .iter()
            .any(|other| other.get("IndexName") == index.get("IndexName"))
    };
    let made = now
        .iter()
        .filter(|index| !before.contains(index) && (!is_live(index) || dropped_name(index)));
    let made: Vec<Value> = made.map(|index| json!({"Create": index})).collect();
    let dropped = dropped
        .iter()
        .map(|index| json!({"Delete": {"IndexName": index.get("IndexName")}}));
    for change in dropped.chain(made) {
        let input = properties::object([
            ("TableName", name.into()),
            ("AttributeDefinitions", definitions.clone()),
            ("GlobalSecondaryIndexUpdates", Value::Array(vec![change])),
        ]);
        services
            .call("dynamodb", "UpdateTable", typed(input))
            .await?;
    }
    Ok(())
}

fn indexes(properties: &Map<String, Value>) -> Vec<Value> {
    properties
        .get("GlobalSecondaryIndexes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

async fn update_time_to_live(services: &Services, name: &str, ttl: &Value) -> Result<(), Failure> {
    let input = properties::object([
        ("TableName", name.into()),
        ("TimeToLiveSpecification", ttl.clone()),
    ]);
    services
        .call("dynamodb", "UpdateTimeToLive", typed(input))
        .await
        .map(drop)
}
