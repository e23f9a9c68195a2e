//! What may be asked of a function beside itself: a version and an alias at every change of the code,
//! a URL, and where the results of asynchronous invocations go.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::template::Policy;

use super::events::Target;
use super::policies::{self, Role};
use super::{Expansion, Serverless, digits, get_attribute, members, reference, retained};

/// A function's version and the alias that points to it.
pub(super) struct Published {
    pub(super) alias_id: String,
    alias: String,
}

/// Takes what `AutoPublishAlias` is about. `function` are Lambda's properties, apart from the role.
pub(super) fn publish(
    function: &mut Serverless<'_>,
    properties: &mut Map<String, Value>,
    expanded: &mut Expansion,
) -> Result<Option<Published>, TemplateError> {
    let mut taken = |name: &str| {
        let value = function.take(name)?;
        Some(function.names.settle(&value))
    };
    let (alias, sha256) = (taken("AutoPublishAlias"), taken("AutoPublishCodeSha256"));
    let (all, deletion) = (
        taken("AutoPublishAliasAllProperties"),
        taken("VersionDeletionPolicy"),
    );
    let description = function.take("VersionDescription");
    let concurrency = function.take("ProvisionedConcurrencyConfig");
    if let Some(preference) = function.take("DeploymentPreference") {
        shifted_at_once(function, &preference, alias.is_some())?;
    }
    let Some(alias) = alias else {
        return match concurrency {
            None => Ok(None),
            Some(_) => Err(function.sam(
                "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function",
            )),
        };
    };
    let Some(alias) = alias.as_str().filter(|alias| is_alias(alias)) else {
        return Err(function.sam(format!(
            "AutoPublishAlias name ('{}') must contain only alphanumeric characters, hyphens, or underscores matching (?!^[0-9]+$)([a-zA-Z0-9-_]+) pattern.",
            crate::parameters::scalar_text(&alias)
        )));
    };
    let sha256 = match sha256 {
        None => None,
        Some(Value::String(sha256)) => {
            let whole = match properties.get("Description") {
                None => Value::from(sha256.as_str()),
                Some(Value::String(text)) => Value::from(format!("{text} {sha256}")),
                Some(other) => json!({"Fn::Join": [" ", [other, sha256]]}),
            };
            properties.insert("Description".to_owned(), whole);
            Some(sha256)
        }
        Some(_) => return Err(function.sam("AutoPublishCodeSha256 must be a string")),
    };
    // AWS leaves the parameters filled in where it has looked at them.
    if let Some(code) = properties.get_mut("Code") {
        *code = function.names.settle(code);
    }
    let id = function.id;
    let end = match &sha256 {
        Some(sha256) => sha256.chars().take(10).collect(),
        None => digits(&identity(properties, all == Some(Value::Bool(true)))),
    };
    let version_id = format!("{id}Version{end}");
    let alias_id = format!("{id}Alias{}", alias.replace('-', "D").replace('_', "U"));

    let mut version = members(json!({"FunctionName": reference(id)}));
    version.extend(description.map(|text| ("Description".to_owned(), text)));
    let mut version = function.companion("AWS::Lambda::Version", version);
    if version.deletion_policy.is_none() && deletion == Some(Value::from("Delete")) {
        version.deletion_policy = Some(Policy::Delete);
    }
    expanded.add(version_id.clone(), retained(version))?;
    let mut properties = members(json!({
        "Name": alias,
        "FunctionName": reference(id),
        "FunctionVersion": get_attribute(&version_id, "Version"),
    }));
    properties.extend(concurrency.map(|value| ("ProvisionedConcurrencyConfig".to_owned(), value)));
    let resource = function.companion("AWS::Lambda::Alias", properties);
    expanded.add(alias_id.clone(), resource)?;
    let renamed = [("Alias", &alias_id), ("Version", &version_id)];
    expanded.renamed.extend(
        renamed
            .into_iter()
            .map(|(name, id_after)| (format!("{id}.{name}"), id_after.clone())),
    );
    Ok(Some(Published {
        alias_id,
        alias: alias.to_owned(),
    }))
}

/// Lets a deployment preference pass that an update of the alias fulfils: all traffic goes to the new version
/// at once, and nobody is asked (docs/adr/0067).
fn shifted_at_once(
    function: &Serverless<'_>,
    preference: &Value,
    has_alias: bool,
) -> Result<(), TemplateError> {
    let disabled = [Value::Bool(false), "false".into(), "False".into()];
    if preference
        .get("Enabled")
        .is_some_and(|enabled| disabled.contains(enabled))
    {
        return Ok(());
    }
    if !has_alias {
        return Err(function
            .sam("'DeploymentPreference' requires AutoPublishAlias property to be specified."));
    }
    let Some(kind) = preference.get("Type") else {
        return Err(function.sam("'DeploymentPreference' is missing required Property 'Type'"));
    };
    let kind = function.names.settle(kind);
    let unsupported = |what: String| {
        let what = format!("{what} (of function {})", function.id);
        Err(TemplateError::unsupported(what))
    };
    if kind != "AllAtOnce" {
        let kind = crate::parameters::scalar_text(&kind);
        return unsupported(format!("DeploymentPreference {kind}"));
    }
    for name in ["Alarms", "Hooks", "TriggerConfigurations"] {
        if preference.get(name).is_some_and(is_filled) {
            return unsupported(format!("{name} of DeploymentPreference"));
        }
    }
    Ok(())
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Returns what makes a new version due when it changes.
fn identity(properties: &Map<String, Value>, all: bool) -> Value {
    if all {
        return Value::Object(properties.clone());
    }
    let mut identity = members(properties.get("Code").cloned().unwrap_or_default());
    if let Some(Value::Object(environment)) = properties.get("Environment") {
        identity.extend(environment.clone());
    }
    for name in ["MemorySize", "SnapStart"] {
        if let Some(value) = properties.get(name)
            && value.get("ApplyOn").is_none_or(|on| on != "None")
        {
            identity.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(identity)
}

fn is_alias(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.bytes().all(letter) && !text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes `FunctionUrlConfig`: a URL, which everybody may call when nobody signs.
pub(super) fn url(
    function: &mut Serverless<'_>,
    target: &Target,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let Some(Value::Object(mut configuration)) = function.take("FunctionUrlConfig") else {
        return Ok(());
    };
    let open = match configuration.get("AuthType").and_then(Value::as_str) {
        Some("NONE") => true,
        Some("AWS_IAM") => false,
        _ => {
            return Err(function.sam(
                "AuthType is required to configure function property `FunctionUrlConfig`. Please provide either AWS_IAM or NONE.",
            ));
        }
    };
    configuration.insert("TargetFunctionArn".to_owned(), target.name.clone());
    let id = function.id;
    let resource = function.companion("AWS::Lambda::Url", configuration);
    expanded.add(format!("{id}Url"), resource)?;
    if open {
        let may_call = json!({
            "Action": "lambda:InvokeFunctionUrl",
            "FunctionName": target.name,
            "Principal": "*",
            "FunctionUrlAuthType": "NONE",
        });
        let may_invoke = json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": target.name,
            "Principal": "*",
            "InvokedViaFunctionUrl": true,
        });
        for (end, permission) in [
            ("UrlPublicPermissions", may_call),
            ("URLInvokeAllowPublicAccess", may_invoke),
        ] {
            let resource = function.companion("AWS::Lambda::Permission", members(permission));
            expanded.add(format!("{id}{end}"), resource)?;
        }
    }
    Ok(())
}

/// Takes `EventInvokeConfig`, makes the queues and topics that it leaves open, and lets the role
/// write to its destinations.
pub(super) fn invocations(
    function: &mut Serverless<'_>,
    published: Option<&Published>,
    role: &mut Role,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let Some(Value::Object(mut configuration)) = function.take("EventInvokeConfig") else {
        return Ok(());
    };
    let id = format!("{}EventInvokeConfig", function.id);
    if let Some(Value::Object(destinations)) = configuration.get_mut("DestinationConfig") {
        for (when, destination) in destinations {
            let Value::Object(destination) = destination else {
                continue;
            };
            let Some(kind) = destination.shift_remove("Type") else {
                continue;
            };
            let (made, action, policy) = match kind.as_str() {
                Some("SQS") => (Some(("Queue", "AWS::SQS::Queue")), "sqs:SendMessage", "SQS"),
                Some("SNS") => (Some(("Topic", "AWS::SNS::Topic")), "sns:publish", "SNS"),
                Some("EventBridge") => (None, "events:PutEvents", "EventBridge"),
                Some("Lambda") => (None, "lambda:InvokeFunction", "Lambda"),
                _ => {
                    return Err(function.sam(
                        "'Type: {}' must be one of the following options: ['SQS', 'SNS', 'EventBridge', 'Lambda', 'S3Bucket']",
                    ));
                }
            };
            let name = format!("{id}{when}");
            let arn = match (destination.get("Destination"), made) {
                (Some(arn), _) => arn.clone(),
                (None, Some((end, kind))) => {
                    let made = format!("{name}{end}");
                    expanded.add(made.clone(), function.companion(kind, Map::new()))?;
                    match kind {
                        "AWS::SNS::Topic" => reference(&made),
                        _ => get_attribute(&made, "Arn"),
                    }
                }
                (None, None) => {
                    return Err(function.sam("Destination is required if Type is not SQS or SNS"));
                }
            };
            role.inline.push(policies::allowing(
                &format!("{name}{policy}Policy"),
                action,
                arn.clone(),
            ));
            destination.insert("Destination".to_owned(), arn);
        }
    }
    configuration.insert("FunctionName".to_owned(), reference(function.id));
    let qualifier = published.map_or("$LATEST", |published| published.alias.as_str());
    configuration.insert("Qualifier".to_owned(), qualifier.into());
    let mut resource = function.companion("AWS::Lambda::EventInvokeConfig", configuration);
    resource.metadata = function.resource.metadata.clone();
    resource
        .depends_on
        .extend(published.map(|published| published.alias_id.clone()));
    expanded.add(id, resource)
}
