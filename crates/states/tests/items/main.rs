//! What a Distributed Map reads and writes, against buckets in memory that behave as S3 does.

#![allow(
    clippy::result_large_err,
    reason = "a failure is made once for a call that is refused"
)]

mod buckets;
mod reading;
mod writing;

use std::sync::Arc;

use buckets::Buckets;
use service::Principal;

fn principal() -> Principal {
    Principal::Root {
        account: Arc::from("111111111111"),
    }
}

/// Runs `work` to its end.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(work)
}
