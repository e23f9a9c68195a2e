//! A real server on port 0 and the real AWS command line, for tests.
//!
//! [`Server`] starts the `stepd` binary in a directory of its own, kills it, starts it again; a test
//! that ends takes its server with it. [`Aws`] runs the AWS command line against it. Waiting is
//! [`until`]: a condition and a deadline, never a bare sleep.

#![forbid(unsafe_code)]

mod aws;
mod binary;
pub mod client;
mod page;
mod roles;
mod sam;
mod server;

pub use aws::{Answer, Aws, Refusal};
pub use binary::{stepd, tools};
pub use page::{Page, seed};
pub use sam::Sam;
pub use server::{ACCOUNT, Options, Server};

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a condition may take before a test gives up: generous, because it costs nothing when
/// all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Polls `condition` until it yields a value; fails with `what` when [`PATIENCE`] is over.
pub fn until<T>(
    what: &str,
    mut condition: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            anyhow::bail!("waited {} s in vain: {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Returns the repository's root.
pub fn repository() -> PathBuf {
    let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    crate_folder
        .ancestors()
        .nth(2)
        .expect("the crate lies two levels below the root")
        .to_owned()
}
