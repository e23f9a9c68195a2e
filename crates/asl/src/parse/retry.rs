//! `Retry` and `Catch`.

use std::sync::Arc;

use serde_json::Value;

use crate::definition::{Catcher, Retrier};
use crate::parse::fields::Fields;
use crate::parse::workflow::{Language, SECONDS_MAX, Siblings};
use crate::parse::{assign, flow, matrix};

/// Longest `MaxDelaySeconds`: 366 days (Step Functions developer guide, "Error handling").
const DELAY_SECONDS_MAX: u64 = 31_622_400;

const RETRIER_FIELDS: [&str; 7] = [
    "Comment",
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
];

/// Reads `Retry`; an empty list is legal.
pub(crate) fn retry(state: &Fields<'_>) -> Vec<Retrier> {
    let members = state.objects("Retry").unwrap_or_default();
    let last = members.len().saturating_sub(1);
    members
        .iter()
        .enumerate()
        .filter_map(|(place, member)| retrier(member, place == last))
        .collect()
}

fn retrier(fields: &Fields<'_>, is_last: bool) -> Option<Retrier> {
    fields.allow_only(&[&RETRIER_FIELDS]);
    fields.text("Comment");
    Some(Retrier {
        error_equals: error_equals(fields, is_last)?,
        interval_seconds: fields
            .integer("IntervalSeconds", 1..=SECONDS_MAX)
            .unwrap_or(1),
        max_attempts: fields.integer("MaxAttempts", 0..=SECONDS_MAX).unwrap_or(3),
        backoff_rate: fields.float("BackoffRate", 1.0).unwrap_or(2.0),
        max_delay_seconds: fields.integer("MaxDelaySeconds", 1..=DELAY_SECONDS_MAX),
        full_jitter: fields.word("JitterStrategy", &["NONE", "FULL"]) == Some("FULL"),
    })
}

/// Reads `Catch`; an empty list is legal.
pub(crate) fn catch(state: &Fields<'_>, siblings: &Siblings<'_>) -> Vec<Catcher> {
    let members = state.objects("Catch").unwrap_or_default();
    let last = members.len().saturating_sub(1);
    members
        .iter()
        .enumerate()
        .filter_map(|(place, member)| catcher(member, siblings, place == last))
        .collect()
}

fn catcher(fields: &Fields<'_>, siblings: &Siblings<'_>, is_last: bool) -> Option<Catcher> {
    matrix::check_fields(
        fields,
        fields.language(),
        &[&["Comment", "ErrorEquals", "Next", "Assign"]],
        &["ResultPath"],
        &["Output"],
    );
    fields.text("Comment");
    let assign = assign::assign_reading(fields, flow::ERROR_OUTPUT);
    let output = match fields.language() {
        Language::JsonPath => None,
        Language::Jsonata => fields.template_reading("Output", flow::ERROR_OUTPUT),
    };
    let has_next = fields.require(&["Next"]);
    let error_equals = error_equals(fields, is_last);
    let result_path = flow::result_path(fields);
    let next = if has_next {
        siblings.find(fields.text("Next")?)?
    } else {
        return None;
    };
    Some(Catcher {
        error_equals: error_equals?,
        next,
        result_path,
        output,
        assign,
    })
}

/// Reads `ErrorEquals`: not empty; `States.ALL` stands alone, in the last member.
fn error_equals(fields: &Fields<'_>, is_last: bool) -> Option<Vec<Arc<str>>> {
    if !fields.require(&["ErrorEquals"]) {
        return None;
    }
    let Some(names) = fields.get("ErrorEquals").and_then(Value::as_array) else {
        fields.refuse_field("ErrorEquals", "Expected value of type Array");
        return None;
    };
    if names.is_empty() {
        fields.refuse_field("ErrorEquals", "Value cannot be empty");
    }
    let mut errors: Vec<Arc<str>> = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        match name.as_str() {
            Some(name) => errors.push(name.into()),
            None => fields.refuse_field(
                &format!("ErrorEquals[{place}]"),
                "Expected value of type String",
            ),
        }
    }
    let has_all = errors.iter().any(|error| &**error == "States.ALL");
    if has_all && (errors.len() > 1 || !is_last) {
        fields.refuse_field(
            "ErrorEquals",
            "'States.ALL' must appear alone, and in the last member of the list",
        );
    }
    Some(errors)
}
