//! What a map run is told at its start: everything that its state evaluated.

use minicbor::{Decode, Encode};

use super::progress::Settings;
use crate::payload::{Payload, Text};

/// What a map run is told at its start. Constant for its life, redrives included.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct MapRunStart {
    /// What tells this run from the others of its label: the end of its ARN.
    #[n(0)]
    pub uuid: Text,
    /// The label of its state: the middle of its ARN.
    #[n(1)]
    pub label: Text,
    /// The Map state.
    #[n(2)]
    pub state: Text,
    /// The children are of type EXPRESS.
    #[n(3)]
    pub express: bool,
    /// What it starts with; `UpdateMapRun` changes a running run.
    #[n(4)]
    pub settings: Settings,
    /// Where the items are.
    #[n(5)]
    pub items: ItemsFrom,
    /// How items are put together; absent where each has a child of its own.
    #[n(6)]
    pub batching: Option<Batching>,
    /// `ResultWriter`, evaluated: `{"Resource", "Parameters", "WriterConfig"}`, those that there are.
    #[n(7)]
    pub writer: Option<Payload>,
    /// What the item selector reads as its input; absent where there is no selector.
    #[n(8)]
    pub input: Option<Payload>,
    /// The context object without the item.
    #[n(9)]
    pub context: Payload,
    /// The variables that the state reads: an object.
    #[n(10)]
    pub variables: Payload,
    /// Where the randomness of item selectors begins.
    #[n(11)]
    pub seed: u64,
    /// The number of the event that entered the state, which failures of the selector name.
    #[n(12)]
    pub entered: u64,
    /// `arn:aws:states:…:mapRun:MACHINE/LABEL:UUID`.
    #[n(13)]
    pub map_run_arn: Text,
}

/// Where the items of a map run are.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ItemsFrom {
    /// Here: a JSON array.
    #[n(0)]
    State {
        /// The array; where an object was iterated, its pairs `{"Key": …, "Value": …}`.
        #[n(0)]
        items: Payload,
        /// The array is the pairs of an object.
        #[n(1)]
        pairs: bool,
        /// How many.
        #[n(2)]
        length: u64,
    },
    /// What an item reader finds: `{"Resource", "Parameters", "ReaderConfig"}`, evaluated.
    #[n(1)]
    Reader(#[n(0)] Payload),
}

/// How items are put together, a batch a child.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Batching {
    /// Most items of a batch; 0 for as many as fit.
    #[n(0)]
    pub items_max: u64,
    /// Most bytes of a child's input; 0 for as many as an input may have.
    #[n(1)]
    pub bytes_max: u64,
    /// `BatchInput`, evaluated.
    #[n(2)]
    pub input: Option<Payload>,
}
