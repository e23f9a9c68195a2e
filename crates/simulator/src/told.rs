//! What a run is given, and what is told of it.

use engine_core::Status;

use crate::definition::Size;

/// What may go wrong, and how large the world is. A failing run is told with as little as fails.
#[derive(Clone, Copy, Debug)]
pub struct Troubles {
    /// How large the definition may be.
    pub size: Size,
    /// Commands of the stormy part; then the weather clears until the execution ends.
    pub storm: u32,
    /// Crashes, lost commits and commits of unknown outcome.
    pub crashes: bool,
    /// Messages that are lost, doubled or late.
    pub messages: bool,
    /// Jumps of the clock.
    pub clock: bool,
    /// Services that fail.
    pub failures: bool,
    /// Callers who stop the execution.
    pub stops: bool,
    /// Callers who redrive it.
    pub redrives: bool,
}

impl Default for Troubles {
    fn default() -> Self {
        Self {
            size: Size {
                depth: 2,
                states: 7,
            },
            storm: 300,
            crashes: true,
            messages: true,
            clock: true,
            failures: true,
            stops: true,
            redrives: true,
        }
    }
}

/// A run that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How the execution ended.
    pub status: Status,
    /// Commands sent.
    pub commands: u64,
    /// Events recorded.
    pub events: usize,
    /// Redrives of the execution.
    pub redrives: u64,
    /// Crashes.
    pub crashes: u64,
    /// Answers that were refused.
    pub refused: u64,
    /// Child executions that lived.
    pub children: u64,
    /// A number that two equal runs share.
    pub fingerprint: u64,
    /// What happened, a line each.
    pub story: Vec<String>,
}

/// A run that broke a rule.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The rule.
    pub why: String,
    /// What happened, a line each.
    pub story: Vec<String>,
}
