//! The types of resources: what each needs of the service that has it.
//!
//! One file a type. A handler is told the resolved properties and calls services through
//! [`Services`]; it keeps nothing and decides nothing about order or rollback.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value};
use service::{Call, Failure, Gate, Principal, Reply, RequestId, Site};

use crate::assets::{ASSET_BUCKET, Assets};
use crate::signals::Signals;
use crate::stack::ResourceState;

mod activity;
mod api_gateway;
mod bucket;
mod bucket_policy;
pub(crate) mod custom;
mod dynamic;
mod function;
mod function_url;
mod iam;
mod ignored;
mod invoke_config;
mod lambda_alias;
mod lambda_permission;
mod lambda_version;
mod layer;
mod log_group;
mod machine_alias;
mod machine_version;
mod messaging;
mod properties;
mod recorded;
mod simple;
mod stack;
mod state_machine;
mod table;
mod tags;
pub(crate) mod wait;

/// What a handler may use: the other services, as whoever deploys.
pub(crate) struct Services {
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) site: Site,
    pub(crate) assets: Assets,
    pub(crate) principal: Principal,
    /// The stack that is worked on: the parent of those that are made in it.
    pub(crate) stack_id: String,
    /// Where answers come.
    pub(crate) signals: Arc<Signals>,
    /// The resource that is worked on.
    pub(crate) about: About,
}

/// What a handler may want to know of its resource beside the properties.
#[derive(Clone, Default)]
pub(crate) struct About {
    pub(crate) logical_id: String,
    pub(crate) kind: String,
    /// What was known before it was made.
    pub(crate) known: Map<String, Value>,
    /// Its creation policy, where it has one.
    pub(crate) creation_policy: Option<Value>,
    /// Whether it is changed back.
    pub(crate) is_restored: bool,
}

impl Services {
    /// Calls an operation and returns its output.
    pub(crate) async fn call(
        &self,
        service: &'static str,
        operation: &'static str,
        input: Map<String, Value>,
    ) -> Result<Value, Failure> {
        let reply = self.reply(service, operation, input).await?;
        if reply.output.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&reply.output).map_err(|error| {
            Failure::internal(format!(
                "{service}:{operation} answered what is no JSON: {error}"
            ))
        })
    }

    /// Calls an operation that deletes. One whose resource is not there, as the code `absent` says, is no
    /// failure.
    async fn delete(
        &self,
        service: &'static str,
        operation: &'static str,
        input: Map<String, Value>,
        absent: &str,
    ) -> Result<(), Failure> {
        match self.reply(service, operation, input).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.code == absent || failure.status == 404 => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn reply(
        &self,
        service: &'static str,
        operation: &'static str,
        input: Map<String, Value>,
    ) -> Result<Reply, Failure> {
        self.send(service, operation, input, Bytes::new()).await
    }

    /// Calls an operation whose input has a body beside its members.
    async fn send(
        &self,
        service: &'static str,
        operation: &'static str,
        input: Map<String, Value>,
        payload: Bytes,
    ) -> Result<Reply, Failure> {
        let call = Call {
            service,
            operation: operation.into(),
            input: Value::Object(input).to_string().into(),
            payload,
            principal: self.principal.clone(),
            request_id: RequestId::random(),
        };
        self.gate.call(call).await
    }

    /// Returns an uploaded file: an asset, or an object of S3.
    pub(crate) async fn object(&self, bucket: &str, key: &str) -> Result<Bytes, Failure> {
        if bucket == ASSET_BUCKET {
            return self.assets.read(key).await.map_err(|error| {
                tracing::error!(%error, key, "an asset could not be read");
                Failure::internal(format!("the uploaded file {key} could not be read"))
            });
        }
        let input = properties::object([("Bucket", bucket.into()), ("Key", key.into())]);
        Ok(self.reply("s3", "GetObject", input).await?.payload)
    }
}

/// A resource that was made.
pub(crate) struct Made {
    /// What `Ref` gives, where only the service knows it.
    pub(crate) physical_id: Option<String>,
    /// What `Fn::GetAtt` gives.
    pub(crate) attributes: Map<String, Value>,
}

impl From<Map<String, Value>> for Made {
    fn from(attributes: Map<String, Value>) -> Self {
        Self {
            physical_id: None,
            attributes,
        }
    }
}

/// Why a resource was not made.
pub(crate) struct NotCreated {
    pub(crate) failure: Failure,
    /// Whether there is something to delete nevertheless.
    pub(crate) partly: bool,
}

impl From<Failure> for NotCreated {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            partly: false,
        }
    }
}

/// One type of resource.
#[async_trait]
pub(crate) trait ResourceHandler: Send + Sync {
    /// Returns the type: `AWS::Lambda::Function`.
    fn kind(&self) -> &'static str;

    /// Returns the properties that are understood. A template with another is refused.
    fn properties(&self) -> &'static [&'static str];

    /// Returns the property that names the resource.
    fn name_property(&self) -> &'static str;

    /// Returns the properties that cannot change: another resource takes the place of the first.
    fn immutable(&self) -> &'static [&'static str];

    /// Returns the names that `Fn::GetAtt` takes.
    fn attributes(&self) -> &'static [&'static str];

    /// Draws a name for a resource whose template gives none.
    fn draw_name(&self, stack: &str, logical_id: &str) -> String;

    /// Returns what `Ref` gives for the resource called `name`.
    fn physical_id(&self, name: &str, _properties: &Map<String, Value>, _site: &Site) -> String {
        name.to_owned()
    }

    /// Returns what is to be known later about the time before the resource was made, where its name
    /// does not say which one it is. It is written down before the resource is made.
    async fn known_before(
        &self,
        _services: &Services,
        _properties: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        Ok(Map::new())
    }

    /// Says whether there is a resource of this name already.
    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure>;

    /// Says whether a template may give the property.
    fn accepts(&self, property: &str) -> bool {
        self.properties().contains(&property)
    }

    /// Says whether `Fn::GetAtt` takes the name.
    fn has_attribute(&self, attribute: &str) -> bool {
        self.attributes().contains(&attribute)
    }

    /// Returns an attribute that the resource did not say when it was made.
    fn default_attribute(&self, _physical_id: &str, _attribute: &str) -> Option<Value> {
        None
    }

    /// Makes the resource.
    async fn create(
        &self,
        services: &Services,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Made, NotCreated>;

    /// Changes the resource from `before` to `after`, which differ, and returns the attributes that
    /// may have changed.
    /// Called again with the same values, it does no harm.
    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure>;

    /// Deletes the resource. One that is not there is no failure.
    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure>;

    /// Says whether a change keeps what it replaced until [`ResourceHandler::settle`].
    fn is_open_ended(&self) -> bool {
        false
    }

    /// Lets go of what a change has replaced: the change is for good. Called again, it does no harm.
    async fn settle(&self, _services: &Services, _physical_id: &str) -> Result<(), Failure> {
        Ok(())
    }

    /// Says whether making it is nothing but waiting, which may be given up at any moment.
    fn is_waiting(&self) -> bool {
        false
    }

    /// Says whether `remove` looks at the properties. They come with what their references lead to.
    fn is_removed_by_properties(&self) -> bool {
        false
    }

    /// Deletes what `state` describes, which may not have been made, or been made by a call whose answer
    /// nobody has written down.
    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        self.delete(services, &state.physical_id).await
    }
}

/// Returns the handler of `kind`.
pub(crate) fn handler(kind: &str) -> Option<&'static dyn ResourceHandler> {
    const HANDLERS: [&dyn ResourceHandler; 27] = [
        &iam::ROLE,
        &iam::USER,
        &iam::GROUP,
        &iam::Inline,
        &iam::ManagedPolicy,
        &iam::AccessKey,
        &iam::InstanceProfile,
        &function::Function,
        &lambda_version::LambdaVersion,
        &lambda_alias::LambdaAlias,
        &lambda_permission::PERMISSION,
        &lambda_permission::LAYER_PERMISSION,
        &layer::LayerVersion,
        &function_url::FunctionUrl,
        &invoke_config::InvokeConfig,
        &table::Table,
        &state_machine::StateMachine,
        &machine_version::MachineVersion,
        &machine_alias::MachineAlias,
        &activity::ACTIVITY,
        &bucket::Bucket,
        &bucket_policy::BucketPolicy,
        &log_group::LogGroup,
        &stack::Stack,
        &custom::CustomResource,
        &wait::WaitHandle,
        &wait::WaitCondition,
    ];
    if kind.starts_with(custom::OWN) {
        return Some(&custom::CustomResource);
    }
    let recorded = recorded::RECORDED
        .iter()
        .map(|handler| handler as &dyn ResourceHandler);
    HANDLERS
        .into_iter()
        .chain(messaging::HANDLERS.iter().copied())
        .chain(api_gateway::HANDLERS.iter().copied())
        .chain(recorded)
        .find(|handler| handler.kind() == kind)
}

/// Returns the handler of `kind`, or the one that makes nothing: a row of a type that has no handler
/// was made by it.
pub(crate) fn handler_or_ignored(kind: &str) -> &'static dyn ResourceHandler {
    handler(kind).unwrap_or(&ignored::Ignored)
}

/// Returns twelve random letters and digits.
fn letters(alphabet: &[u8; 62]) -> String {
    // A UUID has 122 random bits, twelve of these letters need 72.
    let mut bits = uuid::Uuid::new_v4().as_u128();
    let mut letters = String::with_capacity(12);
    for _ in 0..12 {
        letters.push(char::from(alphabet[(bits % 62) as usize]));
        bits /= 62;
    }
    letters
}

const MIXED_CASE: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Returns `STACK-LOGICALID-RANDOM`, shortened in the middle to `length_max`.
fn generated_name(stack: &str, logical_id: &str, length_max: usize) -> String {
    let end = letters(MIXED_CASE);
    let room = length_max - end.len() - 2;
    let logical_id = &logical_id[..logical_id.len().min(room / 2)];
    let stack = &stack[..stack.len().min(room - logical_id.len())];
    format!("{stack}-{logical_id}-{end}")
}
