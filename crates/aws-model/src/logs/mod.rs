//! Amazon CloudWatch Logs, 2014-03-28: the operations that are served.

mod generated;

pub use generated::*;
