//! Lines: deliveries of which each waits for those before it, as messages of a group do.

use std::collections::{HashMap, VecDeque};

/// Deliveries that are made one after the other.
#[derive(Default)]
pub(crate) struct Lines {
    by_line: HashMap<String, VecDeque<String>>,
    line_of: HashMap<String, String>,
}

impl Lines {
    /// Puts a delivery at the end of a line; says whether it is the first.
    pub(crate) fn join(&mut self, line: String, name: &str) -> bool {
        self.line_of.insert(name.to_owned(), line.clone());
        let line = self.by_line.entry(line).or_default();
        line.push_back(name.to_owned());
        line.len() == 1
    }

    /// Takes a delivery that is over out of its line; returns the one whose turn it is.
    pub(crate) fn leave(&mut self, name: &str) -> Option<String> {
        let line = self.line_of.remove(name)?;
        let waiting = self.by_line.get_mut(&line)?;
        waiting.retain(|waiting| waiting != name);
        let next = waiting.front().cloned();
        if next.is_none() {
            self.by_line.remove(&line);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn each_waits_for_those_before_it() {
        let mut lines = Lines::default();
        let mut join = |line: &str, name: &str| lines.join(line.to_owned(), name);
        assert!(join("x", "1") && !join("x", "2") && !join("x", "3"));
        assert!(join("y", "4"), "lines do not wait for each other");
        assert_eq!(lines.leave("1").as_deref(), Some("2"));
        assert_eq!(lines.leave("1"), None, "it is over once");
        assert_eq!(lines.leave("2").as_deref(), Some("3"));
        assert_eq!(lines.leave("3"), None);
        assert!(lines.join("x".to_owned(), "5"), "an empty line is none");
        assert_eq!(lines.leave("of no line"), None);
    }
}
