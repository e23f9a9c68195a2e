//! Adds events to streams: the one way in which they get into the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use service::Failure;
use store::{Batch, Expectation, Key, StoreError};

use crate::follow::Arrived;
use crate::rows::{self, Address, Block, GroupRecord, Line, StreamRecord};
use crate::{Core, failure};

/// Most events of one block: its places are numbered with sixteen bits.
const BLOCK_EVENTS_MAX: usize = 10_000;
/// Most bytes of a block: a row stays small enough to be read at once.
const BLOCK_BYTES_MAX: usize = 1 << 20;
/// How often an addition is made again when somebody else changes the stream or its group meanwhile.
const ATTEMPTS_MAX: usize = 1_000;

/// Events for one stream, in the order of time.
pub(crate) struct Addition {
    pub group: String,
    pub stream: String,
    pub lines: Vec<Line>,
}

/// Records that an addition reads and changes, by their keys: as they were, and as they are to be.
struct Changes {
    groups: BTreeMap<Key, (Option<Bytes>, GroupRecord)>,
    streams: BTreeMap<Key, (Option<Bytes>, StreamRecord)>,
    blocks: Vec<(Address, Bytes, Arc<Arrived>)>,
}

impl Core {
    /// Adds events to streams that exist, or (`create`) makes groups and streams as they are needed.
    /// Once this returns, all of them are durable.
    pub(crate) async fn append(&self, additions: &[Addition], create: bool) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS_MAX {
            let changes = self.prepare(additions, create).await?;
            let arrived: Vec<_> = changes
                .blocks
                .iter()
                .map(|(address, _, arrived)| (address.group, Arc::clone(arrived)))
                .collect();
            match self.store.commit(changes.into_batch()).await {
                Ok(()) => {
                    for (group, arrived) in arrived {
                        self.followers.tell(group, arrived);
                    }
                    return Ok(());
                }
                // Another writer was faster: what it wrote is looked at again.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(failure::unreadable(error)),
            }
        }
        Err(Failure::client(
            "OperationAbortedException",
            "Multiple concurrent requests to update the same resource were in conflict.",
        ))
    }

    async fn prepare(&self, additions: &[Addition], create: bool) -> Result<Changes, Failure> {
        let mut changes = Changes {
            groups: BTreeMap::new(),
            streams: BTreeMap::new(),
            blocks: Vec::new(),
        };
        let now = self.clock.now().as_millis();
        for addition in additions {
            let group_key = rows::group_key(&addition.group);
            if !changes.groups.contains_key(&group_key) {
                let known = self.read_row(&group_key).await?;
                let record = match &known {
                    Some(row) => decode(row)?,
                    None if create => GroupRecord::new(now),
                    None => return Err(failure::no_group()),
                };
                changes.groups.insert(group_key.clone(), (known, record));
            }
            let group = changes.groups[&group_key].1.id;
            let stream_key = rows::stream_key(group, &addition.stream);
            if !changes.streams.contains_key(&stream_key) {
                let known = self.read_row(&stream_key).await?;
                let record = match &known {
                    Some(row) => decode(row)?,
                    None if create => StreamRecord::new(now),
                    None => return Err(failure::no_stream()),
                };
                changes.streams.insert(stream_key.clone(), (known, record));
            }
            let (_, record) = changes
                .streams
                .get_mut(&stream_key)
                .expect("inserted a moment ago");
            self.add_blocks(addition, group, record, now, &mut changes.blocks);
        }
        Ok(changes)
    }

    fn add_blocks(
        &self,
        addition: &Addition,
        group: u64,
        record: &mut StreamRecord,
        now: i64,
        blocks: &mut Vec<(Address, Bytes, Arc<Arrived>)>,
    ) {
        let mut rest = &addition.lines[..];
        while let Some(first) = rest.first() {
            let second = rows::second_of(first.at);
            let mut size = 0;
            let fits = rest.iter().take(BLOCK_EVENTS_MAX).take_while(|line| {
                size += line.size();
                rows::second_of(line.at) == second && size <= BLOCK_BYTES_MAX
            });
            // An event alone may be larger than a block should be.
            let (these, others) = rest.split_at(fits.count().max(1));
            rest = others;
            let address = Address {
                group,
                second,
                stream: record.id,
                seq: self.next_seq(now),
            };
            let block = Block {
                stream: addition.stream.clone(),
                ingested_at: now,
                events: these.to_vec(),
            };
            record.note(these, now);
            blocks.push((address, rows::encode(&block), Arrived::new(address, block)));
        }
    }

    /// Returns a number that is greater than all before, also those of earlier runs.
    fn next_seq(&self, now: i64) -> u64 {
        let at_least = (now.max(0) as u64) << 20;
        let update = |last: u64| Some((last + 1).max(at_least));
        let last = self
            .seq
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update)
            .unwrap_or_default();
        (last + 1).max(at_least)
    }

    pub(crate) async fn read_row(&self, key: &Key) -> Result<Option<Bytes>, Failure> {
        self.store.get(key).await.map_err(failure::unreadable)
    }

    /// Returns a group with its row.
    pub(crate) async fn group(&self, name: &str) -> Result<(Bytes, GroupRecord), Failure> {
        let row = self.read_row(&rows::group_key(name)).await?;
        let row = row.ok_or_else(failure::no_group)?;
        let record = decode(&row)?;
        Ok((row, record))
    }

    /// Returns a stream with its row.
    pub(crate) async fn stream(
        &self,
        group: u64,
        name: &str,
    ) -> Result<(Bytes, StreamRecord), Failure> {
        let row = self.read_row(&rows::stream_key(group, name)).await?;
        let row = row.ok_or_else(failure::no_stream)?;
        let record = decode(&row)?;
        Ok((row, record))
    }
}

pub(crate) fn decode<'b, T: minicbor::Decode<'b, ()>>(row: &'b [u8]) -> Result<T, Failure> {
    minicbor::decode(row).map_err(|error| failure::damaged(&error))
}

impl Changes {
    fn into_batch(self) -> Batch {
        let mut batch = Batch::default();
        for (key, (known, record)) in self.groups {
            if known.is_none() {
                batch.put.push((key.clone(), rows::encode(&record)));
            }
            // A group that is deleted meanwhile must not get events that nobody clears away.
            batch.expect.push((key, expectation(known)));
        }
        for (key, (known, record)) in self.streams {
            batch.put.push((key.clone(), rows::encode(&record)));
            batch.expect.push((key, expectation(known)));
        }
        for (address, row, _) in self.blocks {
            batch.expect.push((address.key(), Expectation::Absent));
            batch.put.push((address.key(), row));
            batch.put.push((address.index_key(), Bytes::new()));
        }
        batch
    }
}

pub(crate) fn expectation(known: Option<Bytes>) -> Expectation {
    known.map_or(Expectation::Absent, Expectation::Holds)
}

impl GroupRecord {
    pub(crate) fn new(now: i64) -> Self {
        Self {
            id: rand::random(),
            created_at: now,
            retention_days: None,
            class: "STANDARD".to_owned(),
            tags: Vec::new(),
            protected: None,
        }
    }
}

impl StreamRecord {
    pub(crate) fn new(now: i64) -> Self {
        Self {
            id: rand::random(),
            created_at: now,
            first_event: None,
            last_event: None,
            last_ingestion: None,
            stored_bytes: 0,
        }
    }

    /// Takes note of events that came.
    fn note(&mut self, lines: &[Line], now: i64) {
        for line in lines {
            self.first_event = Some(self.first_event.map_or(line.at, |at| at.min(line.at)));
            self.last_event = Some(self.last_event.map_or(line.at, |at| at.max(line.at)));
            self.stored_bytes += line.size() as u64;
        }
        self.last_ingestion = Some(now);
    }
}
