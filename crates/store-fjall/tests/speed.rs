//! Figures, not rules: run with `cargo test --release -p store-fjall --test speed -- --ignored --nocapture`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use store::{Batch, Expectation, Key, Range, Space, Store};
use store_fjall::{FjallStore, Options};
use tokio::task::JoinSet;

/// The rows that one step of an execution writes, about: its journal, its row, a task, a timer.
fn step(execution: u64, number: u64, previous: Option<&Bytes>, payload: &Bytes) -> (Batch, Bytes) {
    let id = execution.to_be_bytes();
    let event = [id, number.to_be_bytes()].concat();
    let key = |space, bytes: &[u8]| Key::new(space, Bytes::copy_from_slice(bytes));
    let row = Bytes::copy_from_slice(&event);
    let expected = previous.map_or(Expectation::Absent, |previous| {
        Expectation::Holds(previous.clone())
    });
    let batch = Batch {
        expect: vec![(key(Space::Executions, &id), expected)],
        put: vec![
            (key(Space::Executions, &id), row.clone()),
            (key(Space::Journal, &event), payload.clone()),
            (key(Space::Outbox, &event), payload.slice(..100)),
            (key(Space::Timers, &event), payload.slice(..40)),
            (key(Space::ExecutionListing, &id), payload.slice(..60)),
        ],
        delete: vec![key(
            Space::Outbox,
            &[id, number.wrapping_sub(1).to_be_bytes()].concat(),
        )],
    };
    (batch, row)
}

/// Bytes like JSON: they compress, but not to nothing.
fn payload(length: usize) -> Bytes {
    (0..length)
        .map(|at| br#"{"applicant":"#[at % 13] ^ ((at * at / 7) as u8 & 3))
        .collect()
}

async fn commits_per_second(
    store: &Arc<FjallStore>,
    tasks: u64,
    seconds: f64,
    first: u64,
) -> (f64, Duration) {
    let payload = payload(300);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut set = JoinSet::new();
    for task in 0..tasks {
        let (store, payload) = (store.clone(), payload.clone());
        set.spawn(async move {
            let (mut number, mut previous, mut slowest) = (0, None, Duration::ZERO);
            while Instant::now() < end {
                let begun = Instant::now();
                let (batch, row) = step(first + task, number, previous.as_ref(), &payload);
                store.commit(batch).await.expect("commits");
                previous = Some(row);
                number += 1;
                slowest = slowest.max(begun.elapsed());
            }
            (number, slowest)
        });
    }
    let done = set.join_all().await;
    (
        done.iter().map(|done| done.0).sum::<u64>() as f64 / seconds,
        done.iter().map(|done| done.1).max().unwrap_or_default(),
    )
}

fn status_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with(field))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default()
}

fn open(path: &Path) -> FjallStore {
    FjallStore::open(path, Options::default()).expect("opens")
}

fn directory_mib(path: &Path) -> u64 {
    fn bytes(path: &Path) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let entries = std::fs::read_dir(path).expect("reads").flatten();
        entries
            .map(|entry| {
                if entry.path().is_dir() {
                    bytes(&entry.path())
                } else {
                    entry.metadata().expect("reads").blocks() * 512
                }
            })
            .sum()
    }
    bytes(path) >> 20
}

fn tmp() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn commits() {
    let root = tmp();
    let store = Arc::new(open(root.path()));
    let mut first = 0;
    for tasks in [1, 16, 128, 512] {
        let (rate, slowest) = commits_per_second(&store, tasks, 4.0, first).await;
        println!(
            "{tasks:>4} tasks: {rate:>7.0} batches of 6 rows a second, slowest {slowest:?}, RSS {} MiB",
            status_kib("VmRSS") >> 10
        );
        first += tasks;
    }
    drop(store);
    println!("{} MiB on disk", directory_mib(root.path()));
    let begun = Instant::now();
    let store = Arc::new(open(root.path()));
    println!(
        "opened again in {:?}, RSS {} MiB",
        begun.elapsed(),
        status_kib("VmRSS") >> 10
    );
    let (rate, _) = commits_per_second(&store, 1, 3.0, first).await;
    println!("opened again,   1 task:  {rate:.0} batches a second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn paused_executions() {
    const EXECUTIONS: u64 = 100_000;
    let root = tmp();
    let store = Arc::new(open(root.path()));
    println!("empty: RSS {} MiB", status_kib("VmRSS") >> 10);
    let payload = payload(1_000);
    let begun = Instant::now();
    let mut set = JoinSet::new();
    for task in 0..64 {
        let (store, payload) = (store.clone(), payload.clone());
        set.spawn(async move {
            for execution in (task..EXECUTIONS).step_by(64) {
                let (batch, _) = step(execution, 0, None, &payload);
                store.commit(batch).await.expect("commits");
            }
        });
    }
    set.join_all().await;
    println!(
        "{EXECUTIONS} executions in {:?}: RSS {} MiB, {} MiB on disk",
        begun.elapsed(),
        status_kib("VmRSS") >> 10,
        directory_mib(root.path())
    );
    drop(store);
    println!("closed: RSS {} MiB", status_kib("VmRSS") >> 10);
    let begun = Instant::now();
    let store = open(root.path());
    println!(
        "opened again in {:?}: RSS {} MiB, peak {} MiB",
        begun.elapsed(),
        status_kib("VmRSS") >> 10,
        status_kib("VmHWM") >> 10
    );
    let begun = Instant::now();
    let timers = store
        .scan(&Range::prefix(Space::Timers, b""), usize::MAX)
        .await
        .expect("scans");
    println!("{} timers scanned in {:?}", timers.len(), begun.elapsed());
    let begun = Instant::now();
    for execution in (0..EXECUTIONS).step_by(7) {
        let key = Key::new(Space::Executions, execution.to_be_bytes().to_vec());
        assert!(store.get(&key).await.expect("reads").is_some());
    }
    println!(
        "{} gets in {:?}; RSS {} MiB",
        EXECUTIONS / 7 + 1,
        begun.elapsed(),
        status_kib("VmRSS") >> 10
    );
}

#[test]
#[ignore = "prints figures"]
fn openings() {
    for _ in 0..3 {
        let root = tmp();
        for what in ["made", "opened", "opened"] {
            let begun = Instant::now();
            let store = open(root.path());
            let after_open = begun.elapsed();
            drop(store);
            println!(
                "{what} in {after_open:?}, closed in {:?}",
                begun.elapsed() - after_open
            );
        }
    }
}
