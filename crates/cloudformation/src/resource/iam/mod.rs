//! IAM's types: roles, users and groups with their policies, and policies by themselves.

use serde_json::{Map, Value};
use service::Failure;

use super::{Services, properties};

mod access_key;
mod holder;
mod inline;
mod managed_policy;
mod profile;

pub(super) use access_key::AccessKey;
pub(super) use holder::{GROUP, ROLE, USER};
pub(super) use inline::Inline;
pub(super) use managed_policy::ManagedPolicy;
pub(super) use profile::InstanceProfile;

/// The code of what is not there.
const ABSENT: &str = "NoSuchEntity";

/// Returns a document as the API takes it: templates have it as an object.
fn document(value: Option<&Value>) -> Value {
    match value {
        None => Value::Null,
        Some(Value::String(text)) => text.as_str().into(),
        Some(other) => other.to_string().into(),
    }
}

/// Returns a property that is a list of texts.
fn texts(from: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = from.get(name).and_then(Value::as_array);
    let texts = values.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Makes a call; what is not there is no failure.
async fn undo(
    services: &Services,
    operation: &'static str,
    input: Map<String, Value>,
) -> Result<(), Failure> {
    services.delete("iam", operation, input, ABSENT).await
}

/// Returns the input that names one identity: `{"RoleName": …}`.
fn named(member: &str, name: &str) -> Map<String, Value> {
    properties::object([(member, name.into())])
}
