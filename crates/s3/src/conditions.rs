//! Conditions of a request on what is there: `If-Match` and its kin, in the order of RFC 9110.

use s3s::dto::{ETagCondition, Timestamp};
use service::Failure;

use crate::backend::millis;
use crate::failure;
use crate::rows::ObjectRow;

/// The conditions under which an object is read.
#[derive(Default)]
pub(crate) struct ReadConditions<'a> {
    pub if_match: Option<&'a ETagCondition>,
    pub if_none_match: Option<&'a ETagCondition>,
    pub if_modified_since: Option<&'a Timestamp>,
    pub if_unmodified_since: Option<&'a Timestamp>,
    /// Says that the object is the source of a copy: then nothing is "not modified".
    pub of_copy: bool,
}

impl ReadConditions<'_> {
    /// Refuses to read an object that is not as the caller wants it.
    pub fn check(&self, row: &ObjectRow) -> Result<(), Failure> {
        let name = |header: &str, copy: &str| {
            if self.of_copy {
                copy.to_owned()
            } else {
                header.to_owned()
            }
        };
        let failed = |header, copy| Err(failure::precondition_failed(&name(header, copy)));
        match self.if_match {
            Some(condition) if !matches(condition, &row.e_tag) => {
                return failed("If-Match", "x-amz-copy-source-If-Match");
            }
            Some(_) => {}
            // A match outweighs the time.
            None => {
                if self
                    .if_unmodified_since
                    .and_then(millis)
                    .is_some_and(|at| row.modified_at > at)
                {
                    return failed(
                        "If-Unmodified-Since",
                        "x-amz-copy-source-If-Unmodified-Since",
                    );
                }
            }
        }
        let unchanged = match self.if_none_match {
            Some(condition) => matches(condition, &row.e_tag),
            None => self
                .if_modified_since
                .and_then(millis)
                .is_some_and(|at| row.modified_at <= at),
        };
        match unchanged {
            false => Ok(()),
            true if !self.of_copy => Err(failure::not_modified(&row.e_tag)),
            true if self.if_none_match.is_some() => {
                failed("If-None-Match", "x-amz-copy-source-If-None-Match")
            }
            true => failed("If-Modified-Since", "x-amz-copy-source-If-Modified-Since"),
        }
    }
}

/// The conditions under which an object is written.
#[derive(Clone, Default)]
pub(crate) struct WriteConditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    /// Refuses a condition that S3 does not have for writing.
    pub fn new(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> Result<Self, Failure> {
        if if_none_match
            .as_ref()
            .is_some_and(|condition| !condition.is_any())
        {
            return Err(failure::not_implemented("If-None-Match with an entity tag"));
        }
        Ok(Self {
            if_match,
            if_none_match,
        })
    }

    /// Refuses to replace what is there, or what is not.
    pub fn check(&self, key: &str, there: Option<&ObjectRow>) -> Result<(), Failure> {
        if self.if_none_match.is_some() && there.is_some() {
            return Err(failure::precondition_failed("If-None-Match"));
        }
        match (&self.if_match, there) {
            (Some(_), None) => Err(failure::no_such_key(key)),
            (Some(condition), Some(row)) if !matches(condition, &row.e_tag) => {
                Err(failure::precondition_failed("If-Match"))
            }
            (Some(_) | None, _) => Ok(()),
        }
    }
}

fn matches(condition: &ETagCondition, e_tag: &str) -> bool {
    condition
        .as_etag()
        .is_none_or(|wanted| wanted.value() == e_tag)
}
