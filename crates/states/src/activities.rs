//! Activities: which there are, and the tasks that wait in them for a worker.
//!
//! `record` holds the activities themselves, `places` the rows of their queues, `polls` hands what is
//! in a queue to those who poll for it.

mod places;
mod polls;
mod record;

pub(crate) use places::{Place, place_key};
pub(crate) use polls::{Asked, Polls};
pub(crate) use record::{Activities, ActivityRecord};
