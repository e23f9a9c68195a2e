//! Brings events of executions to the log groups of their machines, behind the executions' backs.
//!
//! A commit that adds events that an execution logs leaves a row in the backlog. The rows are taken in
//! batches, from the first to the last and then again; a row goes when CloudWatch Logs has said that all
//! its lines are durable. So every event is logged at least once, whatever ends when, no execution ever
//! waits for a log, and a stream that takes nothing holds up no other. One exception: of synchronous
//! executions the oldest are forgotten, logged or not, when too many wait (`express/record.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use engine_core::history::View;
use serde_json::{Value, json};
use service::{Call, Failure, Principal, Reply, RequestId};
use store::{Batch, Key, Range, Space};

use super::{Shared, Shell, decode};
use crate::definitions::unreadable;
use crate::logging::{self, Writer};
use crate::rows::{self, Chunk, ExecutionRecord, ExecutionRef};

/// How many chunks are taken at once.
const CHUNKS_AT_ONCE: usize = 256;
/// Most bytes of chunks that are taken at once.
const BYTES_AT_ONCE: usize = 4 << 20;
/// Most bytes of a call, as CloudWatch Logs counts, with room.
const CALL_BYTES_MAX: usize = 1_000_000;
/// Most lines of a call.
const CALL_LINES_MAX: usize = 10_000;
/// What CloudWatch Logs counts for a line beside its text.
const LINE_OVERHEAD_BYTES: usize = 26;
/// How long rows are left to gather.
const GATHERING: Duration = Duration::from_millis(100);
/// How long to wait before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct LogDelivery {
    shared: Arc<Shared>,
}

/// Where lines go: a log group, a stream of it, and the role as which it is written to.
type Destination = (String, String, String);

/// A line with its time.
type Line = (i64, String);

/// Rows of the backlog that are delivered together.
#[derive(Default)]
struct Taken {
    keys: Vec<Bytes>,
    /// The lines of each destination, and of which of the rows they are.
    lines: BTreeMap<Destination, (Vec<Line>, BTreeSet<usize>)>,
    /// Rows that stay: those that cannot be read, or of which a destination took nothing.
    stay: BTreeSet<usize>,
}

/// One way through the backlog, from its first row to its last.
struct Pass {
    rest: Range,
    /// Destinations that took nothing: they are not asked again before the next pass.
    failed: BTreeSet<Destination>,
    /// Whether rows were left.
    leaves: bool,
}

impl LogDelivery {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub async fn run(self) {
        let shared = self.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        loop {
            let again = match self.deliver_all().await {
                Ok(leaves) => leaves,
                Err(failure) => {
                    tracing::warn!(%failure, "events of executions could not be logged yet");
                    true
                }
            };
            if shared.stopping.load(Ordering::SeqCst) {
                return;
            }
            let wait = async {
                if again {
                    tokio::time::sleep(PAUSE).await;
                } else {
                    shared.backlog.notified().await;
                    tokio::time::sleep(GATHERING).await;
                }
            };
            tokio::select! {
                () = &mut stopped => return,
                () = wait => {}
            }
        }
    }

    /// Logs what the backlog names; says whether some of it is left to be tried again.
    async fn deliver_all(&self) -> Result<bool, Failure> {
        let mut pass = Pass {
            rest: Range::prefix(Space::LogBacklog, b""),
            failed: BTreeSet::new(),
            leaves: false,
        };
        while self.deliver(&mut pass).await? {
            if self.shared.stopping.load(Ordering::SeqCst) {
                break;
            }
        }
        Ok(pass.leaves)
    }

    /// Logs what the next rows of the backlog name; says whether there may be more.
    async fn deliver(&self, pass: &mut Pass) -> Result<bool, Failure> {
        let mut taken = self.take(&pass.rest).await?;
        let Some(last) = taken.keys.last() else {
            return Ok(false);
        };
        pass.rest.start = [last, &[0][..]].concat().into();
        for (destination, (lines, of)) in std::mem::take(&mut taken.lines) {
            if !pass.failed.contains(&destination) {
                let put = self.put(&destination, lines).await;
                let Err(failure) = put else { continue };
                let (group, stream, _) = &destination;
                tracing::warn!(%failure, group, stream, "events of executions could not be logged yet");
            }
            taken.stay.extend(of);
            pass.failed.insert(destination);
        }
        pass.leaves |= !taken.stay.is_empty();
        let done = (0..).zip(taken.keys);
        let done = done.filter(|(row, _)| !taken.stay.contains(row));
        let batch = Batch {
            delete: done
                .map(|(_, key)| Key::new(Space::LogBacklog, key))
                .collect(),
            ..Batch::default()
        };
        if !batch.delete.is_empty() {
            self.shared.store.commit(batch).await.map_err(unreadable)?;
        }
        Ok(true)
    }

    /// Reads rows of the backlog and the lines of their chunks.
    async fn take(&self, range: &Range) -> Result<Taken, Failure> {
        let store = &self.shared.store;
        let backlog = store.scan(range, CHUNKS_AT_ONCE).await;
        let (mut taken, mut bytes) = (Taken::default(), 0);
        let mut known: Option<(ExecutionRef, Option<Result<ExecutionRecord, Failure>>)> = None;
        for (key, _) in backlog.map_err(unreadable)? {
            if bytes > BYTES_AT_ONCE {
                break;
            }
            let row = taken.keys.len();
            if let Some((execution, first)) = rows::chunk_of_backlog(&key) {
                if known.as_ref().map(|(of, _)| *of) != Some(execution) {
                    let row = store.get(&rows::execution_key(execution)).await;
                    let record = row.map_err(unreadable)?.map(|row| decode(&row));
                    known = Some((execution, record));
                }
                let chunk = store.get(&rows::chunk_key(execution, first)).await;
                // A synchronous execution may have been forgotten: then there is nothing to log.
                if let (Some((_, Some(record))), Some(chunk)) = (&known, chunk.map_err(unreadable)?)
                {
                    bytes += chunk.len();
                    match (record, decode(&chunk)) {
                        (Ok(record), Ok(chunk)) => {
                            self.write(record, &chunk, |destination, line| {
                                let (lines, of) = taken.lines.entry(destination).or_default();
                                lines.push(line);
                                of.insert(row);
                            });
                        }
                        // What cannot be read was reported; it holds up nobody else.
                        (Err(_), _) | (_, Err(_)) => drop(taken.stay.insert(row)),
                    }
                }
            }
            taken.keys.push(key);
        }
        Ok(taken)
    }

    /// Adds the lines of a chunk.
    fn write(
        &self,
        record: &ExecutionRecord,
        chunk: &Chunk,
        mut add: impl FnMut(Destination, Line),
    ) {
        let Some(logging) = &record.logging else {
            return;
        };
        let Some(group) = logging
            .log_group_arns
            .first()
            .and_then(|arn| group_name(arn))
        else {
            return;
        };
        let child = record.child_of.as_ref();
        let writer = Writer {
            level: logging.level,
            view: View {
                region: &self.shared.options.site.region,
                include_data: logging.include_execution_data,
            },
            execution_arn: &record.execution_arn,
            map_run_arn: child.map(|child| child.map_run_arn.as_str()),
        };
        let machine = record.state_machine_arn.rsplit(':').next();
        let machine = machine.and_then(|name| name.split('/').next());
        for (id, recorded) in chunk.numbered() {
            let Some(text) = writer.line(id, recorded, redrives_before(record, recorded.at)) else {
                continue;
            };
            let stream = logging::stream_name(machine.unwrap_or_default(), recorded.at);
            let destination = (group.to_owned(), stream, record.role_arn.clone());
            add(destination, (recorded.at.as_millis(), text));
        }
    }

    /// Puts lines into a stream, which is made if it is not there.
    async fn put(&self, destination: &Destination, mut lines: Vec<Line>) -> Result<(), Failure> {
        lines.sort_by_key(|(at, _)| *at);
        let mut rest = lines.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(CALL_LINES_MAX).take_while(|(_, text)| {
                bytes += text.len() + LINE_OVERHEAD_BYTES;
                bytes <= CALL_BYTES_MAX
            });
            let (these, others) = rest.split_at(fits.count().max(1));
            rest = others;
            self.shared.log(destination, these).await?;
        }
        Ok(())
    }
}

/// Returns how often an execution had been redriven at a moment.
fn redrives_before(record: &ExecutionRecord, at: vocab::Timestamp) -> u64 {
    let redrives = record.redrives.iter().flatten();
    let before = redrives.filter(|redrive| redrive.at <= at);
    before.map(|redrive| redrive.count).max().unwrap_or(0)
}

/// Returns the name in `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*`.
fn group_name(arn: &str) -> Option<&str> {
    let (_, name) = arn.split_once(":log-group:")?;
    let name = name.strip_suffix(":*").unwrap_or(name);
    (!name.is_empty() && !name.contains(':')).then_some(name)
}

impl Shared {
    /// Puts lines into a stream. What can never be logged is left out: a group that is not there any
    /// more, or a call that CloudWatch Logs refuses.
    async fn log(&self, destination: &Destination, lines: &[Line]) -> Result<(), Failure> {
        let (group, stream, _) = destination;
        let events: Vec<Value> = lines
            .iter()
            .map(|(at, text)| json!({ "timestamp": at, "message": text }))
            .collect();
        let input = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events });
        let input = Bytes::from(input.to_string());
        for attempt in 0..2 {
            let put = self.call_logs("PutLogEvents", input.clone()).await;
            match put {
                Ok(_) => return Ok(()),
                Err(failure) if attempt == 0 && failure.code == "ResourceNotFoundException" => {
                    let named = json!({ "logGroupName": group, "logStreamName": stream });
                    let named = Bytes::from(named.to_string());
                    match self.call_logs("CreateLogStream", named).await {
                        Ok(_) => {}
                        Err(failure) if failure.code == "ResourceAlreadyExistsException" => {}
                        Err(failure) if failure.status < 500 => break,
                        Err(failure) => return Err(failure),
                    }
                }
                Err(failure) if failure.status < 500 => {
                    tracing::debug!(%failure, group, "events of executions are not logged");
                    break;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn call_logs(&self, operation: &'static str, input: Bytes) -> Result<Reply, Failure> {
        let call = Call {
            service: "logs",
            operation: operation.into(),
            input,
            payload: Bytes::new(),
            // As on AWS, lines are delivered by the service of logs that does so for others.
            principal: Principal::Service {
                name: "delivery.logs.amazonaws.com".into(),
                source_arn: None,
            },
            request_id: RequestId::random(),
        };
        self.gate.call(call).await
    }
}

/// The stream that shows that a group can be written to, and what AWS writes into it.
const VALIDATION_STREAM: &str = "log_stream_created_by_aws_to_validate_log_delivery_subscriptions";
const VALIDATION_LINE: &str = "Permissions are set correctly to allow AWS CloudWatch Logs to write into \
                               your logs while creating a subscription.";

impl Shell {
    /// Says whether the log group `arn` is there. As AWS does, it leaves a line there that shows that
    /// the group can be written to.
    ///
    /// # Errors
    /// When CloudWatch Logs fails.
    pub(crate) async fn subscribe_to_log_group(
        &self,
        arn: &str,
        role_arn: &str,
    ) -> Result<bool, Failure> {
        let site = &self.shared.options.site;
        let head = format!("arn:aws:logs:{}:{}:", site.region, site.account_id);
        let Some(name) = group_name(arn).filter(|_| arn.starts_with(&head) && arn.ends_with(":*"))
        else {
            return Ok(false);
        };
        let destination = (
            name.to_owned(),
            VALIDATION_STREAM.to_owned(),
            role_arn.to_owned(),
        );
        let input = json!({ "logGroupNamePrefix": name, "limit": 1 });
        let input = Bytes::from(input.to_string());
        let described = self.shared.call_logs("DescribeLogGroups", input).await;
        let found = match described {
            Ok(reply) => reply.output,
            Err(failure) if failure.status < 500 || failure.code == "NotImplemented" => {
                return Ok(false);
            }
            Err(failure) => return Err(failure),
        };
        // The group itself comes first among those whose names begin like its own.
        let found: Value = serde_json::from_slice(&found).unwrap_or_default();
        if found["logGroups"][0]["logGroupName"] != name {
            return Ok(false);
        }
        let line = (
            self.shared.clock.now().as_millis(),
            VALIDATION_LINE.to_owned(),
        );
        self.shared.log(&destination, &[line]).await?;
        Ok(true)
    }
}
