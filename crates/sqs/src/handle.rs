//! Receipt handles: which message of which queue, and which receive of it. They say all of it themselves,
//! so they are good as long as the message is there, whoever runs the server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service::Failure;
use sha2::{Digest, Sha256};

use crate::failure::bad_handle;

/// What a handle says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Handle {
    pub queue: u64,
    pub seq: u64,
    pub receipt: u64,
}

/// Bytes that tell a handle from other text of the same length.
const CHECK_BYTES: usize = 8;

impl Handle {
    pub(crate) fn write(self) -> String {
        let mut bytes = self.bytes();
        bytes.extend_from_slice(&check(&bytes));
        STANDARD.encode(bytes)
    }

    /// Reads a handle of the queue `queue`.
    pub(crate) fn read(text: &str, queue: u64) -> Result<Self, Failure> {
        let bytes = STANDARD.decode(text).unwrap_or_default();
        let number = |at: usize| {
            let eight = bytes.get(at..at + 8)?.try_into().ok()?;
            Some(u64::from_be_bytes(eight))
        };
        let read = || {
            let handle = Self {
                queue: number(0)?,
                seq: number(8)?,
                receipt: number(16)?,
            };
            let whole = bytes.len() == 24 + CHECK_BYTES && bytes[24..] == check(&bytes[..24]);
            (whole && handle.queue == queue).then_some(handle)
        };
        read().ok_or_else(|| bad_handle(text))
    }

    fn bytes(self) -> Vec<u8> {
        [
            self.queue.to_be_bytes(),
            self.seq.to_be_bytes(),
            self.receipt.to_be_bytes(),
        ]
        .concat()
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::digest(bytes);
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&digest[..CHECK_BYTES]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_as_they_were_written() {
        let handle = Handle {
            queue: 1,
            seq: 2,
            receipt: 3,
        };
        let text = handle.write();
        assert_eq!(Handle::read(&text, 1).expect("a handle"), handle);
        for (text, queue) in [(text.as_str(), 2), ("", 1), ("AAAA", 1), (&text[1..], 1)] {
            assert!(Handle::read(text, queue).is_err(), "{text} {queue}");
        }
    }
}
