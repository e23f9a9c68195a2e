//! Where an event stands among all events: what `eventId` says, and tokens are made of.
//!
//! As on AWS the number of 56 digits begins with the event's time (its milliseconds times 2^144), so
//! that ids sort as events do. Behind it are the block's number and the place in the block.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where an event stands. The order is that of reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The event's time, in milliseconds; below 2^42.
    pub at: u64,
    /// The number of its block.
    pub seq: u64,
    /// Its place in the block.
    pub index: u16,
}

/// The last moment that an id can name, in the year 2109.
const AT_MAX: i64 = (1 << 42) - 1;

/// Digits of an id.
const DIGITS: usize = 56;

impl Position {
    /// Returns the place before all events of a moment.
    pub fn before(millis: i64) -> Self {
        Self {
            at: millis.clamp(0, AT_MAX) as u64,
            seq: 0,
            index: 0,
        }
    }

    /// Returns the next place.
    pub fn next(self) -> Self {
        match self.index.checked_add(1) {
            Some(index) => Self { index, ..self },
            None => Self {
                seq: self.seq.saturating_add(1),
                index: 0,
                ..self
            },
        }
    }

    /// Returns the position as a number of four limbs, the highest first.
    fn limbs(self) -> [u64; 4] {
        // at · 2^144 + seq · 2^80 + index · 2^64
        let high = (self.at << 16) | (self.seq >> 48);
        let low = (self.seq << 16) | u64::from(self.index);
        [0, high, low, 0]
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut limbs = [0_u64; 4];
        for digit in text.bytes() {
            let mut carry = u128::from(digit - b'0');
            for limb in limbs.iter_mut().rev() {
                let value = u128::from(*limb) * 10 + carry;
                *limb = value as u64;
                carry = value >> 64;
            }
        }
        let [0, high, low, _] = limbs else {
            return None;
        };
        Some(Self {
            at: high >> 16,
            seq: ((high & 0xffff) << 48) | (low >> 16),
            index: (low & 0xffff) as u16,
        })
    }

    /// Returns a token of which only we know what it says.
    pub fn seal(self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_string())
    }

    /// Reads such a token.
    pub fn unseal(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        Self::parse(std::str::from_utf8(&bytes).ok()?)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = self.limbs();
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            let mut rest = 0_u128;
            for limb in &mut limbs {
                let value = (rest << 64) | u128::from(*limb);
                *limb = (value / 10) as u64;
                rest = value % 10;
            }
            *digit = b'0' + rest as u8;
        }
        f.write_str(std::str::from_utf8(&digits).expect("digits are ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn ids_are_read_back_and_sort_as_positions_do() {
        let position = |at, seq, index| Position { at, seq, index };
        let ordered = [
            position(0, 0, 0),
            position(0, 1, 0),
            position(1_396_035_378_988, 0, 7),
            position(1_396_035_378_988, 1, 0),
            position(1_396_035_378_988, u64::MAX - 1, u16::MAX),
            position(1_396_035_378_989, 0, 0),
            position((1 << 42) - 1, u64::MAX - 1, u16::MAX),
        ];
        for pair in ordered.windows(2) {
            assert!(pair[0].to_string() < pair[1].to_string(), "{pair:?}");
        }
        for one in ordered {
            assert_eq!(Position::parse(&one.to_string()), Some(one));
            assert_eq!(Position::unseal(&one.seal()), Some(one));
            assert!(one.next() > one);
        }
    }

    #[test]
    fn an_id_begins_as_one_of_aws_does() {
        // The documentation's example: the event of 1396035378988 has the id 31132629274945519779….
        let id = Position::before(1_396_035_378_988).to_string();
        assert_eq!(&id[..14], "31132629274945");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "1", "x", &"0".repeat(57)] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
        assert_eq!(Position::unseal("!"), None);
    }
}
