//! Which messages a queue has and when each is seen: kept in memory beside the rows, so that to receive
//! is a look and not a search. Nothing here waits or fails; the rows are written by who changes the book.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A message's place in its queue. Moments are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub sent_at: i64,
    /// From when on it may be received.
    pub visible_at: i64,
    /// How often it was received, in all queues in which it has been.
    pub received: u32,
    pub first_received_at: i64,
    /// Part of the handle of the last receive.
    pub receipt: u64,
    /// The message's group, where order is kept within groups.
    pub group: Option<Arc<str>>,
}

impl Entry {
    /// Says whether somebody has received it and may still be at work.
    pub(crate) fn in_flight(&self, now: i64) -> bool {
        self.received > 0 && self.receipt != 0 && self.visible_at > now
    }
}

/// A group of a FIFO queue.
#[derive(Default)]
struct Group {
    waiting: BTreeSet<u64>,
    /// Those that were received and are not deleted; some may be seen again by now.
    taken: BTreeSet<u64>,
}

/// How many messages a queue has.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub visible: usize,
    pub in_flight: usize,
    pub delayed: usize,
}

/// The messages of one queue.
#[derive(Default)]
pub(crate) struct Book {
    fifo: bool,
    entries: BTreeMap<u64, Entry>,
    /// All messages by the moment from which on they are seen.
    due: BTreeSet<(i64, u64)>,
    groups: HashMap<Arc<str>, Group>,
    /// Groups by their first message.
    heads: BTreeSet<(u64, Arc<str>)>,
}

impl Book {
    pub(crate) fn new(fifo: bool) -> Self {
        Self {
            fifo,
            ..Self::default()
        }
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Entry> {
        self.entries.get(&seq)
    }

    /// Puts a message into its place, or into another place.
    pub(crate) fn put(&mut self, seq: u64, entry: Entry) {
        if let Some(before) = self.entries.remove(&seq) {
            self.due.remove(&(before.visible_at, seq));
        }
        self.due.insert((entry.visible_at, seq));
        if self.fifo {
            let name = entry.group.clone().unwrap_or_else(|| "".into());
            let group = self.groups.entry(name.clone()).or_default();
            if let Some(head) = group.waiting.first() {
                self.heads.remove(&(*head, name.clone()));
            }
            group.waiting.insert(seq);
            if entry.receipt != 0 {
                group.taken.insert(seq);
            }
            if let Some(head) = group.waiting.first() {
                self.heads.insert((*head, name));
            }
        }
        self.entries.insert(seq, entry);
    }

    pub(crate) fn remove(&mut self, seq: u64) -> Option<Entry> {
        let entry = self.entries.remove(&seq)?;
        self.due.remove(&(entry.visible_at, seq));
        if self.fifo {
            let name = entry.group.clone().unwrap_or_else(|| "".into());
            if let Some(group) = self.groups.get_mut(&name) {
                if let Some(head) = group.waiting.first() {
                    self.heads.remove(&(*head, name.clone()));
                }
                group.waiting.remove(&seq);
                group.taken.remove(&seq);
                match group.waiting.first() {
                    Some(head) => {
                        self.heads.insert((*head, name));
                    }
                    None => {
                        self.groups.remove(&name);
                    }
                }
            }
        }
        Some(entry)
    }

    /// Returns up to `most` messages that may be received now, in the order in which they are.
    pub(crate) fn receivable(&self, now: i64, most: usize) -> Vec<u64> {
        if !self.fifo {
            let seen = self.due.range(..=(now, u64::MAX));
            return seen.take(most).map(|(_, seq)| *seq).collect();
        }
        let mut found = Vec::new();
        for (_, name) in &self.heads {
            let Some(group) = self.groups.get(name) else {
                continue;
            };
            let entry = |seq: &u64| self.entries.get(seq);
            if group
                .taken
                .iter()
                .filter_map(entry)
                .any(|entry| entry.in_flight(now))
            {
                continue;
            }
            let seen = group
                .waiting
                .iter()
                .take_while(|seq| entry(seq).is_some_and(|entry| entry.visible_at <= now));
            found.extend(seen.take(most - found.len()));
            if found.len() >= most {
                break;
            }
        }
        found
    }

    /// Returns the next moment at which more may be seen than now.
    pub(crate) fn next_due(&self, now: i64) -> Option<i64> {
        let later = self.due.range((now + 1, 0)..).next();
        later.map(|(at, _)| *at)
    }

    /// Returns up to `most` messages that were sent before `moment`.
    pub(crate) fn sent_before(&self, moment: i64, most: usize) -> Vec<u64> {
        // Messages are numbered as they come; one that was moved here keeps its age.
        let old = self
            .entries
            .iter()
            .take_while(|(_, entry)| entry.sent_at <= moment);
        old.take(most).map(|(seq, _)| *seq).collect()
    }

    pub(crate) fn counts(&self, now: i64) -> Counts {
        let mut counts = Counts::default();
        for (_, seq) in self.due.range((now + 1, 0)..) {
            match self.entries.get(seq) {
                Some(entry) if entry.in_flight(now) => counts.in_flight += 1,
                Some(_) => counts.delayed += 1,
                None => {}
            }
        }
        counts.visible = self.entries.len() - counts.in_flight - counts.delayed;
        counts
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn seqs(&self) -> Vec<u64> {
        self.entries.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(visible_at: i64, group: &str) -> Entry {
        Entry {
            sent_at: 0,
            visible_at,
            received: 0,
            first_received_at: 0,
            receipt: 0,
            group: Some(group.into()),
        }
    }

    fn taken(until: i64, group: &str) -> Entry {
        Entry {
            received: 1,
            receipt: 7,
            ..entry(until, group)
        }
    }

    #[test]
    fn messages_are_seen_when_they_are_due() {
        let mut book = Book::new(false);
        for (seq, visible_at) in [(1, 10), (2, 0), (3, 20)] {
            book.put(seq, entry(visible_at, ""));
        }
        assert_eq!(book.receivable(10, 10), [2, 1]);
        assert_eq!(book.receivable(10, 1), [2]);
        assert_eq!(book.next_due(10), Some(20));
        book.put(2, taken(30, ""));
        assert_eq!(book.receivable(20, 10), [1, 3]);
        let counts = book.counts(10);
        assert_eq!(
            (counts.visible, counts.in_flight, counts.delayed),
            (1, 1, 1)
        );
        assert!(book.remove(2).is_some() && book.remove(2).is_none());
        assert_eq!(book.receivable(100, 10), [1, 3]);
    }

    #[test]
    fn groups_keep_their_order() {
        let mut book = Book::new(true);
        for (seq, group) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            book.put(seq, entry(0, group));
        }
        assert_eq!(book.receivable(0, 10), [1, 3, 2, 4]);
        book.put(1, taken(10, "a"));
        assert_eq!(
            book.receivable(0, 10),
            [2, 4],
            "the group waits for its first"
        );
        book.put(3, taken(20, "a"));
        assert_eq!(
            book.receivable(15, 10),
            [2, 4],
            "and for every one that is out"
        );
        assert_eq!(book.receivable(20, 10), [1, 3, 2, 4]);
        book.remove(3);
        assert_eq!(book.receivable(15, 3), [1, 2, 4]);
        book.put(2, entry(50, "b"));
        assert_eq!(
            book.receivable(15, 3),
            [1],
            "one that is delayed holds its group"
        );
    }
}
