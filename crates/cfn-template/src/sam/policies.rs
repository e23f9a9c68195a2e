//! `Policies` of functions and state machines: managed policies, statements and SAM's own policy
//! templates, gathered into the role that the resource runs as.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::intrinsics::single;
use crate::template::Resource;

use super::{Serverless, policy_templates, tags};

/// What the roles of a type of resource have in common.
pub(super) struct RoleOf {
    /// Who may assume the role.
    service: &'static str,
    /// A managed policy that every such role has.
    managed: Option<&'static str>,
    /// The key of the tag that says who made it.
    created_by: &'static str,
}

/// Roles of functions.
pub(super) const FUNCTION: RoleOf = RoleOf {
    service: "lambda.amazonaws.com",
    managed: Some("service-role/AWSLambdaBasicExecutionRole"),
    created_by: "lambda:createdBy",
};

/// Roles of state machines.
pub(super) const STATE_MACHINE: RoleOf = RoleOf {
    service: "states.amazonaws.com",
    managed: None,
    created_by: "stateMachine:createdBy",
};

/// Managed policies whose path is `service-role/`.
const SERVICE_ROLE_POLICIES: [&str; 8] = [
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaENIManagementAccess",
    "AWSLambdaKinesisExecutionRole",
    "AWSLambdaMSKExecutionRole",
    "AWSLambdaRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
];

/// Takes the properties that make a role and returns it, called like its resource with `Role` behind.
pub(super) fn role(
    owner: &mut Serverless<'_>,
    of: &RoleOf,
) -> Result<(String, Resource), TemplateError> {
    let id = format!("{}Role", owner.id);
    let trust = owner.take("AssumeRolePolicyDocument").unwrap_or_else(|| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": [of.service]},
                "Action": ["sts:AssumeRole"],
            }],
        })
    });
    let mut managed: Vec<Value> = of.managed.map(managed_arn).into_iter().collect();
    let mut inline = Vec::new();
    for policy in list(owner.take("Policies")) {
        match grant(owner, policy)? {
            Grant::Managed(arn) => {
                if !managed.contains(&arn) {
                    managed.push(arn);
                }
            }
            Grant::Document(document) => inline.push(json!({
                "PolicyName": format!("{id}Policy{}", inline.len()),
                "PolicyDocument": document,
            })),
        }
    }
    let mut properties = Map::new();
    properties.insert("AssumeRolePolicyDocument".to_owned(), trust);
    if !managed.is_empty() {
        properties.insert("ManagedPolicyArns".to_owned(), Value::Array(managed));
    }
    if !inline.is_empty() {
        properties.insert("Policies".to_owned(), Value::Array(inline));
    }
    owner.rename(
        &mut properties,
        &[
            ("RolePath", "Path"),
            ("PermissionsBoundary", "PermissionsBoundary"),
        ],
    );
    properties.insert("Tags".to_owned(), tags(of.created_by, None));
    Ok((id, owner.companion("AWS::IAM::Role", properties)))
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

fn grant(owner: &Serverless<'_>, policy: Value) -> Result<Grant, TemplateError> {
    match policy {
        Value::String(name) if name.starts_with("arn:") => Ok(Grant::Managed(Value::String(name))),
        Value::String(name) if SERVICE_ROLE_POLICIES.contains(&name.as_str()) => {
            Ok(Grant::Managed(managed_arn(&format!("service-role/{name}"))))
        }
        Value::String(name) => Ok(Grant::Managed(managed_arn(&name))),
        Value::Object(mut document) if document.contains_key("Statement") => {
            if let Some(statement @ Value::Object(_)) = document.get_mut("Statement") {
                *statement = Value::Array(vec![statement.take()]);
            }
            if !document.contains_key("Version") {
                document.insert("Version".to_owned(), Value::from("2012-10-17"));
            }
            Ok(Grant::Document(Value::Object(document)))
        }
        Value::Object(form) => match single(&form) {
            Some(("Fn::If", _)) => Err(TemplateError::unsupported(format!(
                "Fn::If among the Policies (of resource {})",
                owner.id
            ))),
            Some((name, _)) if name == "Ref" || name.starts_with("Fn::") => {
                Ok(Grant::Managed(Value::Object(form)))
            }
            Some((name, parameters)) => {
                policy_templates::expand(owner.id, name, parameters).map(Grant::Document)
            }
            None => {
                Err(owner.sam("Must specify valid policy templates or statements in 'Policies'."))
            }
        },
        _ => Err(owner.sam("Must specify valid policy templates or statements in 'Policies'.")),
    }
}

fn managed_arn(name: &str) -> Value {
    json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:iam::aws:policy/{name}")})
}
