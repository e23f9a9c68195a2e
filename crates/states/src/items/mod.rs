//! What a Distributed Map reads and writes: the items of a data set, batches of them, and the results.
//!
//! [`ItemSource`] reads a data set out of S3 page by page and knows how to go on after a restart;
//! [`Batcher`] puts items together into the inputs of children; [`ResultWriter`] writes what became of
//! the children into S3, [`StateOutput`] into the state's own output. All of them hold a page, never
//! the whole. S3 is reached through the gate as the execution's role, like any task's call. Map runs
//! and their children are not here: they call this.

mod batch;
mod child;
mod object;
mod output;
mod reader;
mod s3;
mod source;
mod writer;

pub(crate) use batch::{Batch, Batcher, Batching};
pub(crate) use child::{ChildResult, ChildStatus, WriterConfig};
pub(crate) use output::StateOutput;
pub(crate) use reader::ItemReader;
pub(crate) use s3::ItemsFailed;
pub(crate) use source::{Item, ItemPage, ItemSource};
pub(crate) use writer::{ResultWriter, WriterTarget};
