//! The way in for programs of this server: lines are gathered for a moment and committed together.
//!
//! A line is durable a moment after it was written, and nobody who writes waits for the disk; as on AWS,
//! an invocation does not wait for its log. Who writes more than can be stored waits for room. If the
//! store fails, lines are lost and said to be: a full disk costs log lines, never an invocation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use service::{Failure, LogLine, LogSink, LogStreamName};
use store::{Batch, Expectation, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::append::{Addition, decode};
use crate::rows::{self, GroupRecord, Line};
use crate::{Core, failure};

/// How long lines are gathered before they are committed.
const GATHERING: Duration = Duration::from_millis(50);
/// Most bytes that wait, in KiB.
const WAITING_KIB_MAX: usize = 8 << 10;
/// When so much has been gathered, it is committed at once.
const BATCH_BYTES_MAX: usize = 1 << 20;

enum Message {
    Lines {
        to: Arc<LogStreamName>,
        lines: Vec<LogLine>,
        _room: OwnedSemaphorePermit,
    },
    Flush(oneshot::Sender<()>),
}

/// Takes lines and brings them into the store.
pub struct Ingest {
    room: Arc<Semaphore>,
    messages: mpsc::UnboundedSender<Message>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Ingest {
    pub(crate) fn start(core: Arc<Core>) -> Arc<Self> {
        let (messages, received) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(core, received));
        Arc::new(Self {
            room: Arc::new(Semaphore::new(WAITING_KIB_MAX)),
            messages,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Returns once everything that was written before now is durable, or lost.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.messages.send(Message::Flush(done)).is_ok() {
            // The writer is gone only when the server is.
            let _ = flushed.await;
        }
    }

    /// Takes no more lines, and returns when those that wait are durable.
    pub(crate) async fn stop(&self) {
        self.room.close();
        self.flush().await;
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            writer.abort();
            // Cancelled, as it was meant to be.
            let _ = writer.await;
        }
    }
}

#[async_trait]
impl LogSink for Ingest {
    async fn write(&self, to: &Arc<LogStreamName>, lines: Vec<LogLine>) {
        let bytes: usize = lines.iter().map(|line| line.message.len() + 64).sum();
        let kib = (bytes >> 10).clamp(1, WAITING_KIB_MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib as u32).await;
        // Closed: the server stops, and what is written now is not kept.
        let Ok(room) = room else { return };
        let _ = self.messages.send(Message::Lines {
            to: Arc::clone(to),
            lines,
            _room: room,
        });
    }
}

async fn write(core: Arc<Core>, mut messages: mpsc::UnboundedReceiver<Message>) {
    while let Some(first) = messages.recv().await {
        let (mut taken, mut bytes, mut flushes) = (Vec::new(), 0, Vec::new());
        let mut take = |message: Message| match message {
            Message::Lines { to, lines, _room } => {
                bytes += lines.iter().map(|line| line.message.len()).sum::<usize>();
                taken.push((to, lines, _room));
                bytes < BATCH_BYTES_MAX
            }
            Message::Flush(done) => {
                flushes.push(done);
                false
            }
        };
        let mut more = take(first);
        let gathered = tokio::time::sleep(GATHERING);
        tokio::pin!(gathered);
        while more {
            tokio::select! {
                () = &mut gathered => break,
                message = messages.recv() => match message {
                    Some(message) => more = take(message),
                    None => break,
                },
            }
        }
        let (additions, rooms) = additions(taken);
        if !additions.is_empty()
            && let Err(error) = core.append(&additions, true).await
        {
            tracing::warn!(%error, "lines of logs were lost");
        }
        drop(rooms);
        for done in flushes {
            // Who asked may have gone.
            let _ = done.send(());
        }
    }
}

type Taken = (Arc<LogStreamName>, Vec<LogLine>, OwnedSemaphorePermit);

/// Puts lines of one stream together, in the order of time.
fn additions(taken: Vec<Taken>) -> (Vec<Addition>, Vec<OwnedSemaphorePermit>) {
    let mut streams: BTreeMap<Arc<LogStreamName>, Vec<Line>> = BTreeMap::new();
    let mut rooms = Vec::with_capacity(taken.len());
    for (to, lines, room) in taken {
        let lines = lines.into_iter().map(|line| Line {
            at: line.time.as_millis(),
            message: line.message,
        });
        streams.entry(to).or_default().extend(lines);
        rooms.push(room);
    }
    let additions = streams.into_iter().map(|(to, mut lines)| {
        // Lines of one moment stay in the order in which they were written.
        lines.sort_by_key(|line| line.at);
        Addition {
            group: to.group.clone(),
            stream: to.stream.clone(),
            lines,
        }
    });
    (additions.collect(), rooms)
}

impl Core {
    /// Returns the group, which is made if it is not there.
    pub(crate) async fn ensure_group(&self, name: &str) -> Result<GroupRecord, Failure> {
        let key = rows::group_key(name);
        loop {
            if let Some(row) = self.read_row(&key).await? {
                return decode(&row);
            }
            let record = GroupRecord::new(self.clock.now().as_millis());
            let batch = Batch {
                expect: vec![(key.clone(), Expectation::Absent)],
                put: vec![(key.clone(), rows::encode(&record))],
                ..Batch::default()
            };
            match self.store.commit(batch).await {
                Ok(()) => return Ok(record),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(failure::unreadable(error)),
            }
        }
    }
}
