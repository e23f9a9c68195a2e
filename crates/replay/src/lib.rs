//! A recorded history, played again: the engine decides, and what happened outside is what the history says.
//!
//! `play` drives the engine, `compare` holds two histories against each other event by event, `chains` does
//! so where branches run side by side and their order is one of several. Recordings whose ARNs and moments
//! were replaced by placeholders can be played too; they are the corpus of the tests.

#![forbid(unsafe_code)]

mod chains;
pub mod compare;
mod map_run;
pub mod play;
mod recording;

use std::fmt;

use asl::StateMachine;
use serde_json::Value;

pub use map_run::renewed;

/// What came of playing a history again.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How many events are as recorded.
    pub same: usize,
    /// How many events were recorded.
    pub recorded: usize,
    /// Where the engine does otherwise, if it does.
    pub difference: Option<Difference>,
}

/// The first place where the engine does otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The recorded event's number; `None` where the engine does more than was recorded.
    pub event: Option<u64>,
    /// The type of the event.
    pub kind: String,
    /// The state that the event belongs to.
    pub state: Option<String>,
    /// What differs.
    pub why: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Some(event) => write!(f, "event {event}, {}", self.kind)?,
            None => write!(f, "{} was not recorded", self.kind)?,
        }
        if let Some(state) = &self.state {
            write!(f, " of \"{state}\"")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// Plays `events`, as `GetExecutionHistory` lists them, with `machine`, which is the text `definition`.
/// `execution_arn` is what the history does not say and definitions may read.
///
/// # Errors
/// When `events` are not the history of an execution from its beginning.
pub fn replay(
    definition: &str,
    machine: &StateMachine,
    events: &[Value],
    execution_arn: Option<&str>,
) -> Result<Report, String> {
    let events = map_run::renewed(events);
    recording::check(&events)?;
    let played = play::again(definition, machine, &events, execution_arn)?;
    let stuck = played.stuck.as_deref();
    if recording::is_scrubbed(&events) {
        return Ok(scrubbed(&events, &played.history, stuck));
    }
    Ok(chains::compare(&events, &played.history, stuck))
}

/// Compares with a recording of the corpus, whose comparer tells one difference in words.
fn scrubbed(events: &[Value], history: &[Value], stuck: Option<&str>) -> Report {
    let compared = compare::histories(events, history);
    let difference = compared.err().map(|why| {
        let event = why.strip_prefix('#').and_then(|why| {
            let (number, _) = why.split_once(' ')?;
            number.parse::<u64>().ok()
        });
        Difference {
            event,
            kind: String::new(),
            state: None,
            why: match stuck {
                Some(stuck) => format!("{why} ({stuck})"),
                None => why,
            },
        }
    });
    let same = match &difference {
        None => events.len(),
        Some(difference) => difference.event.map_or(0, |event| event as usize - 1),
    };
    Report {
        same,
        recorded: events.len(),
        difference,
    }
}
