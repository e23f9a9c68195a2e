//! What is stored of a state machine.

use aws_model::states::{
    CloudWatchLogsLogGroup, LogDestination, LogLevel, LoggingConfiguration, StateMachineStatus,
    StateMachineType,
};
use minicbor::{Decode, Encode};
use service::Failure;
use vocab::Timestamp;

use crate::api::failure;
use crate::rows::DefinitionHash;

/// A state machine as it is now. Space `StateMachines`, key `m/NAME`; each revision also under `r/`.
///
/// There is no field for a key of the customer's: it is refused until payloads are sealed with it
/// (docs/adr/0006-not-built-yet.md).
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct MachineRecord {
    /// `arn:aws:states:…:stateMachine:NAME`.
    #[n(0)]
    pub arn: String,
    /// The name.
    #[n(1)]
    pub name: String,
    /// Standard or express.
    #[n(2)]
    pub machine_type: TypeCode,
    /// As whom its executions call.
    #[n(3)]
    pub role_arn: String,
    /// The definition that new executions pin.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub definition: DefinitionHash,
    /// Absent until the first update.
    #[n(5)]
    pub revision_id: Option<String>,
    /// What its executions log, and where.
    #[n(6)]
    pub logging: Logging,
    /// Whether its executions are traced.
    #[n(7)]
    pub tracing: bool,
    /// When it was created.
    #[n(8)]
    pub created_at: Timestamp,
    /// When it became what it is; grows with every update.
    #[n(9)]
    pub updated_at: Timestamp,
    /// Active, or on its way out.
    #[n(10)]
    pub status: MachineStatus,
    /// The number of the last version that was published.
    #[n(11)]
    pub versions: Option<u64>,
    /// Counts the changes of versions and aliases: who changes some relies on it.
    #[n(12)]
    pub changes: Option<u64>,
    /// The creation asked for a version; part of the request that is idempotent.
    #[n(13)]
    pub published: Option<bool>,
    /// What it said of that version.
    #[n(14)]
    pub version_description: Option<String>,
}

impl MachineRecord {
    /// Says whether the two are one request of `CreateStateMachine` made twice: role and tags do not
    /// count.
    pub(crate) fn is_same_request(&self, other: &Self) -> bool {
        self.name == other.name
            && self.machine_type == other.machine_type
            && self.definition == other.definition
            && self.logging == other.logging
            && self.tracing == other.tracing
            && self.published == other.published
            && self.version_description == other.version_description
    }

    /// Says whether an update to `other` changes anything.
    pub(crate) fn is_same_revision(&self, other: &Self) -> bool {
        self.is_same_request(other) && self.role_arn == other.role_arn
    }
}

/// `StateMachineType`, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum TypeCode {
    #[n(0)]
    Standard,
    #[n(1)]
    Express,
}

impl From<Option<StateMachineType>> for TypeCode {
    fn from(machine_type: Option<StateMachineType>) -> Self {
        match machine_type {
            None | Some(StateMachineType::Standard) => Self::Standard,
            Some(StateMachineType::Express) => Self::Express,
        }
    }
}

impl From<TypeCode> for StateMachineType {
    fn from(code: TypeCode) -> Self {
        match code {
            TypeCode::Standard => Self::Standard,
            TypeCode::Express => Self::Express,
        }
    }
}

impl From<TypeCode> for asl::MachineType {
    fn from(code: TypeCode) -> Self {
        match code {
            TypeCode::Standard => Self::Standard,
            TypeCode::Express => Self::Express,
        }
    }
}

/// `StateMachineStatus`, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum MachineStatus {
    #[n(0)]
    Active,
    #[n(1)]
    Deleting,
}

impl From<MachineStatus> for StateMachineStatus {
    fn from(status: MachineStatus) -> Self {
        match status {
            MachineStatus::Active => Self::Active,
            MachineStatus::Deleting => Self::Deleting,
        }
    }
}

/// `LoggingConfiguration`, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Logging {
    /// Which events.
    #[n(0)]
    pub level: LevelCode,
    /// Whether inputs and outputs are part of it.
    #[n(1)]
    pub include_execution_data: bool,
    /// ARNs of log groups: at most one.
    #[n(2)]
    pub log_group_arns: Vec<String>,
}

/// `LogLevel`, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum LevelCode {
    /// None.
    #[n(0)]
    Off,
    /// All.
    #[n(1)]
    All,
    /// Errors.
    #[n(2)]
    Error,
    /// Errors that end the execution.
    #[n(3)]
    Fatal,
}

impl From<LogLevel> for LevelCode {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::Off,
            LogLevel::All => Self::All,
            LogLevel::Error => Self::Error,
            LogLevel::Fatal => Self::Fatal,
        }
    }
}

impl From<LevelCode> for LogLevel {
    fn from(code: LevelCode) -> Self {
        match code {
            LevelCode::Off => Self::Off,
            LevelCode::All => Self::All,
            LevelCode::Error => Self::Error,
            LevelCode::Fatal => Self::Fatal,
        }
    }
}

impl Logging {
    /// Returns what `configuration` asks for, with AWS's defaults: off, and without execution data.
    pub(crate) fn of(configuration: Option<LoggingConfiguration>) -> Result<Self, Failure> {
        let configuration = configuration.unwrap_or_default();
        let destinations = configuration.destinations.unwrap_or_default();
        let log_group_arns: Vec<String> = destinations
            .into_iter()
            .filter_map(|destination| destination.cloud_watch_logs_log_group?.log_group_arn)
            .collect();
        let level = configuration.level.map_or(LevelCode::Off, LevelCode::from);
        if log_group_arns.len() > 1 || (level != LevelCode::Off && log_group_arns.is_empty()) {
            return Err(failure::invalid_logging(
                "Must specify exactly one Log Destination.",
            ));
        }
        let include_execution_data = configuration.include_execution_data.unwrap_or(false);
        Ok(Self {
            level,
            include_execution_data,
            log_group_arns,
        })
    }

    /// Returns what an execution that begins now pins: nothing where nothing is logged.
    pub(crate) fn pinned(&self) -> Option<Self> {
        (self.level != LevelCode::Off && !self.log_group_arns.is_empty()).then(|| self.clone())
    }

    /// Returns the configuration as the API shows it.
    pub(crate) fn shown(&self) -> LoggingConfiguration {
        let destination = |arn: &String| LogDestination {
            cloud_watch_logs_log_group: Some(CloudWatchLogsLogGroup {
                log_group_arn: Some(arn.clone()),
            }),
        };
        let destinations: Vec<_> = self.log_group_arns.iter().map(destination).collect();
        LoggingConfiguration {
            level: Some(self.level.into()),
            include_execution_data: Some(self.include_execution_data),
            destinations: (!destinations.is_empty()).then_some(destinations),
        }
    }
}
