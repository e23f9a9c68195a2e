//! The CloudFormation API: the front that AWS's own tools talk to.
//!
//! One file for each kind of operation. An input that is not understood is refused with its name;
//! times are texts, since the query protocol has them so.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Call, Failure, Principal, Reply, Service};

use crate::deployer::Deployer;
use crate::error::DeployError;
use crate::stack::StackRow;

mod change_sets;
mod describe;
mod input;
mod interventions;
mod shown;
mod stacks;
mod templates;

use input::Input;

/// The service `cloudformation`.
pub struct CloudFormation {
    deployer: Arc<Deployer>,
}

impl CloudFormation {
    /// Returns the service over `deployer`.
    pub fn new(deployer: Arc<Deployer>) -> Self {
        Self { deployer }
    }

    async fn answer(&self, call: Call) -> Result<Value, DeployError> {
        let mut input = Input::read(&call.input)?;
        let principal = call.principal;
        let output = match &*call.operation {
            "CreateStack" => self.create_stack(&mut input, principal).await,
            "UpdateStack" => self.update_stack(&mut input, principal).await,
            "DeleteStack" => self.delete_stack(&mut input, principal).await,
            "CancelUpdateStack" => self.cancel_update(&mut input).await,
            "ContinueUpdateRollback" => self.continue_rollback(&mut input, principal).await,
            "RollbackStack" => self.roll_back(&mut input, principal).await,
            "SignalResource" => self.signal(&mut input).await,
            "UpdateTerminationProtection" => self.protect(&mut input).await,
            "DescribeStacks" => self.describe_stacks(&mut input).await,
            "ListStacks" => self.list_stacks(&mut input).await,
            "DescribeStackEvents" => self.describe_events(&mut input).await,
            "DescribeStackResource" => self.describe_resource(&mut input).await,
            "DescribeStackResources" => self.describe_resources(&mut input).await,
            "ListStackResources" => self.list_resources(&mut input).await,
            "ListExports" => self.list_exports(&mut input).await,
            "ListImports" => self.list_imports(&mut input).await,
            "CreateChangeSet" => self.create_change_set(&mut input, principal).await,
            "DescribeChangeSet" => self.describe_change_set(&mut input).await,
            "ExecuteChangeSet" => self.execute_change_set(&mut input, principal).await,
            "ListChangeSets" => self.list_change_sets(&mut input).await,
            "DeleteChangeSet" => self.delete_change_set(&mut input).await,
            "GetTemplate" => self.get_template(&mut input).await,
            "GetTemplateSummary" => self.template_summary(&mut input, &principal).await,
            "ValidateTemplate" => self.validate_template(&mut input, &principal).await,
            other => Err(not_served(format!("cloudformation:{other}"))),
        }?;
        Ok(output)
    }

    /// Returns a stack by its name or its id; one that was deleted by its id alone.
    async fn find(&self, name_or_id: &str) -> Result<Option<StackRow>, DeployError> {
        let name = name_of(name_or_id);
        let loaded = self.deployer.load(name).await?;
        if let Some(loaded) = loaded
            && (name == name_or_id || loaded.stack.id == name_or_id)
        {
            return Ok(Some(loaded.stack));
        }
        if name == name_or_id {
            return Ok(None);
        }
        let gone = self.deployer.catalog.gone(name_or_id).await;
        let gone = gone.map_err(DeployError::store(name))?;
        Ok(gone.filter(|stack| stack.id == name_or_id))
    }

    /// Returns the stack that there is under this name or id.
    async fn living(&self, name_or_id: &str) -> Result<Option<StackRow>, DeployError> {
        let found = self.find(name_or_id).await?;
        Ok(found.filter(|stack| stack.deleted_at.is_none()))
    }
}

/// Returns the name in a stack's id, or the name that it is.
fn name_of(name_or_id: &str) -> &str {
    match name_or_id.split_once(":stack/") {
        Some((_, rest)) => rest.split('/').next().unwrap_or(rest),
        None => name_or_id,
    }
}

fn not_served(what: String) -> DeployError {
    let message = format!("{what} is not served here yet");
    DeployError::Service(Failure::client("NotImplemented", message).with_status(501))
}

/// Returns the texts that only some of the members have.
fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Returns tags as a list of keys and values.
fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| serde_json::json!({"Key": key, "Value": value}))
        .collect()
}

#[async_trait]
impl Service for CloudFormation {
    fn name(&self) -> &'static str {
        "cloudformation"
    }

    /// The stack of a change set that is named by its ARN.
    async fn resource_of(&self, call: &Call) -> Option<String> {
        let mut input = Input::read(&call.input).ok()?;
        let found = self.change_set(&mut input).await.ok()?;
        Some(found.stack_id)
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        match self.answer(call).await {
            Ok(output) => Ok(Reply {
                output: match &output {
                    Value::Null => Default::default(),
                    output => output.to_string().into(),
                },
                ..Reply::default()
            }),
            Err(error) => {
                let failure = error.to_failure();
                if failure.status >= 500 && failure.code != "NotImplemented" {
                    tracing::error!(?error, "an operation on a stack failed");
                }
                Err(failure)
            }
        }
    }
}

/// Who may be told what a template says: whoever may read it.
type Caller<'a> = &'a Principal;
