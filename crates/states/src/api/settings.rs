//! What `CreateStateMachine` and `UpdateStateMachine` both take: a definition, logs, keys, versions.

use asl::StateMachine;
use aws_model::states::{EncryptionConfiguration, EncryptionType};
use service::Failure;

use super::failure;
use crate::machines::{MachineRecord, TypeCode};
use crate::service::States;

/// Parses a definition, or returns `InvalidDefinition` with every finding.
pub(super) fn parse_definition(
    states: &States,
    text: &str,
    machine_type: TypeCode,
) -> Result<StateMachine, Failure> {
    asl::parse_as(text, states.reading(machine_type.into()))
        .map_err(|findings| failure::invalid_definition(&findings))
}

/// Checks what asks for a version.
pub(super) fn check_publish(
    publish: Option<bool>,
    description: Option<&str>,
) -> Result<(), Failure> {
    match (publish.unwrap_or(false), description) {
        (false, Some(_)) => Err(failure::version_description_without_publish()),
        (true, _) | (false, None) => Ok(()),
    }
}

/// Checks that the log group is there to which executions are to log, and that it can be written to.
pub(super) async fn check_log_destination(
    states: &States,
    record: &MachineRecord,
) -> Result<(), Failure> {
    let Some(arn) = record.logging.log_group_arns.first() else {
        return Ok(());
    };
    if states
        .shell
        .subscribe_to_log_group(arn, &record.role_arn)
        .await?
    {
        Ok(())
    } else {
        Err(failure::invalid_logging("Log Destination not found."))
    }
}

/// Checks the encryption: a key of the customer's must not be accepted and then not be used.
pub(super) fn check_encryption(
    configuration: Option<&EncryptionConfiguration>,
) -> Result<(), Failure> {
    match configuration.map(|configuration| configuration.r#type) {
        None | Some(EncryptionType::AwsOwnedKey) => Ok(()),
        Some(EncryptionType::CustomerManagedKmsKey) => Err(failure::not_built(
            "encryption with CUSTOMER_MANAGED_KMS_KEY",
        )),
    }
}

/// Returns the encryption of every machine: the server's own.
pub(super) fn encryption_shown() -> EncryptionConfiguration {
    EncryptionConfiguration {
        kms_key_id: None,
        kms_data_key_reuse_period_seconds: None,
        r#type: EncryptionType::AwsOwnedKey,
    }
}
