//! `Policies` of functions and state machines: managed policies, statements and SAM's own policy
//! templates, gathered into the role that the resource runs as.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::intrinsics::single;
use crate::template::Resource;

use super::{Serverless, is_function, policy_templates};

const MANAGED: &str = include_str!("managed_policies.txt");

/// A role on its way: what the resource itself asks for, and what its events add.
pub(super) struct Role {
    /// Who may assume the role.
    pub(super) service: &'static str,
    /// Managed policies that the resource's settings bring.
    pub(super) managed: Vec<Value>,
    /// Policies (`PolicyName`, `PolicyDocument`) that they bring.
    pub(super) inline: Vec<Value>,
}

impl Role {
    pub(super) fn of(service: &'static str) -> Self {
        Self {
            service,
            managed: Vec::new(),
            inline: Vec::new(),
        }
    }

    /// Adds a managed policy that is not there yet.
    pub(super) fn manage(&mut self, arn: Value) {
        if !self.managed.contains(&arn) {
            self.managed.push(arn);
        }
    }

    /// Takes `Policies` of `owner`, followed by `more`.
    pub(super) fn grant(
        &mut self,
        owner: &mut Serverless<'_>,
        more: Option<Value>,
    ) -> Result<(), TemplateError> {
        let policies = list(owner.take("Policies")).into_iter().chain(more);
        for (index, policy) in policies.enumerate() {
            let name = format!("{}RolePolicy{index}", owner.id);
            match granted(owner, policy)? {
                Grant::Managed(arn) => self.manage(arn),
                Grant::Document(document) => self.inline.push(named(&name, document)),
            }
        }
        Ok(())
    }

    /// Takes the other properties that make a role and returns it.
    pub(super) fn finish(self, owner: &mut Serverless<'_>, tags: Value) -> Resource {
        let mut properties = Map::new();
        properties.insert(
            "AssumeRolePolicyDocument".to_owned(),
            owner
                .take("AssumeRolePolicyDocument")
                .unwrap_or_else(|| trust(self.service)),
        );
        properties.insert("ManagedPolicyArns".to_owned(), Value::Array(self.managed));
        if !self.inline.is_empty() {
            properties.insert("Policies".to_owned(), Value::Array(self.inline));
        }
        owner.rename(&mut properties, &[("RolePath", "Path")]);
        if let Some(boundary) = owner.boundary() {
            properties.insert("PermissionsBoundary".to_owned(), boundary);
        }
        properties.insert("Tags".to_owned(), tags);
        owner.companion("AWS::IAM::Role", properties)
    }
}

/// Returns the document that lets a service assume a role.
pub(super) fn trust(service: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": [service]},
            "Action": ["sts:AssumeRole"],
        }],
    })
}

/// Returns a policy that allows one action.
pub(super) fn allowing(name: &str, action: &str, resource: Value) -> Value {
    let statement = json!({"Action": action, "Effect": "Allow", "Resource": resource});
    named(name, json!({"Statement": [statement]}))
}

fn named(name: &str, document: Value) -> Value {
    match document {
        Value::Object(form) if form.contains_key("Fn::If") => {
            branches(form, &|branch| named(name, branch))
        }
        document => json!({"PolicyName": name, "PolicyDocument": document}),
    }
}

enum Grant {
    Managed(Value),
    Document(Value),
}

fn list(policies: Option<Value>) -> Vec<Value> {
    match policies {
        None => Vec::new(),
        Some(Value::Array(policies)) => policies,
        Some(policy) => vec![policy],
    }
}

fn granted(owner: &Serverless<'_>, policy: Value) -> Result<Grant, TemplateError> {
    let unknown = || owner.sam("Must specify valid policy templates or statements in 'Policies'.");
    match policy {
        Value::String(name) => Ok(Grant::Managed(managed_arn(&name))),
        Value::Object(document) if document.contains_key("Statement") => {
            Ok(Grant::Document(Value::Object(document)))
        }
        Value::Object(form) => match single(&form) {
            Some(("Fn::If", arguments)) => {
                let branches = arguments
                    .as_array()
                    .and_then(|list| list.get(1..))
                    .unwrap_or(&[]);
                let text = |branch: &Value| branch.is_string() || is_no_value(branch);
                if branches.iter().all(text) {
                    return Ok(Grant::Managed(self::branches(
                        form,
                        &|branch| match branch {
                            Value::String(name) => managed_arn(&name),
                            other => other,
                        },
                    )));
                }
                let mut expanded = form.clone();
                if let Some(Value::Array(branches)) = expanded.get_mut("Fn::If") {
                    for branch in branches.iter_mut().skip(1) {
                        if let Some((name, parameters)) = branch.as_object().and_then(single)
                            && policy_templates::is_known(name)
                        {
                            *branch = policy_templates::expand(owner.id, name, parameters)?;
                        }
                    }
                }
                Ok(Grant::Document(Value::Object(expanded)))
            }
            Some(_) if is_function(&form) => Ok(Grant::Managed(Value::Object(form))),
            Some((name, parameters)) => {
                policy_templates::expand(owner.id, name, parameters).map(Grant::Document)
            }
            None => Err(unknown()),
        },
        _ => Err(unknown()),
    }
}

fn is_no_value(value: &Value) -> bool {
    value.get("Ref").and_then(Value::as_str) == Some("AWS::NoValue")
}

/// Changes the two branches of an `Fn::If` that are not nothing.
fn branches(mut form: Map<String, Value>, change: &dyn Fn(Value) -> Value) -> Value {
    if let Some(Value::Array(arguments)) = form.get_mut("Fn::If") {
        for branch in arguments.iter_mut().skip(1) {
            if !is_no_value(branch) {
                *branch = change(branch.take());
            }
        }
    }
    Value::Object(form)
}

/// Returns the ARN of a managed policy of AWS; what is an ARN already stays.
pub(super) fn managed_arn(name: &str) -> Value {
    if name.starts_with("arn:") {
        return Value::from(name);
    }
    let mut path = "";
    for line in MANAGED.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            None => path = line,
            Some(names) if names.split(' ').any(|other| other == name) => {
                return Value::from(format!("arn:aws:iam::aws:policy/{path}/{name}"));
            }
            Some(_) => {}
        }
    }
    Value::from(format!("arn:aws:iam::aws:policy/{name}"))
}
