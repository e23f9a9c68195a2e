//! What a call may set of a function's configuration: the rules that the model does not state.

use std::collections::BTreeMap;

use aws_model::lambda as model;
use serde::Serialize;
use serde_json::{Value, json};
use service::Failure;

use crate::failure;
use crate::function::Function;
use crate::runtime::Runtime;

/// The members of a function's configuration that a call may set, of both operations that set them.
#[derive(Default)]
pub struct Settings {
    pub runtime: Option<model::Runtime>,
    pub role: Option<String>,
    pub handler: Option<String>,
    pub description: Option<String>,
    pub timeout: Option<i64>,
    pub memory_size: Option<i64>,
    pub environment: Option<model::Environment>,
    /// Kept and shown, by the member's name.
    pub inert: Vec<(&'static str, Option<Value>)>,
    /// What would change how the function runs, and is not built: refused where it is there.
    pub not_built: [(&'static str, bool); 3],
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
                ("DeadLetterConfig", shown(&$input.dead_letter_config)),
            ],
            not_built: [
                (
                    "file systems (FileSystemConfigs)",
                    $input
                        .file_system_configs
                        .as_ref()
                        .is_some_and(|systems| !systems.is_empty()),
                ),
                (
                    "container images (ImageConfig)",
                    $input.image_config.is_some(),
                ),
                (
                    "durable functions (DurableConfig)",
                    $input.durable_config.is_some(),
                ),
            ],
        }
    };
}

pub(crate) use settings;

/// Returns a member as the API shows it.
pub fn shown<T: Serialize>(member: &Option<T>) -> Option<Value> {
    let value = serde_json::to_value(member.as_ref()?);
    Some(value.expect("structures of the model have a JSON form"))
}

impl Settings {
    /// Sets what is named, after checking it.
    pub fn apply(self, function: &mut Function) -> Result<(), Failure> {
        // A member that would change how the function runs, and does not here, is none to pass over.
        if let Some((what, _)) = self.not_built.iter().find(|(_, asked)| *asked) {
            return Err(failure::not_built(what));
        }
        if let Some(runtime) = self.runtime {
            Runtime::parse(runtime.as_str())?;
            function.runtime = runtime.as_str().to_owned();
        }
        if let Some(role) = self.role {
            function.role = role;
        }
        if let Some(handler) = self.handler {
            function.handler = handler;
        }
        if let Some(description) = self.description {
            function.description = description;
        }
        if let Some(seconds) = self.timeout {
            function.timeout_seconds = u32::try_from(seconds).expect("the model allows 1 to 900");
        }
        if let Some(mib) = self.memory_size {
            function.memory_mib = u32::try_from(mib).expect("the model allows 128 to 32768");
        }
        if let Some(environment) = self.environment {
            let variables = environment.variables.unwrap_or_default();
            check_variables(&variables)?;
            function.variables = variables;
        }
        for (name, value) in self.inert {
            if let Some(value) = value {
                function.inert.insert(name.to_owned(), value);
            }
        }
        // An empty target is how a call says that there is none any more.
        if function.dead_letter_target().is_none() {
            function.inert.remove("DeadLetterConfig");
        }
        Ok(())
    }
}

/// Returns architectures by their names.
pub fn names(architectures: Option<Vec<model::Architecture>>) -> Option<Vec<String>> {
    Some(
        architectures?
            .into_iter()
            .map(|architecture| architecture.as_str().to_owned())
            .collect(),
    )
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
    let reserved: Vec<&str> = variables
        .keys()
        .map(String::as_str)
        .filter(|name| RESERVED_VARIABLES.contains(name))
        .collect();
    if !reserved.is_empty() {
        return Err(failure::invalid_parameter(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. \
             Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    if let Some((name, _)) = variables.iter().find(|(_, value)| value.contains('\0')) {
        return Err(failure::invalid_parameter(format!(
            "The environment variable {name} must not hold a NUL."
        )));
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
