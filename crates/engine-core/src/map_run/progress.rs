//! How far a map run is: what it counts, and what follows from the counts.

use minicbor::{Decode, Encode};

use crate::execution::Status;
use crate::payload::Text;

/// Most children at once (Map state in distributed mode, "MaxConcurrency").
const CONCURRENCY_MAX: u64 = 10_000;

/// What a caller may change while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Settings {
    /// Most children at once; 0 for as many as the service runs.
    #[n(0)]
    pub concurrency: u64,
    /// What may fail.
    #[n(1)]
    pub tolerance: Tolerance,
}

/// What may fail before the run does. 0 means that the limit was not set; where neither is, nothing
/// may fail (docs/adr/0017).
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Tolerance {
    /// `ToleratedFailureCount`.
    #[n(0)]
    pub count: u64,
    /// `ToleratedFailurePercentage`.
    #[n(1)]
    pub percentage: f64,
}

/// Children, or the items in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
    /// Ended with an output.
    #[n(0)]
    pub succeeded: u64,
    /// Ended with an error.
    #[n(1)]
    pub failed: u64,
    /// Ended by their own time.
    #[n(2)]
    pub timed_out: u64,
    /// Stopped.
    #[n(3)]
    pub aborted: u64,
    /// Begun, ended or not.
    #[n(4)]
    pub begun: u64,
    /// Ended without success before a redrive, and not begun again yet.
    #[n(5)]
    pub pending_redrive: u64,
    /// Of those that ended without success, how many could not be redriven.
    #[n(6)]
    pub not_redrivable: Option<u64>,
}

impl Tally {
    /// Returns how many have ended.
    pub fn ended(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out + self.aborted
    }

    /// Returns how many are on their way.
    pub fn running(&self) -> u64 {
        self.begun
            .saturating_sub(self.ended() + self.pending_redrive)
    }

    fn add(&mut self, status: Status, number: u64) {
        match status {
            Status::Succeeded => self.succeeded += number,
            Status::Failed => self.failed += number,
            Status::TimedOut => self.timed_out += number,
            Status::Aborted => self.aborted += number,
            Status::Running => {}
        }
    }
}

/// A number of children with the number of items in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Count {
    /// Children.
    #[n(0)]
    pub children: u64,
    /// Items.
    #[n(1)]
    pub items: u64,
}

/// The end of one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub status: Status,
    /// How many items it had.
    pub items: u64,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Failure {
    /// `States.ExceedToleratedFailureThreshold`, `States.ItemReaderFailed`, ….
    #[n(0)]
    pub error: Text,
    /// AWS's text.
    #[n(1)]
    pub cause: Text,
}

/// What a run does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Begins children, at most as many as this.
    Begin(u64),
    /// Waits for children to end.
    Wait,
    /// Stops the children that run.
    StopChildren,
    /// Is at its end: its results are gathered and its parent is told.
    Finish,
}

/// A map run, as far as it is decided by counting.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct MapRun {
    /// What callers set; `None` before the start.
    #[n(0)]
    settings: Option<Settings>,
    /// Children by how they ended.
    #[n(1)]
    children: Tally,
    /// Items by how their children ended.
    #[n(2)]
    items: Tally,
    /// How many items there are; `None` until the last was seen.
    #[n(3)]
    items_total: Option<u64>,
    /// Why it fails.
    #[n(4)]
    failure: Option<Failure>,
    /// Its parent wants nothing of it any more.
    #[n(5)]
    aborted: bool,
}

impl MapRun {
    /// Returns a run that begins, over `items_total` items, where that is known.
    pub fn new(settings: Settings, items_total: Option<u64>) -> Self {
        Self {
            settings: Some(settings),
            items_total,
            ..Self::default()
        }
    }

    /// Returns what callers set.
    pub fn settings(&self) -> Settings {
        self.settings.unwrap_or(Settings {
            concurrency: 0,
            tolerance: Tolerance {
                count: 0,
                percentage: 0.0,
            },
        })
    }

    /// Returns the children by how they ended.
    pub fn children(&self) -> Tally {
        self.children
    }

    /// Returns the items by how their children ended.
    pub fn items(&self) -> Tally {
        self.items
    }

    /// Returns how many items there are, as far as is known.
    pub fn items_total(&self) -> u64 {
        self.items_total
            .unwrap_or(self.items.begun)
            .max(self.items.begun)
    }

    /// Returns why the run fails.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Says whether its parent wants nothing of it any more.
    pub fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// Changes what callers set; a lower tolerance can end the run.
    pub fn update(&mut self, settings: Settings) {
        self.settings = Some(settings);
        self.look_at_threshold();
    }

    /// Takes note that children are begun.
    pub fn begin(&mut self, begun: Count) {
        self.children.begun += begun.children;
        self.items.begun += begun.items;
    }

    /// Takes note that children that had ended without success are begun again.
    pub fn begin_again(&mut self, begun: Count) {
        self.children.pending_redrive -= begun.children.min(self.children.pending_redrive);
        self.items.pending_redrive -= begun.items.min(self.items.pending_redrive);
    }

    /// Takes note of a child that was begun again and could not be redriven: it counts like one that
    /// ended so now.
    pub fn child_stays(&mut self, ended: Ended) {
        for (tally, number) in [(&mut self.children, 1), (&mut self.items, ended.items)] {
            let known = tally.not_redrivable.unwrap_or(0);
            tally.not_redrivable = Some(known + number);
        }
        self.child_ended(ended);
    }

    /// Takes note of a child that is not begun again because the run ends: it is as it was.
    pub fn child_as_it_was(&mut self, ended: Ended) {
        self.begin_again(Count {
            children: 1,
            items: ended.items,
        });
        self.children.add(ended.status, 1);
        self.items.add(ended.status, ended.items);
    }

    /// Takes note that all items are begun.
    pub fn exhaust(&mut self) {
        self.items_total = Some(self.items.begun);
        self.look_at_threshold();
    }

    /// Takes note of the end of a child. Each is told once.
    pub fn child_ended(&mut self, ended: Ended) {
        self.children.add(ended.status, 1);
        self.items.add(ended.status, ended.items);
        self.look_at_threshold();
    }

    /// Fails the run; the first failure counts.
    pub fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    /// Ends the run because its parent wants nothing of it any more.
    pub fn abort(&mut self) {
        self.aborted = true;
    }

    /// Goes on with a run that failed or was aborted: all that did not succeed is to be begun again.
    pub fn redrive(&mut self) {
        for tally in [&mut self.children, &mut self.items] {
            tally.pending_redrive += tally.failed + tally.timed_out + tally.aborted;
            (tally.failed, tally.timed_out, tally.aborted) = (0, 0, 0);
            tally.not_redrivable = None;
        }
        (self.failure, self.aborted) = (None, false);
    }

    /// Returns what the run does next. `more` says whether there may be items that were not begun.
    pub fn phase(&self, more: bool) -> Phase {
        let running = self.children.running();
        if self.failure.is_some() || self.aborted {
            return match running {
                0 => Phase::Finish,
                _ => Phase::StopChildren,
            };
        }
        let room = self.room();
        let waiting = more || self.children.pending_redrive > 0;
        match (waiting, room, running) {
            (true, 1.., _) => Phase::Begin(room),
            (false, _, 0) => Phase::Finish,
            (true, 0, _) | (false, _, _) => Phase::Wait,
        }
    }

    fn room(&self) -> u64 {
        let most = match self.settings().concurrency {
            0 => CONCURRENCY_MAX,
            asked => asked.min(CONCURRENCY_MAX),
        };
        most.saturating_sub(self.children.running())
    }

    /// Fails the run when more has failed than may. A percentage is of all items: it counts once all
    /// are known (Distributed Map, "ToleratedFailurePercentage").
    fn look_at_threshold(&mut self) {
        let failed = self.items.failed + self.items.timed_out;
        let Tolerance { count, percentage } = self.settings().tolerance;
        let too_many = failed > count;
        let too_large = self
            .items_total
            .is_some_and(|total| failed as f64 * 100.0 > percentage * total as f64);
        let exceeded = match (count > 0, percentage > 0.0) {
            (true, true) => too_many || too_large,
            (false, true) => too_large,
            (true | false, false) => too_many,
        };
        if exceeded {
            self.fail(Failure {
                error: "States.ExceedToleratedFailureThreshold".into(),
                cause: "The specified tolerated failure threshold was exceeded".into(),
            });
        }
    }
}
