//! What is left of an execution that ends without success: the states that were entered and not left,
//! with what they see. A redrive goes on with it.
//!
//! A state that fails inside a Parallel or Map state is kept here while it is decided what becomes of
//! the state around it: a retry or a catcher of that one drops it.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Scope;
use crate::frame::{Frame, Waiting};
use crate::ids::{EventId, FrameId};
use crate::payload::{Payload, Text};

type Frames = BTreeMap<FrameId, Frame>;
type Variables = BTreeMap<Scope, BTreeMap<Text, Payload>>;

/// Frames that ended without success, and the variables of their scopes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Remains {
    frames: Frames,
    variables: Variables,
}

impl Remains {
    /// Returns the outermost state that the execution ended in.
    pub fn outermost(&self) -> Option<(FrameId, &Frame)> {
        let mut frames = self.frames.iter();
        let found = frames.find(|(_, frame)| frame.scope == Scope::ROOT);
        found.map(|(id, frame)| (*id, frame))
    }

    /// Says whether a branch stands between two states; where the execution had no room for another
    /// event, whether an iteration does, too. Otherwise such an iteration could not even begin.
    pub fn is_cut(&self, full: bool) -> bool {
        let busy: BTreeSet<Scope> = self.frames.values().map(|frame| frame.scope).collect();
        let cut = |owner: FrameId, index: u32| {
            let owner = Some(owner);
            !busy.contains(&Scope { owner, index })
        };
        self.frames.iter().any(|(id, frame)| {
            match frame.failed.as_deref().unwrap_or(&frame.waiting) {
                Waiting::Branches { outputs } => {
                    let mut outputs = (0u32..).zip(outputs);
                    outputs.any(|(index, output)| output.is_none() && cut(*id, index))
                }
                Waiting::Iterations { open, .. } => {
                    full && open.keys().any(|index| cut(*id, *index))
                }
                Waiting::Turn
                | Waiting::Task { .. }
                | Waiting::Retry { .. }
                | Waiting::Timer { .. }
                | Waiting::MapRun { .. } => false,
            }
        })
    }

    /// Keeps a frame that ended, with the variables of what it owns.
    pub fn keep(&mut self, id: FrameId, frame: Frame, variables: &mut Variables) {
        let inner = |scope: &Scope| scope.owner == Some(id);
        if variables.keys().any(inner) {
            let (kept, left) = std::mem::take(variables)
                .into_iter()
                .partition(|(scope, _)| inner(scope));
            *variables = left;
            let mut kept: Variables = kept;
            self.variables.append(&mut kept);
        }
        self.frames.insert(id, frame);
    }

    /// Keeps everything.
    pub fn keep_all(&mut self, frames: &mut Frames, variables: &mut Variables) {
        self.frames.append(frames);
        self.variables.append(variables);
    }

    /// Drops what is inside `owner`, however deep.
    pub fn forget_inside(&mut self, owner: FrameId) {
        if self.frames.is_empty() {
            return;
        }
        let mut owners = BTreeSet::from([owner]);
        let inside = |owners: &BTreeSet<FrameId>, scope: &Scope| {
            scope.owner.is_some_and(|owner| owners.contains(&owner))
        };
        // A frame's number is greater than that of its owner, so one pass in order finds all.
        self.frames.retain(|id, frame| {
            let drop = inside(&owners, &frame.scope);
            if drop {
                owners.insert(*id);
            }
            !drop
        });
        self.variables.retain(|scope, _| !inside(&owners, scope));
    }

    /// Returns the frames and variables with which the execution goes on, with fresh counters; `tail` is
    /// the redrive. Of a state with branches or iterations, those that succeeded stay so, unless it
    /// begins `anew`.
    pub fn reopened(self, outermost: FrameId, tail: EventId, anew: bool) -> (Frames, Variables) {
        let Self {
            mut frames,
            mut variables,
        } = self;
        if anew {
            frames.retain(|id, _| *id == outermost);
            variables.retain(|scope, _| *scope == Scope::ROOT);
        }
        if !frames.contains_key(&outermost) {
            return Default::default();
        }
        let busy: BTreeSet<Scope> = frames.values().map(|frame| frame.scope).collect();
        for (id, frame) in &mut frames {
            frame.settle(tail);
            frame.retries.clear();
            if anew {
                frame.last_run = None;
            }
            if let Some(failed) = frame.failed.take() {
                frame.waiting = *failed;
            }
            match &mut frame.waiting {
                Waiting::Branches { .. } if !anew => {}
                Waiting::Iterations {
                    next,
                    again,
                    open,
                    outputs,
                    ..
                } if !anew => {
                    open.clear();
                    for (index, output) in (0..*next).zip(outputs) {
                        let owner = Some(*id);
                        if busy.contains(&Scope { owner, index }) {
                            open.insert(index, tail);
                        } else if output.is_none() {
                            again.insert(index);
                        }
                    }
                }
                waiting => *waiting = Waiting::Turn,
            }
        }
        (frames, variables)
    }
}
