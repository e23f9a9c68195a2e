//! The limits that an operator may raise: what AWS fixes and people run into.

use engine_core::Limits;
use vocab::limits;

/// Options of `stepd serve` that raise limits; the defaults are AWS's.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Limits; but for the last, none is lower than on AWS")]
pub struct Raised {
    /// Longest input, output or result, in bytes; one Assign may assign as much
    #[arg(long, value_name = "BYTES", default_value_t = limits::PAYLOAD_BYTES_MAX as u64,
          value_parser = clap::value_parser!(u64).range(limits::PAYLOAD_BYTES_MAX as u64..=PAYLOAD_BYTES_HIGHEST))]
    payload_bytes_max: u64,
    /// Most that all variables of an execution may hold, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = limits::VARIABLES_BYTES_MAX as u64,
          value_parser = clap::value_parser!(u64).range(limits::VARIABLES_BYTES_MAX as u64..=VARIABLES_BYTES_HIGHEST))]
    variables_bytes_max: u64,
    /// Longest definition of a state machine, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = limits::DEFINITION_BYTES_MAX as u64,
          value_parser = clap::value_parser!(u64).range(limits::DEFINITION_BYTES_MAX as u64..=DEFINITION_BYTES_HIGHEST))]
    definition_bytes_max: u64,
    /// Most events of one execution's history
    #[arg(long, value_name = "EVENTS", default_value_t = limits::HISTORY_EVENTS_MAX,
          value_parser = clap::value_parser!(u64).range(limits::HISTORY_EVENTS_MAX..=HISTORY_EVENTS_HIGHEST))]
    history_events_max: u64,
    /// Longest life of an execution, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = limits::EXECUTION_SECONDS_MAX,
          value_parser = clap::value_parser!(u64).range(limits::EXECUTION_SECONDS_MAX..=EXECUTION_SECONDS_HIGHEST))]
    execution_seconds_max: u64,
    /// How many days a closed execution is kept
    #[arg(long, value_name = "DAYS", default_value_t = limits::HISTORY_DAYS,
          value_parser = clap::value_parser!(u64).range(1..=HISTORY_DAYS_HIGHEST))]
    history_days: u64,
}

/// A request's body has at most 10 MiB, and escapes in JSON take up to twice the room of a text.
const PAYLOAD_BYTES_HIGHEST: u64 = 4 << 20;
/// All variables are in memory while their execution does something.
const VARIABLES_BYTES_HIGHEST: u64 = 256 << 20;
/// As for a payload.
const DEFINITION_BYTES_HIGHEST: u64 = 4 << 20;
/// A history is read from its beginning when its execution goes on.
const HISTORY_EVENTS_HIGHEST: u64 = 10_000_000;
/// A century.
const EXECUTION_SECONDS_HIGHEST: u64 = 3_155_760_000;

/// A century.
const HISTORY_DAYS_HIGHEST: u64 = 36_525;

impl From<Raised> for Limits {
    fn from(raised: Raised) -> Self {
        let bytes = |bytes: u64| usize::try_from(bytes).expect("the highest fit into 32 bits");
        Self {
            payload_bytes_max: bytes(raised.payload_bytes_max),
            assign_bytes_max: bytes(raised.payload_bytes_max),
            variables_bytes_max: bytes(raised.variables_bytes_max),
            definition_bytes_max: bytes(raised.definition_bytes_max),
            history_events_max: raised.history_events_max,
            execution_seconds_max: raised.execution_seconds_max,
            history_days: raised.history_days,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        raised: Raised,
    }

    fn check(arguments: &[&str], expected: Option<Limits>) {
        let parsed = Options::try_parse_from([&["stepd"], arguments].concat());
        let limits = parsed.ok().map(|options| Limits::from(options.raised));
        assert_eq!(
            format!("{limits:?}"),
            format!("{expected:?}"),
            "{arguments:?}"
        );
    }

    #[test]
    fn options_raise_what_they_say_and_nothing_else() {
        check(&[], Some(Limits::default()));
        check(
            &["--payload-bytes-max", "1000000"],
            Some(Limits {
                payload_bytes_max: 1_000_000,
                assign_bytes_max: 1_000_000,
                ..Limits::default()
            }),
        );
        check(
            &[
                "--history-events-max",
                "100000",
                "--execution-seconds-max",
                "63072000",
            ],
            Some(Limits {
                history_events_max: 100_000,
                execution_seconds_max: 63_072_000,
                ..Limits::default()
            }),
        );
        check(
            &[
                "--definition-bytes-max",
                "2000000",
                "--variables-bytes-max",
                "20000000",
            ],
            Some(Limits {
                definition_bytes_max: 2_000_000,
                variables_bytes_max: 20_000_000,
                ..Limits::default()
            }),
        );
        check(&["--payload-bytes-max", "1000"], None);
        check(&["--payload-bytes-max", "100000000"], None);
    }
}
