//! A server that is killed: everything it acknowledged is there, and every batch is whole.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use store::{Batch, Key, Range, Space, Store, StoreError};
use store_fjall::{FjallStore, Options};

/// Set for the child: where its store is.
const DIRECTORY: &str = "STEPD_TEST_CRASH_DIRECTORY";
const ROUNDS: u64 = 10;
const TASKS: u64 = 16;
const SPACES: [Space; 3] = [Space::Journal, Space::Outbox, Space::Timers];

fn options() -> Options {
    // Small enough that tables are written, and journals synced, all the time.
    Options {
        unflushed_bytes: 2_000_000,
        ..Options::default()
    }
}

fn open(directory: &Path) -> FjallStore {
    FjallStore::open(directory, options()).expect("what a killed server left opens")
}

/// The batch with `number`: the same row in three spaces.
fn numbered(number: u64) -> Batch {
    let value = Bytes::from(vec![number as u8; 64 + number as usize % 900]);
    let row = |space| {
        (
            Key::new(space, number.to_be_bytes().to_vec()),
            value.clone(),
        )
    };
    Batch {
        put: SPACES.map(row).to_vec(),
        ..Batch::default()
    }
}

/// The child: commits numbered batches from many tasks, says each number once it is acknowledged,
/// and never ends by itself.
fn commit_until_killed(directory: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = std::sync::Arc::new(open(directory));
        let rows = store
            .scan(&Range::prefix(Space::Journal, b"").reversed(), 1)
            .await
            .expect("scans");
        let last = rows.first().map_or(0, |(key, _)| {
            u64::from_be_bytes(key[..].try_into().expect("a number"))
        });
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let store = store.clone();
            tasks.spawn(async move {
                for number in (last + 1 + task..).step_by(TASKS as usize) {
                    store.commit(numbered(number)).await.expect("commits");
                    println!("acknowledged {number}");
                }
            });
        }
        tasks.join_all().await;
    });
}

/// Starts the child, kills it after it acknowledged `enough` batches, and returns what it said.
fn run_and_kill(directory: &Path, enough: usize) -> Vec<u64> {
    let program = std::env::current_exe().expect("the test's own program");
    let mut child = Command::new(program)
        .args(["a_killed_server_loses_nothing", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut lines =
        BufReader::new(child.stdout.take().expect("the child's output is piped")).lines();
    // The harness writes the name of the test without a line end: a line may begin with it.
    let number = |line: &str| -> Option<u64> {
        line.split_once("acknowledged ")
            .and_then(|(_, number)| number.parse().ok())
    };
    let mut acknowledged = Vec::new();
    while acknowledged.len() < enough {
        let line = lines
            .next()
            .expect("the child does not end by itself")
            .expect("the child writes text");
        acknowledged.extend(number(&line));
    }
    let second = FjallStore::open(directory, options()).err();
    assert!(
        matches!(second, Some(StoreError::InUse { .. })),
        "a second server was let in: {second:?}"
    );
    // On unix this is kill -9.
    child.kill().expect("the child is killed");
    // What it said before it died counts; the last line may be cut off.
    let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
    rest.pop();
    acknowledged.extend(rest.iter().filter_map(|line| number(line)));
    child.wait().expect("the child ended");
    acknowledged
}

#[test]
fn a_killed_server_loses_nothing() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return commit_until_killed(Path::new(&directory));
    }
    let root = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let moment = std::collections::hash_map::RandomState::new();
        let moment = std::hash::BuildHasher::hash_one(&moment, round) as usize % 1_500;
        acknowledged.extend(run_and_kill(root.path(), moment));
        let store = open(root.path());
        let context = format!("round {round}, killed after {moment}");
        runtime.block_on(check(&store, &acknowledged, &context));
    }
    assert!(
        acknowledged.len() as u64 > ROUNDS,
        "the children acknowledged something"
    );
}

async fn check(store: &FjallStore, acknowledged: &[u64], context: &str) {
    let mut spaces = Vec::new();
    for space in SPACES {
        spaces.push(
            store
                .scan(&Range::prefix(space, b""), usize::MAX)
                .await
                .expect("scans"),
        );
    }
    assert!(
        spaces.iter().all(|rows| *rows == spaces[0]),
        "{context}: a batch is there in part"
    );
    for number in acknowledged {
        let key = number.to_be_bytes();
        let Ok(at) = spaces[0].binary_search_by(|row| row.0[..].cmp(&key)) else {
            panic!("{context}: batch {number} was acknowledged and is gone");
        };
        assert_eq!(
            spaces[0][at].1,
            numbered(*number).put[0].1,
            "{context}: the value of batch {number}"
        );
    }
}
