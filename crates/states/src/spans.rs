//! Spans of an execution, from its journal: one for the execution, one for every state that it entered.
//!
//! Ids are made of the execution's ARN and the numbers of its events, so that an execution that is told
//! twice is told with the same spans. The trace and the parent come from the X-Ray header of the start.

use std::collections::BTreeMap;

use engine_core::{Event, EventId, FrameId, Recorded};
use service::Span;
use sha2::{Digest, Sha256};
use vocab::Timestamp;

use crate::rows::{Chunk, ExecutionRecord};

/// Most spans of one execution; the states that were entered later are left out.
const SPANS_MAX: usize = 10_000;

/// Puts the spans of one execution together, chunk by chunk.
pub(crate) struct Spans<'r> {
    record: &'r ExecutionRecord,
    trace_id: [u8; 16],
    root: [u8; 8],
    parent: Option<[u8; 8]>,
    spans: Vec<Span>,
    open: BTreeMap<FrameId, usize>,
    failure: Option<String>,
}

impl<'r> Spans<'r> {
    pub fn new(record: &'r ExecutionRecord) -> Self {
        let header = record.trace_header.as_deref().unwrap_or_default();
        let given = parse_header(header);
        let digest = Sha256::digest(record.execution_arn.as_bytes());
        let drawn = *digest.first_chunk().expect("a digest has 32 bytes");
        Self {
            record,
            trace_id: given.map_or(drawn, |(trace_id, _)| trace_id),
            root: span_id(record, EventId::NONE),
            parent: given.and_then(|(_, parent)| parent),
            spans: Vec::new(),
            open: BTreeMap::new(),
            failure: None,
        }
    }

    /// Adds what happened in a chunk.
    pub fn add(&mut self, chunk: &Chunk) {
        for (id, recorded) in chunk.numbered() {
            self.add_event(id, recorded);
        }
    }

    fn add_event(&mut self, id: EventId, recorded: &Recorded) {
        match &recorded.event {
            Event::StateEntered {
                name,
                state_type,
                scope,
                ..
            } if self.spans.len() < SPANS_MAX => {
                let parent = scope
                    .owner
                    .map_or(self.root, |owner| span_id(self.record, owner.0));
                self.open.insert(FrameId(id), self.spans.len());
                self.spans.push(Span {
                    trace_id: self.trace_id,
                    span_id: span_id(self.record, id),
                    parent_span_id: Some(parent),
                    name: name.to_string(),
                    started_at: recorded.at,
                    ended_at: recorded.at,
                    error: None,
                    attributes: vec![(
                        "aws.step_functions.state.type",
                        state_type.name().to_owned(),
                    )],
                });
            }
            Event::StateExited { frame, .. } => self.end(*frame, recorded.at, None),
            Event::StateAborted { frame, .. } => {
                self.end(*frame, recorded.at, Some("aborted".to_owned()));
            }
            Event::StateFailed { frame } => {
                self.end(*frame, recorded.at, Some("failed".to_owned()));
            }
            // A cause may hold what was worked on.
            Event::ExecutionFailed { error, .. } | Event::ExecutionAborted { error, .. } => {
                self.failure = Some(error.as_deref().unwrap_or_default().to_owned());
            }
            Event::ExecutionTimedOut => self.failure = Some("States.Timeout".to_owned()),
            Event::ExecutionRedriven { .. } => self.failure = None,
            _ => {}
        }
    }

    fn end(&mut self, frame: FrameId, at: Timestamp, error: Option<String>) {
        if let Some(index) = self.open.remove(&frame) {
            let span = &mut self.spans[index];
            (span.ended_at, span.error) = (at, error);
        }
    }

    /// Returns the spans, that of the execution first. States that it never left ended with it.
    pub fn finish(mut self) -> Vec<Span> {
        let ended_at = self.record.stopped_at.unwrap_or(self.record.started_at);
        for (_, index) in std::mem::take(&mut self.open) {
            let span = &mut self.spans[index];
            (span.ended_at, span.error) = (ended_at, self.failure.clone());
        }
        let record = self.record;
        let execution = Span {
            trace_id: self.trace_id,
            span_id: self.root,
            parent_span_id: self.parent,
            name: record
                .state_machine_arn
                .rsplit(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
            started_at: record.started_at,
            ended_at,
            error: self.failure,
            attributes: vec![
                (
                    "aws.step_functions.state_machine.arn",
                    record.state_machine_arn.clone(),
                ),
                (
                    "aws.step_functions.execution.arn",
                    record.execution_arn.clone(),
                ),
                (
                    "aws.step_functions.execution.status",
                    record.status.name().to_owned(),
                ),
            ],
        };
        let mut all = vec![execution];
        all.append(&mut self.spans);
        all
    }
}

/// Returns the id of a state's span, by the event that entered it; of the execution's by none.
fn span_id(record: &ExecutionRecord, event: EventId) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(record.execution_arn.as_bytes());
    hash.update(event.0.to_be_bytes());
    *hash
        .finalize()
        .first_chunk()
        .expect("a digest has 32 bytes")
}

/// Reads `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
fn parse_header(header: &str) -> Option<([u8; 16], Option<[u8; 8]>)> {
    let part = |name: &str| {
        let mut parts = header.split(';').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let root = part("Root")?.strip_prefix("1-")?;
    let (time, rest) = root.split_once('-')?;
    let trace_id = u128::from_str_radix(&format!("{time}{rest}"), 16).ok();
    let trace_id = trace_id.filter(|id| *id != 0 && time.len() == 8 && rest.len() == 24)?;
    let parent = part("Parent").filter(|parent| parent.len() == 16);
    let parent = parent.and_then(|parent| u64::from_str_radix(parent, 16).ok());
    Some((
        trace_id.to_be_bytes(),
        parent.filter(|id| *id != 0).map(u64::to_be_bytes),
    ))
}

#[cfg(test)]
mod tests {
    use super::parse_header;

    #[test]
    fn a_header_names_trace_and_parent() {
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let trace = 0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793_u128.to_be_bytes();
        let parent = 0x5399_5c3f_42cd_8ad8_u64.to_be_bytes();
        let cases = [
            (
                format!("{root};Parent=53995c3f42cd8ad8;Sampled=1"),
                Some((trace, Some(parent))),
            ),
            (root.to_owned(), Some((trace, None))),
            (format!("Sampled=1; {root}"), Some((trace, None))),
            ("Root=2-5759e988-bd862e3fe1be46a994272793".to_owned(), None),
            ("Root=1-5759e988-bd86".to_owned(), None),
            (String::new(), None),
        ];
        for (header, expected) in cases {
            assert_eq!(parse_header(&header), expected, "{header}");
        }
    }
}
