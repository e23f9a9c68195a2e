//! Puts items together into the inputs of children, as `ItemBatcher` says.
//!
//! A computation without I/O. The same items make the same batches, so that a map run which goes on
//! after a restart with the first item that no child has makes the batches it would have made.

use engine_core::Payload;
use serde_json::Value;

/// Most bytes of a batch, and what holds where the definition says nothing (AWS, ItemBatcher).
pub const BATCH_BYTES_MAX: u64 = 256 * 1024;

/// An evaluated `ItemBatcher`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batching {
    /// `MaxItemsPerBatch`; at least 1.
    pub items_max: Option<u64>,
    /// `MaxInputBytesPerBatch`; what is above [`BATCH_BYTES_MAX`] is that.
    pub bytes_max: Option<u64>,
    /// `BatchInput`, the same in every batch.
    pub batch_input: Option<Value>,
}

/// The input of one child.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `{"BatchInput":…,"Items":[…]}`.
    pub input: Payload,
    /// How many items are in it.
    pub items: u64,
}

/// Collects items into batches.
pub struct Batcher {
    items_max: u64,
    bytes_max: usize,
    /// The text before the first item.
    opening: String,
    text: String,
    items: u64,
}

/// The text after the last item.
const CLOSING: &str = "]}";

impl Batcher {
    /// Returns a batcher that holds nothing.
    pub fn new(batching: &Batching) -> Self {
        let opening = match &batching.batch_input {
            Some(input) => format!("{{\"BatchInput\":{input},\"Items\":["),
            None => "{\"Items\":[".to_owned(),
        };
        let bytes_max = batching.bytes_max.unwrap_or(BATCH_BYTES_MAX);
        Self {
            items_max: batching.items_max.unwrap_or(u64::MAX).max(1),
            bytes_max: bytes_max.min(BATCH_BYTES_MAX) as usize,
            text: opening.clone(),
            opening,
            items: 0,
        }
    }

    /// Takes one item, after `ItemSelector`; returns the batches that are whole with it: the one that it
    /// does not fit into, the one that it completes, or none.
    ///
    /// An item that is too long for any batch is one of its own: whether a child may have that input is
    /// decided where the child starts.
    pub fn push(&mut self, item: &Payload) -> [Option<Batch>; 2] {
        let length = self.text.len() + usize::from(self.items > 0) + item.len() + CLOSING.len();
        let before = match length > self.bytes_max {
            true => self.take(),
            false => None,
        };
        if self.items > 0 {
            self.text.push(',');
        }
        self.text.push_str(item.text());
        self.items += 1;
        let after = match self.items >= self.items_max {
            true => self.take(),
            false => None,
        };
        [before, after]
    }

    /// Returns the batch of the items that are left; none if there are none.
    pub fn finish(mut self) -> Option<Batch> {
        self.take()
    }

    /// Returns how many items are in no batch yet.
    pub fn pending(&self) -> u64 {
        self.items
    }

    fn take(&mut self) -> Option<Batch> {
        if self.items == 0 {
            return None;
        }
        self.text.push_str(CLOSING);
        let text = std::mem::replace(&mut self.text, self.opening.clone());
        Some(Batch {
            input: Payload::parse(&text).expect("JSON texts between commas are JSON"),
            items: std::mem::take(&mut self.items),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Returns the inputs of the batches of `items`.
    fn batches(batching: &Batching, items: &[Value]) -> Vec<String> {
        let mut batcher = Batcher::new(batching);
        let mut batches = Vec::new();
        for item in items {
            let item = Payload::from_value(item.clone());
            batches.extend(batcher.push(&item).into_iter().flatten());
        }
        batches.extend(batcher.finish());
        let counted: u64 = batches.iter().map(|batch| batch.items).sum();
        assert_eq!(counted, items.len() as u64);
        batches
            .iter()
            .map(|batch| batch.input.text().to_owned())
            .collect()
    }

    #[test]
    fn items_fill_batches_up_to_both_limits() {
        let numbers = |range: std::ops::Range<u32>| range.map(|n| json!(n)).collect::<Vec<_>>();
        let most = |items, bytes| Batching {
            items_max: items,
            bytes_max: bytes,
            batch_input: None,
        };
        let with_input = Batching {
            items_max: Some(2),
            bytes_max: None,
            batch_input: Some(json!({"factCheck": "December 2022"})),
        };
        let cases: Vec<(&str, Batching, Vec<Value>, Vec<&str>)> = vec![
            ("nothing", most(Some(2), None), vec![], vec![]),
            (
                "a last batch that is not full",
                most(Some(2), None),
                numbers(1..4),
                vec![r#"{"Items":[1,2]}"#, r#"{"Items":[3]}"#],
            ),
            (
                "a last batch that is full",
                most(Some(2), None),
                numbers(1..5),
                vec![r#"{"Items":[1,2]}"#, r#"{"Items":[3,4]}"#],
            ),
            (
                "the size of the whole input counts",
                most(None, Some(15)),
                numbers(1..4),
                vec![r#"{"Items":[1,2]}"#, r#"{"Items":[3]}"#],
            ),
            (
                "the smaller limit decides",
                most(Some(3), Some(15)),
                numbers(1..4),
                vec![r#"{"Items":[1,2]}"#, r#"{"Items":[3]}"#],
            ),
            (
                "an item longer than a batch is one of its own",
                most(None, Some(15)),
                vec![json!(1), json!("too long for it"), json!(2)],
                vec![
                    r#"{"Items":[1]}"#,
                    r#"{"Items":["too long for it"]}"#,
                    r#"{"Items":[2]}"#,
                ],
            ),
            (
                "the input of every batch",
                with_input,
                numbers(1..4),
                vec![
                    r#"{"BatchInput":{"factCheck":"December 2022"},"Items":[1,2]}"#,
                    r#"{"BatchInput":{"factCheck":"December 2022"},"Items":[3]}"#,
                ],
            ),
        ];
        for (name, batching, items, expected) in cases {
            assert_eq!(batches(&batching, &items), expected, "{name}");
        }
    }

    #[test]
    fn a_batch_without_limits_holds_256_kib() {
        let item = json!("x".repeat(1022));
        let all = batches(&Batching::default(), &vec![item; 600]);
        let sizes: Vec<usize> = all.iter().map(String::len).collect();
        assert!(sizes.iter().all(|size| *size <= 256 * 1024), "{sizes:?}");
        assert_eq!(sizes.len(), 3, "{sizes:?}");
    }

    /// AWS's own example: 1130 nodes in batches of 100 are 12 batches, the last with 30.
    #[test]
    fn the_example_of_the_documentation() {
        let batching = Batching {
            items_max: Some(100),
            ..Batching::default()
        };
        let items: Vec<Value> = (0..1130).map(|n| json!(n)).collect();
        let all = batches(&batching, &items);
        assert_eq!(all.len(), 12);
        let last: Value = serde_json::from_str(&all[11]).expect("JSON");
        assert_eq!(last["Items"].as_array().map(Vec::len), Some(30));
    }
}
