//! `AWS::Serverless::Function`: a Lambda function, its role, its versions and what invokes it.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

use super::events::{Target, TargetKind};
use super::policies::{self, Role};
use super::{Expansion, Serverless, events, get_attribute, location, reference, tags, versions};

/// Properties that are the same in Lambda, under their name there.
const SAME: [(&str, &str); 17] = [
    ("FunctionName", "FunctionName"),
    ("Handler", "Handler"),
    ("Runtime", "Runtime"),
    ("Description", "Description"),
    ("MemorySize", "MemorySize"),
    ("Timeout", "Timeout"),
    ("Environment", "Environment"),
    ("Architectures", "Architectures"),
    ("Layers", "Layers"),
    ("VpcConfig", "VpcConfig"),
    ("EphemeralStorage", "EphemeralStorage"),
    ("KmsKeyArn", "KmsKeyArn"),
    (
        "ReservedConcurrentExecutions",
        "ReservedConcurrentExecutions",
    ),
    ("FileSystemConfigs", "FileSystemConfigs"),
    ("LoggingConfig", "LoggingConfig"),
    ("SnapStart", "SnapStart"),
    ("RuntimeManagementConfig", "RuntimeManagementConfig"),
];

pub(super) fn expand(
    mut function: Serverless<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let id = function.id.to_owned();
    let mut properties = Map::new();
    match function.take("PackageType") {
        None => {}
        Some(kind) if kind == "Zip" => {}
        Some(_) => {
            return Err(TemplateError::unsupported(format!(
                "PackageType Image (of function {id})"
            )));
        }
    }
    properties.insert("Code".to_owned(), code(&mut function)?);
    if function.get("Runtime").is_none() || function.get("Handler").is_none() {
        return Err(function
            .sam("Runtime and Handler needs to be present when PackageType is of type `Zip`"));
    }
    function.rename(&mut properties, &SAME);

    let mut role = Role::of("lambda.amazonaws.com");
    let basic = "service-role/AWSLambdaBasicExecutionRole";
    role.manage(policies::managed_arn(&format!(
        "arn:aws:iam::aws:policy/{basic}"
    )));
    if let Some(mode) = function.take("Tracing")
        && function.names.settle(&mode) != "Disabled"
    {
        role.manage(policies::managed_arn("AWSXrayWriteOnlyAccess"));
        properties.insert("TracingConfig".to_owned(), json!({"Mode": mode}));
    }
    if properties.contains_key("VpcConfig") {
        role.manage(policies::managed_arn("AWSLambdaVPCAccessExecutionRole"));
    }
    if let Some(queue) = function.take("DeadLetterQueue") {
        properties.insert(
            "DeadLetterConfig".to_owned(),
            dead_letters(&function, &queue, &mut role)?,
        );
    }
    let tags = tags("lambda:createdBy", function.get("Tags"));
    function.take("Tags");
    properties.insert("Tags".to_owned(), tags.clone());

    let published = versions::publish(&mut function, &mut properties, expanded)?;
    let target = match &published {
        Some(published) => Target {
            arn: reference(&published.alias_id),
            name: reference(&published.alias_id),
            kind: TargetKind::Function,
        },
        None => Target {
            arn: get_attribute(&id, "Arn"),
            name: reference(&id),
            kind: TargetKind::Function,
        },
    };
    versions::url(&mut function, &target, expanded)?;
    versions::invocations(&mut function, published.as_ref(), &mut role, expanded)?;
    role.grant(&mut function, None)?;
    if let Some(Value::Object(events)) = function.take("Events") {
        events::expand(&function, &target, events, &mut role, expanded)?;
    }
    match function.take("Role") {
        Some(own) => {
            // SAM lets both stand, and the role wins.
            for name in [
                "AssumeRolePolicyDocument",
                "RolePath",
                "PermissionsBoundary",
            ] {
                function.take(name);
            }
            properties.insert("Role".to_owned(), own);
        }
        None => {
            properties.insert(
                "Role".to_owned(),
                get_attribute(&format!("{id}Role"), "Arn"),
            );
            let role = role.finish(&mut function, tags);
            expanded.add(format!("{id}Role"), role)?;
            function.take("PermissionsBoundary");
        }
    }
    expanded.add(id, function.finish("AWS::Lambda::Function", properties)?)
}

/// Returns `DeadLetterConfig`, and lets the role write to it.
fn dead_letters(
    function: &Serverless<'_>,
    queue: &Value,
    role: &mut Role,
) -> Result<Value, TemplateError> {
    let action = match queue.get("Type").and_then(Value::as_str) {
        Some("SQS") => "sqs:SendMessage",
        Some("SNS") => "sns:Publish",
        Some(_) => {
            return Err(function.sam("'DeadLetterQueue' requires Type of ['SQS', 'SNS']"));
        }
        None => {
            return Err(function
                .sam("'DeadLetterQueue' requires Type and TargetArn properties to be specified."));
        }
    };
    let Some(target) = queue.get("TargetArn") else {
        return Err(function
            .sam("'DeadLetterQueue' requires Type and TargetArn properties to be specified."));
    };
    let statement = json!({"Action": action, "Resource": target, "Effect": "Allow"});
    role.inline.push(json!({
        "PolicyName": "DeadLetterQueuePolicy",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }));
    Ok(json!({"TargetArn": target}))
}

/// Returns Lambda's `Code`.
fn code(function: &mut Serverless<'_>) -> Result<Value, TemplateError> {
    if let Some(text) = function.take("InlineCode") {
        function.take("CodeUri");
        return Ok(json!({"ZipFile": text}));
    }
    let names = ["S3Bucket", "S3Key", "S3ObjectVersion"];
    match function.take("CodeUri") {
        Some(uri) => location(function, "CodeUri", uri, names),
        None => Err(function.sam("Missing required property 'CodeUri' or 'InlineCode'.")),
    }
}
