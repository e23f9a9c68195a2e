//! `AWS::Serverless::Function`: a Lambda function and its role.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

use super::{Expansion, Serverless, policies, s3_uri, tags};

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

pub(super) fn expand(mut function: Serverless<'_>) -> Result<Expansion, TemplateError> {
    let mut properties = Map::new();
    match function.take("PackageType") {
        None => {}
        Some(kind) if kind == "Zip" => {}
        Some(_) => {
            return Err(TemplateError::unsupported(format!(
                "PackageType Image (of function {})",
                function.id
            )));
        }
    }
    properties.insert("Code".to_owned(), code(&mut function)?);
    function.rename(&mut properties, &SAME);
    if let Some(mode) = function.take("Tracing") {
        properties.insert("TracingConfig".to_owned(), json!({"Mode": mode}));
    }
    if let Some(Value::Object(queue)) = function.take("DeadLetterQueue") {
        let target = queue.get("TargetArn").cloned().unwrap_or_default();
        properties.insert("DeadLetterConfig".to_owned(), json!({"TargetArn": target}));
    }
    if let Some(Value::Object(events)) = function.take("Events")
        && let Some((name, _)) = events.iter().next()
    {
        return Err(TemplateError::unsupported(format!(
            "The event {name} (of function {})",
            function.id
        )));
    }
    properties.insert(
        "Tags".to_owned(),
        tags("lambda:createdBy", function.take("Tags")),
    );

    let mut made = Vec::new();
    match function.take("Role") {
        Some(role) => {
            // SAM lets both stand, and the role wins.
            function.take("Policies");
            properties.insert("Role".to_owned(), role);
        }
        None => {
            let role = policies::role(&mut function, &policies::FUNCTION)?;
            properties.insert("Role".to_owned(), json!({"Fn::GetAtt": [role.0, "Arn"]}));
            made.push(role);
        }
    }
    made.insert(0, function.finish("AWS::Lambda::Function", properties)?);
    Ok(made)
}

/// Returns Lambda's `Code`.
fn code(function: &mut Serverless<'_>) -> Result<Value, TemplateError> {
    if let Some(text) = function.take("InlineCode") {
        function.take("CodeUri");
        return Ok(json!({"ZipFile": text}));
    }
    match function.take("CodeUri") {
        Some(Value::Object(location)) => {
            let mut code = Map::new();
            for (from, to) in [("Bucket", "S3Bucket"), ("Key", "S3Key"), ("Version", "S3ObjectVersion")] {
                if let Some(value) = location.get(from) {
                    code.insert(to.to_owned(), value.clone());
                }
            }
            if code.contains_key("S3Bucket") && code.contains_key("S3Key") {
                return Ok(Value::Object(code));
            }
            Err(function.sam("'CodeUri' requires Bucket and Key properties to be specified."))
        }
        Some(Value::String(uri)) => match s3_uri(&uri) {
            Some((bucket, key)) => Ok(json!({"S3Bucket": bucket, "S3Key": key})),
            None => Err(function.sam(format!(
                "'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter, and nothing was uploaded for {uri}."
            ))),
        },
        Some(_) => Err(function.sam("'CodeUri' is neither a path nor a location.")),
        None => Err(function.sam("Missing required property 'CodeUri' or 'InlineCode'.")),
    }
}
