//! What is removed behind everybody's back: messages that are too old, ids that are to be forgotten, and
//! what deleted queues left behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use store::{Batch, Key, Range, Space, StoreError};

use crate::{Core, Queue, rows};

/// Rows that are removed in one commit.
const REMOVED_MAX: usize = 500;
/// How often is looked.
const PAUSE: Duration = Duration::from_secs(30);

pub(crate) async fn run(core: Arc<Core>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = once(&core).await {
            tracing::error!(%error, "old messages could not be removed");
        }
    }
}

pub(crate) async fn once(core: &Core) -> Result<(), StoreError> {
    for queue in core.queues() {
        let now = core.now();
        let oldest = now - queue.current().1.retention_seconds * 1000;
        loop {
            let old = {
                let mut book = queue.book.lock();
                let old = book.sent_before(oldest, REMOVED_MAX);
                old.iter().for_each(|seq| drop(book.remove(*seq)));
                old
            };
            if old.is_empty() {
                break;
            }
            remove(core, &queue, &old).await?;
        }
        forget(core, &queue, now).await?;
    }
    Ok(())
}

/// Removes the rows of messages that are in the book no more.
pub(crate) async fn remove(core: &Core, queue: &Queue, seqs: &[u64]) -> Result<(), StoreError> {
    for seqs in seqs.chunks(REMOVED_MAX) {
        let keys = seqs.iter().flat_map(|seq| {
            let number = queue.number;
            [
                rows::index_key(number, *seq),
                rows::message_key(number, *seq),
            ]
        });
        let batch = Batch {
            delete: keys.collect(),
            ..Batch::default()
        };
        core.store.commit(batch).await?;
    }
    Ok(())
}

async fn forget(core: &Core, queue: &Queue, now: i64) -> Result<(), StoreError> {
    let over: Vec<(String, String)> = {
        let remembered = queue.remembered.lock();
        let over = remembered.iter().filter(|(_, row)| row.until <= now);
        over.map(|(name, _)| name.clone()).collect()
    };
    for over in over.chunks(REMOVED_MAX) {
        // Nobody may remember one of them again while its row goes.
        let _order = queue.sending.lock().await;
        let over: Vec<_> = {
            let mut remembered = queue.remembered.lock();
            let mut gone = |name: &&(String, String)| {
                let over = remembered.get(*name).is_some_and(|row| row.until <= now);
                over && remembered.remove(*name).is_some()
            };
            over.iter().filter(|name| gone(name)).collect()
        };
        let keys = over
            .iter()
            .map(|(scope, id)| rows::remembered_key(queue.number, scope, id));
        let batch = Batch {
            delete: keys.collect(),
            ..Batch::default()
        };
        core.store.commit(batch).await?;
    }
    Ok(())
}

/// Removes everything of a queue but its row.
pub(crate) async fn clear(core: &Core, number: u64) -> Result<(), StoreError> {
    let prefix = number.to_be_bytes();
    let ranges = [
        Range::prefix(Space::QueueIndex, &prefix),
        Range::prefix(Space::Messages, &prefix),
        Range::prefix(Space::Queues, &rows::remembered_prefix(number)),
        Range::prefix(Space::Queues, &rows::moves_prefix(number)),
    ];
    for range in ranges {
        loop {
            let page = core.store.scan(&range, REMOVED_MAX).await?;
            if page.is_empty() {
                break;
            }
            let keys = page.into_iter().map(|(key, _)| Key::new(range.space, key));
            let batch = Batch {
                delete: keys.collect(),
                ..Batch::default()
            };
            core.store.commit(batch).await?;
        }
    }
    Ok(())
}

/// Removes what queues left behind whose deletion was cut off.
pub(crate) async fn orphans(core: &Core) -> Result<(), StoreError> {
    let known: BTreeSet<u64> = core.queues().iter().map(|queue| queue.number).collect();
    let mut left_over = BTreeSet::new();
    for (space, before) in [
        (Space::QueueIndex, &b""[..]),
        (Space::Messages, b""),
        (Space::Queues, b"d"),
        (Space::Queues, b"m"),
    ] {
        let mut range = Range::prefix(space, before);
        // From one queue to the next: how many messages they have does not matter.
        while let Some((key, _)) = core.store.scan(&range, 1).await?.into_iter().next() {
            let number = key.get(before.len()..before.len() + 8);
            let Some(number) = number.and_then(|number| number.try_into().ok()) else {
                break;
            };
            let number = u64::from_be_bytes(number);
            if !known.contains(&number) {
                left_over.insert(number);
            }
            let next = [before, &number.saturating_add(1).to_be_bytes()[..]].concat();
            range.start = next.into();
        }
    }
    for number in left_over {
        clear(core, number).await?;
    }
    Ok(())
}
