//! The memory store passes the suite that every store passes.

use store::{MemoryStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_conforms() {
    conformance::check(async || MemoryStore::new()).await;
}
