//! `AWS::Lambda::Function`.

use std::io::Write;

use async_trait::async_trait;
use base64::Engine as _;
use serde_json::{Map, Value, json};
use service::Failure;
use zip::write::SimpleFileOptions;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags};

pub(super) struct Function;

/// Longest name of a function (`FunctionName` of the API model).
const NAME_CHARS_MAX: usize = 64;

/// The properties of the configuration: CloudFormation's name, Lambda's, and what Lambda takes for
/// "not given" when the template gives it no longer.
const CONFIGURATION: [(&str, &str, &str); 15] = [
    (
        "DeadLetterConfig",
        "DeadLetterConfig",
        r#"{"TargetArn":""}"#,
    ),
    ("Description", "Description", r#""""#),
    ("Environment", "Environment", r#"{"Variables":{}}"#),
    ("EphemeralStorage", "EphemeralStorage", r#"{"Size":512}"#),
    ("Handler", "Handler", r#""""#),
    ("KmsKeyArn", "KMSKeyArn", r#""""#),
    ("Layers", "Layers", "[]"),
    ("LoggingConfig", "LoggingConfig", "{}"),
    ("MemorySize", "MemorySize", "128"),
    ("Role", "Role", r#""""#),
    ("Runtime", "Runtime", r#""""#),
    ("SnapStart", "SnapStart", r#"{"ApplyOn":"None"}"#),
    ("Timeout", "Timeout", "3"),
    (
        "TracingConfig",
        "TracingConfig",
        r#"{"Mode":"PassThrough"}"#,
    ),
    (
        "VpcConfig",
        "VpcConfig",
        r#"{"SubnetIds":[],"SecurityGroupIds":[]}"#,
    ),
];

#[async_trait]
impl ResourceHandler for Function {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Function"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Architectures",
            "Code",
            "DeadLetterConfig",
            "Description",
            "Environment",
            "EphemeralStorage",
            "FunctionName",
            "Handler",
            "KmsKeyArn",
            "Layers",
            "LoggingConfig",
            "MemorySize",
            "PackageType",
            "ReservedConcurrentExecutions",
            "Role",
            "Runtime",
            "SnapStart",
            "Tags",
            "Timeout",
            "TracingConfig",
            "VpcConfig",
        ]
    }

    fn name_property(&self) -> &'static str {
        "FunctionName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["FunctionName"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let name = properties::object([("FunctionName", physical_id.into())]);
        match services
            .call("lambda", "GetFunctionConfiguration", name)
            .await
        {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "ResourceNotFoundException" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = configuration(properties);
        input.insert("FunctionName".to_owned(), name.into());
        input.insert(
            "Code".to_owned(),
            Value::Object(code(services, properties).await?),
        );
        if let Some(architectures) = properties.get("Architectures") {
            input.insert("Architectures".to_owned(), architectures.clone());
        }
        let tags = properties::tags(properties.get("Tags"));
        if !tags.is_empty() {
            input.insert("Tags".to_owned(), Value::Object(tags));
        }
        let made = services.call("lambda", "CreateFunction", input).await?;
        if let Some(reserved) = properties.get(RESERVED) {
            let put = reserve(services, name, reserved).await;
            put.map_err(|failure| NotCreated {
                failure,
                partly: true,
            })?;
        }
        Ok(attributes(&made).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let arn = format!(
            "arn:aws:lambda:{}:{}:function:{physical_id}",
            services.site.region, services.site.account_id
        );
        if properties::differ(before, after, &["Code", "Architectures"]) {
            let mut input = code(services, after).await?;
            input.insert("FunctionName".to_owned(), physical_id.into());
            if let Some(architectures) = after.get("Architectures") {
                input.insert("Architectures".to_owned(), architectures.clone());
            }
            services.call("lambda", "UpdateFunctionCode", input).await?;
        }
        if properties::differ(before, after, &CONFIGURATION.map(|(name, _, _)| name)) {
            let mut input = configuration(after);
            for (name, member, absent) in CONFIGURATION {
                if before.contains_key(name) && !after.contains_key(name) {
                    let absent = serde_json::from_str(absent).expect("the table above holds JSON");
                    input.insert(member.to_owned(), absent);
                }
            }
            input.insert("FunctionName".to_owned(), physical_id.into());
            services
                .call("lambda", "UpdateFunctionConfiguration", input)
                .await?;
        }
        if properties::differ(before, after, &[RESERVED]) {
            match after.get(RESERVED) {
                Some(reserved) => reserve(services, physical_id, reserved).await?,
                None => {
                    let name = properties::object([("FunctionName", physical_id.into())]);
                    let operation = "DeleteFunctionConcurrency";
                    services.call("lambda", operation, name).await?;
                }
            }
        }
        let named = properties::object([("Resource", arn.as_str().into())]);
        tags::LAMBDA.change(services, named, before, after).await?;
        // Its ARN stays.
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let name = properties::object([("FunctionName", physical_id.into())]);
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", "DeleteFunction", name, absent)
            .await
    }
}

const RESERVED: &str = "ReservedConcurrentExecutions";

/// Says how many events of the function run at a time.
async fn reserve(services: &Services, name: &str, reserved: &Value) -> Result<(), Failure> {
    let mut input = json!({"FunctionName": name, RESERVED: reserved});
    properties::integers(&mut input, &[RESERVED]);
    let Value::Object(input) = input else {
        return Ok(());
    };
    let put = services.call("lambda", "PutFunctionConcurrency", input);
    put.await.map(|_| ())
}

fn attributes(made: &Value) -> Map<String, Value> {
    properties::object([("Arn", made.get("FunctionArn").cloned().unwrap_or_default())])
}

/// Returns Lambda's members of the configuration.
fn configuration(properties: &Map<String, Value>) -> Map<String, Value> {
    let names = CONFIGURATION.map(|(name, member, _)| (name, member));
    let mut configuration = Value::Object(properties::copy(properties, &names));
    // The environment is text alone, and its variables may have any name.
    if let Some(Value::Object(variables)) = configuration.pointer_mut("/Environment/Variables") {
        variables
            .values_mut()
            .for_each(|value| *value = Value::from(properties::text(value)));
    }
    for name in ["MemorySize", "Timeout", "EphemeralStorage"] {
        if let Some(member) = configuration.get_mut(name) {
            let mut one = json!({name: member.take()});
            properties::integers(&mut one, &["MemorySize", "Timeout", "Size"]);
            *member = one[name].take();
        }
    }
    match configuration {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Returns Lambda's members of the code: the bytes of an uploaded file, or where it is.
async fn code(
    services: &Services,
    properties: &Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let Some(Value::Object(code)) = properties.get("Code") else {
        return Err(Failure::client(
            "InvalidParameterValueException",
            "Code is required and must be an object",
        ));
    };
    let archive = |bytes: &[u8]| {
        properties::object([(
            "ZipFile",
            base64::engine::general_purpose::STANDARD
                .encode(bytes)
                .into(),
        )])
    };
    if let Some(Value::String(text)) = code.get("ZipFile") {
        let runtime = properties
            .get("Runtime")
            .and_then(Value::as_str)
            .unwrap_or_default();
        return Ok(archive(&inline(text, runtime)?));
    }
    let member = |name: &str| code.get(name).and_then(Value::as_str);
    match (member("S3Bucket"), member("S3Key")) {
        (Some(_), Some(_)) if code.contains_key("S3ObjectVersion") => Err(Failure::client(
            "InvalidParameterValueException",
            "S3ObjectVersion is not supported: there is one version of an object",
        )),
        // Read as whoever deploys, as CloudFormation does.
        (Some(bucket), Some(key)) => Ok(archive(&services.object(bucket, key).await?)),
        _ => Ok(code.clone()),
    }
}

/// Packs the text of a template into the file that its runtime begins with.
fn inline(text: &str, runtime: &str) -> Result<Vec<u8>, Failure> {
    let name = match runtime {
        _ if runtime.starts_with("python") => "index.py",
        _ => "index.js",
    };
    let pack = || -> zip::result::ZipResult<Vec<u8>> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        // The time stays at the beginning of ZIP's calendar: the same text is the same archive.
        archive.start_file(
            name,
            SimpleFileOptions::default().last_modified_time(zip::DateTime::default()),
        )?;
        archive.write_all(text.as_bytes())?;
        Ok(archive.finish()?.into_inner())
    };
    pack()
        .map_err(|error| Failure::internal(format!("the inline code could not be packed: {error}")))
}
