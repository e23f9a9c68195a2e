//! What many callers see at once: one winner, no lost update, whole batches.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{commit, expecting, get, key, put, scan};
use crate::{Batch, Expectation, Range, Space, Store, StoreError};

const TASKS: u8 = 32;

pub(super) async fn one_winner<S: Store>(store: Arc<S>) {
    for round in 0..20 {
        let row = key(Space::ExecutionNames, [round]);
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (store, row) = (store.clone(), row.clone());
            tasks.spawn(async move {
                let mut batch = expecting(put(&row, [task]), &row, Expectation::Absent);
                batch
                    .put
                    .push((key(Space::Executions, [round, task]), Bytes::new()));
                match store.commit(batch).await {
                    Ok(()) => Some(task),
                    Err(StoreError::Conflict { .. }) => None,
                    Err(error) => panic!("a healthy store says Ok or Conflict, not {error}"),
                }
            });
        }
        let winners: Vec<u8> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(
            winners.len(),
            1,
            "round {round}: exactly one of {TASKS} commits finds the key absent"
        );
        assert_eq!(
            get(&*store, &row).await.as_deref(),
            Some(&winners[..]),
            "the winner's value is there"
        );
        let rows = scan(&*store, &Range::prefix(Space::Executions, &[round]), 100).await;
        assert_eq!(rows.len(), 1, "the losers wrote nothing");
        assert_eq!(rows[0].0[..], [round, winners[0]]);
    }
}

/// Many tasks count in the same row, each trying again after a conflict.
pub(super) async fn no_lost_update<S: Store>(store: Arc<S>) {
    const INCREMENTS: u64 = 8;
    let row = key(Space::Meta, b"counter");
    commit(&*store, put(&row, 0u64.to_be_bytes())).await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (store, row) = (store.clone(), row.clone());
        tasks.spawn(async move {
            for _ in 0..INCREMENTS {
                increment(&*store, &row).await;
            }
        });
    }
    tasks.join_all().await;
    let total = get(&*store, &row).await.expect("the counter was put");
    assert_eq!(
        total[..],
        (u64::from(TASKS) * INCREMENTS).to_be_bytes(),
        "every increment counts once"
    );
}

async fn increment(store: &impl Store, row: &crate::Key) {
    loop {
        let old = get(store, row).await.expect("the counter was put");
        let count = u64::from_be_bytes(old[..].try_into().expect("the counter has eight bytes"));
        let batch = expecting(
            put(row, (count + 1).to_be_bytes()),
            row,
            Expectation::Holds(old),
        );
        match store.commit(batch).await {
            Ok(()) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("a healthy store says Ok or Conflict, not {error}"),
        }
    }
}

pub(super) async fn scans_see_whole_batches<S: Store>(store: Arc<S>) {
    const ROWS: u8 = 10;
    let batch = |value: u64| {
        let rows = (0..ROWS).map(|row| {
            (
                key(Space::Stacks, [row]),
                Bytes::copy_from_slice(&value.to_be_bytes()),
            )
        });
        Batch {
            put: rows.collect(),
            ..Batch::default()
        }
    };
    commit(&*store, batch(0)).await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for value in 1..200 {
                commit(&*store, batch(value)).await;
            }
        }
    });
    let mut last = 0;
    while !writer.is_finished() {
        let rows = scan(&*store, &Range::prefix(Space::Stacks, b""), usize::MAX).await;
        assert_eq!(rows.len(), usize::from(ROWS));
        assert!(
            rows.iter().all(|row| row.1 == rows[0].1),
            "a scan saw half a batch: {rows:?}"
        );
        let value = u64::from_be_bytes(rows[0].1[..].try_into().expect("eight bytes were put"));
        assert!(
            value >= last,
            "a later scan saw an earlier state: {value} after {last}"
        );
        last = value;
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer does not fail");
    let value = get(&*store, &key(Space::Stacks, [0]))
        .await
        .expect("the row was put");
    assert_eq!(value[..], 199u64.to_be_bytes());
}

/// A future that is dropped may or may not have committed, but whole, and the store works on.
pub(super) async fn dropped_futures<S: Store>(store: Arc<S>) {
    const ROUNDS: u64 = 100;
    let halves =
        |round: u64| [Space::Journal, Space::Outbox].map(|space| key(space, round.to_be_bytes()));
    for round in 0..ROUNDS {
        let [left, right] = halves(round);
        let mut batch = put(&left, b"half");
        batch.put.push((right, Bytes::from("half")));
        let mut pending = tokio::spawn({
            let store = store.clone();
            async move { store.commit(batch).await }
        });
        for _ in 0..round % 4 {
            tokio::task::yield_now().await;
        }
        let polled = poll_once(&mut pending).await;
        if polled.is_none() {
            pending.abort();
        }
    }
    let barrier = key(Space::Meta, b"behind all others");
    commit(&*store, put(&barrier, b"")).await;
    for round in 0..ROUNDS {
        let [left, right] = halves(round);
        let (left, right) = (get(&*store, &left).await, get(&*store, &right).await);
        assert_eq!(
            left, right,
            "round {round}: a dropped commit left half a batch"
        );
    }
}

/// Polls `future` once and returns what it gave, if it was ready.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
