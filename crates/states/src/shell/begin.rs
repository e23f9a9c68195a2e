//! What an execution is from its first moment: its names, its definition, its deadline.

use std::borrow::Cow;
use std::sync::Arc;

use engine_core::{Identity, Payload, Text};
use store::Key;
use vocab::{Timestamp, limits};

use super::ShellOptions;
use super::map_runs::child_name;
use crate::definitions::Definitions;
use crate::machines::Logging;
use crate::rows::{
    self, ChildOf, DefinitionHash, ExecutionRecord, Qualified, StartedBy, StatusCode,
};

/// A new execution, checked and ready to begin.
#[derive(Clone, Debug)]
pub struct Start {
    /// The machine's ARN, without version or alias.
    pub state_machine_arn: Arc<str>,
    /// The machine's name.
    pub state_machine_name: Arc<str>,
    /// The execution's name.
    pub name: Arc<str>,
    /// What tells an execution of an EXPRESS machine from others of its name; `None` of a STANDARD one.
    pub express: Option<Arc<str>>,
    /// The definition to pin.
    pub definition: DefinitionHash,
    /// As whom to call.
    pub role_arn: Arc<str>,
    /// The input.
    pub input: Payload,
    /// The X-Ray header.
    pub trace_header: Option<Arc<str>>,
    /// Whose child it is, if it is a map run's.
    pub child_of: Option<ChildOf>,
    /// The version, if it is started through one.
    pub qualified: Option<Qualified>,
    /// The task that starts it, if one does.
    pub started_by: Option<StartedBy>,
    /// What it logs, and where.
    pub logging: Option<Logging>,
    /// The text of the made-up answers that it gets, if it does not call for real.
    pub mocks: Option<Arc<str>>,
}

impl Start {
    /// Returns the key under which the execution is found.
    pub(super) fn name_key(&self) -> Key {
        rows::name_key(&self.state_machine_arn, &self.found_as())
    }

    /// Returns what it is found as, within its machine: its name, or in an EXPRESS machine, where names
    /// may repeat, the name and what tells it from others. No name has a colon.
    pub fn found_as(&self) -> Cow<'_, str> {
        match &self.express {
            None => Cow::Borrowed(&self.name),
            Some(drawn) => Cow::Owned(format!("{}:{drawn}", self.name)),
        }
    }

    /// Says whether there can be no other start that means the same execution.
    pub(super) fn is_anew(&self) -> bool {
        self.express.is_some() && self.started_by.is_none()
    }
}

/// Returns the name of what a task starts, where it says none: the same however often it asks.
pub(crate) fn drawn_name(task: &StartedBy) -> String {
    let StartedBy {
        execution, task, ..
    } = task;
    child_name(
        &format!("{}/{}", execution.partition, execution.number),
        task.0.0,
    )
}

/// Returns what an execution that begins `now` tells its expressions, and what is listed of it.
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
        express,
        definition,
        role_arn,
        input,
        trace_header,
        child_of,
        qualified,
        started_by,
        mocks,
        logging,
    } = start;
    let express = express.or_else(|| {
        let express = child_of.as_ref().is_some_and(|child| child.express);
        express.then(|| child_name(&name, u64::MAX).into())
    });
    let head = format!("arn:aws:states:{}:{}", site.region, site.account_id);
    let execution_arn = match &express {
        Some(drawn) => format!("{head}:express:{state_machine_name}:{name}:{drawn}"),
        None => format!("{head}:execution:{state_machine_name}:{name}"),
    };
    let seconds_max = match express {
        Some(_) => limits::EXPRESS_SECONDS_MAX,
        None => options.limits.execution_seconds_max,
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
        started_by,
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
