//! Tags of what Step Functions has: they change in place.

use serde_json::{Map, Value, json};
use service::Failure;

use super::{Services, properties};

/// Makes the tags of the resource `arn` what `after` says.
pub(super) async fn change(
    services: &Services,
    arn: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), Failure> {
    let (changed, gone) = properties::tag_changes(before.get("Tags"), after.get("Tags"));
    if !gone.is_empty() {
        let input = properties::object([("resourceArn", arn.into()), ("tagKeys", gone.into())]);
        services.call("states", "UntagResource", input).await?;
    }
    if !changed.is_empty() {
        let tags: Vec<Value> = changed
            .into_iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        let input = properties::object([("resourceArn", arn.into()), ("tags", tags.into())]);
        services.call("states", "TagResource", input).await?;
    }
    Ok(())
}
