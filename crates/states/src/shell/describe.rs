//! What a new execution is called, and what is written of it before its first event.

use engine_core::{Identity, Text};
use vocab::{Timestamp, limits};

use super::map_runs::child_name;
use super::{ShellOptions, Start};
use crate::definitions::Definitions;
use crate::rows::{ExecutionRecord, StatusCode};

/// Returns who an execution is that begins now, and its record.
pub(super) fn describe(
    options: &ShellOptions,
    start: Start,
    machine: &asl::StateMachine,
    now: Timestamp,
) -> (Identity, ExecutionRecord) {
    let site = &options.site;
    let Start {
        state_machine_arn,
        state_machine_name,
        name,
        definition,
        role_arn,
        input,
        trace_header,
        child_of,
        qualified,
        mocks,
        logging,
    } = start;
    let express = child_of.as_ref().is_some_and(|child| child.express);
    let head = format!("arn:aws:states:{}:{}", site.region, site.account_id);
    let execution_arn = if express {
        let drawn = child_name(&name, u64::MAX);
        format!("{head}:express:{state_machine_name}:{name}:{drawn}")
    } else {
        format!("{head}:execution:{state_machine_name}:{name}")
    };
    let seconds_max = if express {
        limits::EXPRESS_SECONDS_MAX
    } else {
        options.limits.execution_seconds_max
    };
    let seconds = machine.timeout_seconds.unwrap_or(seconds_max);
    let record = ExecutionRecord {
        execution_arn: execution_arn.clone(),
        name: (*name).to_owned(),
        state_machine_arn: (*state_machine_arn).to_owned(),
        definition,
        role_arn: (*role_arn).to_owned(),
        status: StatusCode::Running,
        started_at: now,
        stopped_at: None,
        last_chunk: None,
        trace_header: trace_header.as_deref().map(str::to_owned),
        child_of,
        qualified: qualified.clone(),
        redrives: None,
        mocks: mocks.map(|text| Definitions::hash(&text).into()),
        logging,
    };
    let alias_arn = qualified.as_ref().and_then(|by| by.alias_arn.clone());
    let identity = Identity {
        execution_arn: execution_arn.into(),
        name: name.into(),
        state_machine_arn: state_machine_arn.into(),
        state_machine_name: state_machine_name.into(),
        role_arn: role_arn.into(),
        input,
        deadline: now.plus_seconds(seconds.min(seconds_max)),
        trace_header: trace_header.map(Text::from),
        region: site.region.clone().into(),
        version_arn: qualified.map(|by| by.version_arn.into()),
        alias_arn: alias_arn.map(Text::from),
    };
    (identity, record)
}
