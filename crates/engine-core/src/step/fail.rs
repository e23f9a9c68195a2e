//! Fail: ends its workflow with an error.

use asl::query::Expected;
use asl::{Fail, FailText};
use serde_json::Value;

use super::failure::Failure;
use super::flow::Seen;
use super::{Progress, Turn};
use crate::ids::FrameId;
use crate::payload::Text;

impl Turn<'_> {
    pub(super) fn run_fail(&mut self, id: FrameId, fail: &Fail) -> Progress {
        let texts = self
            .fail_text(id, "ErrorPath", fail.error.as_ref())
            .and_then(|error| Ok((error, self.fail_text(id, "CausePath", fail.cause.as_ref())?)));
        match texts {
            Ok((error, cause)) => self.fail(id, Failure::told(error, cause)),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn fail_text(
        &self,
        id: FrameId,
        field: &str,
        text: Option<&FailText>,
    ) -> Result<Option<Text>, Failure> {
        let path = match text {
            None => return Ok(None),
            Some(FailText::Literal(text)) => return Ok(Some(Text::from(text.clone()))),
            Some(FailText::Path(path)) => path,
            Some(FailText::Expression(expression)) => {
                let seen = Seen::input(&self.frame(id).input);
                let text = self.with_scope(id, seen, |scope| {
                    expression.evaluate_as(scope, Expected::String)
                })?;
                return Ok(text.as_str().map(Text::from));
            }
        };
        match self.look_up(id, path, &self.frame(id).input)? {
            Value::String(text) => Ok(Some(text.into())),
            other => {
                let cause = format!(
                    "The {field} parameter does not reference a string value: {} == {other}",
                    path.text()
                );
                Err(self.runtime_failure(id, cause))
            }
        }
    }
}
