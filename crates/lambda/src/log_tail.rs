//! The end of an invocation's log, which the caller may ask for.

use std::collections::VecDeque;

/// The last 4 KiB that an invocation wrote, as `LogType: Tail` asks for.
#[derive(Debug, Default)]
pub struct LogTail(VecDeque<u8>);

impl LogTail {
    const BYTES_MAX: usize = 4096;

    /// Adds one line.
    pub fn push(&mut self, line: &str) {
        self.0.extend(line.as_bytes());
        self.0.push_back(b'\n');
        let excess = self.0.len().saturating_sub(Self::BYTES_MAX);
        self.0.drain(..excess);
    }

    /// Returns the bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::LogTail;

    #[test]
    fn a_tail_keeps_the_end() {
        let mut tail = LogTail::default();
        for number in 0..2000 {
            tail.push(&number.to_string());
        }
        let bytes = tail.into_bytes();
        assert_eq!(bytes.len(), LogTail::BYTES_MAX);
        assert!(bytes.ends_with(b"1998\n1999\n"));
    }
}
