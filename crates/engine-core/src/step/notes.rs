//! What the stages of a state's data flow come to, for those who look at one state by itself.
//!
//! An execution has none of this: its turns carry no notes, and a stage is then only computed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::payload::{Payload, Text};

/// A stage of a state's data flow, or a number that it evaluates; called as the API's `inspectionData`
/// calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `afterInputPath`.
    InputPath,
    /// `afterParameters`.
    Parameters,
    /// `afterArguments`.
    Arguments,
    /// `result`.
    Result,
    /// `afterResultSelector`.
    ResultSelector,
    /// `afterResultPath`.
    ResultPath,
    /// `afterItemsPath`.
    ItemsPath,
    /// `afterItemsPointer`.
    ItemsPointer,
    /// `afterItemSelector`.
    ItemSelector,
    /// `afterItemBatcher`.
    ItemBatcher,
    /// `maxConcurrency`.
    MaxConcurrency,
    /// `toleratedFailureCount`.
    ToleratedFailureCount,
    /// `toleratedFailurePercentage`.
    ToleratedFailurePercentage,
}

/// Which members of `Retry` and `Catch` a failure met.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handled {
    /// The error, of a state that failed.
    pub error: Option<Text>,
    /// Its cause.
    pub cause: Option<Text>,
    /// The retrier that names it, whether or not it has attempts left.
    pub retrier: Option<usize>,
    /// How long the retrier that takes it on waits.
    pub backoff_millis: Option<i64>,
    /// The catcher that takes it on.
    pub catcher: Option<usize>,
}

/// What is noted of one state, and what is taken as given.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    stages: RefCell<BTreeMap<Stage, Payload>>,
    pub handled: RefCell<Handled>,
    /// Members of the context object that take the place of those of the execution.
    pub context: Map<String, Value>,
    /// How often the retrier that names a failure has taken one on.
    pub retries: u64,
    /// Nothing is noted while this holds.
    pub muted: Cell<bool>,
}

impl Notes {
    /// Returns notes without a line.
    pub fn new(context: Map<String, Value>, retries: u64) -> Self {
        Self {
            context,
            retries,
            ..Self::default()
        }
    }

    pub fn stage(&self, stage: Stage, payload: &Payload) {
        if !self.muted.get() {
            self.stages.borrow_mut().insert(stage, payload.clone());
        }
    }

    pub fn stages(&self) -> BTreeMap<Stage, Payload> {
        self.stages.borrow().clone()
    }
}
