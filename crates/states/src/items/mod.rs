//! What a Distributed Map reads and writes: the items of a data set, and the results.
//!
//! [`ItemSource`] reads a data set out of S3 page by page and knows how to go on after a restart;
//! [`ResultWriter`] writes what became of the children into S3,
//! [`StateOutput`] into the state's own output. All of them hold a page, never the whole. S3 is reached through the gate as the execution's role, like any task's call. Map runs
//! and their children are not here: they call this.

mod child;
mod listing;
mod object;
mod output;
mod reader;
mod s3;
mod source;
mod stream;
mod upload;
mod writer;

pub use child::{ChildResult, ChildStatus, OutputType, Transformation, WriterConfig};
pub use output::{OutputTooLarge, StateOutput};
pub(crate) use reader::decode_text;
pub use reader::{ITEMS_MAX, InputType, ItemReader, Layout, ReaderResource};
pub use s3::ItemsFailed;
pub use source::{Item, ItemPage, ItemSource};
pub use writer::{ResultWriter, WriterTarget};
