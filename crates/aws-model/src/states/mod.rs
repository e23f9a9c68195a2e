//! AWS Step Functions, 2016-11-23.

mod generated;

pub use generated::*;
