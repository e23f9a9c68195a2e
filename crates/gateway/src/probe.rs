//! What anybody who reaches the server may ask without a key: whether it lives, whether it is ready,
//! what it counts. A page shows names and numbers, never data of a caller, and changes nothing that a
//! caller can see.

use async_trait::async_trait;
use bytes::Bytes;

/// One page, asked with GET.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Its path: `/metrics`.
    fn path(&self) -> &'static str;

    /// Returns the page as it is now.
    async fn answer(&self) -> ProbeAnswer;
}

/// A page as it is shown.
#[derive(Clone, Debug)]
pub struct ProbeAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Of what kind the text is.
    pub content_type: &'static str,
    /// The text.
    pub body: Bytes,
}
