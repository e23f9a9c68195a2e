//! How much an event takes where it is written: what bounds how many of them are kept.

use std::convert::Infallible;

use minicbor::encode::Write;

use super::Recorded;

/// Counts bytes instead of writing them.
struct Counted(usize);

impl Write for Counted {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len();
        Ok(())
    }
}

impl Recorded {
    /// Returns how many bytes the event has in a journal. Nothing is copied for it.
    pub fn journal_bytes(&self) -> usize {
        let mut counted = Counted(0);
        minicbor::encode(self, &mut counted).expect("counting does not fail");
        counted.0
    }
}

#[cfg(test)]
mod tests {
    use vocab::Timestamp;

    use crate::event::{Event, Recorded};
    use crate::ids::{EventId, FrameId};
    use crate::payload::Payload;

    #[test]
    fn what_is_counted_is_what_is_written() {
        let output = Payload::parse(&format!("\"{}\"", "x".repeat(70_000))).expect("JSON");
        for event in [
            Event::ExecutionTimedOut,
            Event::ParallelStarted {
                frame: FrameId(EventId(300)),
                branches: 7,
            },
            Event::ExecutionSucceeded { output },
        ] {
            let recorded = Recorded {
                previous: EventId(70_000),
                at: Timestamp::from_millis(1_700_000_000_000),
                event,
            };
            let written = minicbor::to_vec(&recorded).expect("writes");
            assert_eq!(recorded.journal_bytes(), written.len());
        }
    }
}
