//! `AWS::IAM::AccessKey`: the secret is an attribute, told when the key is made.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use super::{ABSENT, named, undo};
use crate::stack::ResourceState;

/// An access key of a user.
pub(in crate::resource) struct AccessKey;

/// The attribute that holds which keys the user had before, for as long as nobody has written down which
/// one was made. No template can ask for it.
const KEYS_BEFORE: &str = "KeysBefore";

/// Returns the ids of the keys that a user has.
async fn ids(services: &Services, user: &str) -> Result<Vec<Value>, Failure> {
    let found = services.call("iam", "ListAccessKeys", named("UserName", user));
    let mut found = found.await?;
    let keys = found["AccessKeyMetadata"].as_array_mut();
    let keys = keys.into_iter().flatten();
    Ok(keys.map(|key| key["AccessKeyId"].take()).collect())
}

/// Deletes a key. One that is not there is no failure.
async fn delete(services: &Services, user: &str, id: &str) -> Result<(), Failure> {
    let mut input = named("UserName", user);
    input.insert("AccessKeyId".into(), id.into());
    undo(services, "DeleteAccessKey", input).await
}

#[async_trait]
impl ResourceHandler for AccessKey {
    fn kind(&self) -> &'static str {
        "AWS::IAM::AccessKey"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Serial", "Status", "UserName"]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Serial", "UserName"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["SecretAccessKey"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    /// The key's name is drawn by the service: whichever is new is ours.
    async fn known_before(
        &self,
        services: &Services,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let user = given.get("UserName").and_then(Value::as_str);
        let before = ids(services, user.unwrap_or_default()).await?;
        Ok(properties::object([(KEYS_BEFORE, before.into())]))
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let user = given.get("UserName").and_then(Value::as_str);
        let user = user.unwrap_or_default();
        let input = named("UserName", user);
        let made = services.call("iam", "CreateAccessKey", input).await?;
        let key = &made["AccessKey"];
        let attributes = properties::object([("SecretAccessKey", key["SecretAccessKey"].clone())]);
        let id = key["AccessKeyId"].as_str().map(str::to_owned);
        if let (Some(id), Some("Inactive")) = (&id, given.get("Status").and_then(Value::as_str))
            && let Err(failure) = self.update(services, id, &Map::new(), given).await
        {
            // Where that fails too, the rollback finds it among the user's keys.
            let partly = delete(services, user, id).await.is_err();
            return Err(NotCreated { failure, partly });
        }
        Ok(Made {
            physical_id: id,
            attributes,
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let user = after.get("UserName").and_then(Value::as_str);
        let mut input = named("UserName", user.unwrap_or_default());
        input.insert("AccessKeyId".into(), physical_id.into());
        let status = after.get("Status").cloned();
        input.insert("Status".into(), status.unwrap_or_else(|| "Active".into()));
        services.call("iam", "UpdateAccessKey", input).await?;
        Ok(Map::new())
    }

    /// Whose key it is only its properties say: see [`Self::remove`].
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        let user = state.properties["UserName"].as_str().unwrap_or_default();
        let before = state.attributes.get(KEYS_BEFORE).and_then(Value::as_array);
        let Some(before) = before else {
            return delete(services, user, &state.physical_id).await;
        };
        let now = match ids(services, user).await {
            Ok(now) => now,
            Err(failure) if failure.code == ABSENT => return Ok(()),
            Err(failure) => return Err(failure),
        };
        for id in now.iter().filter(|id| !before.contains(id)) {
            delete(services, user, id.as_str().unwrap_or_default()).await?;
        }
        Ok(())
    }
}
