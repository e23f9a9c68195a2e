//! `AWS::SQS::Queue`. It is its URL to `Ref`, and its name to us: the server may listen elsewhere tomorrow.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use crate::resource::{
    Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags,
};

pub(super) struct Queue;

/// Properties that are attributes of the same name.
const ATTRIBUTES: [&str; 14] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];
const ABSENT: &str = "QueueDoesNotExist";

/// Returns the last part of a URL, by which SQS knows a queue as well.
pub(super) fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// Returns properties as SQS wants attributes: all of them text.
fn attributes(given: &Map<String, Value>) -> Map<String, Value> {
    let found = ATTRIBUTES.iter().filter_map(|name| {
        let value = given.get(*name)?;
        Some(((*name).to_owned(), properties::text(value).into()))
    });
    let mut attributes: Map<String, Value> = found.collect();
    // SQS knows only queues that are, and takes no word for those that are not.
    if attributes
        .get("FifoQueue")
        .is_some_and(|fifo| fifo == "false")
    {
        attributes.shift_remove("FifoQueue");
    }
    attributes
}

#[async_trait]
impl ResourceHandler for Queue {
    fn kind(&self) -> &'static str {
        "AWS::SQS::Queue"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "ContentBasedDeduplication",
            "DeduplicationScope",
            "DelaySeconds",
            "FifoQueue",
            "FifoThroughputLimit",
            "KmsDataKeyReusePeriodSeconds",
            "KmsMasterKeyId",
            "MaximumMessageSize",
            "MessageRetentionPeriod",
            "QueueName",
            "ReceiveMessageWaitTimeSeconds",
            "RedriveAllowPolicy",
            "RedrivePolicy",
            "SqsManagedSseEnabled",
            "Tags",
            "VisibilityTimeout",
        ]
    }

    fn name_property(&self) -> &'static str {
        "QueueName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["FifoQueue", "QueueName"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "QueueName", "QueueUrl"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        // Room for `.fifo`.
        generated_name(stack, logical_id, 75)
    }

    fn physical_id(&self, name: &str, given: &Map<String, Value>, _: &Site) -> String {
        let fifo = given.get("FifoQueue").map(properties::text);
        if fifo.as_deref() == Some("true") && !given.contains_key("QueueName") {
            return format!("{name}.fifo");
        }
        name.to_owned()
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("QueueName", name_of(physical_id).into())]);
        match services.call("sqs", "GetQueueUrl", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == ABSENT => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let name = self.physical_id(name, given, &services.site);
        let input = properties::object([
            ("QueueName", name.as_str().into()),
            ("Attributes", attributes(given).into()),
            ("tags", properties::tags(given.get("Tags")).into()),
        ]);
        let made = services.call("sqs", "CreateQueue", input).await?;
        let url = made.get("QueueUrl").cloned().unwrap_or_default();
        let Site { region, account_id } = &services.site;
        Ok(Made {
            physical_id: url.as_str().map(str::to_owned),
            attributes: properties::object([
                (
                    "Arn",
                    format!("arn:aws:sqs:{region}:{account_id}:{name}").into(),
                ),
                ("QueueName", name.into()),
                ("QueueUrl", url),
            ]),
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let url = Value::from(name_of(physical_id));
        if properties::differ(before, after, &ATTRIBUTES) {
            let (before, mut now) = (attributes(before), attributes(after));
            for (name, _) in before {
                // What is no longer said is as if it had never been.
                let default = match name.as_str() {
                    "DelaySeconds" | "ReceiveMessageWaitTimeSeconds" => "0",
                    "MaximumMessageSize" => "1048576",
                    "MessageRetentionPeriod" => "345600",
                    "VisibilityTimeout" => "30",
                    "KmsDataKeyReusePeriodSeconds" => "300",
                    "SqsManagedSseEnabled" => "true",
                    "ContentBasedDeduplication" => "false",
                    "DeduplicationScope" => "queue",
                    "FifoThroughputLimit" => "perQueue",
                    _ => "",
                };
                now.entry(name).or_insert_with(|| default.into());
            }
            now.shift_remove("FifoQueue");
            let input = properties::object([("QueueUrl", url.clone()), ("Attributes", now.into())]);
            services.call("sqs", "SetQueueAttributes", input).await?;
        }
        let named = properties::object([("QueueUrl", url)]);
        tags::SQS.change(services, named, before, after).await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("QueueUrl", name_of(physical_id).into())]);
        services.delete("sqs", "DeleteQueue", input, ABSENT).await
    }
}
