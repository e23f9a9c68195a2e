//! Results that somebody makes up in place of a service's: what the services would answer, whether a
//! made-up answer could be theirs (docs/adr/0035), and the file that names answers for whole executions
//! (docs/adr/0036).

mod answers;
mod file;
mod schema;

pub use file::{MockCase, MockFile, MockFileError, MockedAnswer, MockedAnswers};
pub(crate) use schema::{Strictness, check_result};
