//! What a redrive must go on with, read off the events: the states that were entered and not left, within
//! the last attempt of each state around them.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{Event, EventId, FrameId, Scope};

/// States that were entered and not left, whatever became of the execution.
#[derive(Default)]
pub struct Left {
    entered: BTreeMap<FrameId, Scope>,
    /// Of states with branches or iterations, where their last attempt began.
    begun: BTreeMap<FrameId, EventId>,
    /// Branches and iterations that ended with an output.
    succeeded: BTreeSet<Scope>,
    /// The last redrive.
    pub redriven_at: EventId,
}

impl Left {
    /// Says whether the branch or iteration has ended with an output.
    pub fn has_succeeded(&self, scope: Scope) -> bool {
        self.succeeded.contains(&scope)
    }

    /// Takes note of an event.
    pub fn learn(&mut self, id: EventId, event: &Event) {
        match event {
            Event::StateEntered { scope, .. } => drop(self.entered.insert(FrameId(id), *scope)),
            Event::StateExited { frame, .. } => {
                self.entered.remove(frame);
                self.forget_inside(*frame);
            }
            Event::RetryScheduled { frame, .. } => self.forget_inside(*frame),
            Event::ParallelStarted { frame, .. } | Event::MapStarted { frame, .. } => {
                self.forget_inside(*frame);
                self.begun.insert(*frame, id);
            }
            Event::BranchSucceeded { scope, .. } | Event::IterationSucceeded { scope, .. } => {
                self.succeeded.insert(*scope);
            }
            // Whatever else happens leaves a state entered.
            _ => {}
        }
    }

    fn forget_inside(&mut self, owner: FrameId) {
        self.begun.remove(&owner);
        self.succeeded.retain(|scope| scope.owner != Some(owner));
    }

    /// Returns the states that go on, each with its scope and whether it owns branches or iterations that
    /// go on, too. `anew`: only the outermost goes on.
    pub fn reopened(&mut self, anew: bool, at: EventId) -> Vec<(FrameId, Scope, bool)> {
        self.redriven_at = at;
        if anew {
            self.begun.clear();
            self.succeeded.clear();
        }
        let mut open: BTreeMap<FrameId, Scope> = BTreeMap::new();
        // Who owns a state was entered before it.
        for (frame, scope) in &self.entered {
            let goes_on = scope.owner.is_none_or(|owner| {
                let begun = self.begun.get(&owner);
                open.contains_key(&owner) && begun.is_some_and(|begun| frame.0 > *begun)
            });
            if goes_on {
                open.insert(*frame, *scope);
            }
        }
        self.entered = open.clone();
        let owns = |frame: &FrameId| self.begun.contains_key(frame);
        open.into_iter()
            .map(|(frame, scope)| (frame, scope, owns(&frame)))
            .collect()
    }
}
