//! Random batches against a model: the same seed gives the same batches.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{get, key, scan};
use crate::{Batch, Expectation, Key, Range, Space, Store, StoreError};

/// How many seeds [`super::check`] runs.
pub(super) const SEEDS: u64 = 4;
const STEPS: usize = 200;
const SPACES: [Space; 3] = [Space::Meta, Space::Journal, Space::Activities];

/// What the store should hold.
pub(super) type Model = BTreeMap<Key, Bytes>;

/// A small generator (SplitMix64): the suite needs no quality, only repeatable variety.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn key(&mut self) -> Key {
        let space = SPACES[self.below(SPACES.len())];
        let length = 1 + self.below(3);
        let bytes: Vec<u8> = (0..length)
            .map(|_| [0, b'a', b'b', u8::MAX][self.below(4)])
            .collect();
        key(space, bytes)
    }

    fn value(&mut self) -> Bytes {
        let length = [0, 1, 20, 300, 5_000][self.below(5)];
        Bytes::from(vec![self.next() as u8; length])
    }

    /// Returns a batch whose expectations mostly hold of `model`.
    pub(super) fn batch(&mut self, model: &Model) -> Batch {
        let mut batch = Batch::default();
        let mut written = std::collections::BTreeSet::new();
        for _ in 0..self.below(4) {
            let key = self.key();
            let expectation = match (self.below(8), model.get(&key)) {
                (0, _) => Expectation::Holds(self.value()),
                (1, _) | (_, None) => Expectation::Absent,
                (_, Some(value)) => Expectation::Holds(value.clone()),
            };
            batch.expect.push((key, expectation));
        }
        for _ in 0..self.below(6) {
            let key = self.key();
            if written.insert(key.clone()) {
                match self.below(3) {
                    0 => batch.delete.push(key),
                    _ => batch.put.push((key, self.value())),
                }
            }
        }
        batch
    }

    fn range(&mut self) -> Range {
        let (first, second) = (self.key(), self.key());
        Range {
            space: first.space,
            start: if self.below(4) == 0 {
                Bytes::new()
            } else {
                first.bytes
            },
            end: (self.below(4) != 0).then_some(second.bytes),
            reverse: self.below(2) == 0,
        }
    }
}

/// Applies `batch` to `model`; returns the key of the conflict, if there is one.
pub(super) fn apply(model: &mut Model, batch: &Batch) -> Option<Key> {
    let unexpected = |(key, expected): &&(Key, Expectation)| match expected {
        Expectation::Absent => model.contains_key(key),
        Expectation::Holds(value) => model.get(key) != Some(value),
    };
    if let Some((key, _)) = batch.expect.iter().find(unexpected) {
        return Some(key.clone());
    }
    for key in &batch.delete {
        model.remove(key);
    }
    model.extend(batch.put.iter().cloned());
    None
}

/// Commits `batch` to both and checks that they say the same.
pub(super) async fn commit_both(
    store: &impl Store,
    model: &mut Model,
    batch: Batch,
    context: &str,
) {
    let expected = apply(model, &batch);
    let found = match store.commit(batch.clone()).await {
        Ok(()) => None,
        Err(StoreError::Conflict { key }) => Some(key),
        Err(error) => panic!("{context}: {error}"),
    };
    assert_eq!(found, expected, "{context}: the answer to {batch:?}");
}

/// Checks that every space of the store holds what the model holds.
pub(super) async fn check_same(store: &impl Store, model: &Model, context: &str) {
    for space in Space::ALL {
        let range = Range::prefix(space, b"");
        assert_eq!(
            scan(store, &range, usize::MAX).await,
            modelled(model, &range, usize::MAX),
            "{context}: {space:?}"
        );
    }
}

fn modelled(model: &Model, range: &Range, limit: usize) -> Vec<(Bytes, Bytes)> {
    let within = |key: &Key| {
        key.space == range.space
            && key.bytes >= range.start
            && range.end.as_ref().is_none_or(|end| key.bytes < *end)
    };
    let mut rows: Vec<_> = model
        .iter()
        .filter(|(key, _)| within(key))
        .map(|(key, value)| (key.bytes.clone(), value.clone()))
        .collect();
    if range.reverse {
        rows.reverse();
    }
    rows.truncate(limit);
    rows
}

pub(super) async fn against_model(store: &impl Store, seed: u64) {
    let mut random = Random::new(seed);
    let mut model = Model::new();
    for step in 0..STEPS {
        let context = format!("seed {seed}, step {step}");
        let batch = random.batch(&model);
        commit_both(store, &mut model, batch, &context).await;
        let (range, limit) = (random.range(), random.below(6));
        let found = scan(store, &range, limit).await;
        assert_eq!(
            found,
            modelled(&model, &range, limit),
            "{context}: {range:?}, limit {limit}"
        );
        let key = random.key();
        assert_eq!(
            get(store, &key).await,
            model.get(&key).cloned(),
            "{context}: {key:?}"
        );
    }
    check_same(store, &model, &format!("seed {seed}, at the end")).await;
}
