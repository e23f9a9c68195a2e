//! What a map run decides by counting, and how items are put together.

use engine_core::map_run::{Batch, Batching, Count, Ended, MapRun, Phase, Settings, Tolerance};
use engine_core::{Payload, Status};
use serde_json::json;

fn settings(concurrency: u64, count: u64, percentage: f64) -> Settings {
    let tolerance = Tolerance { count, percentage };
    Settings {
        concurrency,
        tolerance,
    }
}

fn begin(run: &mut MapRun, children: u64) {
    let items = children;
    run.begin(Count { children, items });
}

fn end(run: &mut MapRun, status: Status, children: u64) {
    for _ in 0..children {
        run.child_ended(Ended { status, items: 1 });
    }
}

#[test]
fn children_begin_while_there_is_room_and_the_run_ends_with_the_last() {
    let mut run = MapRun::new(settings(3, 0, 0.0), Some(4));
    assert_eq!(run.phase(true), Phase::Begin(3));
    begin(&mut run, 3);
    assert_eq!(run.phase(true), Phase::Wait);
    end(&mut run, Status::Succeeded, 2);
    assert_eq!(run.phase(true), Phase::Begin(2));
    begin(&mut run, 1);
    assert_eq!(run.phase(false), Phase::Wait);
    end(&mut run, Status::Succeeded, 2);
    assert_eq!(run.phase(false), Phase::Finish);
    assert_eq!(
        MapRun::new(settings(0, 0, 0.0), Some(0)).phase(false),
        Phase::Finish
    );
    let all = MapRun::new(settings(0, 0, 0.0), None);
    assert_eq!(
        all.phase(true),
        Phase::Begin(10_000),
        "as many as the service runs"
    );
    let more = MapRun::new(settings(99_999, 0, 0.0), None);
    assert_eq!(more.phase(true), Phase::Begin(10_000), "and never more");
}

#[test]
fn a_run_that_failed_stops_what_runs_and_then_ends() {
    let mut run = MapRun::new(settings(2, 0, 0.0), Some(9));
    begin(&mut run, 2);
    end(&mut run, Status::Failed, 1);
    assert_eq!(run.phase(true), Phase::StopChildren);
    end(&mut run, Status::Aborted, 1);
    assert_eq!(run.phase(true), Phase::Finish);
    let failure = run.failure().expect("nothing may fail");
    assert_eq!(&*failure.error, "States.ExceedToleratedFailureThreshold");
    run.redrive();
    assert_eq!((run.failure(), run.children().pending_redrive), (None, 2));
    assert_eq!(run.phase(true), Phase::Begin(2));
    run.begin_again(Count {
        children: 2,
        items: 2,
    });
    assert_eq!(
        (run.phase(false), run.children().running()),
        (Phase::Wait, 2)
    );
    end(&mut run, Status::Succeeded, 2);
    assert_eq!(
        (run.phase(false), run.items().succeeded),
        (Phase::Finish, 2)
    );
}

#[test]
fn limits_that_are_not_set_tolerate_nothing_and_of_two_either_fails() {
    // (count, percentage, known total, failed of ten) -> does the run fail?
    let cases = [
        (0, 0.0, true, 1, true),
        (1, 0.0, true, 1, false),
        (1, 0.0, true, 2, true),
        (0, 20.0, true, 2, false),
        (0, 20.0, true, 3, true),
        (0, 20.0, false, 3, false),
        (5, 20.0, true, 3, true),
        (1, 90.0, true, 2, true),
        (0, 100.0, true, 10, false),
    ];
    for (count, percentage, known, failed, fails) in cases {
        let mut run = MapRun::new(settings(0, count, percentage), known.then_some(10));
        begin(&mut run, 10);
        end(&mut run, Status::TimedOut, failed);
        let shown = format!("{count} {percentage} {known} {failed}");
        assert_eq!(run.failure().is_some(), fails, "{shown}");
        run.exhaust();
        let share = percentage > 0.0 && failed as f64 * 10.0 > percentage;
        assert_eq!(
            run.failure().is_some(),
            fails || share,
            "{shown}, once all are known"
        );
    }
    let mut run = MapRun::new(settings(0, 5, 0.0), Some(10));
    begin(&mut run, 10);
    end(&mut run, Status::Failed, 3);
    run.update(settings(0, 2, 0.0));
    assert!(run.failure().is_some(), "a lower limit counts at once");
}

/// Returns the inputs of the batches of `items`.
fn batches(batching: &Batching, items: &[Payload]) -> Vec<String> {
    let (mut made, mut items) = (Vec::new(), items.iter().peekable());
    while items.peek().is_some() {
        let mut batch = Batch::new(Some(batching), 262_144);
        while let (false, Some(item)) = (batch.is_full(), items.peek()) {
            if !batch.add(item) {
                break;
            }
            items.next();
        }
        made.push(batch.finish().text().to_owned());
    }
    made
}

#[test]
fn items_fill_batches_up_to_both_limits() {
    let most = |items_max, bytes_max| Batching {
        items_max,
        bytes_max,
        input: None,
    };
    let number = |n: i32| Payload::from_value(json!(n));
    let numbers: Vec<Payload> = (1..4).map(number).collect();
    let long = [
        number(1),
        Payload::from_value(json!("too long for it")),
        number(2),
    ];
    let with_input = Batching {
        input: Some(Payload::from_value(json!({"day": 1}))),
        ..most(2, 0)
    };
    let cases: [(Batching, &[Payload], &[&str]); 6] = [
        (most(2, 0), &[], &[]),
        (
            most(2, 0),
            &numbers,
            &[r#"{"Items":[1,2]}"#, r#"{"Items":[3]}"#],
        ),
        (
            most(0, 15),
            &numbers,
            &[r#"{"Items":[1,2]}"#, r#"{"Items":[3]}"#],
        ),
        (
            most(1, 15),
            &numbers[..2],
            &[r#"{"Items":[1]}"#, r#"{"Items":[2]}"#],
        ),
        (
            most(0, 15),
            &long,
            &[
                r#"{"Items":[1]}"#,
                r#"{"Items":["too long for it"]}"#,
                r#"{"Items":[2]}"#,
            ],
        ),
        (
            with_input,
            &numbers[..1],
            &[r#"{"BatchInput":{"day":1},"Items":[1]}"#],
        ),
    ];
    for (batching, items, expected) in cases {
        assert_eq!(batches(&batching, items), expected, "{batching:?}");
    }
    // The guide's example: 1130 nodes in batches of 100 are 12, the last of 30.
    let nodes: Vec<Payload> = (0..1130).map(number).collect();
    assert_eq!(batches(&most(100, 0), &nodes).len(), 12);
    let kibibyte = vec![Payload::from_value(json!("x".repeat(1022))); 600];
    let sizes: Vec<usize> = batches(&most(0, 0), &kibibyte)
        .iter()
        .map(String::len)
        .collect();
    assert!(sizes.iter().all(|size| *size <= 262_144), "{sizes:?}");
    assert_eq!(sizes.len(), 3, "{sizes:?}");
}
