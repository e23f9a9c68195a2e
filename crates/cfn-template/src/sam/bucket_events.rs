//! `S3` events: what a bucket of the same template tells a function.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::error::TemplateError;
use crate::template::Resource;

use super::events::Event;
use super::reference;

/// What is written into a bucket once all resources are expanded.
pub(super) struct Notification {
    owner: String,
    bucket: String,
    entries: Vec<Value>,
    condition: Option<String>,
    /// The permission that must be there before the bucket.
    pub(super) permission_id: String,
}

impl Notification {
    pub(super) fn read(event: &mut Event<'_>) -> Result<Self, TemplateError> {
        let bucket = event.need("Bucket")?;
        let Some(bucket) = bucket.get("Ref").and_then(Value::as_str) else {
            return Err(event.wrong("S3 events must reference an S3 bucket in the same template."));
        };
        let kinds = match event.need("Events")? {
            Value::Array(kinds) => kinds,
            kind => vec![kind],
        };
        let filter = event.take("Filter");
        let condition = event.owner.resource.condition.clone();
        let entry = |kind: Value| {
            let mut entry = json!({"Function": event.target.arn, "Event": kind});
            if let Some(filter) = &filter {
                entry["Filter"] = filter.clone();
            }
            match &condition {
                Some(condition) => {
                    json!({"Fn::If": [condition, entry, reference("AWS::NoValue")]})
                }
                None => entry,
            }
        };
        Ok(Self {
            owner: event.owner.id.to_owned(),
            bucket: bucket.to_owned(),
            entries: kinds.into_iter().map(entry).collect(),
            condition: condition.clone(),
            permission_id: format!("{}Permission", event.id),
        })
    }

    pub(super) fn write(
        self,
        resources: &mut IndexMap<String, Resource>,
    ) -> Result<(), TemplateError> {
        let bucket = resources
            .get_mut(&self.bucket)
            .filter(|resource| resource.kind == "AWS::S3::Bucket");
        let Some(bucket) = bucket else {
            let text = "S3 events must reference an S3 bucket in the same template.";
            return Err(TemplateError::sam(&self.owner, text));
        };
        let configurations = bucket
            .properties
            .entry("NotificationConfiguration")
            .or_insert_with(|| json!({}))
            .as_object_mut()
            .and_then(|all| {
                all.entry("LambdaConfigurations")
                    .or_insert_with(|| json!([]))
                    .as_array_mut()
            });
        let Some(configurations) = configurations else {
            let text = "Invalid type for LambdaConfigurations. Must be a list.";
            return Err(TemplateError::sam(&self.bucket, text));
        };
        for entry in self.entries {
            if !configurations.contains(&entry) {
                configurations.push(entry);
            }
        }
        // S3 asks whether it may call the function when it is told of it, so the permission comes
        // first. DependsOn knows no conditions; a tag does.
        match self.condition {
            None => bucket.depends_on.push(self.permission_id),
            Some(condition) => {
                let value =
                    json!({"Fn::If": [condition, reference(&self.permission_id), "no dependency"]});
                let tag = json!({
                    "Key": format!("sam:ConditionalDependsOn:{}", self.permission_id),
                    "Value": value,
                });
                let tags = bucket.properties.entry("Tags").or_insert_with(|| json!([]));
                if let Value::Array(tags) = tags {
                    tags.push(tag);
                }
            }
        }
        Ok(())
    }
}
