//! Resource policies of functions: who else may call them. They are kept as IAM writes them.

use aws_model::lambda::{AddPermissionInput, GetPolicyInput, RemovePermissionInput};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Failure, Reply};
use store::Batch;

use crate::catalog::{Row, change, removal, written};
use crate::configure::{parse_input, reply};
use crate::name::{FunctionName, LATEST};
use crate::{Lambda, failure, keys};

/// Most bytes of a policy (Lambda quotas).
const POLICY_BYTES_MAX: usize = 20_480;

/// The row of one resource policy.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResourcePolicy {
    /// Drawn anew with every change.
    pub revision_id: String,
    /// In the order in which they were added.
    pub statements: Vec<Value>,
}

impl ResourcePolicy {
    /// Returns the policy as `GetPolicy` prints it.
    pub fn text(&self) -> String {
        let policy =
            json!({"Version": "2012-10-17", "Id": "default", "Statement": self.statements});
        policy.to_string()
    }

    /// Returns where the statement `sid` is.
    pub fn position(&self, sid: &str) -> Option<usize> {
        self.statements
            .iter()
            .position(|statement| statement["Sid"] == sid)
    }

    /// Fails where a call knows another revision than the latest.
    pub fn check_revision(&self, asked: Option<&str>) -> Result<(), Failure> {
        match asked {
            Some(asked) if asked != self.revision_id => Err(failure::precondition(
                "The Revision Id provided does not match the latest Revision Id. \
                 Call the GetPolicy API to retrieve the latest Revision Id",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Adds a statement under a new revision.
    pub fn add(&mut self, statement: Value) -> Result<(), Failure> {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        if self.position(sid).is_some() {
            return Err(failure::conflict(format!(
                "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the existing statement."
            )));
        }
        self.statements.push(statement);
        if self.text().len() > POLICY_BYTES_MAX {
            return Err(failure::policy_too_long(
                self.text().len(),
                POLICY_BYTES_MAX,
            ));
        }
        self.revision_id = uuid::Uuid::new_v4().to_string();
        Ok(())
    }
}

impl Lambda {
    pub(crate) async fn add_permission(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: AddPermissionInput = parse_input(input)?;
        let qualifier = input.qualifier.as_deref();
        let name = self.policy_owner(&input.function_name, qualifier).await?;
        let mut conditions = Map::new();
        let mut condition = |operator: &str, key: &str, value: Option<String>| {
            if let Some(value) = value {
                let of_operator = conditions.entry(operator).or_insert_with(|| json!({}));
                of_operator[key] = value.into();
            }
        };
        let auth_type = input.function_url_auth_type;
        let auth_type = auth_type.map(|kind| kind.as_str().to_owned());
        condition("StringEquals", "lambda:FunctionUrlAuthType", auth_type);
        condition("StringEquals", "AWS:SourceAccount", input.source_account);
        let token = input.event_source_token;
        condition("StringEquals", "lambda:EventSourceToken", token);
        condition("StringEquals", "aws:PrincipalOrgID", input.principal_org_id);
        condition("ArnLike", "AWS:SourceArn", input.source_arn);
        let by_url = input
            .invoked_via_function_url
            .map(|by_url| by_url.to_string());
        condition("Bool", "lambda:InvokedViaFunctionUrl", by_url);
        let mut statement = json!({
            "Sid": input.statement_id,
            "Effect": "Allow",
            "Principal": principal(&input.principal)?,
            "Action": input.action,
            "Resource": name.qualified_arn(&self.site, None),
        });
        if !conditions.is_empty() {
            statement["Condition"] = Value::Object(conditions);
        }
        let key = policy_key(&name);
        let before = self.policy(&name).await?;
        let (row, mut policy) = before.map_or((None, ResourcePolicy::default()), |before| {
            (Some(before.row), before.value)
        });
        policy.check_revision(input.revision_id.as_deref())?;
        policy.add(statement.clone())?;
        let mut batch = Batch::default();
        change(&mut batch, key, row, written(&policy));
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        Ok(reply(json!({"Statement": statement.to_string()})))
    }

    pub(crate) async fn remove_permission(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: RemovePermissionInput = parse_input(input)?;
        let qualifier = input.qualifier.as_deref();
        let name = self.policy_owner(&input.function_name, qualifier).await?;
        let none = || failure::not_found("No policy is associated with the given resource.");
        let Row { row, mut value } = self.policy(&name).await?.ok_or_else(none)?;
        value.check_revision(input.revision_id.as_deref())?;
        let sid = &input.statement_id;
        let place = value.position(sid).ok_or_else(|| {
            failure::not_found(format!("Statement {sid} is not found in resource policy."))
        })?;
        value.statements.remove(place);
        value.revision_id = uuid::Uuid::new_v4().to_string();
        let mut batch = Batch::default();
        if value.statements.is_empty() {
            removal(&mut batch, policy_key(&name), row);
        } else {
            change(&mut batch, policy_key(&name), Some(row), written(&value));
        }
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        Ok(reply(json!({})))
    }

    pub(crate) async fn get_policy(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetPolicyInput = parse_input(input)?;
        let qualifier = input.qualifier.as_deref();
        let name = self.policy_owner(&input.function_name, qualifier).await?;
        let none = || failure::not_found("The resource you requested does not exist.");
        let policy = self.policy(&name).await?.ok_or_else(none)?.value;
        Ok(reply(
            json!({"Policy": policy.text(), "RevisionId": policy.revision_id}),
        ))
    }

    /// Returns the policy of what `name` names.
    pub(crate) async fn policy(
        &self,
        name: &FunctionName,
    ) -> Result<Option<Row<ResourcePolicy>>, Failure> {
        let policy = self.catalog.read(&policy_key(name)).await;
        policy.map_err(|error| failure::store(&error))
    }

    /// Returns the function, version or alias that has a policy, which must be there.
    async fn policy_owner(
        &self,
        text: &str,
        qualifier: Option<&str>,
    ) -> Result<FunctionName, Failure> {
        let (name, _) = self.find(text, qualifier).await?;
        if name.qualifier.as_deref() == Some(LATEST) {
            return Err(failure::invalid_parameter(
                "We currently do not support adding policies for $LATEST.",
            ));
        }
        Ok(name)
    }
}

fn policy_key(name: &FunctionName) -> store::Key {
    keys::policy(&name.name, name.qualifier.as_deref().unwrap_or_default())
}

/// Returns IAM's form of whom a statement is about.
pub fn principal(text: &str) -> Result<Value, Failure> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "*" => Ok("*".into()),
        _ if is_account => Ok(json!({"AWS": format!("arn:aws:iam::{text}:root")})),
        _ if text.starts_with("arn:") => Ok(json!({"AWS": text})),
        _ if text.contains('.') => Ok(json!({"Service": text})),
        _ => Err(failure::invalid_parameter(
            "The provided principal was invalid. Please check the principal and try again.",
        )),
    }
}
