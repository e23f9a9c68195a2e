//! Tags: they change in place. Each service has calls of its own for that, and words of its own in them.

use serde_json::{Map, Value};
use service::Failure;

use super::{Services, properties};

/// How a service is told of tags.
#[derive(Clone, Copy)]
pub(super) struct Tagging {
    pub service: &'static str,
    /// The operations that add and take away.
    pub tag: &'static str,
    pub untag: &'static str,
    /// The members that name the tags, and the keys of those that are taken away.
    pub tags: &'static str,
    pub keys: &'static str,
    /// The members of each tag; `None` where tags are a map.
    pub pair: Option<(&'static str, &'static str)>,
}

/// What most services say.
const USUAL: Tagging = Tagging {
    service: "",
    tag: "TagResource",
    untag: "UntagResource",
    tags: "Tags",
    keys: "TagKeys",
    pair: Some(("Key", "Value")),
};

pub(super) const DYNAMODB: Tagging = Tagging {
    service: "dynamodb",
    ..USUAL
};
pub(super) const EVENTS: Tagging = Tagging {
    service: "events",
    ..USUAL
};
pub(super) const LAMBDA: Tagging = Tagging {
    service: "lambda",
    pair: None,
    ..USUAL
};
pub(super) const LOGS: Tagging = Tagging {
    service: "logs",
    tags: "tags",
    keys: "tagKeys",
    pair: None,
    ..USUAL
};
pub(super) const SCHEDULER: Tagging = Tagging {
    service: "scheduler",
    ..USUAL
};
pub(super) const SECRETS_MANAGER: Tagging = Tagging {
    service: "secretsmanager",
    ..USUAL
};
pub(super) const SNS: Tagging = Tagging {
    service: "sns",
    ..USUAL
};
pub(super) const SQS: Tagging = Tagging {
    service: "sqs",
    tag: "TagQueue",
    untag: "UntagQueue",
    pair: None,
    ..USUAL
};
pub(super) const SSM: Tagging = Tagging {
    service: "ssm",
    tag: "AddTagsToResource",
    untag: "RemoveTagsFromResource",
    ..USUAL
};
pub(super) const STATES: Tagging = Tagging {
    service: "states",
    tags: "tags",
    keys: "tagKeys",
    pair: Some(("key", "value")),
    ..USUAL
};

impl Tagging {
    /// Returns how IAM is told of the tags of users or roles.
    pub const fn of_iam(tag: &'static str, untag: &'static str) -> Self {
        Self {
            service: "iam",
            tag,
            untag,
            ..USUAL
        }
    }

    /// Makes the tags of the resource that `named` names what `after` says.
    pub async fn change(
        &self,
        services: &Services,
        named: Map<String, Value>,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let (changed, gone) = properties::tag_changes(before.get("Tags"), after.get("Tags"));
        if !gone.is_empty() {
            let mut input = named.clone();
            input.insert(self.keys.to_owned(), gone.into());
            services.call(self.service, self.untag, input).await?;
        }
        if !changed.is_empty() {
            let mut input = named;
            input.insert(self.tags.to_owned(), self.written(changed));
            services.call(self.service, self.tag, input).await?;
        }
        Ok(())
    }

    fn written(&self, tags: Map<String, Value>) -> Value {
        let Some((key, value)) = self.pair else {
            return tags.into();
        };
        let tags = tags.into_iter();
        tags.map(|(name, text)| {
            Value::Object(properties::object([(key, name.into()), (value, text)]))
        })
        .collect()
    }
}
