//! Bytes as choices: what has run out chooses the first, so that a shorter input is a simpler case.

/// The bytes that are left.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Takes all of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Says whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next byte; 0 when none is left.
    pub fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// Returns a number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u8) -> u8 {
        self.next() % bound.max(1)
    }

    /// Says yes once in `many` times.
    pub fn one_in(&mut self, many: u8) -> bool {
        self.below(many) == many - 1
    }

    /// Returns one of `choices`, which are not empty.
    pub fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        let index = usize::from(self.next()) % choices.len();
        &choices[index]
    }
}

/// Splits a text at its first line break: an expression, and the JSON that it is evaluated over.
pub fn halves(bytes: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(text.split_once('\n').unwrap_or((text, "{}")))
}
