//! The failures of the API, with AWS's codes and texts.

use service::Failure;

/// What a caller learns of a fault of ours; the log says more.
const UNKNOWN_ERROR: &str =
    "The request processing has failed because of an unknown error, exception or failure.";

pub(crate) fn invalid_arn(detail: &str) -> Failure {
    Failure::client("InvalidArn", format!("Invalid Arn: '{detail}'"))
}

pub(crate) fn invalid_arn_prefix(arn: &str) -> Failure {
    invalid_arn(&format!("Invalid ARN prefix: {arn}"))
}

pub(crate) fn wrong_resource_type(found: &str) -> Failure {
    invalid_arn(&format!("Resource type not valid in this context: {found}"))
}

pub(crate) fn invalid_role_arn(arn: &str) -> Failure {
    Failure::client("InvalidArn", format!("Invalid Role Arn: '{arn}'"))
}

pub(crate) fn invalid_name(name: &str) -> Failure {
    Failure::client("InvalidName", format!("Invalid Name: '{name}'"))
}

pub(crate) fn state_machine_does_not_exist(arn: &str) -> Failure {
    Failure::client(
        "StateMachineDoesNotExist",
        format!("State Machine Does Not Exist: '{arn}'"),
    )
}

pub(crate) fn state_machine_already_exists(arn: &str) -> Failure {
    Failure::client(
        "StateMachineAlreadyExists",
        format!("State Machine Already Exists: '{arn}'"),
    )
}

pub(crate) fn state_machine_deleting(arn: &str) -> Failure {
    Failure::client(
        "StateMachineDeleting",
        format!("State Machine is being deleted: '{arn}'"),
    )
}

pub(crate) fn state_machine_type_not_supported() -> Failure {
    Failure::client(
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )
}

pub(crate) fn execution_does_not_exist(arn: &str) -> Failure {
    Failure::client(
        "ExecutionDoesNotExist",
        format!("Execution Does Not Exist: '{arn}'"),
    )
}

pub(crate) fn execution_not_redrivable(reason: &str) -> Failure {
    Failure::client("ExecutionNotRedrivable", reason)
}

pub(crate) fn execution_already_exists(arn: &str) -> Failure {
    Failure::client(
        "ExecutionAlreadyExists",
        format!("Execution Already Exists: '{arn}'"),
    )
}

pub(crate) fn activity_does_not_exist(arn: &str) -> Failure {
    Failure::client(
        "ActivityDoesNotExist",
        format!("Activity Does Not Exist: '{arn}'"),
    )
}

pub(crate) fn activity_limit_exceeded() -> Failure {
    Failure::client(
        "ActivityLimitExceeded",
        "The maximum number of activities has been reached",
    )
}

pub(crate) fn activity_worker_limit_exceeded() -> Failure {
    Failure::client(
        "ActivityWorkerLimitExceeded",
        "The maximum number of workers concurrently polling for activity tasks has been reached",
    )
}

pub(crate) fn invalid_execution_input(detail: &str) -> Failure {
    Failure::client(
        "InvalidExecutionInput",
        format!("Invalid State Machine Execution Input: '{detail}'"),
    )
}

pub(crate) fn invalid_output(detail: &str) -> Failure {
    Failure::client("InvalidOutput", format!("Invalid Output: '{detail}'"))
}

pub(crate) fn invalid_definition(findings: &[asl::Diagnostic]) -> Failure {
    let findings = asl::joined(findings);
    Failure::client(
        "InvalidDefinition",
        format!("Invalid State Machine Definition: '{findings}'"),
    )
}

pub(crate) fn invalid_logging(detail: &str) -> Failure {
    Failure::client(
        "InvalidLoggingConfiguration",
        format!("Invalid Logging Configuration: {detail}"),
    )
}

pub(crate) fn missing_required_parameter() -> Failure {
    Failure::client(
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the \
         TracingConfiguration must be specified",
    )
}

pub(crate) fn version_description_without_publish() -> Failure {
    validation("Version description can only be set when publish is true")
}

pub(crate) fn missing_resource() -> Failure {
    Failure::client(
        "ResourceNotFound",
        "Request references a resource that does not exist.",
    )
}

fn conflict(message: String) -> Failure {
    Failure::client("ConflictException", message)
}

pub(crate) fn other_revision(asked: &str, current: &str) -> Failure {
    conflict(format!(
        "Failed to publish the State Machine version for revision {asked}. The current State Machine \
         revision is {current}."
    ))
}

pub(crate) fn other_alias() -> Failure {
    conflict(
        "Failed to create alias because an alias with the same name and a different routing \
         configuration already exists."
            .to_owned(),
    )
}

pub(crate) fn version_referenced(aliases: &[&str]) -> Failure {
    conflict(format!(
        "Version to be deleted must not be referenced by an alias. Current list of aliases \
         referencing this version: [{}]",
        aliases.join(", ")
    ))
}

pub(crate) fn routing(must: &str, received: &str) -> Failure {
    validation(&format!(
        "Routing configuration must {must}. Received: [{received}]"
    ))
}

pub(crate) fn weights(received: &str) -> Failure {
    validation(&format!(
        "Sum of routing configuration weights must equal 100. Received: [{received}]"
    ))
}

pub(crate) fn quota_exceeded(what: &str, max: usize) -> Failure {
    Failure::client(
        "ServiceQuotaExceededException",
        format!("The maximum number of {what} of a state machine has been reached: {max}"),
    )
}

pub(crate) fn labelled_arn_not_supported() -> Failure {
    validation("This operation does not support labeled state machine ARNs")
        .with_field("reason", "API_DOES_NOT_SUPPORT_LABELED_ARNS")
}

pub(crate) fn map_run_completed() -> Failure {
    validation("A Map Run that has completed cannot be updated")
        .with_field("reason", "CANNOT_UPDATE_COMPLETED_MAP_RUN")
}

pub(crate) fn validation(message: &str) -> Failure {
    Failure::client("ValidationException", message)
}

pub(crate) fn resource_not_found(arn: &str) -> Failure {
    Failure::client("ResourceNotFound", format!("Resource not found: '{arn}'"))
        .with_field("resourceName", arn)
}

pub(crate) fn too_many_tags(arn: &str) -> Failure {
    Failure::client("TooManyTags", format!("Too many tags: '{arn}'"))
        .with_field("resourceName", arn)
}

/// For task tokens and for page tokens alike.
pub(crate) fn invalid_token() -> Failure {
    Failure::client("InvalidToken", "Invalid Token: 'Invalid token'")
}

/// The task was answered before, timed out, or was aborted; or its execution has ended.
pub(crate) fn task_timed_out() -> Failure {
    Failure::client(
        "TaskTimedOut",
        "Task Timed Out: 'Provided task does not exist anymore'",
    )
}

pub(crate) fn task_does_not_exist() -> Failure {
    Failure::client(
        "TaskDoesNotExist",
        "Task Does Not Exist: 'Provided task does not exist'",
    )
}

/// Something of AWS that is not built yet (docs/adr/0006-not-built-yet.md).
pub(crate) fn not_built(what: &str) -> Failure {
    Failure::client(
        "UnsupportedOperation",
        format!("stepd does not support {what} yet."),
    )
}

pub(crate) fn unknown_operation(name: &str) -> Failure {
    Failure::client(
        "UnknownOperationException",
        format!("There is no operation '{name}'."),
    )
}

/// A fault of ours after which the caller may try again.
pub(crate) fn unavailable() -> Failure {
    Failure::internal(UNKNOWN_ERROR)
}
