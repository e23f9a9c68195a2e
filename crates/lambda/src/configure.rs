//! The operations that make, change, show and remove functions.

use std::collections::BTreeMap;

use aws_model::lambda::{
    CreateFunctionInput, DeleteFunctionInput, FunctionCode, FunctionVersion,
    GetFunctionConfigurationInput, GetFunctionInput, ListFunctionsInput, PackageType,
    UpdateFunctionCodeInput, UpdateFunctionConfigurationInput,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use service::{Call, Failure, Principal, Reply, RequestId};
use store::{Batch, StoreError};

use crate::catalog::{Stored, removal};
use crate::code::{UnpackError, code_hash, needs_sdk};
use crate::function::Function;
use crate::name::{FunctionName, Qualifier, function_arn};
use crate::page::{Page, asked};
use crate::settings::{Settings, names, settings, shown};
use crate::versions::version_arn;
use crate::{ASSETS_BUCKET, Lambda, failure, keys};

/// Functions of one page of `ListFunctions`.
const PAGE_MAX: usize = 50;

/// Where code comes from.
pub(crate) struct Code {
    pub(crate) zip_file: Option<aws_model::Blob>,
    pub(crate) s3_bucket: Option<String>,
    pub(crate) s3_key: Option<String>,
    pub(crate) s3_object_version: Option<String>,
    pub(crate) image_uri: Option<String>,
}

/// Reads an operation's input and checks it against the model.
pub fn parse_input<T: aws_model::Input>(input: &Bytes) -> Result<T, Failure> {
    aws_model::read(input).map_err(|invalid| {
        // Lambda names an unknown runtime with another code than it names other unknown values.
        match invalid
            .message
            .strip_prefix("1 validation error detected: ")
        {
            Some(text) if text.contains("' at 'runtime' failed") => {
                let text = text.replacen("Value '", "Value ", 1).replacen(
                    "' at 'runtime'",
                    " at 'runtime'",
                    1,
                );
                failure::invalid_parameter(format!("{text} or be a valid ARN"))
            }
            _ => Failure::client(invalid.code, invalid.message),
        }
    })
}

/// Does the same beside the threads that answer calls: an input with code may be seventy megabytes.
pub(crate) async fn parse_long_input<T: aws_model::Input + Send + 'static>(
    input: Bytes,
) -> Result<T, Failure> {
    blocking(move || parse_input(&input)).await?
}

/// A package that was unpacked.
pub(crate) struct Unpacked {
    pub(crate) hash: String,
    pub(crate) size: u64,
    needs_sdk: bool,
}

impl Lambda {
    pub(crate) async fn create_function(&self, call: Call) -> Result<Reply, Failure> {
        let mut create: CreateFunctionInput = parse_long_input(call.input).await?;
        let name = FunctionName::parse(&create.function_name, None, &self.site)?;
        if create.package_type == Some(PackageType::Image) {
            return Err(failure::not_built(
                "functions that are container images (PackageType Image)",
            ));
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
            architectures: names(create.architectures.take())
                .unwrap_or_else(|| vec!["x86_64".to_owned()]),
            code_hash: String::new(),
            code_size: 0,
            needs_sdk: false,
            last_modified: self.clock.now(),
            revision_id: String::new(),
            tags: create.tags.take().unwrap_or_default(),
            inert: Map::new(),
            version: None,
            published_as: None,
            layers: self
                .layers_of(create.layers.take())
                .await?
                .unwrap_or_default(),
            reserved_concurrency: None,
        };
        let role = Some(create.role.clone());
        settings!(create, role).apply(&mut function)?;
        let existing = self
            .catalog
            .row(&function.name, None)
            .await
            .map_err(|error| failure::store(&error))?;
        if existing.is_some() {
            return Err(failure::function_exists(&function.name));
        }
        let FunctionCode {
            zip_file,
            s3_bucket,
            s3_key,
            s3_object_version,
            image_uri,
            ..
        } = create.code;
        let code = Code {
            zip_file,
            s3_bucket,
            s3_key,
            s3_object_version,
            image_uri,
        };
        let unpacked = self.unpack(code, &function.runtime, &call.principal);
        function.take_code(unpacked.await?);
        let publish = create.publish == Some(true);
        match self.save(&mut function, None).await {
            Err(conflict) if conflict.code == "ResourceConflictException" => {
                Err(failure::function_exists(&function.name))
            }
            Err(other) => Err(other),
            Ok(row) => self.shown_after(function, row, publish).await,
        }
    }

    pub(crate) async fn update_function_code(&self, call: Call) -> Result<Reply, Failure> {
        let update: UpdateFunctionCodeInput = parse_long_input(call.input).await?;
        let (_, Stored { row, mut function }) = self
            .find_for_update(&update.function_name, update.revision_id)
            .await?;
        let code = Code {
            zip_file: update.zip_file,
            s3_bucket: update.s3_bucket,
            s3_key: update.s3_key,
            s3_object_version: update.s3_object_version,
            image_uri: update.image_uri,
        };
        if let Some(architectures) = names(update.architectures) {
            function.architectures = architectures;
        }
        let unpacked = self.unpack(code, &function.runtime, &call.principal);
        function.take_code(unpacked.await?);
        if update.dry_run == Some(true) {
            return self.shown_after(function, row, false).await;
        }
        let row = self.save(&mut function, Some(row)).await?;
        let publish = update.publish == Some(true);
        self.shown_after(function, row, publish).await
    }

    pub(crate) async fn update_function_configuration(
        &self,
        input: &Bytes,
    ) -> Result<Reply, Failure> {
        let mut update: UpdateFunctionConfigurationInput = parse_input(input)?;
        let revision = update.revision_id.take();
        let (_, Stored { row, mut function }) = self
            .find_for_update(&update.function_name, revision)
            .await?;
        let runtime = function.runtime.clone();
        let role = update.role.take();
        if let Some(layers) = self.layers_of(update.layers.take()).await? {
            function.layers = layers;
        }
        settings!(update, role).apply(&mut function)?;
        if runtime != function.runtime {
            let (folder, is_python) = (
                self.code.path(&function.code_hash),
                is_python(&function.runtime),
            );
            function.needs_sdk = blocking(move || needs_sdk(&folder, is_python)).await?;
        }
        let row = self.save(&mut function, Some(row)).await?;
        self.shown_after(function, row, false).await
    }

    pub(crate) async fn get_function(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionInput = parse_input(input)?;
        let (name, Stored { function, .. }) = self
            .find(&input.function_name, input.qualifier.as_deref())
            .await?;
        let arn = name.qualified_arn(&self.site, None);
        let mut output = json!({
            "Configuration": function.configuration(arn),
            "Code": { "RepositoryType": "S3" },
        });
        if !function.tags.is_empty() {
            output["Tags"] = json!(function.tags);
        }
        if let Some(reserved) = function.reserved_concurrency {
            output["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
        }
        Ok(reply(output))
    }

    pub(crate) async fn get_function_configuration(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionConfigurationInput = parse_input(input)?;
        let (name, Stored { function, .. }) = self
            .find(&input.function_name, input.qualifier.as_deref())
            .await?;
        let arn = name.qualified_arn(&self.site, None);
        Ok(reply(Value::Object(function.configuration(arn))))
    }

    pub(crate) async fn list_functions(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListFunctionsInput = parse_input(input)?;
        let (after, limit) = asked(input.marker.as_deref(), input.max_items, PAGE_MAX)?;
        let all = input.function_version == Some(FunctionVersion::All);
        let functions = self
            .catalog
            .list::<Function>(keys::FUNCTIONS, after.as_deref(), limit + 1)
            .await
            .map_err(|error| failure::store(&error))?;
        let mut shown = Vec::with_capacity(functions.len());
        for function in functions {
            let name = function.name.clone();
            let arn = function_arn(&name, &self.site);
            let versions = if all {
                let prefix = keys::of("version", &name);
                let versions = self.catalog.all::<Function>(&prefix).await;
                versions.map_err(|error| failure::store(&error))?
            } else {
                Vec::new()
            };
            let latest = if all {
                format!("{arn}:{}", crate::name::LATEST)
            } else {
                arn
            };
            shown.push((name.clone(), function.configuration(latest)));
            for (_, version) in versions {
                let arn = version_arn(&version, &self.site);
                shown.push((name.clone(), version.configuration(arn)));
            }
        }
        Ok(reply(Page::cut(shown, limit).named("Functions", json!({}))))
    }

    pub(crate) async fn delete_function(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: DeleteFunctionInput = parse_input(input)?;
        if input.qualifier.as_deref() == Some(crate::name::LATEST) {
            return Err(failure::invalid_parameter(
                "$LATEST version cannot be deleted without deleting the function.",
            ));
        }
        let name =
            FunctionName::parse(&input.function_name, input.qualifier.as_deref(), &self.site)?;
        match name.which() {
            Qualifier::Latest => {}
            Qualifier::Version(number) => return self.delete_version(&name, number).await,
            Qualifier::Alias(_) => {
                return Err(failure::invalid_parameter(
                    "Deletion of aliases is not currently supported.",
                ));
            }
        }
        let (name, Stored { row, .. }) = self.find_latest(&input.function_name).await?;
        self.catalog
            .delete(&name.name, row)
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        self.invoker.forget_all(&name.name);
        Ok(reply(json!({})))
    }

    async fn delete_version(&self, name: &FunctionName, number: u64) -> Result<Reply, Failure> {
        let (_, Stored { row, .. }) = self.find_named(name.clone()).await?;
        let aliases = self.aliases_of(&name.name, number).await?;
        if !aliases.is_empty() {
            return Err(failure::conflict(format!(
                "Unable to delete version because the following aliases reference it: [{}]",
                aliases.join(", ")
            )));
        }
        let mut batch = Batch::default();
        removal(&mut batch, keys::version(&name.name, number), row);
        let qualifier = number.to_string();
        batch.delete.push(keys::policy(&name.name, &qualifier));
        batch
            .delete
            .push(keys::invoke_config(&name.name, &qualifier));
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| self.save_failure(&error, name))?;
        self.invoker.forget(&name.name, Some(number));
        Ok(reply(json!({})))
    }

    /// Answers with a function that was just written as `row`, or with the version made of it.
    async fn shown_after(
        &self,
        function: Function,
        row: Bytes,
        publish: bool,
    ) -> Result<Reply, Failure> {
        if !publish {
            let arn = function_arn(&function.name, &self.site);
            return Ok(reply(Value::Object(function.configuration(arn))));
        }
        let name = FunctionName {
            name: function.name.clone(),
            qualifier: None,
        };
        let version = self.publish(&name, &Stored { row, function }, None).await?;
        let arn = version_arn(&version, &self.site);
        Ok(reply(Value::Object(version.configuration(arn))))
    }

    async fn find_for_update(
        &self,
        text: &str,
        revision_id: Option<String>,
    ) -> Result<(FunctionName, Stored), Failure> {
        let (name, stored) = self.find_latest(text).await?;
        if revision_id.is_some_and(|revision| revision != stored.function.revision_id) {
            return Err(failure::revision_mismatch());
        }
        Ok((name, stored))
    }

    /// Writes the function's row under a new revision, and lets go of the old one's instances.
    async fn save(&self, function: &mut Function, before: Option<Bytes>) -> Result<Bytes, Failure> {
        function.last_modified = self.clock.now();
        function.revision_id = uuid::Uuid::new_v4().to_string();
        let name = FunctionName {
            name: function.name.clone(),
            qualifier: None,
        };
        let row = self
            .catalog
            .put(function, before)
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        self.invoker.forget(&function.name, None);
        self.launcher.warm_up(function.clone());
        Ok(row)
    }

    pub(crate) fn save_failure(&self, error: &StoreError, name: &FunctionName) -> Failure {
        match error {
            StoreError::Conflict { .. } => failure::update_in_progress(&name.arn(&self.site)),
            StoreError::Unavailable { .. }
            | StoreError::Corrupted { .. }
            | StoreError::InUse { .. } => failure::store(error),
        }
    }

    pub(crate) async fn unpack(
        &self,
        code: Code,
        runtime: &str,
        principal: &Principal,
    ) -> Result<Unpacked, Failure> {
        let zip = self.fetch(code, principal).await?;
        let (store, is_python) = (self.code.clone(), is_python(runtime));
        let unpacked = blocking(move || {
            let hash = code_hash(&zip);
            store.unpack(&zip, &hash)?;
            let needs_sdk = needs_sdk(&store.path(&hash), is_python);
            Ok(Unpacked {
                hash,
                size: zip.len() as u64,
                needs_sdk,
            })
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

    async fn fetch(&self, code: Code, principal: &Principal) -> Result<Bytes, Failure> {
        match code {
            Code {
                image_uri: Some(_), ..
            } => Err(failure::not_built("container images (ImageUri)")),
            Code {
                zip_file: Some(blob),
                s3_bucket: None,
                s3_key: None,
                ..
            } => Ok(blob.0.into()),
            Code {
                zip_file: Some(_), ..
            } => Err(failure::invalid_parameter(
                "Please do not provide other FunctionCode parameters when providing a ZipFile.",
            )),
            Code {
                s3_bucket: Some(bucket),
                s3_key: Some(key),
                s3_object_version: None,
                ..
            } => self.fetch_object(&bucket, &key, principal).await,
            Code {
                s3_object_version: Some(_),
                ..
            } => Err(failure::not_built("versions of objects (S3ObjectVersion)")),
            Code { .. } => Err(failure::invalid_parameter(
                "Please provide a source for function code.",
            )),
        }
    }

    /// Reads an object as whoever asks for it.
    async fn fetch_object(
        &self,
        bucket: &str,
        key: &str,
        principal: &Principal,
    ) -> Result<Bytes, Failure> {
        if let Some(source) = self.code_source.clone() {
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            if let Some(object) = blocking(move || source.get(&bucket, &key)).await? {
                return Ok(object);
            }
        }
        let unread = |code: &str, text: &str| {
            failure::invalid_parameter(format!(
                "Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {text}"
            ))
        };
        let Some(gate) = self.gate.as_ref().filter(|_| bucket != ASSETS_BUCKET) else {
            return Err(unread("NoSuchKey", "The specified key does not exist."));
        };
        let call = Call {
            service: "s3",
            operation: "GetObject".into(),
            input: json!({"Bucket": bucket, "Key": key}).to_string().into(),
            payload: Bytes::new(),
            principal: principal.clone(),
            request_id: RequestId::random(),
        };
        match gate.call(call).await {
            Ok(reply) => Ok(reply.payload),
            Err(failure) if failure.status < 500 => Err(unread(&failure.code, &failure.message)),
            Err(failure) => Err(failure),
        }
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        failure::service_exception(format!("Work on the function's code was lost: {error}"))
    })
}

pub(crate) fn reply(output: Value) -> Reply {
    Reply {
        output: output.to_string().into(),
        payload: Bytes::new(),
    }
}
