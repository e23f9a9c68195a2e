//! AWS Lambda, 2015-03-31: the operations that are served.

mod generated;

pub use generated::*;
