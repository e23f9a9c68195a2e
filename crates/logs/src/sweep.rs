//! Clears away: events whose time is over, and what deleted groups and streams left behind.
//!
//! A deletion leaves a row behind that names what is to be removed, so that a crash does not leave
//! events that nobody can find. Nothing here is seen by callers: reads leave out what is too old.

use std::sync::Arc;
use std::time::Duration;

use service::Failure;
use store::{Batch, Key, Range, Space};

use crate::append::decode;
use crate::rows::{self, Address, Block, GroupRecord, StreamRecord};
use crate::{Core, failure};

/// How often it is looked for events whose time is over.
const INTERVAL: Duration = Duration::from_secs(600);
/// How many rows are removed at once.
const ROWS_AT_ONCE: usize = 512;
/// How many blocks are read at once to be removed.
const BLOCKS_AT_ONCE: usize = 32;

/// Clears away from time to time, for ever.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(failure) = once(&core).await {
            tracing::warn!(%failure, "old log events could not be removed");
        }
    }
}

/// Removes what a deletion left behind, in the background. If the server ends first, the next does it.
pub(crate) fn soon(core: &Arc<Core>) {
    let core = Arc::clone(core);
    tokio::spawn(async move {
        if let Err(failure) = purge(&core).await {
            tracing::warn!(%failure, "deleted log events could not be removed yet");
        }
    });
}

/// Clears everything away that is due.
pub(crate) async fn once(core: &Core) -> Result<(), Failure> {
    purge(core).await?;
    let now = core.clock.now().as_millis();
    let mut range = rows::groups_from("");
    loop {
        let groups = scan(core, &range, ROWS_AT_ONCE).await?;
        for (_, row) in &groups {
            let record: GroupRecord = decode(row)?;
            expire(core, record.id, record.kept_since(now)).await?;
        }
        match groups.last() {
            Some((key, _)) if groups.len() == ROWS_AT_ONCE => {
                range.start = [&key[..], &[0]].concat().into();
            }
            Some(_) | None => return Ok(()),
        }
    }
}

/// Removes a group's blocks of seconds that are over before `kept_since`.
async fn expire(core: &Core, group: u64, kept_since: i64) -> Result<(), Failure> {
    let range = rows::blocks_of_group(group, 0, Some(rows::second_of(kept_since)));
    loop {
        let blocks = scan(core, &range, BLOCKS_AT_ONCE).await?;
        if blocks.is_empty() {
            return Ok(());
        }
        for (key, row) in blocks {
            let Some(address) = Address::of_key(&key) else {
                continue;
            };
            remove(core, address, &decode(&row)?).await?;
        }
    }
}

/// Removes one block, and what it counted for in its stream.
async fn remove(core: &Core, address: Address, block: &Block) -> Result<(), Failure> {
    let size: usize = block.events.iter().map(rows::Line::size).sum();
    let key = rows::stream_key(address.group, &block.stream);
    loop {
        let mut batch = Batch {
            delete: vec![address.key(), address.index_key()],
            ..Batch::default()
        };
        if let Some(row) = core.read_row(&key).await? {
            let mut record: StreamRecord = decode(&row)?;
            // The name may be another stream's by now.
            if record.id == address.stream {
                record.stored_bytes = record.stored_bytes.saturating_sub(size as u64);
                batch.put.push((key.clone(), rows::encode(&record)));
                batch
                    .expect
                    .push((key.clone(), store::Expectation::Holds(row)));
            }
        }
        match core.store.commit(batch).await {
            Ok(()) => return Ok(()),
            Err(store::StoreError::Conflict { .. }) => {}
            Err(error) => return Err(failure::unreadable(error)),
        }
    }
}

/// Removes what deleted groups and streams left behind.
async fn purge(core: &Core) -> Result<(), Failure> {
    loop {
        let purges = scan(core, &rows::purges(), ROWS_AT_ONCE).await?;
        if purges.is_empty() {
            return Ok(());
        }
        for (key, _) in purges {
            if let Some((group, stream)) = rows::purge_of_key(&key) {
                remove_all(core, group, stream).await?;
            }
            let done = Batch {
                delete: vec![Key::new(Space::LogGroups, key)],
                ..Batch::default()
            };
            core.store.commit(done).await.map_err(failure::unreadable)?;
        }
    }
}

async fn remove_all(core: &Core, group: u64, stream: Option<u64>) -> Result<(), Failure> {
    let ways = rows::ways(group, stream);
    loop {
        let rows = scan(core, &ways, ROWS_AT_ONCE).await?;
        if rows.is_empty() {
            break;
        }
        let addresses = rows.iter().filter_map(|(key, _)| Address::of_key(key));
        let delete = addresses
            .flat_map(|address| [address.key(), address.index_key()])
            .collect();
        commit_deletions(core, delete).await?;
    }
    if stream.is_some() {
        return Ok(());
    }
    loop {
        let streams = scan(core, &rows::streams_from(group, ""), ROWS_AT_ONCE).await?;
        if streams.is_empty() {
            return Ok(());
        }
        let keys = streams.into_iter();
        let delete = keys.map(|(key, _)| Key::new(Space::LogGroups, key));
        commit_deletions(core, delete.collect()).await?;
    }
}

async fn commit_deletions(core: &Core, delete: Vec<Key>) -> Result<(), Failure> {
    let batch = Batch {
        delete,
        ..Batch::default()
    };
    core.store.commit(batch).await.map_err(failure::unreadable)
}

async fn scan(
    core: &Core,
    range: &Range,
    limit: usize,
) -> Result<Vec<(bytes::Bytes, bytes::Bytes)>, Failure> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let rows = core.store.scan(range, limit).await;
    rows.map_err(failure::unreadable)
}
