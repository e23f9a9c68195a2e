//! `ListExecutions`: the executions of a machine or of a map run, newest first, in pages.
//!
//! The listing holds one ordered run of lines for each status. A page merges the runs it wants, and
//! begins behind the last line of the page before: it costs the same at any depth.

use std::collections::VecDeque;

use aws_model::states::{
    ExecutionListItem, ExecutionRedriveFilter, ExecutionStatus, ListExecutionsInput,
    ListExecutionsOutput,
};
use bytes::Bytes;
use service::{Failure, Reply};
use store::{Range, Store};

use super::describe_execution::{shown_count, shown_status};
use super::executions::Sight;
use super::{failure, map_runs};
use crate::definitions::unreadable;
use crate::machines::TypeCode;
use crate::page;
use crate::rows::{self, ListingEntry, MapRunRecord, StatusCode};
use crate::service::States;

/// How many lines of one run are read at once, at most.
const LINES_AT_ONCE: usize = 256;
/// How many lines a page looks at, at most: one that asks for what is rare ends early, with a token.
const LINES_MAX: usize = 10_000;
/// The bytes of a listing key before its moment: the machine and the status.
const HEAD_BYTES: usize = 8 + 1;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    answer(states, input, Sight::Api).await
}

/// Answers for those who see what `sight` shows.
pub(crate) async fn answer(states: &States, input: &[u8], sight: Sight) -> Result<Reply, Failure> {
    let input: ListExecutionsInput = super::read(input)?;
    let listed_under = match (&input.state_machine_arn, &input.map_run_arn) {
        (Some(arn), None) => arn,
        (None, Some(arn)) => arn,
        (None, None) => {
            return Err(failure::validation(
                "Must provide a State Machine ARN or Map Run ARN",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(failure::validation(
                "Must provide either a State Machine ARN or a Map Run ARN, not both",
            ));
        }
    };
    let mut run = None;
    if input.map_run_arn.is_some() {
        run = Some(map_runs::find(states, listed_under).await?.1);
    } else if is_express(states, listed_under).await? && sight == Sight::Api {
        return Err(failure::state_machine_type_not_supported());
    }
    let arguments = [
        "ListExecutions",
        listed_under,
        input.status_filter.map_or("", ExecutionStatus::as_str),
        input
            .redrive_filter
            .map_or("", ExecutionRedriveFilter::as_str),
    ];
    let after = match &input.next_token {
        None => None,
        Some(token) => Some(states.pages.open(&arguments, token, states.clock.now())?),
    };
    let mut merge = Merge::new(
        &*states.store,
        listed_under,
        wanted(&input),
        after.as_deref(),
    );
    let results_max = page::size(input.max_results);
    let mut executions = Vec::with_capacity(results_max.min(LINES_AT_ONCE));
    let (mut last, mut looked_at) = (Bytes::new(), 0);
    let mut more = false;
    while let Some(line) = merge.next().await? {
        if looked_at == LINES_MAX {
            more = true;
            break;
        }
        looked_at += 1;
        if let Some(status) = wanted_status(states, &input, run.as_ref(), &line).await? {
            if executions.len() == results_max {
                more = true;
                break;
            }
            executions.push(shown(status, line.entry));
        }
        last = line.key;
    }
    let next_token = more.then(|| {
        let cursor = last.slice(HEAD_BYTES - 1..);
        states.pages.seal(&arguments, &cursor, states.clock.now())
    });
    Ok(super::reply(&ListExecutionsOutput {
        executions,
        next_token,
    }))
}

/// Says whether the machine, the version or the alias is express; fails where there is none.
async fn is_express(states: &States, arn: &str) -> Result<bool, Failure> {
    let target = states.machines.resolve(arn, 0).await?;
    Ok(target.machine.record.machine_type == TypeCode::Express)
}

/// The statuses whose runs the listing merges. Of what waits for a redrive, the listing holds how it
/// ended before.
fn wanted(input: &ListExecutionsInput) -> Vec<StatusCode> {
    match input.status_filter {
        None => StatusCode::ALL.to_vec(),
        Some(ExecutionStatus::PendingRedrive) if input.map_run_arn.is_none() => Vec::new(),
        Some(ExecutionStatus::PendingRedrive) => {
            vec![
                StatusCode::Failed,
                StatusCode::TimedOut,
                StatusCode::Aborted,
            ]
        }
        Some(status) => StatusCode::from_name(status.as_str()).into_iter().collect(),
    }
}

/// Returns the status of a line, which may be a child of a run that is being redriven.
async fn status_of(
    states: &States,
    run: Option<&MapRunRecord>,
    line: &Line,
) -> Result<ExecutionStatus, Failure> {
    let status = shown_status(line.status);
    // Before the first child none is pending: most runs need no second look.
    let Some(run) = run.filter(|run| run.is_pending_redrive(u64::MAX, line.status)) else {
        return Ok(status);
    };
    let Some(execution) = rows::execution_of_listing_key(&line.key) else {
        return Ok(status);
    };
    let child = states.shell.record(execution).await?;
    let child = child.and_then(|record| record.child_of);
    let pending = child.is_some_and(|of| run.is_pending_redrive(of.index, line.status));
    Ok(if pending {
        ExecutionStatus::PendingRedrive
    } else {
        status
    })
}

/// Returns the status of a line that is asked for; `None` of another one.
async fn wanted_status(
    states: &States,
    input: &ListExecutionsInput,
    run: Option<&MapRunRecord>,
    line: &Line,
) -> Result<Option<ExecutionStatus>, Failure> {
    if !redrive_wanted(input, &line.entry) {
        return Ok(None);
    }
    let status = status_of(states, run, line).await?;
    let is_wanted = input.status_filter.is_none_or(|wanted| wanted == status);
    Ok(is_wanted.then_some(status))
}

fn redrive_wanted(input: &ListExecutionsInput, entry: &ListingEntry) -> bool {
    match input.redrive_filter {
        None => true,
        Some(ExecutionRedriveFilter::Redriven) => entry.redrives.is_some(),
        Some(ExecutionRedriveFilter::NotRedriven) => entry.redrives.is_none(),
    }
}

fn shown(status: ExecutionStatus, entry: ListingEntry) -> ExecutionListItem {
    let mut item = ExecutionListItem::new(
        entry.execution_arn,
        entry.state_machine_arn,
        entry.name,
        status,
        entry.started_at,
    );
    item.stop_date = entry.stopped_at;
    item.map_run_arn = entry.map_run_arn;
    item.item_count = entry.items.and_then(|items| i64::try_from(items).ok());
    item.state_machine_version_arn = entry.version_arn;
    item.state_machine_alias_arn = entry.alias_arn;
    item.redrive_count = Some(shown_count(entry.redrives));
    item.redrive_date = entry.redriven_at;
    item
}

/// One line of the listing.
struct Line {
    key: Bytes,
    status: StatusCode,
    entry: ListingEntry,
}

/// The runs of several statuses as one listing.
struct Merge<'a> {
    store: &'a dyn Store,
    listed_under: &'a str,
    runs: Vec<Run>,
}

/// The lines of one status that were read and not yet taken, and where the next ones are.
struct Run {
    status: StatusCode,
    read: VecDeque<(Bytes, Bytes)>,
    /// `None` when there is nothing behind what was read.
    rest: Option<Range>,
    /// How many lines to read next: few at first, for most pages are short and their runs are many.
    lines: usize,
}

impl<'a> Merge<'a> {
    /// Returns the merge of the runs of `statuses`, behind `after`: the status and what follows it in
    /// the key of the last line that was shown.
    fn new(
        store: &'a dyn Store,
        listed_under: &'a str,
        statuses: Vec<StatusCode>,
        after: Option<&[u8]>,
    ) -> Self {
        let runs = statuses.into_iter().map(|status| {
            let mut range = rows::listing_of(listed_under, status);
            if let Some((last_status, moment)) = after.and_then(<[u8]>::split_first) {
                // Lines of one moment come in the order of their statuses.
                let behind: &[u8] = if status as u8 <= *last_status {
                    &[0]
                } else {
                    &[]
                };
                range.start = [&range.start, moment, behind].concat().into();
            }
            Run {
                status,
                read: VecDeque::new(),
                rest: Some(range),
                lines: LINES_AT_ONCE / 8,
            }
        });
        Self {
            store,
            listed_under,
            runs: runs.collect(),
        }
    }

    /// Returns the next line.
    async fn next(&mut self) -> Result<Option<Line>, Failure> {
        loop {
            for run in &mut self.runs {
                run.read_on(self.store).await?;
            }
            // The moment is stored so that the newest comes first.
            let first = self
                .runs
                .iter_mut()
                .filter(|run| !run.read.is_empty())
                .min_by(|a, b| {
                    let moment =
                        |run: &Run| run.read.front().map(|(key, _)| key.slice(HEAD_BYTES..));
                    moment(a)
                        .cmp(&moment(b))
                        .then((a.status as u8).cmp(&(b.status as u8)))
                });
            let Some(run) = first else {
                return Ok(None);
            };
            let status = run.status;
            let Some((key, value)) = run.read.pop_front() else {
                return Ok(None);
            };
            let entry: ListingEntry = minicbor::decode(&value).map_err(|_| {
                tracing::error!("a line of the listing cannot be read");
                failure::unavailable()
            })?;
            // Keys hold eight bytes of the machine's hash: another machine's line is not ours.
            if entry.is_listed_under(self.listed_under) {
                return Ok(Some(Line { key, status, entry }));
            }
        }
    }
}

impl Run {
    /// Reads on when nothing that was read is left.
    async fn read_on(&mut self, store: &dyn Store) -> Result<(), Failure> {
        if !self.read.is_empty() {
            return Ok(());
        }
        let Some(mut range) = self.rest.take() else {
            return Ok(());
        };
        self.read = store
            .scan(&range, self.lines)
            .await
            .map_err(unreadable)?
            .into();
        if let (Some((last, _)), true) = (self.read.back(), self.read.len() == self.lines) {
            range.start = [last, &[0][..]].concat().into();
            self.rest = Some(range);
            self.lines = LINES_AT_ONCE;
        }
        Ok(())
    }
}
