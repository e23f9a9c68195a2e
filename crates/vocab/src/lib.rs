//! The words that every crate uses: ARNs, accounts, timestamps, entropy, limits.
//!
//! Deliberately not here: a clock, randomness, I/O. A [`Timestamp`] is told, never asked for.

#![forbid(unsafe_code)]

pub mod arn;
pub mod entropy;
pub mod limits;
pub mod timestamp;

pub use arn::Arn;
pub use entropy::Entropy;
pub use timestamp::Timestamp;
