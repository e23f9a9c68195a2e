//! The runner of map runs: it begins children and counts how they end. Each child lives in a world of
//! its own, with troubles of its own.

use std::collections::BTreeMap;

use engine_core::map_run::{Count, Ended, ItemsFrom, MapRun, MapRunStart, Phase};
use engine_core::{Command, MapRunId, Payload, Status};
use vocab::Entropy;

/// Map runs that go on. What they have counted outlives crashes: the shell's rows are not tried here,
/// its own tests do that.
#[derive(Default)]
pub struct MapRuns(BTreeMap<MapRunId, Running>);

struct Running {
    run: MapRun,
    state: String,
    /// Items without a child yet.
    left: u64,
    /// How often it was redriven.
    redrives: u64,
}

/// What a map run does next.
pub enum Next {
    /// Nothing that others see.
    Nothing,
    /// A child of the named Map state lives to its end.
    Child(String),
    /// It tells its parent that it is over.
    Tell(Command),
}

impl MapRuns {
    /// Lets the run take a step.
    pub fn step(
        &mut self,
        (id, redrives): (MapRunId, u64),
        start: &MapRunStart,
        entropy: &mut Entropy,
    ) -> Next {
        let running = self.0.entry(id).or_insert_with(|| Running::new(start));
        if redrives > running.redrives {
            running.redrive(redrives);
        }
        let Running {
            run, left, state, ..
        } = running;
        let one = Count {
            children: 1,
            items: 1,
        };
        let under_way = run.children().running();
        match run.phase(*left > 0) {
            Phase::Begin(_) if under_way > 0 && entropy.below(2) == 0 => Next::Child(state.clone()),
            Phase::Begin(_) if run.children().pending_redrive > 0 => {
                run.begin_again(one);
                Next::Nothing
            }
            Phase::Begin(_) => {
                run.begin(one);
                *left -= 1;
                if *left == 0 {
                    run.exhaust();
                }
                Next::Nothing
            }
            Phase::Wait => Next::Child(state.clone()),
            // A child that is stopped may have come to its end before.
            Phase::StopChildren if entropy.below(3) == 0 => Next::Child(state.clone()),
            Phase::StopChildren => {
                self.child_ended(id, Status::Aborted);
                Next::Nothing
            }
            Phase::Finish => Next::Tell(match run.failure() {
                Some(failure) => Command::MapRunFailed {
                    run: id,
                    redrives,
                    failure: failure.clone(),
                },
                None => Command::MapRunSucceeded {
                    run: id,
                    redrives,
                    output: Payload::from_value(run.children().succeeded.into()),
                },
            }),
        }
    }

    /// Counts the end of a child.
    pub fn child_ended(&mut self, id: MapRunId, status: Status) {
        if let Some(running) = self.0.get_mut(&id) {
            running.run.child_ended(Ended { status, items: 1 });
        }
    }

    /// Holds the counts against each other.
    pub fn check(&self, id: MapRunId) -> Result<(), String> {
        let Some(Running { run, left, .. }) = self.0.get(&id) else {
            return Ok(());
        };
        let (children, most) = (run.children(), run.settings().concurrency);
        if most > 0 && children.running() > most {
            return Err(format!("{children:?} run at once, {most} may"));
        }
        let over = run.phase(*left > 0) == Phase::Finish;
        if over && run.failure().is_none() && children.ended() != run.items_total() {
            return Err(format!("a run is over with {children:?} and {left} left"));
        }
        Ok(())
    }
}

impl Running {
    fn new(start: &MapRunStart) -> Self {
        let items = match &start.items {
            ItemsFrom::State { length, .. } => *length,
            ItemsFrom::Reader(_) => 0,
        };
        Self {
            run: MapRun::new(start.settings, Some(items)),
            state: start.state.to_string(),
            left: items,
            redrives: 0,
        }
    }

    /// Comes to its end and begins again what has not succeeded.
    fn redrive(&mut self, redrives: u64) {
        for _ in 0..self.run.children().running() {
            self.run.child_ended(Ended {
                status: Status::Aborted,
                items: 1,
            });
        }
        self.run.redrive();
        self.redrives = redrives;
    }
}
