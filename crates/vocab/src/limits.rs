//! Limits of the service, each with its source. The server's options can raise the ones marked so.

/// Longest input, output or result of a state, task or execution, in bytes of UTF-8
/// (Step Functions quotas, "Maximum input or output size"). Can be raised.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;

/// Most events of one execution's history (Step Functions quotas). Can be raised.
pub const HISTORY_EVENTS_MAX: u64 = 25_000;

/// Longest definition, in bytes (Step Functions quotas; `Definition` of the API model). Can be
/// raised.
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// Most levels of objects and lists in a definition: 31 Parallel or Map states inside each other. AWS
/// has a limit (`TOO_DEEPLY_NESTED`) whose size is not documented; this one is our reader's.
pub const DEFINITION_LEVELS_MAX: usize = 128;

/// Longest name of a state, in characters (Amazon States Language, "States").
pub const STATE_NAME_CHARS_MAX: usize = 80;

/// Longest name of a variable, in characters (Step Functions quotas, "Variables").
pub const VARIABLE_NAME_CHARS_MAX: usize = 80;

/// Most that one `Assign` may assign, in bytes of JSON (Step Functions quotas, "Variables"). Rises
/// with the payload limit.
pub const ASSIGN_BYTES_MAX: usize = 262_144;

/// Most that all variables of an execution may hold, in bytes of JSON (Step Functions quotas,
/// "Variables"). Can be raised.
pub const VARIABLES_BYTES_MAX: usize = 10_485_760;

/// Longest life of an execution, in seconds: one year (Step Functions quotas). Can be raised.
pub const EXECUTION_SECONDS_MAX: u64 = 31_536_000;

/// How many days a closed execution is kept (Step Functions quotas, "Execution history retention time").
/// Can be raised, and lowered.
pub const HISTORY_DAYS: u64 = 90;

/// How many days a closed execution of an EXPRESS machine is kept, at most: AWS shows none
/// (docs/adr/0025).
pub const EXPRESS_HISTORY_DAYS: u64 = 7;

/// Longest life of an execution of type EXPRESS, in seconds: five minutes (Step Functions quotas).
pub const EXPRESS_SECONDS_MAX: u64 = 300;

/// Timeout of a task that names none, in seconds (Task state, "TimeoutSeconds").
pub const TASK_TIMEOUT_SECONDS_DEFAULT: u64 = 99_999_999;

/// Longest error name in an answer, in characters (`SensitiveError` of the API model).
pub const ERROR_CHARS_MAX: usize = 256;

/// Longest cause in an answer, in characters (`SensitiveCause` of the API model).
pub const CAUSE_CHARS_MAX: usize = 32_768;
