//! Making, changing and deleting stacks.

use std::collections::BTreeMap;

use cfn_template::Template;
use serde_json::{Value, json};
use service::Principal;

use crate::catalog::Change;
use crate::deployer::{Deployment, Intent};
use crate::error::DeployError;
use crate::stack::{Contents, OnFailure, Parent};

use super::input::{Input, invalid};
use super::{CloudFormation, name_of, templates};

/// In how many others a stack may be.
const DEPTH_MAX: usize = 10;

impl CloudFormation {
    pub(super) async fn create_stack(
        &self,
        input: &mut Input,
        principal: Principal,
    ) -> Result<Value, DeployError> {
        let stack_name = input.need("StackName")?;
        let on_failure = input.on_failure("OnFailure")?.unwrap_or_default();
        let protected = input.flag("EnableTerminationProtection").unwrap_or(false);
        input.ignore(&["ClientRequestToken"]);
        let parent = match input.text("ParentId") {
            Some(id) => Some(self.parent(&id).await?),
            None => None,
        };
        let deployment = self
            .deployment(input, &stack_name, &Contents::default(), &principal)
            .await?;
        input.finish("CreateStack")?;
        require_capabilities(&deployment, true)?;
        let intent = Intent::Create {
            on_failure,
            protected,
            parent,
        };
        let id = self.deployer.start(deployment, principal, intent).await?;
        Ok(json!({"StackId": id}))
    }

    /// Returns what a stack that is a resource of the stack `id` keeps of that. A template may name
    /// itself, so the depth has a limit (docs/adr/0049).
    async fn parent(&self, id: &str) -> Result<Parent, DeployError> {
        let Some(stack) = self.living(id).await? else {
            return Err(invalid(format!("Stack [{id}] does not exist")));
        };
        let (root_id, depth) = match stack.parent {
            Some(parent) => (parent.root_id, parent.depth + 1),
            None => (stack.id.clone(), 1),
        };
        if depth > DEPTH_MAX {
            return Err(DeployError::TooDeep(DEPTH_MAX));
        }
        Ok(Parent {
            id: stack.id,
            root_id,
            depth,
        })
    }

    pub(super) async fn update_stack(
        &self,
        input: &mut Input,
        principal: Principal,
    ) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        let Some(stack) = self.living(&name).await? else {
            return Err(invalid(format!("Stack [{name}] does not exist")));
        };
        let by_parent = input.text("ParentId").is_some();
        if let Some(ending) = input.text("Ending").filter(|_| by_parent) {
            input.finish("UpdateStack")?;
            let is_kept = ending == "COMMIT";
            let ended = self.deployer.end_update(&stack.name, principal, is_kept);
            return Ok(json!({"StackId": ended.await?}));
        }
        let on_failure = input.on_failure("OnFailure")?.unwrap_or_default();
        input.ignore(&["ClientRequestToken"]);
        let deployment = self
            .deployment(input, &stack.name, &stack.contents, &principal)
            .await?;
        input.finish("UpdateStack")?;
        require_capabilities(&deployment, true)?;
        let intent = Intent::Update {
            on_failure,
            by_parent,
        };
        let id = self.deployer.start(deployment, principal, intent).await?;
        Ok(json!({"StackId": id}))
    }

    pub(super) async fn delete_stack(
        &self,
        input: &mut Input,
        principal: Principal,
    ) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        input.ignore(&["ClientRequestToken", "RoleARN"]);
        input.deployment_config()?;
        if input
            .text("DeletionMode")
            .is_some_and(|mode| mode != "STANDARD")
        {
            return Err(super::not_served("DeletionMode of DeleteStack".to_owned()));
        }
        let retained = input.texts("RetainResources").unwrap_or_default();
        input.finish("DeleteStack")?;
        // A stack that is not there is one that is deleted.
        if self.living(&name).await?.is_some() {
            let name = name_of(&name);
            if !retained.is_empty() {
                self.deployer.retain(name, &retained).await?;
            }
            self.deployer.start_delete(name, principal).await?;
        }
        // The one operation that has no output.
        Ok(Value::Null)
    }

    pub(super) async fn protect(&self, input: &mut Input) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        let protected = input.need("EnableTerminationProtection")? == "true";
        input.finish("UpdateTerminationProtection")?;
        if self.living(&name).await?.is_none() {
            return Err(invalid(format!("Stack [{name}] does not exist")));
        }
        let name = name_of(&name);
        let claim = self.deployer.claim(name, "updated").await?;
        let Some(loaded) = self.deployer.load(name).await? else {
            return Err(invalid(format!("Stack [{name}] does not exist")));
        };
        let mut stack = loaded.stack;
        stack.protected = protected;
        let written = self
            .deployer
            .catalog
            .commit(Some(&loaded.row), Change::of(&stack));
        written.await.map_err(DeployError::store(name))?;
        drop(claim);
        Ok(json!({"StackId": stack.id}))
    }

    /// Reads what is to be deployed; `former` is what the stack has.
    pub(super) async fn deployment(
        &self,
        input: &mut Input,
        stack_name: &str,
        former: &Contents,
        principal: &Principal,
    ) -> Result<Deployment, DeployError> {
        let previous = input.flag("UsePreviousTemplate").unwrap_or(false);
        let text = self.template_text(input, principal).await?;
        let template = match (text, previous) {
            (Some(text), false) => text,
            (None, true) => self.deployer.template(stack_name).await?,
            (None, false) => {
                return Err(invalid(
                    "Either Template URL or Template Body must be specified.",
                ));
            }
            (Some(_), true) => {
                return Err(invalid(
                    "You cannot specify both usePreviousTemplate and Template Body/Template URL.",
                ));
            }
        };
        let values = if former.resolved.is_empty() {
            &former.parameters
        } else {
            &former.resolved
        };
        Ok(Deployment {
            stack_name: stack_name.to_owned(),
            template,
            parameters: input.parameters(values)?,
            assets: BTreeMap::new(),
            settings: input.settings(&former.settings),
        })
    }
}

/// Refuses a template that makes roles, or that a transform changes, for somebody who did not say
/// that this is meant. A change set shows what a transform did, so it needs no word for that.
pub(super) fn require_capabilities(
    deployment: &Deployment,
    transforms: bool,
) -> Result<(), DeployError> {
    let mut template = Template::parse(&deployment.template)?;
    let has = |name: &str| {
        deployment
            .settings
            .capabilities
            .iter()
            .any(|given| given == name)
    };
    if template.serverless && transforms && !has("CAPABILITY_AUTO_EXPAND") {
        return Err(DeployError::Capabilities("CAPABILITY_AUTO_EXPAND"));
    }
    cfn_template::sam::transform(&mut template, &deployment.parameters)?;
    match templates::needed_capability(&template) {
        Some("CAPABILITY_NAMED_IAM") if !has("CAPABILITY_NAMED_IAM") => {
            Err(DeployError::Capabilities("CAPABILITY_NAMED_IAM"))
        }
        Some("CAPABILITY_IAM") if !has("CAPABILITY_IAM") && !has("CAPABILITY_NAMED_IAM") => {
            Err(DeployError::Capabilities("CAPABILITY_IAM"))
        }
        _ => Ok(()),
    }
}

/// What becomes of a failed execution of a change set, by its flag.
pub(super) fn disabled(flag: Option<bool>) -> Option<OnFailure> {
    flag.map(|disabled| {
        if disabled {
            OnFailure::DoNothing
        } else {
            OnFailure::Rollback
        }
    })
}
