//! The actions, one a file: each reads its input, checks what the model cannot, and reads rows or sends
//! a command.

mod aliases;
pub(crate) mod create_activity;
pub(crate) mod create_state_machine;
pub(crate) mod create_state_machine_alias;
pub(crate) mod delete_activity;
pub(crate) mod delete_state_machine;
pub(crate) mod delete_state_machine_alias;
pub(crate) mod delete_state_machine_version;
pub(crate) mod describe_activity;
pub(crate) mod describe_execution;
pub(crate) mod describe_map_run;
pub(crate) mod describe_state_machine;
pub(crate) mod describe_state_machine_alias;
pub(crate) mod describe_state_machine_for_execution;
pub(crate) mod executions;
pub(crate) mod failure;
pub(crate) mod get_activity_task;
pub(crate) mod get_execution_history;
pub(crate) mod list_activities;
pub(crate) mod list_executions;
pub(crate) mod list_map_runs;
pub(crate) mod list_state_machine_aliases;
pub(crate) mod list_state_machine_versions;
pub(crate) mod list_state_machines;
pub(crate) mod list_tags_for_resource;
mod map_runs;
pub(crate) mod mocked;
pub(crate) mod names;
pub(crate) mod publish_state_machine_version;
pub(crate) mod redrive_execution;
pub(crate) mod send_task_failure;
pub(crate) mod send_task_heartbeat;
pub(crate) mod send_task_success;
mod settings;
pub(crate) mod start_execution;
pub(crate) mod start_sync_execution;
pub(crate) mod stop_execution;
pub(crate) mod tag_resource;
mod tasks;
pub(crate) mod test_state;
pub(crate) mod untag_resource;
pub(crate) mod update_map_run;
pub(crate) mod update_state_machine;
pub(crate) mod update_state_machine_alias;
pub(crate) mod validate_state_machine_definition;

use aws_model::{Input, Raised};
use bytes::Bytes;
use engine_core::Limits;
use serde::Serialize;
use service::{Failure, Reply};

/// Returns an operation's input, or why AWS would refuse it.
fn read<T: Input>(input: &[u8]) -> Result<T, Failure> {
    aws_model::read(input).map_err(|invalid| Failure::client(invalid.code, invalid.message))
}

/// Like [`read`], where definitions and payloads may be as long as the server's limits say.
fn read_within<T: Input>(input: &[u8], limits: &Limits) -> Result<T, Failure> {
    let raised = [
        raised("Definition", limits.definition_bytes_max),
        raised("SensitiveData", limits.payload_bytes_max),
    ];
    aws_model::read_raised(input, &raised)
        .map_err(|invalid| Failure::client(invalid.code, invalid.message))
}

/// A byte is at least as long as a UTF-16 unit of the same text.
fn raised(shape: &'static str, bytes_max: usize) -> Raised {
    Raised {
        shape,
        length_max: i64::try_from(bytes_max).unwrap_or(i64::MAX),
    }
}

/// Returns the reply with the members of `output`.
fn reply<T: Serialize>(output: &T) -> Reply {
    let output = serde_json::to_vec(output).expect("outputs have text keys and no failing parts");
    Reply {
        output: output.into(),
        payload: Bytes::new(),
    }
}

/// Returns the reply without members.
fn empty_reply() -> Reply {
    Reply {
        output: Bytes::from_static(b"{}"),
        payload: Bytes::new(),
    }
}
