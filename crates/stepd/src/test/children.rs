//! The children of a Distributed Map, one after the other; their times overlap as the run lets them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use engine_core::map_run::{
    Batch, Count, Ended, Failure, ItemContext, ItemsFrom, MapRun, MapRunStart, Phase, child_input,
};
use engine_core::{Outcome, Payload};
use serde_json::Value;
use vocab::{Timestamp, limits};

use super::world::{Ran, Setting, execute};

/// Most executions around one another: no definition that a person writes has more.
const DEPTH_MAX: usize = 16;

/// How many children run at once where the definition does not say (Distributed Map, quotas).
const AT_ONCE: u64 = 10_000;

/// What came of a run.
pub(super) struct RunEnded {
    /// Its result, or why it failed.
    pub result: Result<Payload, Failure>,
    /// How long it took.
    pub millis: i64,
    /// Its children, in the order of their items.
    pub children: Vec<Ran>,
}

/// Runs the children of a run that begins at `at`.
pub(super) fn run(
    around: &Setting<'_>,
    start: &MapRunStart,
    given: Option<Vec<Value>>,
    at: Timestamp,
) -> Result<RunEnded, String> {
    let state = &start.state;
    if around.depth >= DEPTH_MAX {
        return Err(format!(
            "the Map state '{state}' is inside {DEPTH_MAX} others"
        ));
    }
    if start.writer.is_some() && given.is_none() {
        return Err(format!(
            "the Map state '{state}' writes its results to a bucket, which a test has not: answer it with `return`"
        ));
    }
    let definition = asl::child_definition(around.definition, state)
        .ok_or_else(|| format!("the Map state '{state}' has no inner workflow"))?;
    let machine = asl::load(&definition)
        .ok_or_else(|| format!("the inner workflow of '{state}' cannot be read"))?;
    let setting = Setting {
        machine: &machine,
        definition: &definition,
        answers: around.answers,
        express: start.express,
        depth: around.depth + 1,
    };
    let items = items(start, given)?;
    let mut counts = MapRun::new(start.settings, Some(items.len() as u64));
    let (mut children, mut outputs) = (Vec::new(), Vec::new());
    let mut items = items.iter().peekable();
    while let Phase::Begin(_) = counts.phase(items.peek().is_some()) {
        let mut batch = Batch::new(start.batching.as_ref(), limits::PAYLOAD_BYTES_MAX);
        while let (false, Some(item)) = (batch.is_full(), items.peek()) {
            let selected = match child_input(around.machine, start, item, at) {
                Ok(selected) => selected,
                Err(failure) => {
                    return Ok(RunEnded {
                        result: Err(failure),
                        millis: 0,
                        children,
                    });
                }
            };
            if !batch.add(&selected) {
                break;
            }
            items.next();
        }
        let count = batch.items();
        counts.begin(Count {
            children: 1,
            items: count,
        });
        let ran = execute(&setting, batch.finish(), at);
        if let Some(problem) = ran.problem {
            return Err(problem);
        }
        let status = match &ran.outcome {
            Some(outcome) => outcome.status(),
            None => engine_core::Status::Failed,
        };
        if let Some(Outcome::Succeeded(output)) = &ran.outcome {
            outputs.push(output.text().to_owned());
        }
        counts.child_ended(Ended {
            status,
            items: count,
        });
        children.push(ran);
    }
    let result = match counts.failure() {
        Some(failure) => Err(failure.clone()),
        None => Ok(Payload::parse(&format!("[{}]", outputs.join(","))).map_err(|e| e.to_string())?),
    };
    let at_once = match start.settings.concurrency {
        0 => AT_ONCE,
        asked => asked.min(AT_ONCE),
    };
    let millis = overlapped(children.iter().map(|child| child.millis), at_once);
    Ok(RunEnded {
        result,
        millis,
        children,
    })
}

/// Returns how long spans take of which so many run at once, in order.
fn overlapped(spans: impl Iterator<Item = i64>, at_once: u64) -> i64 {
    let mut running = BinaryHeap::new();
    let mut last = 0;
    for span in spans {
        let begins = match running.len() as u64 >= at_once {
            true => running.pop().map_or(0, |Reverse(end)| end),
            false => 0,
        };
        running.push(Reverse(begins + span));
        last = last.max(begins + span);
    }
    last
}

fn items(start: &MapRunStart, given: Option<Vec<Value>>) -> Result<Vec<ItemContext>, String> {
    let (items, pairs) = match (&start.items, given) {
        (_, Some(given)) => (given, false),
        (ItemsFrom::State { items, pairs, .. }, None) => (
            items.value().as_array().cloned().unwrap_or_default(),
            *pairs,
        ),
        (ItemsFrom::Reader(_), None) => {
            return Err(format!(
                "the Map state '{}' reads its items from a bucket, which a test has not: answer it with `items`",
                start.state
            ));
        }
    };
    let contexts = (0u64..).zip(items).map(|(index, value)| ItemContext {
        index,
        key: pairs.then(|| value["Key"].as_str().unwrap_or_default().to_owned()),
        source: "STATE_DATA".into(),
        value: if pairs { value["Value"].clone() } else { value },
    });
    Ok(contexts.collect())
}

#[cfg(test)]
mod tests {
    use super::overlapped;

    #[test]
    fn spans_overlap_as_far_as_they_may() {
        for (at_once, expected) in [(1, 9), (2, 6), (10, 4)] {
            assert_eq!(
                overlapped([2, 3, 4].into_iter(), at_once),
                expected,
                "{at_once} at once"
            );
        }
    }
}
