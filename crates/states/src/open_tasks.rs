//! The tasks that somebody outside must answer: callbacks and tasks of activities, of all executions.
//!
//! `index` keeps a row for each, oldest first, written and removed with the events that open and end the
//! task. `reading` makes of a row what a person needs to answer: the row says where in the journal the task
//! begins, and everything else is read from there. `page` is the operation.

mod index;
mod page;
mod reading;

pub(crate) use index::{OpenTasks, build};
pub use page::{OpenTasksPage, OpenTasksQuery};
pub use reading::{OpenTask, Stage};
