//! Executions that were used a moment ago, folded. A cache: whatever is in it can be dropped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use asl::StateMachine;
use engine_core::{Execution, Waiting};

use crate::open_tasks::OpenTasks;
use crate::rows::ExecutionRecord;

/// Most bytes of folded executions that one partition keeps, as estimated by [`weight`].
const BYTES_MAX: usize = 512 << 10;

/// A folded execution with what it takes to go on with it.
pub(super) struct Hot {
    pub execution: Execution,
    pub machine: Arc<StateMachine>,
    pub record: ExecutionRecord,
    /// How many events the journal has, those outside the history included.
    pub journal_len: u64,
    /// The outbox holds a row that says: continue.
    pub cut_off: bool,
    /// Those of its tasks that have a row among the open ones.
    pub open_tasks: OpenTasks,
}

/// The least recently used goes first.
#[derive(Default)]
pub(super) struct HotExecutions {
    by_number: HashMap<u64, (Hot, u64, usize)>,
    by_use: BTreeMap<u64, u64>,
    uses: u64,
    bytes: usize,
}

impl HotExecutions {
    pub fn take(&mut self, number: u64) -> Option<Hot> {
        let (hot, used, bytes) = self.by_number.remove(&number)?;
        self.by_use.remove(&used);
        self.bytes -= bytes;
        Some(hot)
    }

    pub fn keep(&mut self, number: u64, hot: Hot) {
        let bytes = weight(&hot.execution);
        self.uses += 1;
        self.by_use.insert(self.uses, number);
        self.by_number.insert(number, (hot, self.uses, bytes));
        self.bytes += bytes;
        while self.bytes > BYTES_MAX {
            let Some((_, oldest)) = self.by_use.pop_first() else {
                return;
            };
            if let Some((_, _, bytes)) = self.by_number.remove(&oldest) {
                self.bytes -= bytes;
            }
        }
    }
}

/// Returns about how much memory a folded execution takes. A parsed value takes several times its text.
fn weight(execution: &Execution) -> usize {
    const PARSED: usize = 4;
    let identity = execution
        .identity()
        .map_or(0, |identity| identity.input.len());
    let frames = execution.frames().values().map(|frame| {
        let waiting = match &frame.waiting {
            Waiting::Branches { outputs } => outputs
                .iter()
                .flatten()
                .map(|output| output.len() + 64)
                .sum(),
            Waiting::Iterations { items, outputs, .. } => {
                items.len()
                    + outputs
                        .iter()
                        .flatten()
                        .map(|output| output.len() + 64)
                        .sum::<usize>()
            }
            Waiting::Turn
            | Waiting::Task { .. }
            | Waiting::Retry { .. }
            | Waiting::Timer { .. }
            | Waiting::MapRun { .. } => 0,
        };
        512 + PARSED * (frame.input.len() + waiting)
    });
    1_024 + PARSED * identity + frames.sum::<usize>()
}
