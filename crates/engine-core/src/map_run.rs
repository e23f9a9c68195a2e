//! Map runs: what a Distributed Map starts, as a value.
//!
//! A run makes child executions of items, counts how they end, and ends itself. Here is what it
//! decides and what it is told at its start; the shell keeps it in rows, reads the items, starts the
//! children and takes their ends to it. Nothing here holds items or children: a run over millions of
//! items is as small as one over three.

mod input;
mod progress;
mod start;

pub use input::{Batch, ItemContext, child_input};
pub use progress::{Count, Ended, Failure, MapRun, Phase, Settings, Tally, Tolerance};
pub use start::{Batching, ItemsFrom, MapRunStart};
