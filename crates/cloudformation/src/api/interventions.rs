//! Cancelling, rolling back by hand, and signals to resources that wait for some.

use serde_json::{Value, json};
use service::Principal;

use crate::error::DeployError;
use crate::resource::wait;
use crate::signals::Taken;
use crate::stack::Status;

use super::input::{Input, invalid};
use super::{CloudFormation, name_of};

impl CloudFormation {
    pub(super) async fn cancel_update(&self, input: &mut Input) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        input.ignore(&["ClientRequestToken"]);
        input.finish("CancelUpdateStack")?;
        self.must_be(&name).await?;
        self.deployer.cancel_update(name_of(&name)).await?;
        Ok(Value::Null)
    }

    pub(super) async fn continue_rollback(
        &self,
        input: &mut Input,
        principal: Principal,
    ) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        input.ignore(&["ClientRequestToken", "RoleARN"]);
        let skipped = input.texts("ResourcesToSkip").unwrap_or_default();
        input.finish("ContinueUpdateRollback")?;
        self.must_be(&name).await?;
        let from = &[Status::UpdateRollbackFailed];
        let begun = self
            .deployer
            .start_rollback(name_of(&name), principal, from, skipped);
        begun.await?;
        Ok(json!({}))
    }

    pub(super) async fn roll_back(
        &self,
        input: &mut Input,
        principal: Principal,
    ) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        let except = input.flag("RetainExceptOnCreate").unwrap_or(false);
        input.deployment_config()?;
        input.ignore(&["ClientRequestToken", "RoleARN"]);
        input.finish("RollbackStack")?;
        if except {
            return Err(super::not_served(
                "RetainExceptOnCreate of RollbackStack".to_owned(),
            ));
        }
        self.must_be(&name).await?;
        let from = &[Status::CreateFailed, Status::UpdateFailed];
        let begun = self
            .deployer
            .start_rollback(name_of(&name), principal, from, Vec::new());
        Ok(json!({"StackId": begun.await?}))
    }

    async fn must_be(&self, name: &str) -> Result<(), DeployError> {
        match self.living(name).await? {
            Some(_) => Ok(()),
            None => Err(invalid(format!("Stack [{name}] does not exist"))),
        }
    }

    /// Gives a signal to a wait condition whose creation policy waits for some.
    pub(super) async fn signal(&self, input: &mut Input) -> Result<Value, DeployError> {
        let (name, id) = (input.need("StackName")?, input.need("LogicalResourceId")?);
        let (unique_id, status) = (input.need("UniqueId")?, input.need("Status")?);
        input.finish("SignalResource")?;
        if status != "SUCCESS" && status != "FAILURE" {
            return Err(invalid(format!(
                "1 validation error detected: Value '{status}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [SUCCESS, FAILURE]"
            )));
        }
        let Some((stack, rows)) = self.with_resources(&name).await? else {
            return Err(invalid(format!("Stack '{name}' does not exist")));
        };
        let Some(row) = rows.iter().find(|row| row.logical_id == id) else {
            let text = format!("Resource {id} does not exist for stack {}", stack.name);
            return Err(invalid(text));
        };
        let waits = row.status.is_under_way();
        let address = wait::address(row).filter(|_| waits);
        let Some(address) = address else {
            return Err(invalid(format!(
                "Resource {id} is in {} state and waits for no signal",
                row.status
            )));
        };
        let signal = json!({"Status": status, "UniqueId": unique_id}).to_string();
        let taken = self.deployer.signals().take(address, signal.as_bytes());
        match taken.await.map_err(DeployError::store(&stack.name))? {
            Taken::Kept => Ok(Value::Null),
            Taken::Unknown | Taken::Malformed => {
                Err(invalid(format!("Resource {id} takes no more signals")))
            }
        }
    }
}
