//! The embedded store passes the suite that every store passes.

use std::sync::atomic::{AtomicU32, Ordering};

use store::conformance;
use store_fjall::{FjallStore, Options};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_embedded_store_conforms() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let opened = AtomicU32::new(0);
    let open = async || {
        let directory = root
            .path()
            .join(opened.fetch_add(1, Ordering::Relaxed).to_string());
        FjallStore::open(directory, Options::default()).expect("an empty directory opens")
    };
    conformance::check(open).await;
}

/// Once with everything in the journal, once with tables written all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_committed_is_there_after_opening_again() {
    for unflushed_bytes in [Options::default().unflushed_bytes, 20_000] {
        let root = tempfile::tempdir().expect("a temporary directory");
        let options = Options {
            unflushed_bytes,
            ..Options::default()
        };
        conformance::check_durable(async || {
            FjallStore::open(root.path(), options.clone()).expect("what was closed opens again")
        })
        .await;
    }
}
