//! The operations that make, change, show and remove functions.

use std::collections::BTreeMap;

use aws_model::lambda::{
    self as model, CreateFunctionInput, DeleteFunctionInput, FunctionCode, GetFunctionConfigurationInput,
    GetFunctionInput, ListFunctionsInput, PackageType, UpdateFunctionCodeInput, UpdateFunctionConfigurationInput,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::{Failure, Reply};
use store::StoreError;

use crate::catalog::Stored;
use crate::code::{UnpackError, code_hash, needs_sdk};
use crate::function::Function;
use crate::name::FunctionName;
use crate::runtime::Runtime;
use crate::{ASSETS_BUCKET, Lambda, failure};

/// Functions of one page of `ListFunctions`.
const PAGE_MAX: usize = 50;

/// The members of a function's configuration that a call may set, of both operations that set them.
#[derive(Default)]
struct Settings {
    runtime: Option<model::Runtime>,
    role: Option<String>,
    handler: Option<String>,
    description: Option<String>,
    timeout: Option<i64>,
    memory_size: Option<i64>,
    environment: Option<model::Environment>,
    /// Kept and shown, by the member's name.
    inert: Vec<(&'static str, Option<Value>)>,
    /// What would change how the function runs, and is not built: refused where it is there.
    not_built: [(&'static str, bool); 5],
}

/// Takes the members that two inputs have in common, for they have no type in common.
macro_rules! settings {
    ($input:expr, $role:expr) => {
        Settings {
            runtime: $input.runtime,
            role: $role,
            handler: $input.handler.take(),
            description: $input.description.take(),
            timeout: $input.timeout,
            memory_size: $input.memory_size,
            environment: $input.environment.take(),
            inert: vec![
                ("TracingConfig", shown(&$input.tracing_config)),
                ("EphemeralStorage", shown(&$input.ephemeral_storage)),
                ("VpcConfig", shown(&$input.vpc_config)),
                ("KMSKeyArn", shown(&$input.kms_key_arn)),
                ("LoggingConfig", shown(&$input.logging_config)),
                ("SnapStart", shown(&$input.snap_start)),
            ],
            not_built: [
                ("layers (Layers)", $input.layers.as_ref().is_some_and(|layers| !layers.is_empty())),
                (
                    "file systems (FileSystemConfigs)",
                    $input.file_system_configs.as_ref().is_some_and(|systems| !systems.is_empty()),
                ),
                ("container images (ImageConfig)", $input.image_config.is_some()),
                (
                    "dead-letter targets (DeadLetterConfig)",
                    $input
                        .dead_letter_config
                        .as_ref()
                        .and_then(|config| config.target_arn.as_deref())
                        .is_some_and(|target| !target.is_empty()),
                ),
                ("durable functions (DurableConfig)", $input.durable_config.is_some()),
            ],
        }
    };
}

fn shown<T: Serialize>(member: &Option<T>) -> Option<Value> {
    let value = serde_json::to_value(member.as_ref()?);
    Some(value.expect("structures of the model have a JSON form"))
}

/// Where code comes from.
struct Code {
    zip_file: Option<aws_model::Blob>,
    s3_bucket: Option<String>,
    s3_key: Option<String>,
    image_uri: Option<String>,
}

/// Reads an operation's input and checks it against the model.
pub fn parse_input<T: aws_model::Input>(input: &Bytes) -> Result<T, Failure> {
    aws_model::read(input).map_err(|invalid| {
        // Lambda names an unknown runtime with another code than it names other unknown values.
        match invalid.message.strip_prefix("1 validation error detected: ") {
            Some(text) if text.contains("' at 'runtime' failed") => {
                let text = text.replacen("Value '", "Value ", 1).replacen("' at 'runtime'", " at 'runtime'", 1);
                failure::invalid_parameter(format!("{text} or be a valid ARN"))
            }
            _ => Failure::client(invalid.code, invalid.message),
        }
    })
}

/// A package that was unpacked.
struct Unpacked {
    hash: String,
    size: u64,
    needs_sdk: bool,
}

impl Lambda {
    pub(crate) async fn create_function(&self, input: &Bytes) -> Result<Reply, Failure> {
        let mut create: CreateFunctionInput = parse_input(input)?;
        let name = FunctionName::parse(&create.function_name, None, &self.site)?;
        if create.publish == Some(true) {
            return Err(failure::not_built("versions of functions (Publish); $LATEST is the only one"));
        }
        if create.package_type == Some(PackageType::Image) {
            return Err(failure::not_built("functions that are container images (PackageType Image)"));
        }
        let (Some(runtime), Some(handler)) = (create.runtime, create.handler.clone()) else {
            return Err(failure::invalid_parameter(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        };
        let mut function = Function {
            name: name.name,
            runtime: runtime.as_str().to_owned(),
            role: create.role.clone(),
            handler,
            description: String::new(),
            timeout_seconds: 3,
            memory_mib: 128,
            variables: BTreeMap::new(),
            architectures: names(create.architectures.take()).unwrap_or_else(|| vec!["x86_64".to_owned()]),
            code_hash: String::new(),
            code_size: 0,
            needs_sdk: false,
            last_modified: self.clock.now(),
            revision_id: String::new(),
            tags: create.tags.take().unwrap_or_default(),
            inert: Map::new(),
        };
        apply(settings!(create, Some(create.role)), &mut function)?;
        let existing = self.catalog.row(&function.name).await.map_err(|error| failure::store(&error))?;
        if existing.is_some() {
            return Err(failure::function_exists(&function.name));
        }
        let FunctionCode { zip_file, s3_bucket, s3_key, image_uri, .. } = create.code;
        let code = Code { zip_file, s3_bucket, s3_key, image_uri };
        function.take_code(self.unpack(code, &function.runtime).await?);
        match self.save(&mut function, None).await {
            Err(conflict) if conflict.code == "ResourceConflictException" => {
                Err(failure::function_exists(&function.name))
            }
            Err(other) => Err(other),
            Ok(()) => Ok(reply(Value::Object(function.configuration(&self.site)))),
        }
    }

    pub(crate) async fn update_function_code(&self, input: &Bytes) -> Result<Reply, Failure> {
        let update: UpdateFunctionCodeInput = parse_input(input)?;
        let (_, Stored { row, mut function }) = self.find_for_update(&update.function_name, update.revision_id).await?;
        if update.publish == Some(true) {
            return Err(failure::not_built("versions of functions (Publish); $LATEST is the only one"));
        }
        let code = Code {
            zip_file: update.zip_file,
            s3_bucket: update.s3_bucket,
            s3_key: update.s3_key,
            image_uri: update.image_uri,
        };
        if let Some(architectures) = names(update.architectures) {
            function.architectures = architectures;
        }
        function.take_code(self.unpack(code, &function.runtime).await?);
        if update.dry_run != Some(true) {
            self.save(&mut function, Some(row)).await?;
        }
        Ok(reply(Value::Object(function.configuration(&self.site))))
    }

    pub(crate) async fn update_function_configuration(&self, input: &Bytes) -> Result<Reply, Failure> {
        let mut update: UpdateFunctionConfigurationInput = parse_input(input)?;
        let revision = update.revision_id.take();
        let (_, Stored { row, mut function }) = self.find_for_update(&update.function_name, revision).await?;
        let runtime = function.runtime.clone();
        apply(settings!(update, update.role.take()), &mut function)?;
        if runtime != function.runtime {
            let (folder, is_python) = (self.code.path(&function.code_hash), is_python(&function.runtime));
            function.needs_sdk = blocking(move || needs_sdk(&folder, is_python)).await?;
        }
        self.save(&mut function, Some(row)).await?;
        Ok(reply(Value::Object(function.configuration(&self.site))))
    }

    pub(crate) async fn get_function(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionInput = parse_input(input)?;
        let (_, Stored { function, .. }) = self.find(&input.function_name, input.qualifier.as_deref()).await?;
        let mut output = json!({
            "Configuration": function.configuration(&self.site),
            "Code": { "RepositoryType": "S3" },
        });
        if !function.tags.is_empty() {
            output["Tags"] = json!(function.tags);
        }
        Ok(reply(output))
    }

    pub(crate) async fn get_function_configuration(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionConfigurationInput = parse_input(input)?;
        let (_, Stored { function, .. }) = self.find(&input.function_name, input.qualifier.as_deref()).await?;
        Ok(reply(Value::Object(function.configuration(&self.site))))
    }

    pub(crate) async fn list_functions(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListFunctionsInput = parse_input(input)?;
        let limit = input.max_items.and_then(|items| usize::try_from(items).ok()).map_or(PAGE_MAX, |items| items.clamp(1, PAGE_MAX));
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
        let input: DeleteFunctionInput = parse_input(input)?;
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

    async fn unpack(&self, code: Code, runtime: &str) -> Result<Unpacked, Failure> {
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

    async fn fetch(&self, code: Code) -> Result<Bytes, Failure> {
        match code {
            Code { image_uri: Some(_), .. } => Err(failure::not_built("container images (ImageUri)")),
            Code { zip_file: Some(blob), s3_bucket: None, s3_key: None, .. } => Ok(blob.0.into()),
            Code { zip_file: Some(_), .. } => Err(failure::invalid_parameter(
                "Please do not provide other FunctionCode parameters when providing a ZipFile.",
            )),
            Code { s3_bucket: Some(bucket), s3_key: Some(key), .. } => self.fetch_object(&bucket, &key).await,
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
    // A member that would change how the function runs, and does not here, is none to pass over.
    if let Some((what, _)) = settings.not_built.iter().find(|(_, asked)| *asked) {
        return Err(failure::not_built(what));
    }
    if let Some(runtime) = settings.runtime {
        Runtime::parse(runtime.as_str())?;
        function.runtime = runtime.as_str().to_owned();
    }
    if let Some(role) = settings.role {
        function.role = role;
    }
    if let Some(handler) = settings.handler {
        function.handler = handler;
    }
    if let Some(description) = settings.description {
        function.description = description;
    }
    if let Some(seconds) = settings.timeout {
        function.timeout_seconds = u32::try_from(seconds).expect("the model allows 1 to 900");
    }
    if let Some(mib) = settings.memory_size {
        function.memory_mib = u32::try_from(mib).expect("the model allows 128 to 32768");
    }
    if let Some(environment) = settings.environment {
        let variables = environment.variables.unwrap_or_default();
        check_variables(&variables)?;
        function.variables = variables;
    }
    for (name, value) in settings.inert {
        if let Some(value) = value {
            function.inert.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

fn names(architectures: Option<Vec<model::Architecture>>) -> Option<Vec<String>> {
    Some(architectures?.into_iter().map(|architecture| architecture.as_str().to_owned()).collect())
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

fn check_variables(variables: &BTreeMap<String, String>) -> Result<(), Failure> {
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
    if let Some((name, _)) = variables.iter().find(|(_, value)| value.contains('\0')) {
        return Err(failure::invalid_parameter(format!("The environment variable {name} must not hold a NUL.")));
    }
    let measured = json!(variables).to_string();
    if measured.len() > VARIABLES_BYTES_MAX {
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
