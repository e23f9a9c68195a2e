//! `TestState`: runs one state by itself, for real or against a mocked answer, and keeps nothing of it.

mod asked;
mod context;
mod run;
mod shown;

use aws_model::states::TestStateInput;
use service::{Failure, Reply};

use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: TestStateInput = super::read_within(input, &states.limits)?;
    let asked = asked::read(states, &input)?;
    let tested = run::run(states, asked).await?;
    Ok(super::reply(&shown::output(&input, tested)))
}
