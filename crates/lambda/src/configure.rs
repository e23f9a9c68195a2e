//! The operations that make, change, show and remove functions.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{Failure, Reply};
use store::StoreError;

use crate::catalog::Stored;
use crate::code::{UnpackError, code_hash, needs_sdk};
use crate::function::{Function, INERT_MEMBERS};
use crate::name::FunctionName;
use crate::runtime::Runtime;
use crate::{ASSETS_BUCKET, Lambda, failure};

/// Functions of one page of `ListFunctions`.
const PAGE_MAX: usize = 50;

/// The members of a function's configuration that a call may set.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    runtime: Option<String>,
    role: Option<String>,
    handler: Option<String>,
    description: Option<String>,
    timeout: Option<i64>,
    memory_size: Option<i64>,
    environment: Option<Environment>,
    tracing_config: Option<Value>,
    ephemeral_storage: Option<Value>,
    vpc_config: Option<Value>,
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: Option<Value>,
    logging_config: Option<Value>,
    snap_start: Option<Value>,
    layers: Option<Value>,
    file_system_configs: Option<Value>,
    image_config: Option<Value>,
    dead_letter_config: Option<Value>,
    durable_config: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: Option<Map<String, Value>>,
}

/// Where code comes from.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Code<'a> {
    #[serde(borrow)]
    zip_file: Option<Cow<'a, str>>,
    s3_bucket: Option<String>,
    s3_key: Option<String>,
    image_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput<'a> {
    function_name: String,
    #[serde(borrow)]
    code: Option<Code<'a>>,
    package_type: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    publish: bool,
    tags: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateCodeInput<'a> {
    function_name: String,
    #[serde(borrow)]
    zip_file: Option<Cow<'a, str>>,
    s3_bucket: Option<String>,
    s3_key: Option<String>,
    image_uri: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    publish: bool,
    #[serde(default)]
    dry_run: bool,
    revision_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    function_name: String,
    qualifier: Option<String>,
    revision_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    marker: Option<String>,
    max_items: Option<u32>,
}

/// Reads the members of a call that an operation looks at.
pub fn parse_input<'a, T: Deserialize<'a>>(input: &'a Bytes) -> Result<T, Failure> {
    serde_json::from_slice(input)
        .map_err(|error| Failure::client("SerializationException", format!("The input does not fit: {error}")))
}

/// A package that was unpacked.
struct Unpacked {
    hash: String,
    size: u64,
    needs_sdk: bool,
}

impl Lambda {
    pub(crate) async fn create_function(&self, input: &Bytes) -> Result<Reply, Failure> {
        let create: CreateInput = parse_input(input)?;
        let settings: Settings = parse_input(input)?;
        let name = FunctionName::parse(&create.function_name, None, &self.site)?;
        if create.publish {
            return Err(failure::not_built("versions of functions (Publish); $LATEST is the only one"));
        }
        if create.package_type.as_deref().is_some_and(|kind| kind != "Zip") {
            return Err(failure::not_built("functions that are container images (PackageType Image)"));
        }
        let code = create.code.ok_or_else(|| failure::missing("code"))?;
        let role = settings.role.clone().ok_or_else(|| failure::missing("role"))?;
        let (Some(runtime), Some(handler)) = (settings.runtime.clone(), settings.handler.clone()) else {
            return Err(failure::invalid_parameter(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        };
        let mut function = Function {
            name: name.name,
            runtime,
            role,
            handler,
            description: String::new(),
            timeout_seconds: 3,
            memory_mib: 128,
            variables: Map::new(),
            architectures: check_architectures(create.architectures)?.unwrap_or_else(|| vec!["x86_64".to_owned()]),
            code_hash: String::new(),
            code_size: 0,
            needs_sdk: false,
            last_modified: self.clock.now(),
            revision_id: String::new(),
            tags: create.tags.unwrap_or_default(),
            inert: Map::new(),
        };
        apply(settings, &mut function)?;
        let existing = self.catalog.row(&function.name).await.map_err(|error| failure::store(&error))?;
        if existing.is_some() {
            return Err(failure::function_exists(&function.name));
        }
        let unpacked = self.unpack(&code, &function.runtime).await?;
        function.take_code(unpacked);
        match self.save(&mut function, None).await {
            Err(conflict) if conflict.code == "ResourceConflictException" => {
                Err(failure::function_exists(&function.name))
            }
            Err(other) => Err(other),
            Ok(()) => Ok(reply(Value::Object(function.configuration(&self.site)))),
        }
    }

    pub(crate) async fn update_function_code(&self, input: &Bytes) -> Result<Reply, Failure> {
        let update: UpdateCodeInput = parse_input(input)?;
        let (_, Stored { row, mut function }) = self.find_for_update(&update.function_name, update.revision_id).await?;
        if update.publish {
            return Err(failure::not_built("versions of functions (Publish); $LATEST is the only one"));
        }
        let code = Code {
            zip_file: update.zip_file,
            s3_bucket: update.s3_bucket,
            s3_key: update.s3_key,
            image_uri: update.image_uri,
        };
        if let Some(architectures) = check_architectures(update.architectures)? {
            function.architectures = architectures;
        }
        let unpacked = self.unpack(&code, &function.runtime).await?;
        function.take_code(unpacked);
        if !update.dry_run {
            self.save(&mut function, Some(row)).await?;
        }
        Ok(reply(Value::Object(function.configuration(&self.site))))
    }

    pub(crate) async fn update_function_configuration(&self, input: &Bytes) -> Result<Reply, Failure> {
        let name: NameInput = parse_input(input)?;
        let settings: Settings = parse_input(input)?;
        let (_, Stored { row, mut function }) = self.find_for_update(&name.function_name, name.revision_id).await?;
        let runtime = function.runtime.clone();
        apply(settings, &mut function)?;
        if runtime != function.runtime {
            let (folder, is_python) = (self.code.path(&function.code_hash), is_python(&function.runtime));
            function.needs_sdk = blocking(move || needs_sdk(&folder, is_python)).await?;
        }
        self.save(&mut function, Some(row)).await?;
        Ok(reply(Value::Object(function.configuration(&self.site))))
    }

    pub(crate) async fn get_function(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: NameInput = parse_input(input)?;
        let (_, Stored { function, .. }) = self.find(&input.function_name, input.qualifier.as_deref()).await?;
        let mut output = json!({
            "Configuration": function.configuration(&self.site),
            "Code": { "RepositoryType": "S3" },
        });
        if !function.tags.is_empty() {
            output["Tags"] = Value::Object(function.tags);
        }
        Ok(reply(output))
    }

    pub(crate) async fn get_function_configuration(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: NameInput = parse_input(input)?;
        let (_, Stored { function, .. }) = self.find(&input.function_name, input.qualifier.as_deref()).await?;
        Ok(reply(Value::Object(function.configuration(&self.site))))
    }

    pub(crate) async fn list_functions(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListInput = parse_input(input)?;
        let limit = input.max_items.map_or(PAGE_MAX, |items| (items as usize).clamp(1, PAGE_MAX));
        let after = input.marker.as_deref().map(decode_marker).transpose()?;
        // One more than is shown says whether there is a next page.
        let functions = self.catalog.list(after.as_deref(), limit + 1).await.map_err(|error| failure::store(&error))?;
        let more = functions.len() > limit;
        let page: Vec<Value> =
            functions.iter().take(limit).map(|function| Value::Object(function.configuration(&self.site))).collect();
        let mut output = json!({ "Functions": page });
        if let Some(last) = functions.get(limit - 1).filter(|_| more) {
            output["NextMarker"] = STANDARD.encode(&last.name).into();
        }
        Ok(reply(output))
    }

    pub(crate) async fn delete_function(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: NameInput = parse_input(input)?;
        if input.qualifier.as_deref() == Some(crate::name::LATEST) {
            return Err(failure::invalid_parameter("$LATEST version cannot be deleted without deleting the function."));
        }
        let (name, Stored { row, .. }) = self.find(&input.function_name, input.qualifier.as_deref()).await?;
        self.catalog.delete(&name.name, row).await.map_err(|error| self.save_failure(&error, &name))?;
        self.invoker.forget(&name.name);
        Ok(reply(json!({})))
    }

    async fn find_for_update(
        &self,
        text: &str,
        revision_id: Option<String>,
    ) -> Result<(FunctionName, Stored), Failure> {
        let (name, stored) = self.find(text, None).await?;
        if revision_id.is_some_and(|revision| revision != stored.function.revision_id) {
            return Err(failure::revision_mismatch());
        }
        Ok((name, stored))
    }

    /// Writes the function's row under a new revision, and lets go of the old one's instances.
    async fn save(&self, function: &mut Function, before: Option<Bytes>) -> Result<(), Failure> {
        function.last_modified = self.clock.now();
        function.revision_id = uuid::Uuid::new_v4().to_string();
        let name = FunctionName { name: function.name.clone(), qualifier: None };
        self.catalog.put(function, before).await.map_err(|error| self.save_failure(&error, &name))?;
        self.invoker.forget(&function.name);
        self.launcher.warm_up(function.clone());
        Ok(())
    }

    fn save_failure(&self, error: &StoreError, name: &FunctionName) -> Failure {
        match error {
            StoreError::Conflict { .. } => failure::update_in_progress(&name.arn(&self.site)),
            StoreError::Unavailable { .. } | StoreError::Corrupted { .. } | StoreError::InUse { .. } => {
                failure::store(error)
            }
        }
    }

    async fn unpack(&self, code: &Code<'_>, runtime: &str) -> Result<Unpacked, Failure> {
        let zip = self.fetch(code).await?;
        let (store, is_python) = (self.code.clone(), is_python(runtime));
        let unpacked = blocking(move || {
            let hash = code_hash(&zip);
            store.unpack(&zip, &hash)?;
            let needs_sdk = needs_sdk(&store.path(&hash), is_python);
            Ok(Unpacked { hash, size: zip.len() as u64, needs_sdk })
        });
        unpacked.await?.map_err(|error: UnpackError| match error {
            UnpackError::Disk { operation, source } => {
                tracing::error!(operation, %source, "could not keep the code of a function");
                failure::service_exception("The function's code could not be written to disk.")
            }
            UnpackError::Empty
            | UnpackError::NotAZip
            | UnpackError::ZippedTooLarge
            | UnpackError::TooLarge
            | UnpackError::TooManyEntries
            | UnpackError::Escapes(_) => failure::invalid_parameter(error.to_string()),
        })
    }

    async fn fetch(&self, code: &Code<'_>) -> Result<Bytes, Failure> {
        match code {
            Code { image_uri: Some(_), .. } => Err(failure::not_built("container images (ImageUri)")),
            Code { zip_file: Some(_), s3_bucket: Some(_), .. } | Code { zip_file: Some(_), s3_key: Some(_), .. } => {
                Err(failure::invalid_parameter("Please do not provide other FunctionCode parameters when providing a ZipFile."))
            }
            Code { zip_file: Some(text), .. } => {
                let bytes = STANDARD.decode(text.as_bytes());
                bytes.map(Bytes::from).map_err(|_| {
                    Failure::client("SerializationException", "ZipFile must be a base64-encoded blob.")
                })
            }
            Code { s3_bucket: Some(bucket), s3_key: Some(key), .. } => self.fetch_object(bucket, key).await,
            Code { .. } => Err(failure::invalid_parameter("Please provide a source for function code.")),
        }
    }

    async fn fetch_object(&self, bucket: &str, key: &str) -> Result<Bytes, Failure> {
        let found = match self.code_source.clone() {
            Some(source) => {
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                blocking(move || source.get(&bucket, &key)).await?
            }
            None => None,
        };
        found.ok_or_else(|| {
            if bucket == ASSETS_BUCKET {
                failure::invalid_parameter(
                    "Error occurred while GetObject. S3 Error Code: NoSuchKey. \
                     S3 Error Message: The specified key does not exist.",
                )
            } else {
                failure::not_built(&format!(
                    "code in S3 buckets (S3Bucket {bucket}); give it as ZipFile, or deploy it with stepd"
                ))
            }
        })
    }
}

impl Function {
    fn take_code(&mut self, unpacked: Unpacked) {
        self.code_hash = unpacked.hash;
        self.code_size = unpacked.size;
        self.needs_sdk = unpacked.needs_sdk;
    }
}

fn is_python(runtime: &str) -> bool {
    runtime.starts_with("python")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| failure::service_exception(format!("Work on the function's code was lost: {error}")))
}

/// Sets what `settings` names, after checking it.
fn apply(settings: Settings, function: &mut Function) -> Result<(), Failure> {
    refuse_what_is_not_built(&settings)?;
    if let Some(runtime) = settings.runtime {
        Runtime::parse(&runtime)?;
        function.runtime = runtime;
    }
    if let Some(role) = settings.role {
        check_role(&role)?;
        function.role = role;
    }
    if let Some(handler) = settings.handler {
        if handler.len() > 128 || handler.is_empty() || handler.contains(char::is_whitespace) {
            let constraint = r"Member must satisfy regular expression pattern: [^\s]+";
            return Err(failure::validation(&handler, "handler", constraint));
        }
        function.handler = handler;
    }
    if let Some(description) = settings.description {
        if description.chars().count() > 256 {
            let constraint = "Member must have length less than or equal to 256";
            return Err(failure::validation(&description, "description", constraint));
        }
        function.description = description;
    }
    if let Some(timeout) = settings.timeout {
        function.timeout_seconds = check_number(timeout, "timeout", 1, 900)?;
    }
    if let Some(memory) = settings.memory_size {
        function.memory_mib = check_number(memory, "memorySize", 128, 10_240)?;
    }
    if let Some(environment) = settings.environment {
        let variables = environment.variables.unwrap_or_default();
        check_variables(&variables)?;
        function.variables = variables;
    }
    let inert = [
        settings.tracing_config,
        settings.ephemeral_storage,
        settings.vpc_config,
        settings.kms_key_arn,
        settings.logging_config,
        settings.snap_start,
    ];
    for (name, value) in INERT_MEMBERS.iter().zip(inert) {
        if let Some(value) = value {
            function.inert.insert((*name).to_owned(), value);
        }
    }
    Ok(())
}

/// A member that would change how the function runs, and does not here, is no member to pass over.
fn refuse_what_is_not_built(settings: &Settings) -> Result<(), Failure> {
    let members = [
        ("layers (Layers)", &settings.layers),
        ("file systems (FileSystemConfigs)", &settings.file_system_configs),
        ("container images (ImageConfig)", &settings.image_config),
        ("dead-letter targets (DeadLetterConfig)", &settings.dead_letter_config),
        ("durable functions (DurableConfig)", &settings.durable_config),
    ];
    for (what, value) in members {
        let empty = match value {
            None | Some(Value::Null) => true,
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(members)) => members.values().all(|member| member == "" || member.is_null()),
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => false,
        };
        if !empty {
            return Err(failure::not_built(what));
        }
    }
    Ok(())
}

fn check_role(role: &str) -> Result<(), Failure> {
    let resource = vocab::Arn::parse(role).filter(|arn| {
        arn.service == "iam" && arn.account.len() == 12 && arn.account.bytes().all(|byte| byte.is_ascii_digit())
    });
    let name = resource.and_then(|arn| arn.resource.strip_prefix("role/"));
    let valid = name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&b))
    });
    if valid {
        return Ok(());
    }
    let constraint =
        r"Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+";
    Err(failure::validation(role, "role", constraint))
}

fn check_number(value: i64, member: &str, min: u32, max: u32) -> Result<u32, Failure> {
    let text = value.to_string();
    match u32::try_from(value) {
        Ok(number) if number > max => {
            let constraint = format!("Member must have value less than or equal to {max}");
            Err(failure::validation(&text, member, &constraint))
        }
        Ok(number) if number >= min => Ok(number),
        Ok(_) | Err(_) => {
            let bound = if value > i64::from(max) { ("less", max) } else { ("greater", min) };
            let constraint = format!("Member must have value {} than or equal to {}", bound.0, bound.1);
            Err(failure::validation(&text, member, &constraint))
        }
    }
}

fn check_architectures(architectures: Option<Vec<String>>) -> Result<Option<Vec<String>>, Failure> {
    let Some(architectures) = architectures else { return Ok(None) };
    match architectures.as_slice() {
        [one] if one == "x86_64" || one == "arm64" => Ok(Some(architectures)),
        _ => {
            let text = format!("[{}]", architectures.join(", "));
            let constraint = "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]";
            Err(failure::validation(&text, "architectures", constraint))
        }
    }
}

/// Variables that Lambda sets and a function may not (Lambda guide, "Defined runtime environment
/// variables").
const RESERVED_VARIABLES: [&str; 17] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Most bytes of a function's variables (Lambda quotas).
const VARIABLES_BYTES_MAX: usize = 4096;

fn check_variables(variables: &Map<String, Value>) -> Result<(), Failure> {
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED_VARIABLES.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(failure::invalid_parameter(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. \
             Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    for (name, value) in variables {
        let well_named = name.len() > 1
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !well_named {
            let constraint = "Map keys must satisfy constraint: \
                              [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]";
            return Err(failure::validation(name, "environment.variables", constraint));
        }
        if value.as_str().is_none_or(|text| text.contains('\0')) {
            return Err(failure::invalid_parameter(format!("The environment variable {name} must be a string.")));
        }
    }
    let measured: usize = variables.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    if measured > VARIABLES_BYTES_MAX {
        return Err(failure::invalid_parameter(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the 4KB limit.",
        ));
    }
    Ok(())
}

fn decode_marker(marker: &str) -> Result<String, Failure> {
    let bytes = STANDARD.decode(marker).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| failure::invalid_parameter("Invalid marker"))
}

fn reply(output: Value) -> Reply {
    Reply { output: output.to_string().into(), payload: Bytes::new() }
}
