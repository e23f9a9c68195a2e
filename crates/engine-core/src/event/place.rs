//! Where a frame belongs, and what type its state is of.

use asl::StateKind;
use minicbor::{Decode, Encode};

use crate::ids::FrameId;

/// Where a frame belongs: the root, a branch of a Parallel state or an iteration of a Map state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Scope {
    /// The Parallel or Map state; `None` for the root.
    #[n(0)]
    pub owner: Option<FrameId>,
    /// The number of the branch or the item.
    #[n(1)]
    pub index: u32,
}

impl Scope {
    /// The execution itself.
    pub const ROOT: Self = Self {
        owner: None,
        index: 0,
    };
}

/// The type of a state, as event names begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum StateType {
    /// Pass.
    #[n(0)]
    Pass,
    /// Task.
    #[n(1)]
    Task,
    /// Choice.
    #[n(2)]
    Choice,
    /// Wait.
    #[n(3)]
    Wait,
    /// Succeed.
    #[n(4)]
    Succeed,
    /// Fail.
    #[n(5)]
    Fail,
    /// Parallel.
    #[n(6)]
    Parallel,
    /// Map.
    #[n(7)]
    Map,
}

impl StateType {
    /// Returns the word of the `Type` field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Task => "Task",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

impl From<&StateKind> for StateType {
    fn from(kind: &StateKind) -> Self {
        match kind {
            StateKind::Pass(_) => Self::Pass,
            StateKind::Task(_) => Self::Task,
            StateKind::Choice(_) => Self::Choice,
            StateKind::Wait(_) => Self::Wait,
            StateKind::Succeed(_) => Self::Succeed,
            StateKind::Fail(_) => Self::Fail,
            StateKind::Parallel(_) => Self::Parallel,
            StateKind::Map(_) => Self::Map,
        }
    }
}
